"""Files of a run on their way to a W&B server: all of their bytes, to the right address, without the key."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from runstore.errors import RemoteConflict, RemoteError, RemoteFailed, RemoteUnreachable
from runstore.syncd.remotes.runs import RunFile, ServerRun
from tests.syncd.wandbs import Met, answering, met, remote_over, silent
from tests.syncd.wires import Wire
from tests.timing import PATIENCE_SECONDS
from tests.wandbserver.drift import Drift
from tests.wandbserver.faults import answer, cut_request, hang_up

RUN = ServerRun("", "e", "p", "r1")


def images(folder: Path, count: int) -> list[RunFile]:
    made = []
    for number in range(count):
        path = folder / f"{number}.png"
        path.write_bytes(bytes([number % 256]) * (number * 37))
        made.append(RunFile(f"media/images/a b_{number}#%?.png", path))
    return made


def test_files_arrive_as_they_are(meeting: Met, tmp_path: Path) -> None:
    files = [*images(tmp_path, 60), RunFile("config.yaml", b"lr: 0.1\n"), RunFile("empty", b"")]
    sent: list[int] = []
    assert meeting.remote.put_files(meeting.run(), files, sent.append) == {}
    expected = {
        file.path: file.source if isinstance(file.source, bytes) else file.source.read_bytes() for file in files
    }
    assert meeting.server.run("r1").files == expected
    assert sum(sent) == sum(map(len, expected.values()))
    assert meeting.asked().count("graphql CreateRunFiles") == 1
    assert not meeting.server.errors


def test_no_files_ask_nothing(meeting: Met) -> None:
    run = meeting.run()
    before = len(meeting.server.requests)
    assert meeting.remote.put_files(run, [], silent) == {}
    assert len(meeting.server.requests) == before


def test_files_that_cannot_be_read_hold_up_no_other(meeting: Met, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    files = [RunFile("gone", tmp_path / "gone"), RunFile("folder", tmp_path / "folder"), RunFile("there", b"1")]
    refused = meeting.remote.put_files(meeting.run(), files, silent)
    assert refused == {
        "gone": "it can't be read (No such file or directory)",
        "folder": "it can't be read (Is a directory)",
    }
    assert meeting.server.run("r1").files == {"there": b"1"}


def test_a_file_that_is_refused_is_named_with_the_reason(meeting: Met) -> None:
    meeting.server.fail(answer(403), "file", "secret*", times=None)
    refused = meeting.remote.put_files(meeting.run(), [RunFile("secret.txt", b"1"), RunFile("a.txt", b"2")], silent)
    assert list(refused) == ["secret.txt"]
    assert "HTTP 403" in refused["secret.txt"]
    assert meeting.server.run("r1").files == {"a.txt": b"2"}


def test_a_file_whose_name_is_refused_holds_up_no_other(meeting: Met) -> None:
    files = [RunFile("a\\b", b"1"), RunFile("/etc", b"2"), RunFile("c", b"3")]
    refused = meeting.remote.put_files(meeting.run(), files, silent)
    assert set(refused) == {"a\\b", "/etc"}
    assert "refused CreateRunFiles: '/etc' is no relative path" in refused["/etc"]
    assert meeting.server.run("r1").files == {"c": b"3"}


@pytest.mark.parametrize("url", ["gopher://store/a", "http://[::1/a", "http://store:x/a", "no url at all\0"])
def test_an_address_that_is_none_is_said(url: str) -> None:
    answer = httpx.Response(200, json={"data": {"createRunFiles": {"files": [{"name": "a", "uploadUrl": url}]}}})
    graphql = httpx.MockTransport(lambda request: answer)
    with httpx.HTTPTransport() as real:

        class Both(httpx.BaseTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                return (graphql if request.method == "POST" else real).handle_request(request)

        with pytest.raises(RemoteError, match="can't be made|no answer"):
            remote_over(Both()).put_files(RUN, [RunFile("a", b"")], silent)


def test_an_address_that_has_expired_is_asked_for_anew(meeting: Met) -> None:
    meeting.server.fail(answer(403), "file", "a.txt")
    assert meeting.remote.put_files(meeting.run(), [RunFile("a.txt", b"1"), RunFile("b.txt", b"2")], silent) == {}
    assert meeting.server.run("r1").files == {"a.txt": b"1", "b.txt": b"2"}
    assert meeting.asked().count("graphql CreateRunFiles") == 2


@pytest.mark.parametrize("fault", [answer(500), answer(503), answer(429, 0.2), hang_up(), cut_request()])
def test_what_passes_is_tried_again(meeting: Met, fault: object, tmp_path: Path) -> None:
    meeting.server.fail(fault, "file", times=2)  # type: ignore[arg-type]
    files = images(tmp_path, 3)
    assert meeting.remote.put_files(meeting.run(), files, silent) == {}
    assert len(meeting.server.run("r1").files) == 3
    assert meeting.pauses


@pytest.mark.parametrize(("fault", "kind"), [(answer(500), RemoteFailed), (hang_up(), RemoteUnreachable)])
def test_what_does_not_pass_ends_all(meeting: Met, fault: object, kind: type[Exception], tmp_path: Path) -> None:
    meeting.server.fail(fault, "file", times=None)  # type: ignore[arg-type]
    with pytest.raises(kind):
        meeting.remote.put_files(meeting.run(), images(tmp_path, 50), silent)
    assert not meeting.server.run("r1").files


def test_the_progress_may_end_all(meeting: Met, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    calls: list[int] = []

    def progress(size: int) -> None:
        calls.append(size)
        if len(calls) == 5:
            raise Enough

    run = meeting.run()
    with pytest.raises(Enough):
        meeting.remote.put_files(run, images(tmp_path, 200), progress)
    assert len(calls) == 5
    assert len(meeting.server.run("r1").files) < 200


def test_the_storage_never_sees_the_key() -> None:
    seen: list[tuple[str, str | None]] = []

    def upset(request: httpx.Request) -> httpx.Response:
        seen.append((f"{request.method} {request.url}", request.headers.get("Authorization")))
        if request.url.path == "/graphql":
            files = [{"name": "a", "uploadUrl": "https://store/a?sig=1"}, {"name": "b", "uploadUrl": "/b?sig=2"}]
            payload = {"uploadHeaders": ["x-goog-meta: a:b", "Content-Length: 7", "nothing"], "files": files}
            return httpx.Response(200, json={"data": {"createRunFiles": payload}})
        assert request.headers["x-goog-meta"] == "a:b"
        assert request.headers["Content-Length"] == "3"
        return httpx.Response(200)

    remote = remote_over(httpx.MockTransport(upset))
    assert remote.put_files(RUN, [RunFile("a", b"aaa"), RunFile("b", b"bbb")], silent) == {}
    first, *puts = seen
    assert first[1] is not None
    assert first[1].startswith("Basic ")
    assert sorted(puts) == [("PUT http://wandb/b?sig=2", None), ("PUT https://store/a?sig=1", None)]


def test_addresses_may_be_relative_to_the_server(tmp_path: Path) -> None:
    with met(has_relative_uploads=True) as both:
        assert both.remote.put_files(both.run(), images(tmp_path, 3), silent) == {}
        assert len(both.server.run("r1").files) == 3


def test_a_storage_may_send_on_to_another(tmp_path: Path) -> None:
    seen: list[str] = []

    def upset(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/graphql":
            files = [{"name": "a", "uploadUrl": "http://store/a"}]
            return httpx.Response(200, json={"data": {"createRunFiles": {"files": files}}})
        seen.append(f"{request.url} {request.read()!r} {request.headers.get('Authorization')}")
        if request.url.host == "store":
            return httpx.Response(307, headers={"Location": "http://elsewhere/a"})
        return httpx.Response(201)

    remote = remote_over(httpx.MockTransport(upset))
    assert remote.put_files(RUN, [RunFile("a", b"1")], silent) == {}
    assert seen == ["http://store/a b'1' None", "http://elsewhere/a b'1' None"]


def test_a_large_file_is_never_whole_in_memory(meeting: Met, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    with path.open("wb") as file:
        file.truncate(24 << 20)
    sent: list[int] = []
    assert meeting.remote.put_files(meeting.run(), [RunFile("model.bin", path)], sent.append) == {}
    assert max(sent) <= 1 << 20
    assert len(meeting.server.run("r1").files["model.bin"]) == 24 << 20


def test_a_file_that_grows_meanwhile_is_sent_as_it_was(meeting: Met, tmp_path: Path) -> None:
    path = tmp_path / "growing.txt"
    path.write_bytes(bytes(3 << 20))

    def grow(size: int) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    assert meeting.remote.put_files(meeting.run(), [RunFile("growing.txt", path)], grow) == {}
    assert meeting.server.run("r1").files["growing.txt"] == bytes(3 << 20)


def test_a_file_that_shrinks_meanwhile_is_a_failure(meeting: Met, tmp_path: Path) -> None:
    path = tmp_path / "shrinking.txt"
    path.write_bytes(bytes(3 << 20))

    def shrink(size: int) -> None:
        path.write_bytes(b"")

    refused = meeting.remote.put_files(meeting.run(), [RunFile("shrinking.txt", path)], shrink)
    assert "has become shorter while it was sent" in refused["shrinking.txt"]
    assert "shrinking.txt" not in meeting.server.run("r1").files


def test_files_for_which_there_is_no_address_are_named(meeting: Met) -> None:
    run = meeting.run()
    meeting.server.drift = Drift(null={"uploadUrl"})
    assert meeting.remote.put_files(run, [RunFile("a", b"")], silent) == {"a": "the server gave no address for it"}


def test_a_server_that_gives_no_addresses_at_all_is_refused() -> None:
    remote = answering(200, {"data": {"createRunFiles": {"files": None}}})
    with pytest.raises(RemoteConflict, match="gave no addresses for files of run r1"):
        remote.put_files(RUN, [RunFile("a", b"")], silent)


def test_several_files_travel_at_once_where_they_take_their_time(tmp_path: Path) -> None:
    together = threading.Barrier(4, timeout=PATIENCE_SECONDS)

    def upset(request: httpx.Request, hand_on: object) -> httpx.Response:
        if request.method == "PUT" and request.headers["Content-Length"] != str(len(large)):
            together.wait()
        return hand_on()  # type: ignore[operator, no-any-return]

    large = bytes(1 << 20)
    with met(transport=Wire(upset)) as both:
        files = [RunFile("large", large), *images(tmp_path, 4)]
        assert both.remote.put_files(both.run(), files, silent) == {}


def test_a_storage_that_hangs_up_early_says_why(tmp_path: Path) -> None:
    """As S3 does for what it won't take: it answers before it has read all, and closes."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(32 << 20)
    with _refusing_storage() as url, httpx.HTTPTransport() as real:

        class Both(httpx.BaseTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                if request.url.path != "/graphql":
                    return real.handle_request(request)
                files = [{"name": "large.bin", "uploadUrl": url}]
                return httpx.Response(200, json={"data": {"createRunFiles": {"files": files}}})

        refused = remote_over(Both()).put_files(RUN, [RunFile("large.bin", path)], silent)
    assert "Access Denied" in refused["large.bin"]


@contextmanager
def _refusing_storage() -> Iterator[str]:
    body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    head = b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for _ in range(2):
                connection, _ = listening.accept()
                connection.recv(65536)
                connection.sendall(head % len(body) + body)
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        thread.join(5)

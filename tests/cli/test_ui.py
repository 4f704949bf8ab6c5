"""`runstore ui` as people start it: in a process of its own, asked over a real socket."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runstore.cli.ui_place import at_address, at_path, has_screen, opened, taking_away
from runstore.errors import StorageError
from runstore.web import shell
from tests.commands import ONE_RUN, Bench, children
from tests.timing import PATIENCE_SECONDS, eventually

pytestmark = pytest.mark.skipif(not shell.is_built(), reason="the web pages are not built: make ui")


@contextlib.contextmanager
def ui(bench: Bench, *arguments: str) -> Iterator[tuple[list[str], subprocess.Popen[str]]]:
    """Yield the lines that it prints, and its process; it is ended after that."""
    with subprocess.Popen(
        [sys.executable, "-m", "runstore", "ui", "--no-open", *arguments],
        cwd=bench.folder,
        env=bench.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield [process.stdout.readline().rstrip("\n") for _ in range(2)], process
        finally:
            process.kill()


def asked(address: str, path: str = "api/projects", transport: httpx.HTTPTransport | None = None) -> httpx.Response:
    url, token = address.split("#token=")
    with httpx.Client(transport=transport, timeout=PATIENCE_SECONDS) as client:
        return client.get(url + path, headers={"Authorization": f"Bearer {token}"})


def test_it_shows_runs_without_a_daemon_also_those_that_come_later(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with ui(bench, "--port", "0") as ((address, way), process):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#token=[\w-]{32}", address)
        port = address.split(":")[2].split("/")[0]
        assert f"ssh -N -L {port}:127.0.0.1:{port} " in way
        assert asked(address).json() == []
        assert bench.train(ONE_RUN).returncode == 0
        found = eventually(lambda: asked(address).json())
        assert [(project["name"], project["runs"]) for project in found] == [("demo", 1)]
        assert httpx.get(address.partition("#")[0], timeout=PATIENCE_SECONDS).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE_SECONDS) == ("", "")
        assert process.returncode == 0


def test_it_looks_below_the_paths_that_it_is_given(tmp_path: Path) -> None:
    elsewhere = Bench(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    elsewhere.train(ONE_RUN)
    bench = Bench(tmp_path / "here")
    bench.folder.mkdir()
    with ui(bench, "--port", "0", "--read-only", str(elsewhere.folder)) as ((address, _), _):
        assert eventually(lambda: asked(address).json())[0]["name"] == "demo"


def test_a_unix_socket_is_its_owners_alone_and_gone_at_the_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    path = tmp_path / "ui.sock"
    with ui(bench, "--uds", str(path)) as ((address, way), process):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert f":{path} " in way
        assert asked(address, transport=httpx.HTTPTransport(uds=str(path))).json() == []
        said = bench.sentence("ui", "--uds", str(path), "--no-open", code=6)
        assert "somebody listens there already" in said
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
    assert not path.exists()


def test_behind_a_proxy_its_address_is_the_proxys(tmp_path: Path) -> None:
    with ui(Bench(tmp_path), "--port", "0", "--base-url", "https://lab.example/user/ada") as ((address, way), _):
        assert address.startswith("https://lab.example/user/ada/#token=")
        port = re.findall(r":(\d+) ", way)[0]
        token = address.partition("=")[2]
        for host, status in (("lab.example", 200), ("evil.example", 403)):
            headers = {"Host": host, "Authorization": f"Bearer {token}"}
            url = f"http://127.0.0.1:{port}/api/projects"
            assert httpx.get(url, headers=headers, timeout=PATIENCE_SECONDS).status_code == status


def test_each_start_has_a_token_of_its_own(tmp_path: Path) -> None:
    with ui(Bench(tmp_path), "--port", "0") as ((first, _), _), ui(Bench(tmp_path), "--port", "0") as ((second, _), _):
        assert first.partition("=")[2] != second.partition("=")[2]
        assert asked(first.partition("#")[0] + second[second.index("#") :]).status_code == 401


def test_what_can_not_be_served_is_said_in_a_sentence(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{port}: can't listen there" in bench.sentence("ui", "--port", port, code=6)
    assert "nowhere: there is no such file or folder" in bench.sentence("ui", "nowhere", code=3)
    assert "--base-url is an address such as" in bench.sentence("ui", "--base-url", "lab.example", code=2)
    assert "can't listen there" in bench.sentence("ui", "--uds", "no/such/folder/x", code=6)


def test_without_its_extra_it_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['uvicorn'] = None; from runstore.cli.main import main; sys.argv[1:] = ['ui']; main()"
    )
    bench = Bench(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=bench.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "runstore: the web pages need uvicorn, which is not installed: pip install 'runstore[ui]'\n"


def test_without_its_pages_it_says_how_to_build_them(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from runstore.web import shell; shell.STATIC = Path('nothing')\n"
        "from runstore.cli.main import main; sys.argv[1:] = ['ui']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=Bench(tmp_path).environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "python -m buildtools.ui" in done.stderr


# Where it listens.


def test_where_the_usual_port_is_taken_any_other_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("runstore.cli.ui_place.USUAL_PORT", port)
        with at_address("127.0.0.1", None).listening as listening:
            assert listening.getsockname()[1] not in (0, port)
        with pytest.raises(StorageError):
            at_address("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "url"), [("0.0.0.0", "http://127.0.0.1:"), ("127.0.0.2", "http://127.0.0.2:"), ("::1", "http://[::1]:")]
)
def test_the_address_is_one_that_a_browser_can_open(host: str, url: str) -> None:
    try:
        place = at_address(host, 0)
    except StorageError:
        assert ":" in host  # a machine without IPv6
        return
    with place.listening:
        assert place.url.startswith(url)


def test_a_unix_socket_has_its_mode_from_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between bind and a later chmod others could connect."""
    path, modes = tmp_path / "s", []
    bind = socket.socket.bind

    class Watched(socket.socket):
        def bind(self, address: object) -> None:
            bind(self, address)  # type: ignore[arg-type]
            modes.append(stat.S_IMODE(path.stat().st_mode))

    monkeypatch.setattr("runstore.web.serving.socket.socket", Watched)
    with at_path(path).listening:
        assert modes == [0o600]


def test_a_socket_that_a_killed_server_left_is_taken_over_and_other_files_are_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    at_path(path).listening.close()  # as when it is killed: the name stays
    assert path.is_socket()
    at_path(path).listening.close()
    path.unlink()
    path.write_text("somebody's notes")
    with pytest.raises(StorageError, match="somebody listens there already"):
        at_path(path)
    assert path.read_text() == "somebody's notes"


# The browser.


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "w"}, True),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "x"}, False),
    ],
)
def test_a_browser_is_opened_where_somebody_sees_it(
    environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert has_screen() is (expected or sys.platform == "darwin")


def test_the_token_is_in_no_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All users of a machine can read those. The browser is given a file, which is this user's alone."""
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path))
    given: list[str] = []

    def open_browser(url: str) -> bool:
        given.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", open_browser)
    with opened("http://127.0.0.1:8766/#token=s3cret"):
        (page,) = tmp_path.glob("*.html")
        assert given == [page.as_uri()]
        assert "s3cret" in page.read_text()
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert not page.exists()


def test_a_socket_that_another_server_has_made_since_is_left(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with at_path(path).listening:
        take_away = taking_away(path)
        path.rename(tmp_path / "old")
        with at_path(path).listening:
            take_away()
            assert path.is_socket()
            taking_away(path)()
            assert not path.exists()
            take_away()


def test_nonsense_from_anybody_is_not_printed(tmp_path: Path) -> None:
    with ui(Bench(tmp_path), "--port", "0") as ((address, _), process):
        port = int(address.split(":")[2].split("/")[0])
        for said in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(said)
                assert connection.recv(1000)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE_SECONDS) == ("", "")


def test_what_the_end_cuts_off_is_no_error(tmp_path: Path) -> None:
    """A search that would take for ever, and a body that never comes."""
    bench = Bench(tmp_path)
    script = "import runstore\nwith runstore.init(project='demo', id='r1', name='a' * 60 + 'b'): pass"
    assert bench.train(script).returncode == 0
    with ui(bench, "--port", "0") as ((address, _), process):
        eventually(lambda: asked(address).json())
        url, token = address.split("#token=")
        body = b'{"project": "demo", "limit": 1, "filter": "/(a+)+$/"}'
        head = f"POST /api/runs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n".encode()
        head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        port = int(url.split(":")[2].rstrip("/"))
        with contextlib.ExitStack() as opened:
            for sent in (head + body, head):
                opened.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(sent)
            searching = eventually(lambda: children(process.pid))
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
            assert "Traceback" not in said
        assert eventually(lambda: not any(Path(f"/proc/{child}").exists() for child in searching))

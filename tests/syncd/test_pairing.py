"""Answers that come twice, or to another request: none is taken for the one that was asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from runstore.errors import RemoteUnreachable
from runstore.syncd.remotes.base import FileEntry
from runstore.syncd.remotes.hub import HubRemote
from tests.crash.faults import answered_twice, passed
from tests.crash.proxy import Exchange, Fault, Proxy
from tests.syncd.hubs import RunningHub, log_id_of, mark_of, random_bytes
from tests.timing import PATIENCE_SECONDS


@pytest.fixture
def proxied(hub: RunningHub) -> Iterator[Callable[[Callable[[Exchange], Fault]], tuple[Proxy, HubRemote]]]:
    opened: list[HubRemote] = []

    def proxied(choose: Callable[[Exchange], Fault]) -> tuple[Proxy, HubRemote]:
        proxy = Proxy(choose, int(hub.url.rpartition(":")[2]))
        opened.append(HubRemote(proxy.url, hub.token))
        return proxy, opened[-1]

    yield proxied
    for remote in opened:
        remote.close()


def test_an_answer_that_comes_twice_is_not_taken_for_the_next_one(
    proxied: Callable[[Callable[[Exchange], Fault]], tuple[Proxy, HubRemote]],
) -> None:
    logs = [random_bytes(1000, seed) for seed in range(3)]
    proxy, remote = proxied(lambda exchange: answered_twice if exchange.number == 2 else passed)
    with proxy:
        marks = []
        for data in logs:
            for _ in range(3):
                try:
                    marks.append(remote.append(log_id_of(data), 0, data))
                    break
                except RemoteUnreachable as error:
                    assert "another request" in str(error)
        assert marks == [mark_of(data) for data in logs]
        assert [remote.mark(log_id_of(data)) for data in logs] == marks
        remote.close()


def test_files_are_never_held_by_the_answer_about_others(
    hub: RunningHub, proxied: Callable[[Callable[[Exchange], Fault]], tuple[Proxy, HubRemote]], tmp_path: Path
) -> None:
    (held, log) = (random_bytes(100, seed) for seed in range(2))
    digest = hashlib.sha256(held).hexdigest()
    other = hashlib.sha256(b"other").hexdigest()
    (tmp_path / "held").write_bytes(held)
    proxy, remote = proxied(lambda exchange: answered_twice)
    with proxy:
        remote.append(log_id_of(log), 0, log)
        answers = []
        for entry in (FileEntry("a", 100, digest, "files"), FileEntry("b", 5, other, "files")) * 3:
            try:
                answers.append((entry.path, remote.missing_files(log_id_of(log), [entry])))
                if entry.path == "a":
                    remote.put_file(digest, tmp_path / "held", lambda sent: None)
            except RemoteUnreachable:
                continue
        assert answers
        assert all(missing == {other} for path, missing in answers if path == "b")
        remote.close()


def test_a_hub_without_names_is_believed() -> None:
    transport = httpx.MockTransport(
        lambda request: httpx.Response(200, json={"hub": "old", "version": "0", "features": []})
    )
    remote = HubRemote("http://hub", "rs_token", transport=transport)
    assert "old" in remote.identity()
    remote.close()


def test_a_refusal_has_the_name_too(hub: RunningHub) -> None:
    answer = httpx.get(f"{hub.url}/v1/runs", headers={"Runstore-Request": "abc"}, timeout=PATIENCE_SECONDS)
    assert (answer.status_code, answer.headers["runstore-request"]) == (401, "abc")
    assert "runstore-request" not in httpx.get(f"{hub.url}/v1/hub", timeout=PATIENCE_SECONDS).headers

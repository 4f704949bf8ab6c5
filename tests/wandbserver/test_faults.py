"""The server fails when a test says so, in the way that it says, and goes on as if nothing had been."""

from __future__ import annotations

import contextlib
import threading

import httpx
import pytest

from tests.timing import PATIENCE_SECONDS
from tests.wandbserver.client import UPSERT, Client
from tests.wandbserver.faults import answer, cut_answer, cut_request, hang_up
from tests.wandbserver.holds import DroppedRequest
from tests.wandbserver.requests import Moment, Request
from tests.wandbserver.server import RecordingServer

HISTORY = "wandb-history.jsonl"
BROKEN = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


def test_answer_is_what_the_test_says_and_nothing_is_applied(server: RecordingServer, client: Client) -> None:
    client.upsert()
    server.fail(answer(429, retry_after=1.5), "file_stream")
    server.fail(answer(502), "file_stream", skip=1)
    first = client.lines(HISTORY, 0, '{"_step": 0}')
    assert (first.status_code, first.headers["Retry-After"]) == (429, "1.5")
    second = client.lines(HISTORY, 0, '{"_step": 0}')
    assert (second.status_code, "Retry-After" in second.headers) == (200, False)
    assert client.lines(HISTORY, 1, '{"_step": 1}').status_code == 502
    assert client.lines(HISTORY, 1, '{"_step": 1}').status_code == 200
    assert server.run("k3v9q2").overwritten == []
    assert server.errors == []


def test_request_is_applied_and_fails_all_the_same(server: RecordingServer, client: Client) -> None:
    client.upsert()
    server.fail(answer(500, is_applied=True), "file_stream")
    assert client.lines(HISTORY, 0, '{"_step": 0}').status_code == 500
    server.fail(hang_up(is_applied=True), "file_stream", skip=0)
    with pytest.raises(BROKEN):
        client.lines(HISTORY, 1, '{"_step": 1}')
    server.fail(cut_answer(), "file_stream")
    with pytest.raises(BROKEN):
        client.lines(HISTORY, 2, '{"_step": 2}')
    assert [row["_step"] for row in server.run("k3v9q2").history] == [0, 1, 2]


def test_connection_breaks_before_anything_is_applied(server: RecordingServer, client: Client) -> None:
    client.upsert()
    for fault in (hang_up(), cut_request()):
        server.fail(fault, "file_stream")
        with pytest.raises(BROKEN):
            client.lines(HISTORY, 0, '{"_step": 0}', f'{{"_step": 1, "filler": "{"x" * 3_000_000}"}}')
    assert server.run("k3v9q2").pushes == []


def test_fault_meets_the_file_it_is_meant_for(server: RecordingServer, client: Client) -> None:
    client.upsert()
    server.fail(answer(403), "file", "media/*", times=None)
    assert client.put_file("config.yaml", b"x").status_code == 200
    assert [client.put_file("media/a.png", b"x").status_code for _ in range(2)] == [403, 403]
    assert list(server.run("k3v9q2").files) == ["config.yaml"]


def test_any_callable_may_decide(server: RecordingServer, client: Client) -> None:
    server.faults.append(lambda request: answer(500) if request.count < 2 else None)
    document = {"query": "query Viewer { viewer { id } }"}
    assert [client.post("/graphql", json=document).status_code for _ in range(3)] == [500, 500, 200]


def test_server_is_away_for_a_while_and_keeps_what_it_has(server: RecordingServer, client: Client) -> None:
    client.upsert()
    with server.away():
        with pytest.raises((httpx.ConnectError, *BROKEN)):
            client.lines(HISTORY, 0, '{"_step": 0}')
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.url)
    assert client.lines(HISTORY, 0, '{"_step": 0}').status_code == 200
    assert client.upsert()["bucket"]["historyLineCount"] == 1


@pytest.mark.parametrize(("moment", "rows"), [("arrived", 0), ("applied", 1)])
def test_client_can_be_killed_at_a_moment_of_a_request(
    server: RecordingServer, client: Client, moment: Moment, rows: int
) -> None:
    client.upsert()
    outcome: list[Exception] = []

    def push() -> None:
        try:
            client.lines(HISTORY, 0, '{"_step": 0}')
        except httpx.HTTPError as error:
            outcome.append(error)

    with server.hold("file_stream", moment=moment) as hold:
        thread = threading.Thread(target=push)
        thread.start()
        assert hold.wait().name == "k3v9q2"
        assert len(server.run("k3v9q2").history) == rows
        hold.drop()
        thread.join()
    assert len(outcome) == 1
    assert client.lines(HISTORY, rows, '{"_step": 0}').status_code == 200
    assert [row["_step"] for row in server.run("k3v9q2").history] == [0] * (rows + 1)


def test_watchers_see_every_request_at_each_moment(server: RecordingServer, client: Client) -> None:
    seen: list[tuple[Moment, str]] = []
    answered = threading.Event()

    def watch(moment: Moment, request: Request) -> None:
        seen.append((moment, request.name))
        if moment == "answered":
            answered.set()

    server.watchers.append(watch)
    client.upsert()
    assert answered.wait(PATIENCE_SECONDS)
    assert seen == [(moment, "UpsertBucket") for moment in ("arrived", "applied", "answered")]


def test_watcher_may_drop_what_it_likes(server: RecordingServer, client: Client) -> None:
    def drop(moment: Moment, request: Request) -> None:
        raise DroppedRequest

    server.watchers.append(drop)
    with pytest.raises(BROKEN):
        client.upsert()
    server.watchers.clear()
    assert client.ask(UPSERT, input={"name": "k3v9q2"})["data"]["upsertBucket"]["inserted"]


def test_answers_come_with_the_headers_of_a_busy_server(server: RecordingServer, client: Client) -> None:
    server.answer_headers.append(("RateLimit-Remaining", "3"))
    client.upsert()
    assert client.push().headers["RateLimit-Remaining"] == "3"


def test_server_ends_although_a_request_is_held() -> None:
    with RecordingServer() as server, Client(server.url) as client:

        def ask() -> None:
            with contextlib.suppress(httpx.HTTPError):  # answered or broken, as it happens
                client.ask("{ viewer { id } }")

        hold = server.hold("graphql")
        thread = threading.Thread(target=ask)
        thread.start()
        hold.wait()
        server.close()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()

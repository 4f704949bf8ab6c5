"""The server takes lines where they belong, and turns down a push as a whole if anything in it is not in order."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.wandbserver.client import Client
from tests.wandbserver.desk import GZIP, STRUCTURED_CONSOLE
from tests.wandbserver.server import RecordingServer

HISTORY, EVENTS, SUMMARY, CONSOLE = "wandb-history.jsonl", "wandb-events.jsonl", "wandb-summary.json", "output.log"
ROW = '{"_step": 0, "loss": NaN, "bound": -Infinity}'


def chunk(offset: Any, *content: Any) -> dict[str, Any]:
    return {"offset": offset, "content": list(content)}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"files": {HISTORY: chunk(0, ROW, '{"_step": 5}')}},
        {"files": {EVENTS: chunk(0, '{"_wandb": true, "system.cpu": 1}'), SUMMARY: chunk(0, '{"a": 1}')}},
        {"files": {CONSOLE: chunk(0, "2026-11-21T01:42:28.307764 text", "ERROR 2026-11-21T01:42:28.307764 \n")}},
        {"complete": True, "exitcode": 3, "uploaded": []},
        {"complete": False, "failed": False, "dropped": 0, "preempting": True},
    ],
)
def test_what_clients_say_is_taken(server: RecordingServer, client: Client, body: dict[str, Any]) -> None:
    client.upsert()
    assert client.push(**body).status_code == 200
    assert server.errors == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"file": {}}, "unknown members ['file']"),
        ({"files": []}, "files is no object"),
        ({"files": {"wandb-history.json": chunk(0)}}, "no stream is called"),
        ({"files": {HISTORY: [ROW]}}, "not offset and content"),
        ({"files": {HISTORY: {"content": [ROW]}}}, "not offset and content"),
        ({"files": {HISTORY: chunk(-1, ROW)}}, "is no line number"),
        ({"files": {HISTORY: chunk(0.0, ROW)}}, "is no line number"),
        ({"files": {HISTORY: chunk(2, ROW)}}, "offset 2 is beyond the end, 1 lines are held"),
        ({"files": {HISTORY: {"offset": 0, "content": ROW}}}, "content is no list"),
        ({"files": {HISTORY: chunk(0, {"_step": 0})}}, "line 0"),
        ({"files": {HISTORY: chunk(0, ROW, "{")}}, "line 1"),
        ({"files": {HISTORY: chunk(0, "[1]")}}, "no JSON object"),
        ({"files": {HISTORY: chunk(0, '{"loss": 1}')}}, "_step is None"),
        ({"files": {HISTORY: chunk(0, '{"_step": 1.0}')}}, "_step is 1.0"),
        ({"files": {EVENTS: chunk(0, "1")}}, "no JSON object"),
        ({"files": {SUMMARY: chunk(1, "{}")}}, "beyond the end"),
        ({"files": {SUMMARY: chunk(0, "{}", "{}")}}, "not its one line"),
        ({"files": {CONSOLE: chunk(0, "text")}}, "neither time nor ERROR"),
        ({"files": {CONSOLE: chunk(0, "2026-11-21T01:42:28 a\nb")}}, "more than one line"),
        ({"complete": True}, "without an exitcode"),
        ({"complete": True, "exitcode": "0"}, "without an exitcode"),
        ({"complete": True, "exitcode": True}, "without an exitcode"),
        ({"complete": 1, "exitcode": 0}, "complete is no boolean"),
        ({"exitcode": 0}, "not complete"),
        ({"uploaded": "config.yaml"}, "uploaded is no list"),
        ({"uploaded": ["config.yaml"]}, "no bytes have arrived"),
        ({"dropped": -1}, "dropped is no count"),
    ],
)
def test_what_breaks_a_rule_is_turned_down(
    server: RecordingServer, client: Client, body: dict[str, Any], reason: str
) -> None:
    client.upsert()
    client.lines(HISTORY, 0, '{"_step": 9}')
    answer = client.push(**body)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert reason in server.errors[0]
    run = server.run("k3v9q2")
    assert (run.lines, run.complete, len(run.pushes)) == ({HISTORY: ['{"_step": 9}']}, False, 1)


def test_nothing_of_a_push_is_applied_where_a_part_is_wrong(server: RecordingServer, client: Client) -> None:
    client.upsert()
    client.push(files={HISTORY: chunk(0, ROW), EVENTS: chunk(7, "{}")})
    assert server.run("k3v9q2").lines == {}


def test_lines_that_are_sent_again_overwrite_and_are_noted(server: RecordingServer, client: Client) -> None:
    client.upsert()
    client.lines(HISTORY, 0, '{"_step": 0}', '{"_step": 1}')
    client.lines(HISTORY, 1, '{"_step": 1}', '{"_step": 2}')
    client.lines(HISTORY, 0, '{"_step": 7}')
    run = server.run("k3v9q2")
    assert [row["_step"] for row in run.history] == [7, 1, 2]
    assert run.overwritten == [(HISTORY, 1), (HISTORY, 0)]
    assert run.changed == [(HISTORY, 0)]


def test_lines_after_the_end_are_noted(server: RecordingServer, client: Client) -> None:
    client.upsert()
    client.push(complete=True, exitcode=0)
    client.push(complete=True, exitcode=0)
    assert server.run("k3v9q2").after_complete == []
    client.lines(HISTORY, 0, ROW)
    assert server.run("k3v9q2").after_complete == [2]


def test_run_that_nobody_upserted_is_not_found(server: RecordingServer, client: Client) -> None:
    assert client.push().status_code == 404
    assert server.refused == ["POST /files/tester/equipment/k3v9q2/file_stream"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
def test_body_that_is_no_object_is_turned_down(client: Client, content: bytes) -> None:
    client.upsert()
    assert client.push(content).status_code == 400


def test_compressed_bodies_are_taken_only_where_they_were_offered() -> None:
    body = gzip.compress(json.dumps({"files": {HISTORY: chunk(0, ROW)}}).encode())
    path, coding = "/files/tester/equipment/k3v9q2/file_stream", {"Content-Encoding": "gzip"}
    for features, status in (((), 415), ((GZIP,), 200)):
        with RecordingServer(features=features) as server, Client(server.url) as client:
            client.upsert()
            assert client.post(path, content=body, headers=coding).status_code == status
            assert server.traffic["file_stream"].body_bytes == len(body)


def test_structured_console_takes_objects_and_no_texts() -> None:
    line = '{"level": "error", "ts": "2026-11-21T01:42:28.307764", "content": "text"}'
    with RecordingServer(features=(STRUCTURED_CONSOLE,)) as server, Client(server.url) as client:
        client.upsert()
        assert client.lines(CONSOLE, 0, "2026-11-21T01:42:28.307764 text").status_code == 400
        assert client.lines(CONSOLE, 0, line).status_code == 200
        assert client.lines(CONSOLE, 1, '{"content": "text"}').status_code == 400
        assert server.run("k3v9q2").console_of("stderr") == ["text"]

"""What a W&B server's answers mean: whose trouble it is, when to ask again, and what can be done without."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from graphql import OperationDefinitionNode, build_schema, parse, validate
from graphql.execution import get_variable_values

from runstore.errors import (
    RemoteConflict,
    RemoteError,
    RemoteFailed,
    RemoteRefused,
    RemoteUnfit,
    RemoteUnreachable,
)
from runstore.syncd.remotes import overhttp
from runstore.syncd.remotes.runs import HISTORY, Lines, RunFile, ServerRun
from runstore.syncd.remotes.wandb import connection
from runstore.syncd.remotes.wandb.pace import Pace
from runstore.syncd.remotes.wandb.remote import WandbRemote
from tests.syncd.wandbs import Met, answering, artifact, description, entry, remote_over
from tests.wandbserver.drift import Drift
from tests.wandbserver.faults import Fault, answer, cut_answer, cut_request, hang_up

SCHEMA = Path(__file__).parents[1] / "wandbserver" / "schema.graphql"
RUN = ServerRun("", "e", "p", "r1")
ROW = {HISTORY: Lines(0, ['{"_step": 0}'])}


def upsert(remote: WandbRemote) -> None:
    remote.upsert(description())


def push(remote: WandbRemote) -> None:
    remote.push(RUN, ROW)


BOTH = pytest.mark.parametrize("ask", [upsert, push])


@BOTH
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, RemoteUnfit),
        (400, RemoteConflict),
        (401, RemoteRefused),
        (402, RemoteError),
        (403, RemoteRefused),
        (405, RemoteUnfit),
        (408, RemoteUnreachable),
        (409, RemoteConflict),
        (410, RemoteConflict),
        (413, RemoteConflict),
        (418, RemoteError),
        (422, RemoteConflict),
        (429, RemoteUnreachable),
        (500, RemoteFailed),
        (501, RemoteUnfit),
        (502, RemoteUnreachable),
        (503, RemoteUnreachable),
        (504, RemoteUnreachable),
        (520, RemoteFailed),
    ],
)
def test_each_status_says_whose_trouble_it_is(
    ask: Callable[[WandbRemote], None], status: int, kind: type[RemoteError]
) -> None:
    remote = answering(status, {"error": "a sentence of the server"}, Location="http://elsewhere/", Retry_After="7")
    with pytest.raises(RemoteError) as raised:
        ask(remote)
    assert type(raised.value) is kind
    if kind is not RemoteUnfit:
        assert "a sentence of the server" in str(raised.value)
    if isinstance(raised.value, RemoteUnreachable):
        assert raised.value.retry_after == 7


def test_a_run_that_was_deleted_there_is_no_reason_to_stop_everything() -> None:
    with pytest.raises(RemoteConflict, match="refused lines of run r1: not found"):
        push(answering(404, {"error": "not found"}))
    with pytest.raises(RemoteUnfit, match="is not a W&B server"):
        upsert(answering(404, "<html>nothing here</html>", Content_Type="text/html"))


def test_a_key_that_is_refused_is_to_be_replaced(meeting: Met) -> None:
    meeting.server.keys = ["another" * 6]
    with pytest.raises(RemoteRefused, match=f"refused the API key: .*runstore login --host {meeting.server.url}"):
        meeting.run()
    with pytest.raises(RemoteRefused, match="does not allow that with this API key: not your project"):
        push(answering(403, {"error": "not your project"}))


@pytest.mark.parametrize("status", [200, 400, 404, 422])
def test_a_refusal_says_which_operation_and_what_the_server_said(status: int) -> None:
    errors = [{"message": "the project is frozen"}, {"message": "ask its owner"}]
    remote = answering(status, {"errors": errors, "data": None})
    with pytest.raises(RemoteConflict, match="http://wandb refused UpsertBucket: the project is frozen; ask its owner"):
        upsert(remote)


@pytest.mark.parametrize("operation", ["UpsertBucket", "CreateRunFiles", "CreateArtifact", "CommitArtifact"])
def test_each_mutation_may_be_refused(meeting: Met, operation: str, tmp_path: Path) -> None:
    run = meeting.run()
    one = artifact(entry("a", tmp_path, b"0"))

    def all_of_them() -> None:
        meeting.run()
        meeting.remote.put_files(run, [RunFile("a", b"")], lambda size: None)
        meeting.remote.log_artifact(run, one, lambda size: None)

    meeting.server.drift = Drift(refused={operation: "switched off"})
    with pytest.raises(RemoteConflict, match=f"refused {operation}: switched off"):
        all_of_them()
    assert not any(held.committed for held in meeting.server.artifacts)


@pytest.mark.parametrize("data", [None, {}, {"upsertBucket": None}, {"upsertBucket": {"bucket": None}}, []])
def test_an_answer_without_what_was_asked_for_is_no_success(data: Any) -> None:
    with pytest.raises(RemoteConflict, match="its answer to UpsertBucket has no"):
        upsert(answering(200, {"data": data}))


@BOTH
@pytest.mark.parametrize(
    "fault",
    [answer(500), answer(502), answer(429), answer(503, is_applied=True), hang_up(), cut_request(), cut_answer()],
)
def test_what_passes_is_tried_again(meeting: Met, ask: Callable[[WandbRemote], None], fault: Fault) -> None:
    run = meeting.run()
    meeting.server.fail(fault, "graphql" if ask is upsert else "file_stream", times=2)
    meeting.remote.push(run, ROW) if ask is push else upsert(meeting.remote)
    assert [0.5 <= meeting.pauses[0] < 0.7, 1.0 <= meeting.pauses[1] < 1.3, len(meeting.pauses)] == [True, True, 2]
    if ask is push:
        assert [row["_step"] for row in meeting.server.run("r1").history] == [0]


def test_what_does_not_pass_is_tried_three_times(meeting: Met) -> None:
    meeting.server.fail(answer(500), times=None)
    with pytest.raises(RemoteFailed):
        meeting.run()
    assert len(meeting.server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422, 501])
def test_what_no_time_can_help_is_not_tried_again(status: int) -> None:
    asked: list[httpx.Request] = []

    def answered(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status)

    with pytest.raises(RemoteError):
        push(remote_over(httpx.MockTransport(answered)))
    assert len(asked) == 1


def test_two_that_create_a_run_at_once_both_succeed(meeting: Met) -> None:
    meeting.server.fail(answer(409), "graphql", "UpsertBucket", times=2)
    assert meeting.run().is_new
    meeting.server.fail(answer(409), "file_stream")
    with pytest.raises(RemoteConflict):
        meeting.remote.push(meeting.run(), ROW)


def test_a_server_that_is_not_there_is_not_waited_for(meeting: Met) -> None:
    with meeting.server.away(), pytest.raises(RemoteUnreachable, match="no answer from 127.0.0.1"):
        meeting.run()
    assert not meeting.pauses
    meeting.run()


def test_a_server_that_asks_for_a_moment_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2025, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    monkeypatch.setattr(overhttp, "datetime", SimpleNamespace(now=lambda zone: now.astimezone(zone)))
    later = format_datetime(now + timedelta(seconds=3), usegmt=True)
    for given, seconds in (("1.5", 1.5), (later, 3.0)):
        pauses: list[float] = []
        with pytest.raises(RemoteUnreachable) as raised:
            push(_answering_with(pauses, 429, {"Retry-After": given}))
        assert pauses == [seconds, seconds]
        assert raised.value.retry_after == seconds


def test_a_server_that_asks_for_long_is_left_alone() -> None:
    pauses: list[float] = []
    with pytest.raises(RemoteUnreachable) as raised:
        push(_answering_with(pauses, 503, {"Retry-After": "120"}))
    assert (pauses, raised.value.retry_after) == ([], 120)


@pytest.fixture
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass between what servers say of their quota and the next request."""
    monkeypatch.setattr(connection, "Pace", lambda pause: Pace(pause, clock=lambda: 1000.0))


@pytest.mark.usefixtures("standing_clock")
def test_the_last_requests_of_a_quota_are_spread() -> None:
    pauses: list[float] = []
    remote = _answering_with(pauses, 200, {"RateLimit-Remaining": "3", "RateLimit-Reset": "8"})
    push(remote)
    assert not pauses
    push(remote)
    assert pauses == [2]


@pytest.mark.usefixtures("standing_clock")
def test_a_quota_that_is_used_up_is_waited_for_elsewhere() -> None:
    remote = _answering_with([], 200, {"RateLimit-Remaining": "0", "RateLimit-Reset": "60"})
    push(remote)
    with pytest.raises(RemoteUnreachable, match="takes no more requests for the next 60 seconds") as raised:
        push(remote)
    assert raised.value.retry_after == 60


@pytest.mark.parametrize(
    ("left", "reset", "wait"),
    [("0", "2", 2), ("1", "2", 1), ("9", "5", 0.5), ("19", "600", 5), ("20", "1", 0), ("x", "2", 0), ("", "", 0)],
)
def test_the_pace_follows_what_is_left(left: str, reset: str, wait: float) -> None:
    waited: list[float] = []
    pace = Pace(waited.append, clock=lambda: 1000.0)
    pace.heard(httpx.Response(200, headers={"RateLimit-Remaining": left, "RateLimit-Reset": reset}))
    pace.wait("it")
    assert waited == ([wait] if wait else [])


def test_an_answer_that_breaks_off_is_no_answer() -> None:
    with pytest.raises(RemoteUnreachable, match="breaks off"):
        push(answering(200, '{"limits": {', Content_Type="application/json"))


def test_what_servers_will_say_in_the_future_does_no_harm(meeting: Met, tmp_path: Path) -> None:
    meeting.server.drift = Drift(has_more=True)
    run = meeting.run()
    meeting.remote.push(run, ROW)
    assert meeting.remote.put_files(run, [RunFile("a", b"1")], lambda size: None) == {}
    meeting.remote.log_artifact(run, artifact(entry("a", tmp_path, b"0")), lambda size: None)
    assert meeting.remote.find("", "vision", "r1") is not None
    assert meeting.server.artifacts[0].committed


@pytest.mark.parametrize("how", ["without", "null"])
def test_what_a_server_need_not_say_is_done_without(meeting: Met, how: str, tmp_path: Path) -> None:
    said = {"historyLineCount", "eventsLineCount", "historyTail", "summaryMetrics", "config", "inserted", "features"}
    storage = {"artifactSequence", "storagePath", "uploadMultipartUrls"}
    meeting.server.drift = Drift(**{how: said | storage})  # type: ignore[arg-type]
    run = meeting.run()
    assert (run.is_new, dict(run.lines)) == (False, {})
    meeting.remote.push(run, {HISTORY: Lines(0, ['{"_step": 0}'] * 200)})
    found = meeting.remote.find("", "vision", "r1")
    assert found is not None
    assert (found.last_row, set(found.lines), dict(found.config)) == (None, {"output.log"}, {})
    meeting.remote.log_artifact(run, artifact(entry("a", tmp_path, b"0")), lambda size: None)
    assert meeting.server.artifacts[0].committed


def test_what_an_older_server_does_not_know_is_asked_for_once(caplog: pytest.LogCaptureFixture) -> None:
    old = _Old("historyTail", "summaryMetrics")
    remote = remote_over(old)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            found = remote.find("e", "p", "r1")
            assert found is not None
            assert (found.lines[HISTORY], found.last_row) == (7, None)
    assert len(old.asked) == 3
    (record,) = caplog.records
    assert "missing=historyTail,summaryMetrics said=" in record.getMessage()


def test_what_an_older_server_does_not_take_is_left_out(tmp_path: Path) -> None:
    old = _Old("digestAlgorithm", "ttlDurationSeconds")
    one = artifact(entry("a", tmp_path, b"0"), ttl_seconds=60)
    remote_over(old).log_artifact(RUN, one, lambda size: None)
    assert "digestAlgorithm" not in old.asked[-1]


def test_a_server_that_cannot_say_what_it_holds_gives_no_storage_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert remote_over(_Old("bucket")).find("e", "p", "r1") == ServerRun("", "e", "p", "r1")
    assert "event=degraded server=http://wandb operation=RunResumeStatus" in caplog.text


def test_what_cannot_be_done_without_is_a_refusal() -> None:
    with pytest.raises(RemoteConflict, match="refused UpsertBucket: .*'sweep'"):
        upsert(remote_over(_Old("sweep")))


def test_tails_and_configs_that_nobody_can_read_are_none_at_all() -> None:
    bucket = {"id": "b", "historyTail": '[1, "no json", null]', "summaryMetrics": "[", "config": '{"a": 1, "b": {}}'}
    found = answering(200, {"data": {"model": {"bucket": bucket}}}).find("e", "p", "r1")
    assert found == ServerRun("b", "e", "p", "r1")


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        ({"Content-Type": "text/html"}, "<html>long</html>", "Bad Request"),
        ({}, "plain\n  words", "plain words"),
        ({}, "", "Bad Request"),
        ({}, '{"message": "m"}', "m"),
        ({}, '{"errors": "e"}', "e"),
        ({}, "x" * 1000, "x" * 300),
    ],
)
def test_a_servers_own_words_are_told_in_one_line(headers: dict[str, str], body: str, said: str) -> None:
    remote = remote_over(httpx.MockTransport(lambda request: httpx.Response(400, headers=headers, content=body)))
    with pytest.raises(RemoteConflict) as raised:
        push(remote)
    assert str(raised.value) == f"http://wandb refused lines of run r1: {said} (HTTP 400)"


def _answering_with(pauses: list[float], status: int, headers: dict[str, str]) -> WandbRemote:
    def answered(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json={}, headers=headers)

    return remote_over(httpx.MockTransport(answered), pauses)


class _Old(httpx.BaseTransport):
    """A server whose schema lacks some names, and which refuses what has one in the words of graphql-core."""

    def __init__(self, *unknown: str) -> None:
        lines = SCHEMA.read_text().splitlines()
        known = "\n".join(line for line in lines if not line.startswith(tuple(f"  {name}" for name in unknown)))
        self._schema = build_schema(known)
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.read() or b"null")
        if request.url.path != "/graphql":
            return httpx.Response(200)
        self.asked.append(json.dumps(body))
        document = parse(body["query"])
        errors = validate(self._schema, document)
        if not errors:
            (operation,) = document.definitions
            assert isinstance(operation, OperationDefinitionNode)
            checked = get_variable_values(self._schema, operation.variable_definitions or (), body["variables"])
            errors = checked if isinstance(checked, list) else []
        if errors:
            return httpx.Response(400, json={"errors": [error.formatted for error in errors]})
        return httpx.Response(200, json={"data": json.loads(_ANSWERS)})


_ANSWERS = """{
  "model": {"name": "p", "entity": {"name": "e"}, "bucket": {"id": "b", "name": "r1", "historyLineCount": 7}},
  "createArtifact": {"artifact": {"id": "a", "state": "PENDING"}},
  "createArtifactManifest": {"artifactManifest": {"id": "m", "file": {"uploadUrl": "/manifest"}}},
  "createArtifactFiles": {"files": {"edges": [{"node": {"uploadUrl": null}}]}},
  "commitArtifact": {"artifact": {"id": "a"}}
}"""

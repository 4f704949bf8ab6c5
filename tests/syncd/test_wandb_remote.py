"""What a W&B server holds after it was told of a run, its lines and its alerts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from runstore.errors import RemoteConflict, RemoteUnfit, UsageError
from runstore.syncd.remotes.runs import CONSOLE, EVENTS, HISTORY, SUMMARY, Lines, RunRemote, ServerRun
from runstore.syncd.remotes.wandb.remote import WandbRemote
from tests.syncd.wandbs import CONFIG, KEY, Met, answering, description, met, remote_over


@pytest.fixture
def meeting() -> Iterator[Met]:
    with met() as both:
        yield both
        assert not both.server.errors


def rows(*steps: int) -> list[str]:
    return [json.dumps({"_step": step, "loss": 1 / (step + 1)}) for step in steps]


def test_it_is_what_takes_runs(meeting: Met) -> None:
    assert isinstance(meeting.remote, RunRemote)
    assert meeting.remote.address == meeting.remote.url == meeting.server.url


def test_a_new_run_is_described_in_full(meeting: Met) -> None:
    said: dict[str, Any] = {
        "name": "calm-sea-1",
        "notes": "a\nb",
        "tags": ("x", "y"),
        "group": "g",
        "job_type": "train",
    }
    git = {"host": "node7", "program": "train.py", "git_commit": "c0ffee", "git_remote": "git@h:r", "sweep_id": "s1"}
    run = meeting.run(**said, **git)
    assert (run.entity, run.project, run.run_id, run.is_new) == ("tester", "vision", "r1", True)
    held = meeting.server.run("r1")
    assert (held.display_name, held.notes, held.tags, held.group) == ("calm-sea-1", "a\nb", ["x", "y"], "g")
    assert (held.job_type, held.host, held.program, held.commit) == ("train", "node7", "train.py", "c0ffee")
    assert (held.repo, held.sweep) == ("git@h:r", "s1")
    assert (held.config, held.wandb_config) == ({"lr": 0.1}, {"t": {"4": "3.11"}})


def test_what_is_not_said_leaves_what_was_known(meeting: Met) -> None:
    first = meeting.run(notes="mine", tags=("x",))
    again = meeting.run(storage_id=first.storage_id, config={"lr": {"value": math.nan}, "é": {"value": 2**70}})
    assert (again.storage_id, again.is_new) == (first.storage_id, False)
    held = meeting.server.run("r1")
    assert (held.notes, held.tags, held.config["é"]) == ("mine", ["x"], 2**70)
    assert math.isnan(held.config["lr"])


def test_a_run_without_a_project_goes_to_the_servers_default(meeting: Met) -> None:
    run = meeting.run(project="")
    assert (run.entity, run.project) == ("tester", "uncategorized")


def test_a_run_that_nobody_knows_is_not_found(meeting: Met) -> None:
    assert meeting.remote.find("", "vision", "r1") is None


def test_a_run_is_found_with_its_lines(meeting: Met) -> None:
    run = meeting.run()
    streams = {HISTORY: Lines(0, rows(0, 1, 2)), EVENTS: Lines(0, ['{"system.cpu": 1}'])}
    meeting.remote.push(run, {**streams, SUMMARY: Lines(0, ['{"loss": NaN}'])})
    found = meeting.remote.find("", "vision", "r1")
    assert found is not None
    assert found.storage_id == run.storage_id
    assert found.lines == {HISTORY: 3, EVENTS: 1, CONSOLE: 0}
    assert found.last_row == {"_step": 2, "loss": 1 / 3}
    assert math.isnan(found.summary["loss"])
    assert found.config == {"lr": 0.1}


def test_lines_that_are_sent_again_are_there_once(meeting: Met) -> None:
    run = meeting.run()
    meeting.remote.push(run, {HISTORY: Lines(0, rows(0, 1, 2))})
    meeting.remote.push(run, {HISTORY: Lines(1, rows(1, 2, 3))})
    assert [row["_step"] for row in meeting.server.run("r1").history] == [0, 1, 2, 3]


def test_lines_keep_every_character(meeting: Met) -> None:
    run = meeting.run()
    said = ['2026-11-21T01:42:28.307764 \u2028 \x1b[31m 😀 \\ " </script>', "ERROR 2026-11-21T01:42:28.307764 e\té"]
    meeting.remote.push(run, {CONSOLE: Lines(0, said)})
    assert meeting.server.run("r1").console_raw == said


def test_half_of_a_character_does_not_stop_the_rest(meeting: Met) -> None:
    run = meeting.run()
    meeting.remote.push(run, {CONSOLE: Lines(0, ["2026-11-21T01:42:28.307764 \udc80!"])})
    assert meeting.server.run("r1").console == ["?!"]


def test_the_end_of_a_run_is_told_with_its_code(meeting: Met) -> None:
    run = meeting.run()
    meeting.remote.push(run, {}, preempting=True)
    held = meeting.server.run("r1")
    assert (held.preempting, held.complete) == (True, False)
    meeting.remote.push(run, {}, exit_code=3)
    assert (held.complete, held.exit_code) == (True, 3)


def test_ids_and_names_may_hold_any_character(meeting: Met) -> None:
    run = meeting.run("r/1?#%", project="a b&c")
    meeting.remote.push(run, {HISTORY: Lines(0, rows(0))})
    assert meeting.server.run("r/1?#%").history


def test_a_run_is_set_back(meeting: Met) -> None:
    run = meeting.run()
    meeting.remote.push(run, {HISTORY: Lines(0, rows(0, 1, 2, 3))})
    left = meeting.remote.rewind(run, 1)
    assert (left.lines[HISTORY], left.last_row) == (2, {"_step": 1, "loss": 0.5})


def test_a_run_that_is_not_there_is_not_set_back(meeting: Met) -> None:
    nowhere = ServerRun("", "tester", "vision", "r9")
    with pytest.raises(RemoteConflict, match="its answer to RewindRun has no rewindRun"):
        meeting.remote.rewind(nowhere, 1)


def test_alerts_are_told_as_the_log_has_them(meeting: Met) -> None:
    run = meeting.run()
    meeting.remote.alert(run, "loss is NaN", "see step 7", "WARN", 60_000)
    meeting.remote.alert(run, "t", "", "", 0)
    meeting.remote.alert(run, "t", "", "error", 0)
    meeting.remote.alert(run, "t", "", "of another library", 0)
    first, *others = meeting.server.alerts
    assert (first["title"], first["severity"], first["waitDuration"]) == ("loss is NaN", "WARN", 60_000)
    assert [other["severity"] for other in others] == ["INFO", "ERROR", "INFO"]


def test_an_alert_too_soon_after_another_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    remote = answering(200, {"data": {"notifyScriptableRunAlert": {"success": False}}})
    remote.alert(ServerRun("", "e", "p", "r1"), "t", "", "INFO", 0)
    assert "event=alert-not-sent" in caplog.text


@pytest.mark.parametrize(
    ("chosen", "identity", "place"),
    [
        ({}, "", ("e", "p")),
        ({"entity": "team"}, "#team/", ("team", "p")),
        ({"project": "all"}, "#/all", ("e", "all")),
        ({"entity": "team", "project": "all"}, "#team/all", ("team", "all")),
    ],
)
def test_another_place_is_another_target(chosen: dict[str, str], identity: str, place: tuple[str, str]) -> None:
    with met(entity=chosen.get("entity", ""), project=chosen.get("project", "")) as both:
        assert both.remote.identity() == f"wandb:{both.server.url}{identity}"
        assert both.remote.place_of("e", "p") == place
        assert not both.server.requests
        run = both.run(entity="e", project="p")
        assert (run.entity, run.project) == place
        assert both.remote.find("e", "p", "r1") is not None


def test_lines_are_packed_where_the_server_takes_that() -> None:
    many = rows(*range(1000))
    sent = {}
    for features in ((), ("FILESTREAM_GZIP",)):
        with met(*features) as both:
            run = both.run()
            both.remote.push(run, {HISTORY: Lines(0, many)})
            both.remote.push(run, {HISTORY: Lines(1000, rows(1000))})
            assert len(both.server.run("r1").history) == 1001
            assert not both.server.errors
            assert both.asked().count("graphql ServerFeaturesQuery") == 1
            sent[features] = both.server.traffic["file_stream"].body_bytes
    packed, plain = sorted(sent.values())
    assert packed < plain / 3


@pytest.mark.parametrize("features", [(), ("STRUCTURED_CONSOLE_LOGS",)])
def test_the_console_is_as_the_server_takes_it(features: tuple[str, ...]) -> None:
    with met(*features) as both:
        assert both.remote.takes_structured_console() is bool(features)


def test_a_server_that_knows_of_no_features_has_none() -> None:
    for answer in ({"data": {"serverInfo": None}}, {"errors": [{"message": 'Cannot query field "features".'}]}):
        assert answering(200, answer).takes_structured_console() is False


def test_what_is_too_much_for_a_proxy_goes_in_halves() -> None:
    pushed: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.read())
        if "query" in body:
            return httpx.Response(200, json={"data": None})
        if len(request.content) > 400:
            return httpx.Response(413, content="<html>too large</html>")
        for lines in body.get("files", {}).values():
            pushed.extend(range(lines["offset"], lines["offset"] + len(lines["content"])))
        return httpx.Response(200, json={})

    remote = remote_over(httpx.MockTransport(answer))
    run = ServerRun("", "e", "p", "r1")
    remote.push(run, {HISTORY: Lines(7, rows(*range(50)))}, exit_code=0)
    assert pushed == list(range(7, 57))
    one_each = {name: Lines(place, ["x" * 150]) for place, name in enumerate((HISTORY, EVENTS, CONSOLE))}
    remote.push(run, one_each)
    assert pushed[50:] == [0, 1, 2]
    with pytest.raises(RemoteConflict, match="refused lines of run r1"):
        remote.push(run, {EVENTS: Lines(0, ["x"]), HISTORY: Lines(0, ['{"_step": 0, "a": "' + "x" * 500 + '"}'])})


@pytest.mark.parametrize("body", ["", "<html>please log in</html>", "[]", "null"])
def test_what_is_no_server_of_runs_takes_none(body: str) -> None:
    remote = answering(200, body)
    with pytest.raises(RemoteUnfit, match="is not a W&B server"):
        remote.push(ServerRun("", "e", "p", "r1"), {})
    with pytest.raises(RemoteUnfit, match="is not a W&B server"):
        remote.upsert(description())


@pytest.mark.parametrize("url", ["", "ftp://h", "h:80", "http://", "http://user:pw@h", "http://h?x=1", "http://h:0"])
def test_what_is_no_servers_url_is_said_at_once(url: str) -> None:
    with pytest.raises(UsageError, match="URL"):
        WandbRemote(url, KEY)


@pytest.mark.parametrize("url", ["https://wandb.ai", "https://app.wandb.ai", "http://api.wandb.ai"])
def test_pages_for_people_are_no_server(url: str) -> None:
    with pytest.raises(UsageError, match="its own is https://api.wandb.ai"):
        WandbRemote(url, KEY)


@pytest.mark.parametrize(("key", "what"), [("", "there is no API key"), (" ", "there is no"), ("a\nb", "characters")])
def test_what_can_be_no_key_is_said_at_once(key: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        WandbRemote("http://wandb", key)


def test_a_server_may_be_below_a_path() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"data": {"model": None}})

    remote = WandbRemote("http://proxy/wandb/", KEY, transport=httpx.MockTransport(answer))
    assert remote.find("", "p", "r1") is None
    remote.push(ServerRun("", "e", "p", "r1"), {})
    assert asked == ["http://proxy/wandb/graphql", "http://proxy/wandb/files/e/p/r1/file_stream"]
    assert remote.identity() == "wandb:http://proxy/wandb"


def test_config_is_sent_whole_each_time(meeting: Met) -> None:
    meeting.run(config={**CONFIG, "batch": {"value": 8}})
    meeting.run(config={"batch": {"value": 16}})
    assert meeting.server.run("r1").config == {"batch": 16}

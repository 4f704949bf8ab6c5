"""A server, or the way to it, fails in every way that there is: in the end it has what an undisturbed sync leaves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from runstore.errors import RemoteError, RemoteRefused, RemoteUnreachable
from tests.runwise.comparable import without_alerts
from tests.runwise.place import Place, place_with
from tests.runwise.spawning import Spawner
from tests.runwise.written import FULL_ALERTS, FULL_ROWS, written
from tests.wandbserver.faults import Fault, answer, cut_answer, cut_request, hang_up
from tests.wandbserver.recorded import JsonObject
from tests.wandbserver.requests import Request
from tests.wandbserver.state import differences

FAULTS = {
    "500": answer(500),
    "502": answer(502),
    "503": answer(503),
    "429": answer(429),
    "429 with a time": answer(429, retry_after=0.01),
    "503 with a date": answer(503, retry_after="Sat, 21 Nov 2020 12:00:00 GMT"),
    "500 applied": answer(500, is_applied=True),
    "502 applied": answer(502, is_applied=True),
    "hang up": hang_up(),
    "hang up applied": hang_up(is_applied=True),
    "half a request": cut_request(),
    "half an answer": cut_answer(),
}
APPLIED = {name for name, fault in FAULTS.items() if fault.is_applied}
# Everything that is asked for in a delivery, by kind and name.
REQUESTS = [
    ("graphql", "RunResumeStatus"),
    ("graphql", "UpsertBucket"),
    ("graphql", "ServerFeaturesQuery"),
    ("graphql", "NotifyScriptableRunAlert"),
    ("graphql", "CreateRunFiles"),
    ("graphql", "CreateArtifact"),
    ("graphql", "CreateArtifactManifest"),
    ("graphql", "CreateArtifactFiles"),
    ("graphql", "CommitArtifact"),
    ("file_stream", "full"),
    ("file", "notes.txt"),
    ("file", "media/*"),
    ("file", "config.yaml"),
    ("artifact", "weights.txt"),
    ("manifest", "wandb_manifest.json"),
]
OTHER_RUN = """
    import runstore
    with runstore.init(project="demo", id="other") as run:
        for n in range(5):
            run.log({"n": n})
"""


@pytest.fixture
def two_runs(full_run: Path, tmp_path: Path) -> Iterator[Place]:
    """A place with the full run and another one."""
    with place_with(full_run, tmp_path) as place:
        written(tmp_path, OTHER_RUN)
        yield place


# What passes.


@pytest.mark.parametrize("name", FAULTS)
def test_what_fails_once_is_done_at_the_second_try(place: Place, undisturbed: dict[str, JsonObject], name: str) -> None:
    place.server.faults.append(_every_other(FAULTS[name]))
    report = place.sync()
    assert (report.errors, report.verified) == ({}, 1)
    place.assert_whole(undisturbed, len(FULL_ALERTS) if name in APPLIED else 0)


def _every_other(fault: Fault) -> Callable[[Request], Fault | None]:
    """Return what lets every request fail that is the first, third, fifth of its kind and name."""
    return lambda request: fault if request.count % 2 == 0 else None


@pytest.mark.parametrize("name", ["500", "502", "500 applied", "hang up applied"])
@pytest.mark.parametrize("request_", REQUESTS, ids=" ".join)
def test_what_fails_all_the_time_is_done_the_next_time(
    place: Place, undisturbed: dict[str, JsonObject], request_: tuple[str, str], name: str
) -> None:
    rule = place.server.fail(FAULTS[name], *request_, times=None)
    with contextlib.suppress(RemoteError):
        report = place.sync()
        assert report.verified == 0
        assert report.errors
    assert rule.seen > 0
    place.server.faults.remove(rule)
    report = place.sync()
    assert (report.errors, report.verified) == ({}, 1)
    place.assert_whole(undisturbed, 3 if name in APPLIED else 0)


def test_a_server_that_asks_for_minutes_is_left_alone_and_nothing_is_lost(
    place: Place, undisturbed: dict[str, JsonObject]
) -> None:
    rule = place.server.fail(answer(429, retry_after=600), "file_stream", times=None)
    with pytest.raises(RemoteUnreachable) as raised:
        place.sync()
    assert raised.value.retry_after == 600
    assert rule.seen == 1
    place.server.faults.remove(rule)
    place.synced()
    place.assert_whole(undisturbed)


@pytest.mark.parametrize("skip", [1, 2, 3])
def test_a_push_that_fails_in_the_middle_of_the_rows_is_gone_on_with(
    place: Place, undisturbed: dict[str, JsonObject], skip: int
) -> None:
    place.server.fail(answer(500, is_applied=True), "file_stream", skip=skip, times=3)
    assert place.sync().verified == 0
    assert not place.run("full").complete
    place.assert_in_order()
    assert place.sync().errors == {}
    place.assert_whole(undisturbed)


def test_a_server_that_is_away_for_a_while_gets_the_rest_when_it_is_back(
    place: Place, undisturbed: dict[str, JsonObject]
) -> None:
    with place.server.away(), pytest.raises(RemoteUnreachable, match="nothing is lost"):
        place.sync()
    for requests in (5, 10, 15):
        rule = place.server.fail(hang_up(), skip=requests, times=None)
        with pytest.raises(RemoteUnreachable):
            place.sync()
        place.server.faults.remove(rule)
    place.synced()
    place.assert_whole(undisturbed)


def test_a_delivery_that_makes_way_for_others_after_each_piece_comes_to_its_end(
    two_runs: Place, undisturbed: dict[str, JsonObject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runstore.syncd.carrying.TURN_SECONDS", 0.0)
    two_runs.synced()
    two_runs.assert_whole(undisturbed)
    assert two_runs.steps("other") == list(range(5))


# What only people can help.


def test_a_key_that_is_refused_ends_with_code_4_and_a_sentence(place: Place, spawner: Spawner) -> None:
    place.server.keys = {"k" * 40}
    done = place.start(spawner)
    assert done.wait() == 4
    said = done.said.read_text()
    assert said.startswith(f"runstore: {place.server.url} refused the API key")
    assert "runstore login" in said
    assert place.server.runs == []


def test_a_key_that_is_refused_in_the_middle_loses_nothing(place: Place, undisturbed: dict[str, JsonObject]) -> None:
    rule = place.server.fail(answer(401), "file_stream", skip=2, times=None)
    with pytest.raises(RemoteRefused, match="refused the API key"):
        place.sync()
    assert 0 < len(place.run("full").history) < FULL_ROWS
    place.server.faults.remove(rule)
    place.synced()
    place.assert_whole(undisturbed)


@pytest.mark.parametrize("path", ["notes.txt", "config.yaml", "media/*"])
def test_a_file_that_is_refused_fails_its_run_alone_and_all_else_arrives(
    two_runs: Place, undisturbed: dict[str, JsonObject], spawner: Spawner, path: str
) -> None:
    rule = two_runs.server.fail(answer(403), "file", path, times=None)
    done = two_runs.start(spawner)
    code, said = done.wait(), done.said.read_text()
    refused = [name for name in undisturbed["full"]["files"] if fnmatchcase(name, path)]
    assert code == 1, said
    assert any(name in line and "full" in line and "403" in line for name in refused for line in said.splitlines())
    if path != "config.yaml":  # which both have
        assert two_runs.run("other").complete
    state = two_runs.state()["full"]
    lacking = differences(without_alerts(undisturbed), without_alerts({"full": state}))
    assert all(line.startswith(("full.files.", "full.end.")) for line in lacking), lacking
    assert not two_runs.log("full").with_name("run-full.wandb.synced").exists()
    two_runs.server.faults.remove(rule)
    assert two_runs.start(spawner).wait() == 0
    two_runs.assert_whole(undisturbed)


def test_a_run_whose_stream_is_not_found_fails_alone_and_is_named(two_runs: Place) -> None:
    """Stock's tool gives the stream up for good, says "finished", and marks the run as synced."""
    two_runs.server.fail(answer(404), "file_stream", "full", times=None)
    report = two_runs.sync()
    (log,) = report.errors
    assert log == str(two_runs.log("full"))
    assert "lines of run full" in report.errors[log]
    assert "404" in report.errors[log]
    assert two_runs.run("other").complete
    assert not two_runs.run("full").complete
    assert not two_runs.log("full").with_name("run-full.wandb.synced").exists()
    two_runs.server.faults.clear()
    two_runs.synced()
    assert len(two_runs.run("full").history) == FULL_ROWS


def test_an_artifact_that_is_refused_keeps_nothing_else_back(place: Place, undisturbed: dict[str, JsonObject]) -> None:
    rule = place.server.fail(answer(403), "artifact", "weights.txt", times=None)
    report = place.sync()
    assert report.verified == 0
    said = "\n".join([*report.notes, *report.errors.values()])
    assert "artifact weights: weights.txt: was refused" in said
    assert len(place.run("full").history) == FULL_ROWS
    assert place.run("full").files["notes.txt"] == b"by hand"
    place.server.faults.remove(rule)
    place.synced()
    place.assert_whole(undisturbed)

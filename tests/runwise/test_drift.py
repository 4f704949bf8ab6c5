"""Servers of another age: what they say beyond what is known is passed over, what they lack is done without."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.runwise.place import Place, place_with
from tests.runwise.written import FULL_ROWS
from tests.wandbserver.drift import Drift
from tests.wandbserver.recorded import JsonObject

# What servers may leave out of their answers; and what not.
OPTIONAL = (
    "historyLineCount", "eventsLineCount", "logLineCount", "historyTail", "eventsTail", "summaryMetrics", "config",
    "inserted", "features", "serverInfo", "artifactSequence", "latestArtifact", "success", "project", "entity",
    "storagePath", "uploadMultipartUrls", "displayName", "state",
)  # fmt: skip
NEEDED = ("bucket", "uploadUrl", "upsertBucket", "createRunFiles", "createArtifact", "edges", "file")
OPERATIONS = (
    "UpsertBucket", "RunResumeStatus", "CreateRunFiles", "CreateArtifact", "CreateArtifactManifest",
    "CreateArtifactFiles", "CommitArtifact",
)  # fmt: skip


def test_fields_of_the_future_are_passed_over(place: Place, undisturbed: dict[str, JsonObject]) -> None:
    place.server.drift = Drift(has_more=True)
    place.synced()
    place.assert_whole(undisturbed)
    assert place.synced().rows == 0


@pytest.mark.parametrize("how", ["without", "null"])
@pytest.mark.parametrize("name", OPTIONAL)
def test_what_can_be_done_without_is_done_without(
    place: Place, undisturbed: dict[str, JsonObject], name: str, how: str
) -> None:
    place.server.drift = Drift(without={name}) if how == "without" else Drift(null={name})
    place.synced()
    place.assert_whole(undisturbed)
    place.synced()
    place.assert_whole(undisturbed)


@pytest.mark.parametrize("how", ["without", "null"])
@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed_and_not_there_is_said_and_nothing_is_taken_for_delivered(
    place: Place, undisturbed: dict[str, JsonObject], name: str, how: str
) -> None:
    place.server.drift = Drift(without={name}) if how == "without" else Drift(null={name})
    report = place.sync()
    assert report.verified == 0
    assert report.errors or report.notes
    assert not place.log("full").with_name("run-full.wandb.synced").exists()
    place.server.drift = Drift()
    place.synced()
    place.assert_whole(undisturbed)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_refused_operation_is_named_with_what_the_server_said(
    place: Place, undisturbed: dict[str, JsonObject], operation: str
) -> None:
    place.server.drift = Drift(refused={operation: "not on a Sunday"})
    report = place.sync()
    said = "\n".join([*report.errors.values(), *report.notes])
    assert report.verified == 0
    assert f"refused {operation}: not on a Sunday" in said
    place.server.drift = Drift()
    place.synced()
    place.assert_whole(undisturbed)


def test_a_server_without_a_list_of_features_gets_what_all_servers_take(
    place: Place, undisturbed: dict[str, JsonObject]
) -> None:
    place.server.drift = Drift(refused={"ServerFeaturesQuery": "Cannot query field 'serverInfo' on type 'Query'."})
    place.synced()
    place.assert_whole(undisturbed)


def test_a_count_that_is_missing_is_warned_of(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.server.drift = Drift(without={"historyLineCount"})
    with caplog.at_level(logging.WARNING, "runstore"):
        place.synced()
    assert any("unverified" in record.getMessage() for record in caplog.records)
    assert len(place.run("full").history) == FULL_ROWS


@pytest.mark.parametrize("features", [["FILESTREAM_GZIP"], ["STRUCTURED_CONSOLE_LOGS"]], ids=str)
def test_servers_that_can_more_have_the_same_in_the_end(
    full_run: Path, tmp_path: Path, undisturbed: dict[str, JsonObject], features: list[str]
) -> None:
    with place_with(full_run, tmp_path, features=features) as place:
        place.synced()
        place.assert_whole(undisturbed)
        assert place.synced().console_lines == 0

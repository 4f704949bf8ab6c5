"""Artifacts that a run uses: a W&B server is told so once they are committed, and of none that it may not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore.errors import RemoteConflict, RemoteFailed
from tests.syncd.wandbs import Met, artifact, entry, met, silent
from tests.wandbserver.drift import Drift
from tests.wandbserver.faults import answer

INPUT = {"is_output": False, "is_used": True}


def test_input_is_nobodys_output_and_used_once_it_is_committed(meeting: Met, tmp_path: Path) -> None:
    meeting.remote.log_artifact(meeting.run("reader"), artifact(entry("a", tmp_path, b"1"), **INPUT), silent)
    (held,) = meeting.server.artifacts
    assert (held.committed, held.run_ids, held.used_by) == (True, [], ["reader"])
    assert meeting.artifact_operations()[-2:] == ["CommitArtifact", "UseArtifact"]
    assert meeting.server.errors == []


def test_input_that_is_there_already_is_used_as_it_is(meeting: Met, tmp_path: Path) -> None:
    content = entry("a", tmp_path, b"1")
    meeting.remote.log_artifact(meeting.run("writer"), artifact(content), silent)
    meeting.remote.log_artifact(meeting.run("reader"), artifact(content, **INPUT), silent)
    (held,) = meeting.server.artifacts
    assert (held.run_ids, held.used_by) == (["writer"], ["reader"])


def test_output_is_not_used(meeting: Met, tmp_path: Path) -> None:
    meeting.remote.log_artifact(meeting.run(), artifact(entry("a", tmp_path, b"1")), silent)
    assert "UseArtifact" not in meeting.artifact_operations()


def test_part_that_is_not_the_last_is_not_used(meeting: Met, tmp_path: Path) -> None:
    part = artifact(entry("a", tmp_path, b"1"), distributed_id="g", is_final=False, **INPUT)
    meeting.remote.log_artifact(meeting.run(), part, silent)
    assert "UseArtifact" not in meeting.artifact_operations()


def test_use_that_was_not_answered_is_told_again(meeting: Met, tmp_path: Path) -> None:
    one, run = artifact(entry("a", tmp_path, b"1"), **INPUT), meeting.run("reader")
    rule = meeting.server.fail(answer(500), "graphql", "UseArtifact", times=None)
    with pytest.raises(RemoteFailed):
        meeting.remote.log_artifact(run, one, silent)
    meeting.server.faults.remove(rule)
    meeting.remote.log_artifact(run, one, silent)
    (held,) = meeting.server.artifacts
    assert held.used_by == ["reader"]
    assert meeting.artifact_operations().count("CommitArtifact") == 1


def test_use_that_is_refused_is_said(meeting: Met, tmp_path: Path) -> None:
    meeting.server.drift = Drift(refused={"UseArtifact": "not for you"})
    with pytest.raises(RemoteConflict, match="refused UseArtifact: not for you"):
        meeting.remote.log_artifact(meeting.run(), artifact(entry("a", tmp_path, b"1"), **INPUT), silent)


@pytest.mark.parametrize(
    ("feature", "place"), [("USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION", True), ("", False)]
)
def test_place_of_an_input_is_told_to_servers_that_take_it(feature: str, place: bool, tmp_path: Path) -> None:
    with met(feature) as both:
        both.remote.log_artifact(both.run(), artifact(entry("a", tmp_path, b"1"), **INPUT), silent)
        (said,) = (variables["input"] for name, variables in both.server.operations if name == "UseArtifact")
        assert ("artifactEntityName" in said and "artifactProjectName" in said) == place

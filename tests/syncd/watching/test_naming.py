"""What names say."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore.syncd.watching.naming import begun_at, is_run_directory, log_of, says_nothing

RUN = Path("/x/wandb/offline-run-20240101_000000-a-b")


@pytest.mark.parametrize("inside", ["", "files", "files/media/images/1.png", "run-a-b.wandb", "run-a-b.runstore.json"])
def test_what_lies_in_a_run_directory_speaks_of_its_log(inside: str) -> None:
    assert log_of(RUN / inside) == RUN / "run-a-b.wandb"


def test_logs_speak_for_themselves() -> None:
    assert log_of(RUN / "run-a-b.edits.rslog") == RUN / "run-a-b.edits.rslog"
    assert log_of(Path("/x/run-loose.wandb")) == Path("/x/run-loose.wandb")
    assert log_of(Path("/x/wandb")) is None
    assert log_of(Path("/x/wandb/run-notes/readme.txt")) is None


def test_run_directories_are_known_by_the_time_in_their_names() -> None:
    assert is_run_directory("run-20240101_000000-x")
    assert is_run_directory("offline-run-20240101_000000-x\ny")
    assert not is_run_directory("run-20240101-x")
    assert not is_run_directory("latest-run")
    assert begun_at("/x/run-20240102_030405-x") == "20240102_030405" < begun_at("offline-run-20240102_030406-a")
    assert begun_at("/x/wandb") == ""


def test_what_a_daemon_writes_itself_says_nothing() -> None:
    assert says_nothing("run-a.runstore.json")
    assert says_nothing("run-a.wandb.synced")
    assert says_nothing(".run-a.runstore.json.tmp")
    assert not says_nothing("run-a.wandb")
    assert not says_nothing("config.yaml")

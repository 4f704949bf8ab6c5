"""The daemon finds by itself what no event told it of, and looks no closer at runs that are as they were."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.index.discovery import Changes
from runstore.index.live import LiveIndexer
from runstore.syncd import daemon as module
from runstore.syncd import intake
from runstore.syncd.daemon import Daemon
from runstore.syncd.watching.watcher import Watcher
from tests.index.writing import exit_record, plain_rows, write_log
from tests.syncd.daemons import daemon_in_thread, status_once, waits_for
from tests.timing import PATIENCE_SECONDS


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """Run a daemon without events, which scans all the time, over tmp_path/runs."""
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(module, "SCAN_SECONDS", 0.05)
    monkeypatch.setattr(module, "SCAN_SHARE", 1.0)
    monkeypatch.setattr(module, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr(Watcher, "start", lambda self: ["no events here"])
    with daemon_in_thread(tmp_path / "home", tmp_path / "runs") as running:
        yield running


def finished_run(folder: Path, name: str) -> Path:
    return write_log(folder, [*plain_rows(range(5)), exit_record()], name, name)


def test_a_scan_finds_runs_that_are_new_have_grown_or_are_gone(daemon: Daemon, tmp_path: Path) -> None:
    first = finished_run(tmp_path / "runs", "first")
    waits_for(daemon, lambda logs: set(logs) == {str(first)})
    second = write_log(tmp_path / "runs", plain_rows(range(5)), "second", "second")
    logs = waits_for(daemon, lambda logs: set(logs) == {str(first), str(second)})
    assert logs[str(second)]["indexed_bytes"] == second.stat().st_size
    grown = write_log(tmp_path / "elsewhere", plain_rows(range(50)), "second", "second").read_bytes()
    assert grown.startswith(second.read_bytes())
    second.write_bytes(grown)
    waits_for(daemon, lambda logs: logs[str(second)]["indexed_bytes"] == len(grown))
    first.unlink()
    waits_for(daemon, lambda logs: set(logs) == {str(second)})


def test_runs_that_are_as_they_were_are_looked_at_no_closer(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "FILES_SCAN_SECONDS", 0.0)  # the logs have grown before that
    log = finished_run(tmp_path / "runs", "first")
    waits_for(daemon, lambda logs: set(logs) == {str(log)})
    monkeypatch.setattr(LiveIndexer, "grown_since", lambda self, time: [])
    monkeypatch.setattr(intake, "FILES_SCAN_SECONDS", 600.0)
    looked, scanned = threading.Event(), threading.Semaphore(0)
    take, take_in = intake.Intake._take, intake.Intake.take_in

    def noted(self: intake.Intake, path: Path) -> None:
        looked.set()
        take(self, path)

    def counted(self: intake.Intake, found: Changes) -> None:
        take_in(self, found)
        scanned.release()

    monkeypatch.setattr(intake, "_files_changed_at", lambda log: time.monotonic())
    monkeypatch.setattr(intake.Intake, "take_in", counted)
    for _ in range(3):  # what the first one may still have found to have grown is read before the third
        assert scanned.acquire(timeout=PATIENCE_SECONDS)
    monkeypatch.setattr(intake.Intake, "_take", noted)
    for _ in range(3):
        assert scanned.acquire(timeout=PATIENCE_SECONDS)
    assert not looked.is_set()
    monkeypatch.setattr(LiveIndexer, "grown_since", lambda self, time: [log])
    assert looked.wait(PATIENCE_SECONDS)


def test_a_file_that_is_no_log_is_told_of_until_it_is_one(daemon: Daemon, tmp_path: Path) -> None:
    good = finished_run(tmp_path / "elsewhere", "r")
    place = tmp_path / "runs" / good.relative_to(tmp_path / "elsewhere")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"no log at all, but long enough to be one")
    status_once(daemon, lambda status: str(place) in status["errors"])
    place.write_bytes(good.read_bytes())
    waits_for(daemon, lambda logs: set(logs) == {str(place)})
    assert daemon.status()["errors"] == {}


def test_a_daemon_that_hangs_says_so_itself(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    assert daemon.status()["problems"] == []
    monkeypatch.setattr("runstore.syncd.daemon.SILENT_SECONDS", 0.0)
    (problem,) = daemon.status()["problems"]
    assert "no log was looked at for" in problem

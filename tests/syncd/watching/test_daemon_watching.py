"""A daemon over folders that come and go, and where nobody tells it anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runstore.index.indexer import Indexer
from runstore.syncd import daemon as module
from runstore.syncd.configuration import WatchedRoot
from tests.index.writing import exit_record, plain_rows, write_log
from tests.syncd.daemons import Logs, daemon_in_thread, waits_for
from tests.syncd.watching.conftest import mounted

pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a daemon lives that looks at everything once, at its start: what it finds later, the watcher tells."""
    monkeypatch.setattr(module, "SCAN_SECONDS", 3600.0)
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def has(path: Path, size: int) -> Callable[[Logs], bool]:
    return lambda logs: str(path) in logs and logs[str(path)]["indexed_bytes"] == size


@pytest.mark.parametrize("remembered", [0, 60], ids=["fresh", "remembering"])
def test_runs_on_a_mount_that_tells_of_nothing_are_indexed_while_they_train(
    remembered: int, home: Path, tmp_path: Path
) -> None:
    whole = write_log(tmp_path / "whole", [*plain_rows(range(200)), exit_record()], "live", "live").read_bytes()
    with mounted(tmp_path, remembered) as mount, daemon_in_thread(home, WatchedRoot(mount.here)) as daemon:
        first = write_log(mount.there, plain_rows(range(5)), "first", "first")
        waits_for(daemon, has(mount.seen(first), first.stat().st_size))
        log = write_log(mount.there, plain_rows(range(10)), "live", "live")
        assert whole.startswith(log.read_bytes())
        for size in (log.stat().st_size, len(whole) // 2, len(whole)):
            with log.open("ab") as file:
                file.write(whole[file.tell() : size])
            if size != len(whole) // 2:  # where a record is torn
                waits_for(daemon, has(mount.seen(log), size))
        (root,) = daemon.status()["roots"]
        assert root == {"path": str(mount.here), "file_system": "fuse.passthrough", "how": "polling", "problem": ""}


def test_what_a_root_held_stays_known_while_it_is_away(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SCAN_SECONDS", 0.1)
    monkeypatch.setattr(module, "SCAN_SHARE", 1.0)
    root, away = tmp_path / "runs", tmp_path / "away"
    log = write_log(root, plain_rows(range(5)), "r", "r")
    size = log.stat().st_size
    with daemon_in_thread(home, WatchedRoot(root)) as daemon:
        waits_for(daemon, has(log, size))
        root.rename(away)
        waits_for(daemon, lambda logs: daemon.status()["roots"][0]["how"] == "missing")
        time.sleep(0.5)  # some scans
        waits_for(daemon, lambda logs: str(log) in logs)
        assert Indexer().connection.execute("SELECT path FROM logs").fetchall() == [(str(log),)]
        away.rename(root)
        waits_for(daemon, lambda logs: daemon.status()["roots"][0]["how"] == "events")
        log.unlink()
        waits_for(daemon, lambda logs: str(log) not in logs)


def test_a_daemon_that_starts_before_its_file_system_is_mounted_forgets_nothing(home: Path, tmp_path: Path) -> None:
    with mounted(tmp_path) as mount:
        log = write_log(mount.here, plain_rows(range(5)), "r", "r")
        index = Indexer()
        index.catch_up_below(mount.here)
        index.close()
    with daemon_in_thread(home, WatchedRoot(mount.here)) as daemon:
        waits_for(daemon, lambda logs: daemon.status()["roots"][0]["how"] != "missing")
        time.sleep(0.5)
        assert Indexer().connection.execute("SELECT path FROM logs").fetchall() == [(str(log),)]


def test_what_is_ignored_is_not_even_indexed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SCAN_SECONDS", 0.1)
    monkeypatch.setattr(module, "SCAN_SHARE", 1.0)
    root = tmp_path / "runs"
    write_log(root / "scratch", plain_rows(range(5)), "a", "a")
    kept = write_log(root / "kept", plain_rows(range(5)), "b", "b")
    with daemon_in_thread(home, WatchedRoot(root, ("scratch",))) as daemon:
        write_log(root / "scratch", plain_rows(range(5)), "c", "c")
        second = write_log(root / "kept", plain_rows(range(5)), "d", "d")
        waits_for(daemon, lambda logs: set(logs) == {str(kept), str(second)})
        paths = Indexer().connection.execute("SELECT path FROM logs ORDER BY path").fetchall()
    assert paths == [(str(kept),), (str(second),)]

"""What the file system tells by itself: real inotify, and its limits."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runstore.syncd.watching import events, filesystems
from runstore.syncd.watching.events import Changes, InotifyListener, WatchdogListener
from runstore.syncd.watching.filesystems import is_silent, why_refused, why_silent
from runstore.syncd.watching.inotify import CREATE, Inotify
from runstore.syncd.watching.listening import Listening
from tests.timing import PATIENCE_SECONDS, Clock


class Told:
    """Who listens: what was told, and how often events were lost."""

    def __init__(self) -> None:
        self.changes: Changes = set()
        self.lost = 0
        self.blocked = threading.Event()
        self.blocked.set()

    def changed(self, changes: Changes) -> None:
        self.blocked.wait()
        self.changes |= changes

    def lose(self) -> None:
        self.lost += 1

    def waits_for(self, fulfilled: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not fulfilled():
            assert time.monotonic() < until, self.changes
            time.sleep(0.01)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def listener(told: Told) -> Any:
    listening = InotifyListener(told.changed, told.lose)
    yield listening
    listening.close()


def test_entries_that_come_and_go_are_told_of(told: Told, listener: InotifyListener, tmp_path: Path) -> None:
    listener.watch(str(tmp_path))
    (tmp_path / "a").mkdir()
    told.waits_for(lambda: (str(tmp_path), "a") in told.changes)
    told.changes = set()
    (tmp_path / "a").rename(tmp_path / "ünïcödé")
    told.waits_for(lambda: told.changes >= {(str(tmp_path), "a"), (str(tmp_path), "ünïcödé")})
    hostile = os.fsdecode(b"not\xffutf\n8")
    (tmp_path / hostile).mkdir()
    told.waits_for(lambda: (str(tmp_path), hostile) in told.changes)


def test_files_that_are_no_logs_are_not_told_of_where_runs_come_and_go(
    told: Told, listener: InotifyListener, tmp_path: Path
) -> None:
    listener.watch(str(tmp_path))
    (tmp_path / "results.csv").write_text("1,2,3")
    (tmp_path / "run-x.wandb").write_text("x")
    told.waits_for(lambda: bool(told.changes))
    assert told.changes == {(str(tmp_path), "run-x.wandb")}


def test_of_a_busy_folder_every_write_is_told(told: Told, listener: InotifyListener, tmp_path: Path) -> None:
    listener.watch(str(tmp_path), busy=True)
    with (tmp_path / "log").open("wb", buffering=0) as file:
        told.waits_for(lambda: bool(told.changes))
        for _ in range(3):
            told.changes = set()
            file.write(b"x")
            told.waits_for(lambda: told.changes == {(str(tmp_path), "log")})


def test_a_folder_that_is_forgotten_or_gone_is_told_of_no_more(
    told: Told, listener: InotifyListener, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        listener.watch(str(tmp_path / name))
    listener.forget(str(tmp_path / "a"))
    (tmp_path / "b").rmdir()
    told.waits_for(lambda: (str(tmp_path / "b"), "") in told.changes)
    listener.forget(str(tmp_path / "b"))
    (tmp_path / "a" / "x").mkdir()
    (tmp_path / "c" / "x").mkdir()
    told.waits_for(lambda: (str(tmp_path / "c"), "x") in told.changes)
    assert (str(tmp_path / "a"), "x") not in told.changes


def test_a_folder_that_was_moved_goes_by_its_new_name(told: Told, listener: InotifyListener, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    listener.watch(str(tmp_path / "old"))
    (tmp_path / "old").rename(tmp_path / "new")
    listener.watch(str(tmp_path / "new"))
    listener.forget(str(tmp_path / "old"))
    (tmp_path / "new" / "x").mkdir()
    told.waits_for(lambda: (str(tmp_path / "new"), "x") in told.changes)


def test_events_that_were_too_many_are_known_to_be_lost(told: Told, listener: InotifyListener, tmp_path: Path) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    assert most <= 100_000, "more events than this test should make"
    for name in "ab":
        (tmp_path / name).touch()
    listener.watch(str(tmp_path), busy=True)
    (tmp_path / "begin").mkdir()
    told.blocked.clear()
    for number in range(most + 5000):  # in turn: events that are alike would become one
        os.close(os.open(tmp_path / "ab"[number % 2], os.O_WRONLY))
    told.blocked.set()
    told.waits_for(lambda: told.lost > 0)
    (tmp_path / "later").mkdir()
    told.waits_for(lambda: (str(tmp_path), "later") in told.changes)


def test_links_and_files_are_not_watched(tmp_path: Path) -> None:
    queue = Inotify()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link", "missing"):
        with pytest.raises(OSError, match=name):
            queue.add(str(tmp_path / name), CREATE)
    queue.close()


def test_watchdog_tells_of_whole_trees_where_there_is_no_inotify(told: Told, tmp_path: Path) -> None:
    listening = WatchdogListener(told.changed)
    listening.watch(str(tmp_path))
    (tmp_path / "a").mkdir()
    told.waits_for(lambda: (str(tmp_path), "a") in told.changes)
    listening.watch(str(tmp_path / "a"))  # which it does
    (tmp_path / "a" / "x").touch()
    told.waits_for(lambda: (str(tmp_path / "a"), "x") in told.changes)
    listening.forget(str(tmp_path / "a"))
    listening.forget(str(tmp_path))
    listening.close()


def test_a_local_disk_is_found_to_tell_and_no_trace_is_left(tmp_path: Path) -> None:
    assert why_silent(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_does_not_tell_is_found_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(filesystems, "_PROBE_SECONDS", 0.1)
    monkeypatch.setattr(InotifyListener, "watch", lambda self, folder, busy=False: None)
    assert why_silent(tmp_path) == "it tells of no changes"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "seconds"), [("ext4", 60.0), ("unheard-of", 1800.0)])
def test_where_a_type_that_tells_seems_not_to_it_is_tried_again_soon(
    kind: str, seconds: float, listener: InotifyListener, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystems, "file_system_type", lambda folder: kind)
    one = Listening(tmp_path, listener, lambda why: None, clock)
    with monkeypatch.context() as patch:
        patch.setattr(filesystems, "_PROBE_SECONDS", 0.1)
        patch.setattr(InotifyListener, "watch", lambda self, folder, busy=False: None)
        assert one.begin() == "it tells of no changes"
        clock.now += seconds
        assert not one.retry()
    monkeypatch.setattr(filesystems, "_PROBE_SECONDS", PATIENCE_SECONDS)
    clock.now += seconds - 1
    assert not one.retry()
    clock.now += 1
    assert one.retry()
    assert one.how == "events"


def test_where_nothing_can_be_written_the_type_has_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(*arguments: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        assert why_silent(tmp_path) == ""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "lustre", "gpfs", "9p", "fuse.sshfs", "fuse", "virtiofs", "beegfs"])
def test_file_systems_of_other_machines_are_silent(kind: str) -> None:
    assert is_silent(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", ""])
def test_file_systems_of_this_machine_are_tried_out(kind: str) -> None:
    assert not is_silent(kind)


def test_limits_are_called_by_their_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "max_user_watches" in why_refused(OSError(errno.ENOSPC, "No space left on device"))
    assert "Not a directory" in why_refused(OSError(errno.ENOTDIR, "Not a directory"))

    def refused(*arguments: object) -> object:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(filesystems, "open_listener", refused)
    assert "max_user_instances" in why_silent(tmp_path)
    assert events.open_listener is not refused


LIMITED = """
import pathlib, sys, time
pathlib.Path("/proc/sys/user/max_inotify_watches").write_text("8")
from runstore.syncd.watching import filesystems, places, watcher
from tests.syncd.watching.conftest import new_log, watched
from tests.timing import PATIENCE_SECONDS
places.TREE_SECONDS = 0.1
watcher.START_SECONDS = filesystems._PROBE_SECONDS = PATIENCE_SECONDS
folder = pathlib.Path(sys.argv[1])
first = new_log(folder / "a")
with watched(folder) as watching:
    assert watching.how() == ["events"], watching.watcher.status()
    logs = [new_log(folder / name) for name in "bcdefghijkl"]
    watching.finds(*logs)
    watching.becomes(lambda: watching.how() == ["polling"])
    watching.finds(new_log(folder / "m"))
    print(watching.watcher.status()[0]["problem"])
"""


def test_where_the_limit_on_watches_is_reached_looking_has_to_do(tmp_path: Path) -> None:
    """In a user namespace of its own, where the limit is 8."""
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", LIMITED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    if "unshare" in done.stderr or "max_inotify_watches" in done.stderr:
        pytest.skip(f"no limit can be set here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (
        "no events: the limit on watches is reached (sysctl fs.inotify.max_user_watches); "
        "new runs are found by looking every 0.1 seconds or so"
    )

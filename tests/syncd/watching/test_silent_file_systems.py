"""Where no events come, what changes is found by looking: on a real mount that tells of nothing, or an injected one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runstore.paths import file_system_type
from runstore.syncd.watching import listening, places
from runstore.syncd.watching.filesystems import is_silent, why_silent
from runstore.syncd.watching.inotify import CLOSE_WRITE, CREATE, MODIFY, Inotify
from tests.syncd.watching.conftest import Mount, grow, log_in, mounted, new_log, run_directory, watched
from tests.timing import PATIENCE_SECONDS

pytestmark = pytest.mark.usefixtures("hasty")


@contextmanager
def injected(folder: Path) -> Iterator[Mount]:
    yield Mount(folder, folder)


@pytest.fixture(params=[mounted, injected], ids=["mounted", "injected"])
def silent(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mount]:
    """A folder that another machine writes to, without a word to this one."""
    if request.param is injected:
        monkeypatch.setattr(listening, "why_silent", lambda folder: "nothing is told of here")
    with request.param(tmp_path) as mount:
        yield mount


def test_a_mount_hides_what_others_write(tmp_path: Path) -> None:
    with mounted(tmp_path) as mount:
        queue = Inotify()
        queue.add(str(mount.here), CREATE | MODIFY | CLOSE_WRITE)
        (mount.there / "theirs").write_text("x")
        assert queue.read(0.2) == []
        (mount.here / "ours").write_text("x")
        assert queue.read(PATIENCE_SECONDS) != []  # which is why a trial would mislead
        queue.close()
        assert is_silent(file_system_type(mount.here))
        assert why_silent(mount.here) == "fuse.passthrough does not tell of changes"


def test_new_runs_and_what_they_log_are_found_within_the_interval(silent: Mount) -> None:
    with watched(silent.here) as watching:
        assert watching.how() == ["polling"]
        log = new_log(silent.there / "project" / "wandb")
        watching.finds(silent.seen(log))
        watching.watcher.follow(silent.seen(log), True)
        assert watching.is_quiet()
        grow(log)
        watching.finds(silent.seen(log))


def test_a_log_that_comes_later_than_its_run_directory_is_found(silent: Mount) -> None:
    with watched(silent.here) as watching:
        folder = run_directory(silent.there / "wandb")
        assert watching.is_quiet()
        log = log_in(folder)
        watching.finds(silent.seen(log))


def test_runs_that_are_moved_or_deleted_are_noted(silent: Mount) -> None:
    log = new_log(silent.there / "wandb")
    with watched(silent.here) as watching:
        watching.watcher.follow(silent.seen(log), True)
        moved = silent.there / "elsewhere"
        (silent.there / "wandb").rename(moved)
        watching.finds(silent.seen(log), silent.seen(moved / log.parent.name / log.name))
        (moved / log.parent.name / log.name).unlink()
        (moved / log.parent.name).rmdir()
        watching.finds(silent.seen(moved / log.parent.name / log.name))


def test_what_the_client_remembers_of_files_is_asked_for_again(tmp_path: Path) -> None:
    """As clients of NFS do, the kernel answers for a minute from what it knew, until a file is opened."""
    with mounted(tmp_path, remembered=60) as mount:
        log = new_log(mount.there / "wandb")
        seen = mount.seen(log)
        with watched(mount.here) as watching:
            watching.watcher.follow(seen, True)
            watching.is_quiet()
            size = os.stat(seen).st_size
            grow(log)
            assert os.stat(seen).st_size == size
            watching.finds(seen)
            assert os.stat(seen).st_size == size + 4  # whoever reads the log sees it as well
            second = new_log(mount.there / "wandb", "two")
            watching.finds(mount.seen(second))


def test_a_mount_that_goes_is_missing_and_its_runs_stay_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mounted(tmp_path) as mount:
        log = new_log(mount.there / "wandb")
        watching_context = watched(mount.here)
        watching = watching_context.__enter__()
        watching.watcher.follow(mount.seen(log), True)
        watching.is_quiet()
        assert watching.watcher.present() == [mount.here]
    try:
        watching.becomes(lambda: watching.how() == ["missing"])
        assert watching.watcher.present() == []
        assert watching.is_quiet()
        (status,) = watching.watcher.status()
        assert status["problem"] == (
            "is empty; what was mounted here is not, and stays as it was known; it is looked for every 0.1 seconds"
        )
    finally:
        watching_context.__exit__(None, None, None)


def test_a_mount_that_goes_from_below_a_root_takes_no_runs_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "TREE_EVENTS_SECONDS", 1.0)  # when what was mounted is seen at all
    root = tmp_path / "root"
    root.mkdir()
    other = new_log(root / "wandb")
    with watched(root) as watching:
        with mounted(root) as mount:
            log = mount.seen(new_log(mount.there / "wandb"))
            watching.finds(log)
            watching.is_quiet()
        watching.becomes(lambda: "what was mounted there is not" in watching.watcher.status()[0]["problem"])
        assert watching.is_quiet()
        skips = watching.watcher.skips
        assert skips is not None
        assert skips(str(log))
        assert not skips(str(other))


def test_a_silent_mount_below_a_root_with_events_is_looked_at_as_often(tmp_path: Path) -> None:
    with mounted(tmp_path) as mount:
        first = new_log(mount.there / "wandb")
        with watched(tmp_path) as watching:
            watching.is_quiet()
            assert watching.how() == ["events"]
            folder = run_directory(mount.there / "wandb", "two")
            log = log_in(folder)
            watching.finds(mount.seen(log))
            watching.watcher.follow(mount.seen(first), True)
            watching.is_quiet()
            grow(first)
            watching.finds(mount.seen(first))

"""A watcher over real folders: what comes, grows, moves and goes is found, and roots come and go."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from runstore.syncd.watching import following, inotify, listening, places, recent, watcher
from runstore.syncd.watching.filesystems import why_silent
from runstore.syncd.watching.inotify import Inotify
from runstore.syncd.watching.roots import Root
from runstore.syncd.watching.watcher import Watcher
from tests.syncd.watching.conftest import grow, log_in, new_log, run_directory, watched
from tests.timing import PATIENCE_SECONDS, PROMPT_SECONDS

pytestmark = pytest.mark.usefixtures("hasty")


def moved(log: Path, old: Path, new: Path) -> Path:
    return new / log.relative_to(old)


def test_new_runs_are_found_however_deep_their_folders(tmp_path: Path) -> None:
    with watched(tmp_path) as watching:
        assert watching.problems == []
        assert watching.how() == ["events"]
        watching.finds(new_log(tmp_path / "wandb"))
        watching.finds(new_log(tmp_path / "a" / "b" / "c" / "wandb"))
        watching.finds(new_log(tmp_path / "a" / "b" / "c" / "wandb", "two"))


def test_a_log_in_a_folder_of_any_name_is_found(tmp_path: Path) -> None:
    with watched(tmp_path) as watching:
        (tmp_path / "loose").mkdir()
        log = tmp_path / "loose" / "run-x.wandb"
        log.write_bytes(b"x")
        watching.finds(log)
        watching.watcher.follow(log, True)
        watching.is_quiet()
        with log.open("ab") as file:
            file.write(b"more")
            file.flush()
            watching.finds(log)


def test_a_live_log_is_noted_with_each_write_and_each_file(tmp_path: Path) -> None:
    log = new_log(tmp_path / "wandb")
    with watched(tmp_path) as watching:
        watching.watcher.follow(log, True)
        watching.is_quiet()
        with log.open("ab", buffering=0) as file:
            for _ in range(3):
                file.write(b"more")
                watching.finds(log)
        (log.parent / "files").mkdir()
        watching.finds(log)
        watching.is_quiet()
        (log.parent / "files" / "config.yaml").write_text("a: 1")
        watching.finds(log)
        edits = log.with_name("run-one.edits.rslog")
        edits.write_bytes(b"x")
        watching.finds(edits)


def test_what_a_daemon_writes_itself_makes_no_work(tmp_path: Path) -> None:
    log = new_log(tmp_path / "wandb")
    with watched(tmp_path) as watching:
        watching.watcher.follow(log, True)
        watching.is_quiet()
        for name in ("run-one.runstore.json", ".run-one.runstore.json.tmp", "run-one.wandb.synced"):
            (log.parent / name).write_text("{}")
        assert watching.watcher.changed(0.3) == set()


def test_a_log_written_to_without_events_is_found_all_the_same(tmp_path: Path) -> None:
    """As through a mapping of the file into memory, or by another machine."""
    log = new_log(tmp_path / "wandb")
    with watched(tmp_path) as watching:
        watching.watcher.follow(log, True)
        watching.is_quiet()
        (one,) = watching.watcher._watched.values()
        one._listening.forget()
        grow(log)
        watching.finds(log)


def test_directories_that_are_moved_are_noted_at_both_places_and_followed(tmp_path: Path) -> None:
    old, new = tmp_path / "project", tmp_path / "renamed"
    log = new_log(old / "wandb")
    with watched(tmp_path) as watching:
        watching.watcher.follow(log, True)
        watching.is_quiet()
        old.rename(new)
        there = moved(log, old, new)
        watching.finds(log, there)
        watching.watcher.gone(log)
        watching.watcher.follow(there, True)
        watching.is_quiet()
        grow(there)
        assert watching.finds(there) == {there}
        run = there.parent.with_name("offline-run-20240101_000001-one")
        there.parent.rename(run)
        watching.finds(there, run / log.name)


def test_directories_that_are_copied_in_or_moved_in_are_found(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    logs = [new_log(elsewhere / "a" / "wandb", name) for name in ("one", "two")]
    with watched(root) as watching:
        shutil.copytree(elsewhere / "a", root / "copied")
        watching.finds(*(moved(log, elsewhere / "a", root / "copied") for log in logs))
        (elsewhere / "a").rename(root / "moved")
        watching.finds(*(moved(log, elsewhere / "a", root / "moved") for log in logs))


def test_directories_that_are_deleted_or_moved_away_are_noted_as_gone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    log, other = new_log(root / "a" / "wandb"), new_log(root / "b" / "wandb", "two")
    with watched(root) as watching:
        watching.is_quiet()
        shutil.rmtree(root / "a")
        watching.finds(log)
        (root / "b").rename(tmp_path / "b")
        watching.finds(other)
        assert watching.watcher.is_gone(log)
        assert watching.watcher.is_gone(other)


def test_a_root_that_is_not_there_yet_is_watched_when_it_comes(tmp_path: Path) -> None:
    root = tmp_path / "later"
    with watched(root) as watching:
        assert watching.problems == [f"{root}: No such file or directory; it is looked for every 0.1 seconds"]
        assert watching.how() == ["missing"]
        log = new_log(root / "wandb")
        watching.finds(log)
        watching.becomes(lambda: watching.how() == ["events"])
        watching.finds(new_log(root / "wandb", "two"))
        assert watching.watcher.status()[0]["problem"] == ""


def test_a_root_that_vanishes_takes_nothing_with_it_and_may_come_back(tmp_path: Path) -> None:
    root, away = tmp_path / "root", tmp_path / "away"
    log = new_log(root / "wandb")
    with watched(root) as watching:
        watching.watcher.follow(log, True)
        watching.is_quiet()
        root.rename(away)
        assert not watching.watcher.is_gone(log)
        watching.becomes(lambda: watching.how() == ["missing"])
        assert watching.watcher.present() == []
        watching.is_quiet()
        grow(away / "wandb" / log.parent.name / log.name)
        away.rename(root)
        watching.finds(log)
        assert watching.watcher.present() == [root]
        grow(log)
        watching.finds(log)


def test_a_root_that_is_replaced_by_another_folder_is_watched_anew(tmp_path: Path) -> None:
    root = tmp_path / "root"
    new_log(root / "wandb")
    with watched(root) as watching:
        watching.is_quiet()
        new_log(tmp_path / "other" / "wandb", "two")
        root.rename(tmp_path / "old")
        (tmp_path / "other").rename(root)
        watching.finds(root / "wandb" / "offline-run-20240101_000000-two" / "run-two.wandb")
        watching.finds(new_log(root / "wandb", "three"))


def test_an_empty_root_is_not_taken_to_have_lost_anything(tmp_path: Path) -> None:
    """A daemon that starts before the file system is mounted would forget all that is on it."""
    root = tmp_path / "root"
    root.mkdir()
    with watched(root) as watching:
        assert watching.watcher.present() == []
        log = new_log(root / "wandb")
        watching.finds(log)
        watching.becomes(lambda: watching.watcher.present() == [root])
        shutil.rmtree(root / "wandb")
        watching.finds(log)
        assert watching.watcher.present() == [root]


def test_what_is_ignored_is_not_noted_but_a_root_inside_of_it_is(tmp_path: Path) -> None:
    inner = tmp_path / "scratch" / "mine"
    inner.mkdir(parents=True)
    with watched(Root(tmp_path, ("scratch", "*.old")), inner) as watching:
        ignored = [new_log(tmp_path / "scratch" / "wandb"), new_log(tmp_path / "a.old" / "wandb")]
        kept = [new_log(inner / "wandb"), new_log(tmp_path / "b" / "wandb")]
        found = watching.finds(*kept)
        watching.watcher.scan()
        found |= watching.finds(*kept)
        watching.watcher.note(ignored)
        assert found == set(kept)
        assert watching.watcher.changed(0.3).isdisjoint(ignored)  # those that are kept may be noted once more
        skips = watching.watcher.skips
        assert skips is not None
        assert [skips(str(log)) for log in (*ignored, *kept)] == [True, True, False, False]


def test_nothing_is_skipped_where_nothing_is_ignored(tmp_path: Path) -> None:
    assert Watcher([Root(tmp_path)]).skips is None


def test_links_are_not_followed_so_that_loops_catch_nobody(tmp_path: Path) -> None:
    wandb = tmp_path / "root" / "wandb"
    log = new_log(wandb)
    (wandb / "latest-run").symlink_to(log.parent)
    (wandb / "loop").symlink_to(tmp_path / "root")
    with watched(tmp_path / "root") as watching:
        watching.watcher.scan()
        assert watching.finds(log) == {log}
        watching.is_quiet()
        second = new_log(wandb, "two")
        assert watching.finds(second) == {second}


def test_hidden_folders_and_those_of_runs_are_not_looked_into(tmp_path: Path) -> None:
    run = run_directory(tmp_path / "wandb")
    with watched(tmp_path) as watching:
        new_log(tmp_path / ".cache" / "wandb", "hidden")
        new_log(run / "files" / "wandb", "inside")
        log = log_in(run)
        watching.watcher.scan()
        assert watching.finds(log) == {log}


def test_a_folder_that_cannot_be_read_is_named_and_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    scandir = os.scandir
    refused = True

    def guarded(path: Any) -> Any:
        if refused and str(path) == str(secret):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    monkeypatch.setattr(places, "TREE_EVENTS_SECONDS", 0.1)
    with watched(tmp_path) as watching:
        (status,) = watching.watcher.status()
        assert status["problem"] == f"{secret}: can't be looked into (Permission denied); the runs in it are not found"
        watching.finds(new_log(tmp_path / "wandb"))
        log = new_log(secret / "wandb")
        refused = False
        watching.finds(log)
        watching.becomes(lambda: watching.watcher.status()[0]["problem"] == "")


def test_new_roots_are_watched_and_others_no_longer_while_the_rest_goes_on(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
    a, b, c = (Root(tmp_path / name) for name in "abc")
    old = new_log(c.path / "wandb", "old")
    with watched(a, b) as watching:
        before = watching.watcher._watched[a.path]
        assert watching.watcher.set_roots([a, c, Root(tmp_path / "d")]) == [
            f"{tmp_path / 'd'}: No such file or directory; it is looked for every 0.1 seconds"
        ]
        assert watching.watcher._watched[a.path] is before
        watching.finds(old)
        assert watching.watcher.paths == [a.path, c.path, tmp_path / "d"]
        watching.is_quiet()
        new_log(b.path / "wandb")
        kept = {new_log(root.path / "wandb") for root in (a, c)}
        assert watching.finds(*kept) == kept
        assert watching.watcher.set_roots([Root(a.path, ("wandb",)), c]) == []
        assert watching.watcher._watched[a.path] is not before
        watching.is_quiet()
        new_log(a.path / "wandb", "two")
        last = new_log(c.path / "wandb", "two")
        assert watching.finds(last) == {last}


def test_a_limit_that_is_reached_is_said_once_and_runs_are_found_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add = Inotify.add

    def limited(self: Inotify, folder: str, mask: int) -> int:
        if folder.endswith("wandb"):
            raise OSError(errno.ENOSPC, "No space left on device", folder)
        return add(self, folder, mask)

    monkeypatch.setattr(Inotify, "add", limited)
    (tmp_path / "b").mkdir()
    with watched(tmp_path / "b", tmp_path) as watching:
        watching.finds(new_log(tmp_path / "a" / "wandb"))
        watching.becomes(lambda: watching.how() == ["events", "polling"])
        watching.finds(new_log(tmp_path / "a" / "wandb", "two"))
        watching.finds(new_log(tmp_path / "c" / "wandb"))
        assert caplog.text.count("max_user_watches") == 1


def test_events_are_listened_to_again_when_a_limit_is_lifted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add = Inotify.add
    is_limited = True

    def limited(self: Inotify, folder: str, mask: int) -> int:
        if is_limited and "wandb" in folder:
            raise OSError(errno.ENOSPC, "No space left on device", folder)
        return add(self, folder, mask)

    monkeypatch.setattr(Inotify, "add", limited)
    monkeypatch.setattr(listening, "RETRY_SECONDS", 0.2)
    log = new_log(tmp_path / "wandb")
    with watched(tmp_path) as watching:
        watching.watcher.follow(log, True)
        watching.becomes(lambda: watching.how() == ["polling"])
        is_limited = False
        watching.becomes(lambda: watching.how() == ["events"])
        watching.becomes(lambda: str(log.parent) in watching.watcher._watched[tmp_path]._listening.folders)
        assert watching.watcher.status()[0]["problem"] == ""
        watching.finds(new_log(tmp_path / "wandb", "two"))


def test_a_run_is_listened_to_until_the_last_of_its_logs_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "ENDED_SECONDS", 0.0)
    monkeypatch.setattr(recent, "RECENT_RUNS", 0)
    log = new_log(tmp_path / "wandb")
    edits = log.with_name("run-one.edits.rslog")
    edits.write_bytes(b"x")
    with watched(tmp_path) as watching:
        (one,) = watching.watcher._watched.values()
        for live in (log, edits):
            watching.watcher.follow(live, True)
        watching.becomes(lambda: str(log.parent) in one._listening.folders)
        watching.watcher.follow(edits, False)
        watching.becomes(lambda: len(one._polling) == 1)
        assert str(log.parent) in one._listening.folders
        watching.watcher.follow(log, False)
        watching.becomes(lambda: str(log.parent) not in one._listening.folders)


def test_runs_that_ended_lately_are_listened_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "RECENT_RUNS", 2)
    logs = []
    for day in (3, 1, 2):
        folder = tmp_path / "wandb" / f"offline-run-2024010{day}_000000-r{day}"
        folder.mkdir(parents=True)
        logs.append(log_in(folder))
    with watched(tmp_path) as watching:
        watching.is_quiet()
        edits = [log.with_name(f"{log.stem}.edits.rslog") for log in logs]
        for edit in edits:
            edit.write_bytes(b"x")
        assert watching.finds(edits[0], edits[2]) == {edits[0], edits[2]}
        (one,) = watching.watcher._watched.values()
        assert str(logs[2].parent) in one._listening.folders
        new = new_log(tmp_path / "wandb", "new")  # which takes the place of that of the second day
        watching.finds(new)
        watching.becomes(lambda: str(logs[2].parent) not in one._listening.folders)
        assert {str(logs[0].parent), str(new.parent)} <= one._listening.folders


def test_with_no_queue_of_events_to_be_had_everything_is_polled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Inotify) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(inotify.Inotify, "__init__", refused)
    with watched(tmp_path) as watching:
        assert watching.how() == ["polling"]
        assert any("max_user_instances" in problem for problem in watching.problems)
        watching.finds(new_log(tmp_path / "wandb"))


def test_lost_events_cost_time_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = new_log(tmp_path / "wandb")
    with watched(tmp_path) as watching:
        watching.watcher.follow(live, True)
        watching.is_quiet()
        monkeypatch.setattr(watching.watcher._listener, "_named", lambda events: set())
        log = new_log(tmp_path / "wandb", "two")
        watching.watcher._on_lost()
        watching.finds(log, live)


def test_a_wait_ends_at_once_when_it_is_woken(tmp_path: Path) -> None:
    idle = Watcher([Root(tmp_path)])
    threading.Timer(0.1, idle.wake).start()
    assert idle.changed(60.0) == set()


def test_a_slow_root_holds_up_neither_the_start_nor_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "START_SECONDS", 0.2)
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    for root in (slow, quick):
        root.mkdir()
    answers = threading.Event()

    def waiting(folder: Path) -> str:
        if folder == slow:
            answers.wait()
        return why_silent(folder)

    monkeypatch.setattr(listening, "why_silent", waiting)
    with watched(slow, quick) as watching:
        assert watching.watcher._watched[quick]._thread.has_ticked.wait(PATIENCE_SECONDS)
        watching.finds(new_log(quick / "wandb"))
        answers.set()
        watching.becomes(lambda: watching.how() == ["events", "events"])


def test_a_file_server_that_does_not_answer_holds_up_no_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "START_SECONDS", 0.1)
    roots = [tmp_path / name for name in "abcdef"]
    answers = threading.Event()

    def waiting(folder: Path) -> str:
        answers.wait()
        return ""

    for root in roots:
        root.mkdir()
    monkeypatch.setattr(listening, "why_silent", waiting)
    begun = time.monotonic()
    with watched(*roots) as watching:
        assert watching.how() == ["missing"] * 6
    assert time.monotonic() - begun < PROMPT_SECONDS
    answers.set()

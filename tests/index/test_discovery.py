"""Which logs are looked at again: everything that changed is found, and what did not change is not even listed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runstore.index import discovery
from runstore.index.discovery import changes
from runstore.index.indexer import Indexer
from runstore.paths import find_logs
from runstore.query.api import Api
from runstore.runlog.framing import FILE_HEADER
from tests.index.writing import dump, indexed, log_path, plain_rows, row, write, write_log


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What is on disk now counts as settled; what comes from the next tick of the clock on shows."""
    monkeypatch.setattr(discovery, "SETTLED_NS", 0)

    def wait() -> None:
        time.sleep(0.02)  # a file system's clock may tick each 10 ms only

    return wait


def caught_up(index: Path, *places: Path) -> Indexer:
    indexer = Indexer(index)
    for place in places:
        assert indexer.catch_up_below(place) == []
    return indexer


def listed(monkeypatch: pytest.MonkeyPatch, look: Callable[[], object]) -> list[str]:
    """Return the folders that are listed while `look` runs."""
    folders: list[str] = []
    scandir = os.scandir

    def noting(folder: str) -> object:
        folders.append(folder)
        return scandir(folder)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", noting)
        look()
    return folders


def settled_folders(indexer: Indexer) -> int:
    (count,) = indexer.connection.execute("SELECT count(*) FROM folders WHERE mtime_ns").fetchone()
    return int(count)


def test_settled_folders_are_not_listed_again(
    settled: Callable[[], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in "abc":
        write_log(tmp_path, plain_rows(range(2)), name, f"r{name}")
    settled()
    indexer = caught_up(tmp_path / "i.db", tmp_path / "wandb")
    assert listed(monkeypatch, lambda: indexer.catch_up_below(tmp_path / "wandb")) == []
    write_log(tmp_path, plain_rows(range(2)), "d", "rd")
    again = listed(monkeypatch, lambda: indexer.catch_up_below(tmp_path / "wandb"))
    assert [Path(folder).name for folder in again] == ["wandb", "offline-run-20240101_d-rd"]
    assert len(Api(indexer.path, refresh=False).runs()) == 4


def test_folders_that_changed_just_now_are_listed_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_log(tmp_path, plain_rows(range(2)))
    indexer = caught_up(tmp_path / "i.db", tmp_path / "wandb")
    assert settled_folders(indexer) == 0
    assert len(listed(monkeypatch, lambda: indexer.catch_up_below(tmp_path / "wandb"))) == 2


def test_a_log_that_grows_in_a_settled_folder_is_read(settled: Callable[[], None], tmp_path: Path) -> None:
    bodies = plain_rows(range(20))
    whole = write_log(tmp_path / "whole", bodies).read_bytes()
    log = write_log(tmp_path / "x", bodies[:10])
    settled()
    indexer = caught_up(tmp_path / "i.db", tmp_path / "x")
    assert settled_folders(indexer) == 3
    log.write_bytes(whole)
    indexer.catch_up_known()
    assert dump(indexer.path) == indexed(tmp_path / "once.db", tmp_path / "x")


def test_a_second_log_in_a_settled_run_directory_is_found(settled: Callable[[], None], tmp_path: Path) -> None:
    first = write_log(tmp_path, plain_rows(range(2)))
    settled()
    indexer = caught_up(tmp_path / "i.db", tmp_path / "wandb")
    write(first.with_name("run-other.wandb"), [row(1, {"loss": 1.0})])
    indexer.catch_up_below(tmp_path)
    assert len(Api(indexer.path, refresh=False).runs()) == 2


@pytest.mark.parametrize("content", [b"", b"no log at all"])
def test_a_file_that_becomes_a_log_in_an_unchanged_folder_is_found(
    content: bytes, settled: Callable[[], None], tmp_path: Path
) -> None:
    whole = write_log(tmp_path / "whole", plain_rows(range(3))).read_bytes()
    log = log_path(tmp_path / "x")
    log.write_bytes(content)
    settled()
    indexer = Indexer(tmp_path / "i.db")
    indexer.catch_up_below(tmp_path / "x")
    log.write_bytes(whole)
    assert indexer.catch_up_below(tmp_path / "x") == []
    assert len(Api(indexer.path, refresh=False).runs()) == 1


def test_a_log_that_was_none_for_a_while_is_found_again(settled: Callable[[], None], tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(3)))
    good = log.read_bytes()
    settled()
    indexer = caught_up(tmp_path / "i.db", tmp_path / "wandb")
    log.write_bytes(b"something else" * 100)
    assert len(indexer.catch_up_below(tmp_path / "wandb")) == 1
    log.write_bytes(good)
    assert indexer.catch_up_below(tmp_path / "wandb") == []
    assert dump(indexer.path) == indexed(tmp_path / "once.db", tmp_path / "wandb")


def test_a_log_copied_in_with_the_old_times_of_its_folder_is_found(settled: Callable[[], None], tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(3)))
    good, folder = log.read_bytes(), log.parent
    log.unlink()
    settled()
    indexer = caught_up(tmp_path / "i.db", tmp_path / "wandb")
    before = folder.stat()
    log.write_bytes(good)
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))  # as rsync and tar do it
    indexer.catch_up_below(tmp_path / "wandb")
    assert len(Api(indexer.path, refresh=False).runs()) == 1


def test_a_tree_that_is_moved_away_and_back_is_forgotten_and_found(settled: Callable[[], None], tmp_path: Path) -> None:
    for name in "ab":
        write_log(tmp_path / "x" / name, plain_rows(range(2)), run_id=f"r{name}")
    settled()
    indexer = caught_up(tmp_path / "i.db", tmp_path / "x")
    known = dump(indexer.path)
    (tmp_path / "x" / "a").rename(tmp_path / "away")
    indexer.catch_up_below(tmp_path / "x")
    assert [run.id for run in Api(indexer.path, refresh=False).runs()] == ["rb"]
    (tmp_path / "away").rename(tmp_path / "x" / "a")
    indexer.catch_up_below(tmp_path / "x")
    assert dump(indexer.path) == known


def test_a_folder_replaced_by_a_link_is_not_followed(settled: Callable[[], None], tmp_path: Path) -> None:
    write_log(tmp_path / "x" / "a", plain_rows(range(2)))
    settled()
    indexer = caught_up(tmp_path / "i.db", tmp_path / "x")
    (tmp_path / "x" / "a").rename(tmp_path / "elsewhere")
    (tmp_path / "x" / "a").symlink_to(tmp_path / "elsewhere")
    write_log(tmp_path / "elsewhere", plain_rows(range(2)), "b", "r2")
    indexer.catch_up_below(tmp_path / "x")
    assert [run.id for run in Api(indexer.path, refresh=False).runs()] == ["r1"]  # by its path, which leads there


def test_a_linked_log_is_known_by_the_path_that_it_has(settled: Callable[[], None], tmp_path: Path) -> None:
    log = write_log(tmp_path / "elsewhere", plain_rows(range(2)))
    link = log_path(tmp_path / "x")
    link.symlink_to(log)
    settled()
    indexer = caught_up(tmp_path / "i.db", tmp_path / "x")
    assert indexer.connection.execute("SELECT path FROM logs").fetchall() == [(str(log.resolve()),)]
    bodies = log.read_bytes()
    log.unlink()
    indexer.catch_up_known()
    log.write_bytes(bodies)
    indexer.catch_up_below(tmp_path / "x")
    assert len(Api(indexer.path, refresh=False).runs()) == 1


def test_a_look_finds_what_a_walk_finds(settled: Callable[[], None], tmp_path: Path) -> None:
    for place in ("", "deep/er", ".hidden", "offline-run-1-a/files", "run-1-b/logs", "files"):
        write_log(tmp_path / place, plain_rows(range(1)), run_id=place.replace("/", "_").strip(".") or "top")
    (tmp_path / "run-not-a-folder.wandb").mkdir()
    walked = {path.resolve() for path in find_logs(tmp_path)}
    indexer = Indexer(tmp_path / "i.db")
    assert set(changes(indexer.connection, [tmp_path]).logs) == walked
    assert len(walked) == 3
    settled()
    indexer.catch_up_below(tmp_path)
    found = changes(indexer.connection, [tmp_path / "deep", tmp_path], everything=True)
    assert found.logs == found.gone == []


def test_an_empty_log_is_looked_at_until_it_has_records(settled: Callable[[], None], tmp_path: Path) -> None:
    whole = write_log(tmp_path / "whole", plain_rows(range(3))).read_bytes()
    log = log_path(tmp_path / "x")
    log.write_bytes(FILE_HEADER)
    settled()
    indexer = caught_up(tmp_path / "i.db", tmp_path / "x")
    log.write_bytes(whole)
    indexer.catch_up_known()
    assert len(Api(indexer.path, refresh=False).runs()) == 1


def test_nothing_is_said_of_what_is_left_out(settled: Callable[[], None], tmp_path: Path) -> None:
    kept, left_out = (write_log(tmp_path / name, plain_rows(range(2)), "r", name) for name in ("kept", "out"))
    settled()
    indexer = Indexer(tmp_path / "i.db")

    def skips(path: str) -> bool:
        return path.startswith(str(tmp_path / "out"))

    found = indexer.changes_below([tmp_path], skips)
    assert found.logs == [kept]
    indexer.take_in(found)
    later = indexer.changes_below([tmp_path])  # which remembers no folder as if it had seen all of it
    assert later.logs == [left_out]
    indexer.take_in(later)
    left_out.unlink()
    kept.unlink()
    assert indexer.changes_below([tmp_path], skips).gone == [kept]


def test_a_place_inside_of_what_is_left_out_is_looked_at(tmp_path: Path) -> None:
    outer = write_log(tmp_path, plain_rows(range(2)), "outer", "r")
    inner = write_log(tmp_path / "out" / "mine", plain_rows(range(2)), "inner", "r")
    write_log(tmp_path / "out", plain_rows(range(2)), "hidden", "r")

    def skips(path: str) -> bool:
        return path.startswith(str(tmp_path / "out")) and not path.startswith(str(tmp_path / "out" / "mine"))

    found = Indexer(tmp_path / "i.db").changes_below([tmp_path, tmp_path / "out" / "mine"], skips)
    assert found.logs == [inner, outer]

"""Runs on a file system that is away stay known; runs that were deleted do not."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from runstore.index.indexer import Indexer
from runstore.query.api import Api
from tests.index.writing import dump, plain_rows, write_log


def unmounted(mount: Path) -> Path:
    """Put an empty folder in place of `mount`, as unmounting does; return where what was mounted is."""
    away = mount.with_name("elsewhere")
    mount.rename(away)
    mount.mkdir()
    return away


def written_after(folder: Path) -> None:
    """Let the logs below `folder` look as if they were written from now on, by a clock that ticks slowly."""
    soon = time.time_ns() + 60_000_000_000
    for log in folder.rglob("*.wandb"):
        os.utime(log, ns=(soon, soon))


def ids(indexer: Indexer) -> list[str]:
    return [run.id for run in Api(indexer.path, refresh=False).runs()]


@pytest.fixture
def indexer(tmp_path: Path) -> Indexer:
    return Indexer(tmp_path / "i.db")


def test_runs_below_a_root_that_is_not_mounted_stay_known(indexer: Indexer, tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    write_log(mount, plain_rows(range(3)))
    written_after(mount)
    indexer.add_root(mount)
    indexer.catch_up_known()
    known = dump(indexer.path)
    away = unmounted(mount)
    indexer.catch_up_known()
    indexer.catch_up_below(mount)
    assert ids(indexer) == ["r1"]
    mount.rmdir()
    indexer.catch_up_known(tmp_path / "beside")
    assert ids(indexer) == ["r1"]
    away.rename(mount)
    indexer.catch_up_known()
    assert dump(indexer.path) == known


@pytest.mark.parametrize("is_remembered", [True, False])
def test_runs_on_a_mount_below_other_folders_stay_known(is_remembered: bool, indexer: Indexer, tmp_path: Path) -> None:
    mount = tmp_path / "root" / "deep" / "mount"
    write_log(tmp_path / "root", plain_rows(range(3)), run_id="r0")
    write_log(mount, plain_rows(range(3)))
    written_after(mount)
    if is_remembered:
        indexer.add_root(tmp_path / "root")
    indexer.catch_up_below(tmp_path / "root")
    unmounted(mount).rename(tmp_path / "away")
    indexer.catch_up_known()
    indexer.catch_up_below(tmp_path / "root")
    assert sorted(ids(indexer)) == ["r0", "r1"]


def test_a_run_that_is_deleted_is_forgotten(indexer: Indexer, tmp_path: Path) -> None:
    """Also the last one in its folder, which is left empty."""
    root = tmp_path / "root"
    logs = [write_log(root / name, plain_rows(range(3)), run_id=name) for name in ("a", "b")]
    indexer.add_root(root)
    indexer.catch_up_known()
    shutil.rmtree(logs[0].parent)
    assert list((root / "a" / "wandb").iterdir()) == []
    indexer.catch_up_known()
    assert ids(indexer) == ["b"]
    logs[1].unlink()
    indexer.catch_up_known()
    assert ids(indexer) == []


def test_a_root_that_is_deleted_in_one_that_is_there_is_forgotten(indexer: Indexer, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_log(tmp_path / "root" / name, plain_rows(range(3)), run_id=name)
    indexer.add_root(tmp_path / "root")
    indexer.add_root(tmp_path / "root" / "a")
    indexer.catch_up_known()
    shutil.rmtree(tmp_path / "root" / "a")
    indexer.catch_up_known()
    assert ids(indexer) == ["b"]


def test_whoever_knows_that_a_root_is_the_same_is_told_what_was_deleted(indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "root"
    log = write_log(root, plain_rows(range(3)))
    indexer.add_root(root)
    indexer.catch_up_known()
    shutil.rmtree(root / "wandb")
    assert indexer.changes_below([root]).gone == [log.resolve()]
    assert indexer.changes_below([]).gone == []

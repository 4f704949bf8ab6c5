"""Runs are compared by what people mean with "the same"."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.index.indexer import Indexer
from runstore.query.compare import Difference, compare, packages, patch_difference
from runstore.query.filtering.select import select
from runstore.query.stored.run import StoredRun
from runstore.query.stored.tags import retagged
from tests.index.writing import config, header, log_path, row, run, write

PATCH = "diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/train.py\n+lr = {}\n"


def stored(folder: Path, run_id: str, values: dict[str, object], loss: float, lr: int | None) -> None:
    about = run(run_id, git={"commit": "abc", "remote_url": "git@host:me/it"})
    log = write(log_path(folder, run_id, run_id), [header(), about, config(values), row(1, {"loss": loss})])
    if lr is not None:
        (log.parent / "files").mkdir()
        (log.parent / "files" / "diff.patch").write_text(PATCH.format(lr))


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[StoredRun]]:
    first = {"lr": 1, "sizes": [1, 2], "net": {"depth": 3}, "bad": math.nan, "_wandb": {"t": 1}}
    stored(tmp_path, "a", first, math.nan, 1)
    stored(tmp_path, "b", {"lr": 1.0, "sizes": [1, 3], "net": {"depth": 4}, "bad": math.nan}, math.nan, 2)
    stored(tmp_path, "c", {"lr": True, "sizes": [1, 2], "net": {"depth": 3}, "bad": None}, 0.5, None)
    indexer = Indexer(tmp_path / "index.db")
    indexer.catch_up_below(tmp_path)
    yield select(indexer.connection)
    indexer.close()


def keys(rows: list[Difference], section: str) -> dict[str, tuple[object, ...]]:
    return {row.key: row.values for row in rows if row.section == section}


def test_only_what_differs_is_told(runs: list[StoredRun]) -> None:
    rows = compare(runs[:2])
    assert keys(rows, "config") == {"net.depth": (3, 4), "sizes": ([1, 2], [1, 3])}
    assert keys(rows, "summary") == {}  # NaN is no difference
    assert keys(rows, "git") == {}
    assert list(keys(rows, "diff")) == ["sha256"]


def test_true_is_not_one_and_nothing_is_not_nan(runs: list[StoredRun]) -> None:
    rows = keys(compare([runs[0], runs[2]]), "config")
    assert set(rows) == {"lr", "bad"}


def test_more_than_two_runs_and_all_values_are_compared(runs: list[StoredRun]) -> None:
    rows = compare(runs, all_values=True)
    assert keys(rows, "git") == {"commit": ("abc",) * 3, "remote": ("git@host:me/it",) * 3}
    assert keys(rows, "diff")["files"] == (["train.py"], ["train.py"], None)
    assert compare([runs[0], runs[0]]) == []


def test_patches_are_compared_line_by_line(runs: list[StoredRun]) -> None:
    lines = patch_difference(runs)
    assert lines[-2:] == ["-+lr = 1", "++lr = 2"]
    assert patch_difference([runs[0], runs[0]]) == []


def test_packages_are_named_as_pip_names_them() -> None:
    text = "numpy==2.1.0\nRuamel.yaml_clib==0.2\n# comment\n-e git+https://x\nlocal @ file:///tmp/x\n\n"
    assert packages(text) == {"numpy": "2.1.0", "ruamel-yaml-clib": "0.2", "local": "file:///tmp/x"}


def test_tags_are_added_and_removed_in_order() -> None:
    assert retagged(["b", "a"], add=["c", "a"], remove=["b", "x"]) == ["a", "c"]
    assert retagged(["a"], add=["b"], remove=["b"]) == ["a"]

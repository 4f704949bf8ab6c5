"""Runs side by side, by the JSON API."""

from __future__ import annotations

from pathlib import Path

import pytest

import runstore
from tests.web.asking import Asking


@pytest.fixture
def runs(folder: Path) -> list[str]:
    for number, name in enumerate(("a", "b", "c")):
        with runstore.init(project="demo", id=name, config={"lr": 0.1 * number, "same": 1}) as run:
            run.log({"loss": 1.0 / (number + 1)})
            Path(run.dir, "diff.patch").write_text(f"diff --git a/x.py b/x.py\n@@ -1 +1 @@\n-1\n+{min(number, 1)}\n")
    return ["demo/a", "demo/b", "demo/c"]


def test_only_what_differs_is_told_unless_all_is_asked_for(asking: Asking, runs: list[str]) -> None:
    found = asking.post("/api/compare", {"refs": runs})
    rows = {(row["section"], row["key"]): row for row in found["rows"]}
    assert [run["ref"] for run in found["runs"]] == runs
    assert rows["config", "lr"]["values"] == pytest.approx([0.0, 0.1, 0.2])
    assert rows["summary", "loss"]["values"] == pytest.approx([1.0, 0.5, 1 / 3])
    assert ("config", "same") not in rows
    everything = asking.post("/api/compare", {"refs": runs, "all": True})["rows"]
    same = next(row for row in everything if row["key"] == "same")
    assert (same["values"], same["same"]) == ([1], True)


def test_changes_that_were_not_committed_are_compared_line_by_line(asking: Asking, runs: list[str]) -> None:
    found = asking.post("/api/compare/patch", {"refs": runs[:2]})
    assert {"-+0", "++1"} <= set(found["lines"])
    assert found["total"] == len(found["lines"])
    assert asking.post("/api/compare/patch", {"refs": runs[1:]})["total"] == 0


@pytest.mark.parametrize("refs", [[], "demo/a", [1], ["demo/a"] * 51], ids=str)
def test_what_is_no_list_of_runs_is_refused(asking: Asking, runs: list[str], refs: object) -> None:
    asking.refusal("/api/compare", body={"refs": refs}, status=400)


def test_one_patch_is_compared_with_one_other(asking: Asking, runs: list[str]) -> None:
    asking.refusal("/api/compare/patch", body={"refs": runs}, status=400)
    asking.refusal("/api/compare", body={"refs": ["demo/gone"]}, status=404)

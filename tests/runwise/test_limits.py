"""Rows and lines that are longer than a server takes: all others arrive, and what is left behind is said each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runwise.place import place_with
from tests.runwise.written import written

LONGEST = 2_000
SCRIPT = f"""
    import runstore
    run = runstore.init(project="demo", id="long")
    for n in range(5):
        run.log({{"n": n, "text": "x" * ({LONGEST} if n == 2 else 1)}})
        print(n, "y" * ({LONGEST} if n == 3 else 1))
    run.finish()
"""


def test_what_is_too_long_keeps_its_place_and_nothing_else_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runstore.syncd.remotes.wandb.remote.LONGEST_LINE_BYTES", LONGEST)
    written(tmp_path, SCRIPT)
    with place_with(None, tmp_path) as place:
        reports = [place.sync(), place.sync()]
        rows = place.run("long").history
        assert [row["_step"] for row in rows] == [0, 1, 2, 3, 4]
        assert [row.get("n") for row in rows] == [0, 1, None, 3, 4]
        assert [line[0] for line in place.run("long").console] == ["0", "1", "2", "3", "4"]
        assert place.run("long").exit_code == 0
    for report in reports:  # what is not there is not called delivered the next time either
        (note,) = report.notes
        assert "the row of step 2 has" in note
        assert "characters that the program printed" in note
        assert (report.verified, report.files_left) == (0, 2)
    assert not list(tmp_path.glob("wandb/*/*.synced"))

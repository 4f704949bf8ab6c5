"""The console by the JSON API: lines in view, the one that is not ended, what is found."""

from __future__ import annotations

from pathlib import Path

import pytest

import runstore
from tests.web.asking import Asking


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> runstore.Run:
    """A run that is going on, and has printed."""
    run = runstore.init(project="demo", id="r1", settings={"console": "off"})
    for number in range(300):
        run.write_logs(f"step {number}")
    return run


def standing(asking: Asking) -> tuple[int, int]:
    (log,) = asking.get("/api/console", ref="demo/r1")
    return log["log"], log["count"]


def test_lines_are_asked_for_by_their_numbers(asking: Asking, run: runstore.Run) -> None:
    log, count = standing(asking)
    assert count == 300
    some = asking.get("/api/console/lines", ref="demo/r1", log=log, **{"from": 298, "count": 10})
    assert (some["from"], some["texts"]) == (298, ["step 298", "step 299"])
    assert len(some["streams"]) == len(some["times"]) == 2


def test_who_follows_asks_only_for_what_is_new(asking: Asking, run: runstore.Run) -> None:
    log, count = standing(asking)
    run.write_logs("more")
    assert standing(asking) == (log, count + 1)
    assert asking.get("/api/console/lines", ref="demo/r1", log=log, **{"from": count})["texts"] == ["more"]


def test_what_is_found_is_told_by_log_and_line(asking: Asking, run: runstore.Run) -> None:
    log, _ = standing(asking)
    found = asking.get("/api/console/find", ref="demo/r1", text="STEP 29")
    assert found == {"logs": [log] * 11, "lines": [29, *range(290, 300)], "total": 11}
    assert asking.get("/api/console/find", ref="demo/r1", text="STEP", case=1)["total"] == 0
    assert asking.get("/api/console/find", ref="demo/r1", text="p .9$", regex=1)["total"] == 9
    assert asking.get("/api/console/find", ref="demo/r1", text="")["total"] == 0


def test_what_can_not_be_asked_is_refused_with_a_sentence(asking: Asking, run: runstore.Run) -> None:
    log, _ = standing(asking)
    assert "no regular" in asking.refusal("/api/console/find", ref="demo/r1", text="(", regex=1, status=400)
    asking.refusal("/api/console/lines", ref="demo/r1", log=log, count=10**6, status=400)
    asking.refusal("/api/console/lines", ref="demo/r1", log=log + 99, status=404)

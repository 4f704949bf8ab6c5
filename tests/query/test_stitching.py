"""A run of many logs is one history and one summary: set back, forked, resumed, copied, begun again by stock tools."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from runstore.index.indexer import Indexer
from runstore.query.api import Api
from runstore.query.points.stitched import points_of
from runstore.query.stored.run import StoredRun
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Record
from tests.index.writing import exit_record, header, log_path, metric, pending, row, run, summary, write


class Folder:
    """A folder of logs and an index that is brought up to date before each look."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.indexer = Indexer(place / "i.db")
        self._logs = 0

    def log(self, bodies: Sequence[bytes], run_id: str = "r1", kind: str = "start", **more: Any) -> Path:
        """Write a log that was begun a second after the one before it."""
        self._logs += 1
        branch = {"branch_point": more.pop("branch")} if "branch" in more else {}
        began = [header(kind, more.pop("started", 1000.0 + self._logs), **more), run(run_id, **branch)]
        return write(log_path(self.place, f"{self._logs}", run_id), [*began, *bodies])

    def stock_log(self, bodies: Sequence[bytes], run_id: str = "r1", **more: Any) -> Path:
        """Write a log as stock tools write it."""
        self._logs += 1
        began = run(run_id, start_time={"seconds": 1000 + self._logs}, **more)
        return write(log_path(self.place, f"{self._logs}", run_id), [codec.encode(Record(header={})), began, *bodies])

    def run(self, run_id: str = "r1") -> StoredRun:
        """Return a run as the index has it now, which is what one made anew would have."""
        self.indexer.catch_up_below(self.place)
        found = Api(self.place / "i.db", refresh=False).run(run_id)
        anew = self.place / "anew.db"
        Indexer(anew).catch_up_below(self.place)
        same = Api(anew, refresh=False).run(run_id)
        anew.unlink()
        for name in ("summary", "config", "lastHistoryStep", "keys", "logs", "state"):
            assert repr(getattr(found, name)) == repr(getattr(same, name)), name
        assert repr(list(found.scan_history())) == repr(list(same.scan_history()))
        return found

    def values(self, run_id: str = "r1", key: str = "a") -> list[tuple[int, Any]]:
        """Return step and value of a metric; the points are the same as the rows."""
        found = self.run(run_id)
        (number,) = self.indexer.connection.execute("SELECT id FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        points = points_of(self.indexer.connection, number, key)
        rows = [(line["_step"], line[key]) for line in found.scan_history([key])]
        assert list(zip(points.steps.tolist(), points.values.tolist(), strict=True)) == [
            (step, value) for step, value in rows if type(value) in (int, float)
        ]
        return rows


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    found = Folder(tmp_path)
    yield found
    found.indexer.close()


def rows(steps: Sequence[int], scale: float = 1.0) -> list[bytes]:
    return [row(step, {"a": step * scale}) for step in steps]


def without_times(found: StoredRun) -> dict[str, Any]:
    return {key: value for key, value in found.summary.items() if not key.startswith("_")}


# ---- set back


def test_the_summary_of_a_run_that_was_set_back_has_no_value_of_what_was_superseded(folder: Folder) -> None:
    defined = metric("a", "min", "max", "mean", "last", "first")
    extra = [row(7, {"late": 1}), summary({"best": 9}), row(8, {"a": -5.0})]
    folder.log([defined, *rows([1, 2, 3, 4]), summary({"early": 1}), *rows([5, 6]), *extra])
    assert without_times(folder.run())["late"] == 1
    folder.log([defined, *rows([5], 2.0)], kind="rewind", starting_step=5)
    assert without_times(folder.run()) == {
        "a": {"min": 1.0, "max": 10.0, "mean": 4.0, "last": 10.0, "first": 1.0},
        "early": 1,
    }
    assert folder.values() == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (5, 10.0)]
    assert folder.run().keys == ["_runtime", "_timestamp", "a"]


def test_a_run_that_was_set_back_and_killed_at_once_is_as_it_was_then(folder: Folder) -> None:
    folder.log([*rows(range(10)), pending(10, {"a": 100.0, "open": 1})])
    folder.log([], kind="rewind", starting_step=4)
    assert without_times(folder.run()) == {"a": 3.0}
    assert (folder.run().lastHistoryStep, len(folder.values())) == (3, 4)


def test_a_superseded_log_that_goes_on_adds_nothing_but_earlier_steps(folder: Folder) -> None:
    whole = folder.log([*rows(range(10)), row(2, {"b": 1}), summary({"by hand": 1}), *rows([10, 11])])
    data = whole.read_bytes()
    folder.log([*rows([4])], kind="rewind", starting_step=4)
    whole.write_bytes(data[: len(data) // 2])
    folder.run()
    whole.write_bytes(data)
    assert without_times(folder.run()) == {"a": 4.0, "b": 1}
    assert folder.values(key="b") == [(2, 1)]


def test_a_log_that_is_away_when_its_run_is_set_back_is_folded_when_it_is_back(folder: Folder) -> None:
    first = folder.log(rows(range(10)))
    folder.run()
    away = first.rename(first.with_name("away"))
    second = folder.log([], kind="rewind", starting_step=4)
    folder.indexer.catch_up(second)
    away.rename(first)
    os.utime(second)
    assert without_times(folder.run()) == {"a": 3.0}


def test_set_back_by_stock_tools(folder: Folder) -> None:
    folder.stock_log(rows(range(10)))
    point = {"run": "r1", "value": 3.0, "metric": "_step"}
    folder.stock_log(rows([4, 5], 2.0), branch_point=point)
    assert folder.values() == [*((step, float(step)) for step in range(4)), (4, 8.0), (5, 10.0)]


def test_a_stock_log_that_was_lifted_is_cut_where_it_stands(folder: Folder) -> None:
    folder.stock_log(rows(range(5)))
    folder.stock_log([*rows(range(5), 2.0), row(2, {"b": 1})], resume=True)
    assert folder.values()[-1] == (9, 8.0)
    folder.log([], kind="rewind", starting_step=8)
    assert folder.values()[-1] == (7, 4.0)
    assert without_times(folder.run()) == {"a": 4.0, "b": 1}


# ---- forks


def fork(of: str, step: int) -> dict[str, Any]:
    return {"run": of, "value": step, "metric": "_step"}


def test_a_fork_shows_its_parents_rows_up_to_the_step_and_its_own(folder: Folder) -> None:
    folder.log([*rows(range(10)), summary({"by hand": 1}), exit_record()], "parent")
    folder.log(rows([5, 6], 2.0), "child", branch=fork("parent", 4), starting_step=5)
    assert folder.values("child") == [*((step, float(step)) for step in range(5)), (5, 10.0), (6, 12.0)]
    assert (folder.run("child").lastHistoryStep, without_times(folder.run("child"))) == (6, {"a": 12.0})
    assert len(folder.run("child").logs) == 1
    assert (folder.run("child").exit_code, folder.run("parent").exit_code) == (None, 0)
    assert len(folder.values("parent")) == 10


def test_a_fork_whose_parent_is_found_later_or_deleted(folder: Folder) -> None:
    defined = metric("a", "min", "mean")
    folder.log([defined, *rows([5, 6])], "child", branch=fork("parent", 4), starting_step=5)
    assert (folder.values("child"), without_times(folder.run("child"))) == (
        [(5, 5.0), (6, 6.0)],
        {"a": {"min": 5.0, "mean": 5.5}},
    )
    parent = folder.log([defined, *rows(range(10))], "parent")
    assert folder.values("child") == [(step, float(step)) for step in range(7)]
    assert without_times(folder.run("child")) == {"a": {"min": 0.0, "mean": 3.0}}
    parent.unlink()
    assert folder.values("child") == [(5, 5.0), (6, 6.0)]
    assert without_times(folder.run("child")) == {"a": {"min": 5.0, "mean": 5.5}}


def test_a_fork_of_a_fork_and_forks_in_a_ring(folder: Folder) -> None:
    folder.log(rows([6]), "c", branch=fork("b", 5))
    folder.log(rows([3, 4, 5]), "b", branch=fork("a", 2))
    folder.log(rows(range(10), 2.0), "a")
    assert folder.values("c") == [(0, 0.0), (1, 2.0), (2, 4.0), (3, 3.0), (4, 4.0), (5, 5.0), (6, 6.0)]
    folder.log(rows([2]), "x", branch=fork("y", 1))
    folder.log(rows([2]), "y", branch=fork("x", 2))
    assert folder.values("x") == [(2, 2.0)]


def test_a_fork_keeps_what_its_parent_was_set_back_from_afterwards(folder: Folder) -> None:
    folder.log(rows(range(10)), "parent")
    folder.log(rows([8]), "child", branch=fork("parent", 7))
    folder.log(rows([3], 5.0), "parent", kind="rewind", starting_step=3)
    folder.log(rows([8], 5.0), "later", branch=fork("parent", 7))
    assert folder.values("child") == [(step, float(step)) for step in range(9)]
    assert folder.values("later") == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 15.0), (8, 40.0)]


def test_a_fork_set_back_behind_the_step_of_the_fork(folder: Folder) -> None:
    folder.log(rows(range(10)), "parent")
    folder.log(rows([5, 6]), "child", branch=fork("parent", 4))
    folder.log([], "child", kind="rewind", starting_step=3)
    assert folder.values("child") == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert without_times(folder.run("child")) == {"a": 2.0}


def test_a_fork_of_another_project_has_no_parent_here(folder: Folder) -> None:
    folder.log(rows(range(10)), "parent")
    point = Record(run={"run_id": "child", "project": "other", "branch_point": fork("parent", 4)})
    write(log_path(folder.place, "x", "child"), [header(), codec.encode(point), *rows([5])])
    assert folder.values("child") == [(5, 5.0)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -7.0, 1e300])
def test_a_fork_from_no_step_is_a_run_like_any_other(value: float, folder: Folder) -> None:
    folder.log(rows(range(3)), "parent")
    folder.log(rows([5]), "child", branch={"run": "parent", "value": value, "metric": "_step"})
    assert folder.values("child") == [(5, 5.0)]


# ---- ranks, copies, later fragments


def test_ranks_and_successors_are_merged_by_step_and_the_later_log_counts(folder: Folder) -> None:
    defined = metric("a", "min", "max", "mean")
    folder.log([defined, *rows([0, 1, 2])])
    folder.log([defined, row(1, {"a": 10.0, "rank": 1})], kind="rank")
    folder.log([defined, *rows([3])], kind="successor", starting_step=3)
    assert folder.values() == [(0, 0.0), (1, 10.0), (2, 2.0), (3, 3.0)]
    assert without_times(folder.run())["a"] == {"min": 0.0, "max": 10.0, "mean": 16 / 5}


def test_a_run_that_ended_and_grows_a_new_log_goes_on(folder: Folder) -> None:
    folder.log([*rows([0, 1]), exit_record(1)])
    assert folder.run().state == "failed"
    folder.log([*rows([2]), exit_record(0)], kind="resume", starting_step=2)
    assert (folder.run().state, folder.run().lastHistoryStep) == ("finished", 2)


def copied(log: Path, to: Path, size: int | None = None) -> Path:
    """Copy a log, or only its beginning, below another root."""
    place = to / log.parent.name / log.name
    place.parent.mkdir(parents=True)
    place.write_bytes(log.read_bytes()[:size])
    return place


def test_of_copies_in_two_roots_the_longer_counts_whichever_is_deleted(folder: Folder) -> None:
    log = folder.log([metric("a", "mean"), *rows(range(100))])
    shorter = copied(log, folder.place / "other", 3000)
    assert len(folder.values()) == 100
    assert without_times(folder.run())["a"] == {"mean": 49.5}
    assert len(folder.run().logs) == 2
    shutil.rmtree(log.parent)
    assert 0 < len(folder.values()) < 100
    assert folder.run().logs == [str(shorter)]


def test_of_copies_of_one_length_the_one_with_less_damage_counts(folder: Folder) -> None:
    log = folder.log(rows(range(2000)))
    folder.log(rows([2000]), kind="rank")
    good = copied(log, folder.place / "z")
    with open(log, "r+b") as file:
        file.seek(40_000)
        file.write(bytes(3000))
    assert len(folder.values()) == 2001
    good.unlink()
    assert len(folder.values()) < 2001


def test_copies_that_went_different_ways_are_the_longer_one(folder: Folder) -> None:
    log = folder.log(rows(range(10)))
    one = log.read_bytes()
    log.unlink()
    folder._logs -= 1
    folder.log(rows([*range(10), *range(100, 120)], 3.0))
    other = folder.place / "other" / log.parent.name / log.name
    other.parent.mkdir(parents=True)
    other.write_bytes(one)
    assert [step for step, _ in folder.values()] == [*range(10), *range(100, 120)]
    assert folder.values()[1] == (1, 3.0)

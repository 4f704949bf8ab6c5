"""Summary: what the process says and what the log says are the same, after any calls in any order."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runstore.index.indexer import Indexer
from runstore.query.api import Api
from runstore.sdk.run import Run
from tests.sdk.reading import begin, fold, only_log, same, without_common


def summary_of(run: Run) -> dict[str, Any]:
    return without_common(dict(run.summary))


def test_summary_follows_the_history(folder: Path) -> None:
    run = begin()
    run.log({"a": 1, "b": 1})
    run.log({"a": 2, "c": None})
    run.log({"a": 3}, commit=False)
    assert summary_of(run) == {"a": 3, "b": 1}
    assert run.summary["_step"] == 2
    assert len(run.summary) == 5


def test_a_value_set_by_hand_stands_until_a_row_sets_it_again(folder: Path) -> None:
    run = begin()
    run.log({"best": 1})
    run.summary["best"] = 9
    run.summary.text = "t"
    run.log({"other": 1})
    assert run.summary.best == run.summary["best"] == run.summary.get("best") == 9
    run.log({"best": 2})
    run.summary.update({"x": {"y": 1}}, z=3)
    assert summary_of(run) == {"best": 2, "text": "t", "other": 1, "x": {"y": 1}, "z": 3}


def test_a_key_can_be_taken_out_of_the_summary(folder: Path) -> None:
    run = begin()
    run.log({"a": 1, "nested": {"b": 2}})
    del run.summary["a"]
    del run.summary["nested"]
    assert summary_of(run) == {}
    del run.summary["a"]  # no error, as W&B has it
    with pytest.raises(AttributeError, match="has no 'a'"):
        run.summary.a  # noqa: B018 - the reading is what is tested
    assert run.summary.get("a", 5) == 5
    run.log({"a": 3})
    assert summary_of(run) == {"a": 3}


def test_what_is_set_in_a_dict_of_the_summary_is_set_in_the_summary(folder: Path) -> None:
    run = begin()
    run.summary["tree"] = {"a": 1, "b": {"c": 2}}
    tree = run.summary["tree"]
    tree["d"] = 3
    tree["b"]["e"] = {"f": 4}
    run.summary["tree"]["b"]["e"]["f"] = 5
    del tree["a"]
    tree.update({"g": 6})
    assert tree.pop("g") == 6
    assert summary_of(run) == {"tree": {"b": {"c": 2, "e": {"f": 5}}, "d": 3}}
    copied = copy.deepcopy(tree)
    copied["a"] = 9
    run.finish()
    assert without_common(fold(only_log(folder)).summary.tree()) == {"tree": {"b": {"c": 2, "e": {"f": 5}}, "d": 3}}


def test_stock_tools_find_the_whole_summary_before_the_exit(folder: Path) -> None:
    from tests.sdk.reading import records

    run = begin()
    run.log({"a": 1, "nested": {"b": 2}})
    run.summary["c"] = 3
    run.finish()
    derived = [r.summary for r in records(only_log(folder)) if r.HasField("summary") and r.summary.derived]
    values = {item.key: item.value_json for item in derived[-1].update}
    assert {key: values[key] for key in ("a", "nested", "c", "_step")} == {
        "a": "1",
        "nested": '{"b":2}',
        "c": "3",
        "_step": "0",
    }
    assert values["_wandb"].startswith('{"runtime":')


def test_a_definition_counts_from_the_row_behind_it_on(folder: Path) -> None:
    run = begin()
    for value in (5.0, 1.0, 3.0):
        run.log({"a": value, "b": value})
    run.define_metric("a", summary="min,mean")
    for value in (4.0, 2.0):
        run.log({"a": value, "b": value})
    assert summary_of(run) == {"a": {"min": 2.0, "mean": 3.0}, "b": 2.0}
    assert same(dict(run.summary), fold(only_log(folder)).summary.tree())


def test_rows_of_other_keys_and_nested_ones_take_turns(folder: Path) -> None:
    run = begin()
    for n in range(3):
        run.log({"train": n, "both": n})
        run.log({"both": n + 0.5, "test": n})
        run.log({"test": {"inner": n}} if n == 1 else {"both": -n})
    assert summary_of(run) == {"train": 2, "both": -2, "test": 2}
    assert same(dict(run.summary), fold(only_log(folder)).summary.tree())


def test_a_finalizer_that_logs_while_the_summary_is_read_comes_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin()
    for value in (1.0, 2.0):
        run.log({"a": value})
    fold_of_run = run._recorder.history._summary
    take_in = fold_of_run.apply_plain_row

    def interrupted(row: dict[str, Any]) -> None:
        monkeypatch.undo()
        run.log({"a": 3.0})
        take_in(row)

    monkeypatch.setattr(fold_of_run, "apply_plain_row", interrupted)
    assert run.summary["a"] in (2.0, 3.0)
    assert summary_of(run) == {"a": 3.0}


KEYS = st.sampled_from(["a", "b", "c", "d.e", "_x"])
LEAVES = (
    st.integers(-(2**64), 2**65) | st.floats() | st.none() | st.booleans() | st.text(max_size=3) | st.lists(st.floats())
)
VALUES = LEAVES | st.dictionaries(KEYS, LEAVES | st.dictionaries(KEYS, LEAVES, max_size=2), max_size=3)
TREES = st.dictionaries(KEYS, VALUES, max_size=4)
Call = Callable[[Run], object]


def _logged(tree: dict[str, Any], step: int | None, commit: bool | None) -> Call:
    def call(run: Run) -> None:
        run.log(tree, step=None if step is None else max(0, run.step + step), commit=commit)

    return call


def _updated(tree: dict[str, Any]) -> Call:
    return lambda run: run.summary.update(tree)


def _removed(key: str) -> Call:
    return lambda run: run.summary.pop(key, None)


CALLS = st.lists(
    st.builds(_logged, TREES, st.none() | st.integers(-2, 2), st.sampled_from([None, None, True, False]))
    | st.builds(_logged, st.dictionaries(KEYS, st.floats(-1, 1), max_size=4), st.none(), st.none())
    | st.builds(_updated, TREES)
    | st.builds(_removed, KEYS),
    max_size=14,
)
FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(calls=CALLS, unseen=st.integers(0, 3))
@FAST
def test_the_fold_in_the_process_and_the_fold_of_the_log_agree(calls: list[Call], unseen: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        run = begin(dir=place, mode="offline")
        try:
            for number, call in enumerate(calls):
                call(run)
                if number % (unseen + 1) == 0:  # who looks at the summary ends a streak of rows
                    assert same(dict(run.summary), fold(only_log(Path(place))).summary.tree())
        finally:
            run.finish()
        assert same(dict(run.summary), fold(only_log(Path(place))).summary.tree())


@given(processes=st.lists(CALLS, min_size=2, max_size=3))
@FAST
def test_a_resumed_runs_summary_is_the_one_that_the_index_puts_together(processes: list[list[Call]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        for calls in processes:
            run = begin(dir=place, id="r", resume="allow")
            for call in calls:
                call(run)
            run.finish()
        api = Api(Path(place, "index.db"), refresh=False)
        indexer = Indexer(Path(place, "index.db"))
        indexer.catch_up_below(Path(place))
        (stored,) = api.runs()
        try:
            assert same(stored.summary, dict(run.summary))
        finally:
            indexer.close()
            api.close()

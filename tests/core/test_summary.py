"""The summary: every definition, nested values against plain ones, and folds put together."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstore.core.keys import path_of
from runstore.core.metrics import Definitions
from runstore.core.summary import SummaryFold
from runstore.runlog.record_pb2 import MetricRecord, MetricSummary

NAN = math.nan


def defined(**aggregates: list[str]) -> SummaryFold:
    fold = SummaryFold()
    for name, some in aggregates.items():
        fold.definitions.apply(metric(name, some))
    return fold


def metric(name: str, aggregates: Sequence[str], goal: MetricRecord.Goal = MetricRecord.GOAL_UNSET) -> MetricRecord:
    record = MetricRecord(goal=goal, summary=MetricSummary(**dict.fromkeys(aggregates, True)))
    if "*" in name:
        record.glob_name = name
    else:
        record.name = name
    return record


@pytest.mark.parametrize(
    ("aggregates", "values", "expected"),
    [
        ([], [3, 1, 2], 2),
        (["last"], [3, 1, 2], {"last": 2}),
        (["min"], [3, 1, 2], {"min": 1}),
        (["max"], [3, 1, 2], {"max": 3}),
        (["mean"], [3, 1, 2], {"mean": 2.0}),
        (["first"], [3, 1, 2], {"first": 3}),
        (["best"], [3, 1, 2], {"best": 1}),
        (["min", "max", "mean"], [3, 1, 2], {"min": 1, "max": 3, "mean": 2.0}),
        (["none"], [3, 1, 2], None),
        (["none", "max"], [3, 1, 2], None),
        (["min"], [NAN, 3, NAN, 1, NAN], {"min": 1}),
        (["max"], [NAN, 3, NAN], {"max": 3}),
        (["min"], [None, True, "text", 4, [1]], {"min": 1.0}),
        (["mean"], ["text", None], None),
    ],
)
def test_definitions(aggregates: list[str], values: list[Any], expected: Any) -> None:
    fold = defined(m=aggregates)
    for value in values:
        fold.apply_row({"m": value})
    assert fold.tree().get("m") == expected


def test_the_best_of_a_metric_to_be_maximized_is_its_largest() -> None:
    fold = SummaryFold()
    fold.definitions.apply(metric("m", ["best"], MetricRecord.GOAL_MAXIMIZE))
    for value in (1, 3, 2):
        fold.apply_row({"m": value})
    assert fold.tree() == {"m": {"best": 3}}


def test_a_glob_counts_for_metrics_without_a_definition_of_their_own_and_never_for_ours() -> None:
    fold = SummaryFold()
    fold.definitions.apply(metric("*", ["max"]))
    fold.definitions.apply(metric("loss", ["min"]))
    for value in (3, 1, 2):
        fold.apply_row({"loss": value, "acc": value, ("val", "acc"): value, "_step": value})
    assert fold.tree() == {"loss": {"min": 1}, "acc": {"max": 3}, "val": {"acc": {"max": 3}}, "_step": 2}


def test_a_later_definition_adds_to_an_earlier_one_and_replaces_it_where_it_says_so() -> None:
    fold = defined(m=["min"])
    fold.apply_row({"m": 3})
    fold.definitions.apply(metric("m", ["max"]))
    fold.apply_row({"m": 2})
    assert fold.tree() == {"m": {"min": 2, "max": 2}}
    last = metric("m", ["last"])
    last.control.overwrite = True
    fold.definitions.apply(last)
    fold.apply_row({"m": 1})
    assert fold.tree() == {"m": {"min": 2, "max": 2, "last": 1}}


def test_definitions_written_anew_say_the_same() -> None:
    definitions = Definitions()
    definitions.apply(metric("a", ["min", "best"], MetricRecord.GOAL_MAXIMIZE))
    definitions.apply(metric("b", ["none"]))
    synced = MetricRecord(glob_name="c/*", step_metric="a", options={"step_sync": True, "hidden": True})
    definitions.apply(synced)
    again = Definitions()
    for record in definitions.records():
        again.apply(record)
    assert (again.by_name, again.by_glob) == (definitions.by_name, definitions.by_glob)
    assert again.missing_steps(("c/x",)) == ["a"]


def test_nothing_that_a_row_says_is_none_changes_the_summary() -> None:
    fold = SummaryFold()
    fold.apply_row({"a": 1, "b": None})
    fold.apply_row({"a": None})
    assert fold.tree() == {"a": 1}


def test_nested_and_plain_values_replace_one_another_at_any_depth() -> None:
    fold = SummaryFold()
    fold.apply_row({("a", "b", "c"): 1, ("a", "x"): 2})
    fold.apply_row({("a", "b"): 3})
    assert fold.tree() == {"a": {"b": 3, "x": 2}}
    fold.apply_row({("a", "b", "c"): 4})
    assert fold.tree() == {"a": {"b": {"c": 4}, "x": 2}}
    fold.apply_row({("a", "b"): 5})
    fold.apply_plain_row({"a": 6})
    assert fold.tree() == {"a": 6}
    fold.apply_row({("a", "b"): 7})
    assert fold.tree() == {"a": {"b": 7}}


def test_what_is_set_by_hand_replaces_all_below_and_a_later_row_wins_over_it() -> None:
    fold = SummaryFold()
    fold.apply_row({("a", "b"): 1, ("a", "c"): 2})
    fold.assign(("a",), {"d": {"e": 3}})
    assert fold.tree() == {"a": {"d": {"e": 3}}}
    fold.assign(("a", "d"), {})
    assert fold.tree() == {"a": {"d": {}}}
    fold.apply_row({("a", "d", "f"): 4})
    assert fold.tree() == {"a": {"d": {"f": 4}}}
    assert fold.get("a") == {"d": {"f": 4}}


def test_removing_takes_all_below() -> None:
    fold = SummaryFold()
    fold.apply_row({("a", "b", "c"): 1, ("a", "x"): 2, "z": 3})
    fold.remove(("a", "b"))
    fold.remove(("z",))
    fold.remove(("never", "there"))
    assert fold.tree() == {"a": {"x": 2}}
    with pytest.raises(KeyError):
        fold.get("z")


def test_a_mean_goes_on_where_stock_tools_write_their_own_mean_before_each_row() -> None:
    fold = defined(m=["mean"])
    for value, mean in ((2, 2.0), (4, 3.0), (9, 5.0)):
        fold.assign(("m", "mean"), mean)
        fold.apply_row({"m": value})
    assert fold.tree() == {"m": {"mean": 5.0}}


def test_metrics_whose_dotted_names_are_the_same_have_means_of_their_own() -> None:
    fold = SummaryFold()
    fold.definitions.apply(metric("a.b", ["mean"]))
    fold.apply_row({"a.b": 1, ("a", "b"): 5})
    assert fold.tree() == {"a.b": {"mean": 1.0}, "a": {"b": {"mean": 5.0}}}


# ---- folds as properties: operations on a few names that collide in every way

PATHS = [("a",), ("b",), ("n",), ("n", "x"), ("n", "y"), ("n", "x", "z"), ("m", "x"), ("m",)]
values = st.sampled_from([None, NAN, True, "t", 0, 1, 2, -4, 0.5, 8.25, [1]])  # whose sums are exact
hand_set = values | st.sampled_from([{}, {"x": 1}, {"x": {"z": 2}, "y": 3}])
rows = st.dictionaries(st.sampled_from(PATHS), values, min_size=1, max_size=3)
operations = st.one_of(
    st.tuples(st.just("row"), rows),
    st.tuples(st.just("assign"), st.tuples(st.sampled_from(PATHS), hand_set)),
    st.tuples(st.just("remove"), st.sampled_from(PATHS)),
)
logs = st.lists(operations, max_size=8)
definitions = st.dictionaries(
    st.sampled_from(["a", "b", "n*", "m.x", "*"]),
    st.lists(st.sampled_from(["min", "max", "mean", "best", "last", "first", "none"]), min_size=1, max_size=3),
    max_size=3,
)


def begun(some: dict[str, list[str]]) -> SummaryFold:
    return defined(**some)


def go_on(fold: SummaryFold, log: list[Any]) -> SummaryFold:
    for kind, what in log:
        if kind == "row":
            fold.apply_row({path[0] if len(path) == 1 else path: value for path, value in what.items()})
        elif kind == "assign":
            fold.assign(*what)
        else:
            fold.remove(what)
    return fold


def shown(fold: SummaryFold) -> str:
    return json.dumps(fold.tree(), sort_keys=True)


@settings(max_examples=400, deadline=None)
@given(definitions, logs, logs)
def test_a_fold_goes_on_from_its_state_as_if_nothing_had_been(
    some: dict[str, list[str]], before: list[Any], after: list[Any]
) -> None:
    fold = go_on(begun(some), before)
    again = SummaryFold.from_state(json.loads(json.dumps(fold.state())))
    assert json.dumps(again.state()) == json.dumps(fold.state())
    assert shown(go_on(again, after)) == shown(go_on(fold, after))


@settings(max_examples=800, deadline=None)
@given(definitions, logs, logs, logs)
def test_folds_put_together_say_what_one_fold_over_all_logs_says(
    some: dict[str, list[str]], first: list[Any], second: list[Any], third: list[Any]
) -> None:
    whole = shown(go_on(go_on(go_on(begun(some), first), second), third))
    a, b, c = (go_on(begun(some), log) for log in (first, second, third))
    assert shown(a.followed_by(b).followed_by(c)) == whole
    assert shown(a.followed_by(b.followed_by(c))) == whole
    assert shown(go_on(a.followed_by(b), third)) == whole


@given(definitions, logs)
def test_no_leaf_of_a_summary_lies_below_another(some: dict[str, list[str]], log: list[Any]) -> None:
    paths = [tuple(path) for path, _ in go_on(begun(some), log).state()["values"]]
    assert not any(a != b and a == b[: len(a)] for a in paths for b in paths)


@given(logs, st.dictionaries(st.sampled_from(["a", "n", "q"]), st.integers(), min_size=1))
def test_the_hot_path_says_the_same(log: list[Any], row: dict[str, int]) -> None:
    slow, hot = go_on(SummaryFold(), log), go_on(SummaryFold(), log)
    slow.apply_row(row)
    hot.apply_plain_row(row)
    assert shown(slow) == shown(hot)
    assert all(path_of(key) in [tuple(p) for p, _ in hot.state()["values"]] for key in row)

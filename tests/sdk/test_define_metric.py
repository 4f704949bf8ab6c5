"""define_metric: what the summary keeps, and the step metrics that rows get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runstore.errors import UsageError
from tests.sdk.reading import begin, fold, logs, only_log, records, rows, without_common


def test_the_summary_keeps_what_was_asked_for(folder: Path) -> None:
    run = begin()
    for kind in ("min", "max", "mean", "last", "first", "copy", "none"):
        run.define_metric(f"m_{kind}", summary=kind)
    run.define_metric("best", summary="best", goal="maximize")
    run.define_metric("two", summary="min, MAX")
    for value in (2, 4, 3):
        run.log(dict.fromkeys((*(f"m_{k}" for k in ("min", "max", "mean", "last", "first")), "best", "two"), value))
        run.log({"m_copy": value, "m_none": value})
    run.finish()
    expected = {
        "m_min": {"min": 2},
        "m_max": {"max": 4},
        "m_mean": {"mean": 3.0},
        "m_last": {"last": 3},
        "m_first": {"first": 2},
        "m_copy": 3,
        "best": {"best": 4},
        "two": {"min": 2, "max": 4},
    }
    assert without_common(fold(only_log(folder)).summary.tree()) == expected


def test_rows_without_their_step_metric_get_its_last_value(folder: Path) -> None:
    run = begin()
    run.define_metric("loss", step_metric="epoch")
    run.define_metric("val/*", step_metric="epoch")
    run.define_metric("free/*", step_metric="epoch", step_sync=False)
    run.log({"loss": 1})
    run.log({"epoch": 5})
    run.log({"loss": 2.5})
    run.log({"val/a": "text"})
    run.log({"free/a": 1})
    run.log({"epoch": None, "loss": 3})
    run.log({"loss": 4})
    run.finish()
    assert [row for _, row in rows(only_log(folder))] == [
        {"loss": 1, "epoch": 0},
        {"epoch": 5},
        {"loss": 2.5, "epoch": 5},
        {"val/a": "text", "epoch": 5},
        {"free/a": 1},
        {"epoch": None, "loss": 3},
        {"loss": 4, "epoch": 5},
    ]


def test_an_open_row_takes_the_step_metric_that_comes_later(folder: Path) -> None:
    run = begin()
    run.define_metric("*", step_metric="epoch")
    run.log({"loss": 1}, step=3)
    run.log({"epoch": 7}, step=3)
    run.log({"loss": 2}, step=4)
    run.log({"acc": 2}, step=4)
    run.finish()
    assert rows(only_log(folder)) == [
        (3, {"loss": 1, "epoch": 7}),
        (4, {"loss": 2, "epoch": 7, "acc": 2}),
    ]


def test_a_resumed_run_goes_by_the_definitions_of_before(folder: Path) -> None:
    run = begin(id="again", resume="allow")
    run.define_metric("loss", step_metric="epoch", summary="min")
    run.log({"loss": 1, "epoch": 3})
    run.finish()
    run = begin(id="again", resume="must")
    run.log({"loss": 2})
    assert run.summary["loss"] == {"min": 1}
    run.finish()
    second = logs(folder)[1]
    assert [row for _, row in rows(second)] == [{"loss": 2, "epoch": 3}]
    assert fold(second).summary.get("loss") == {"min": 2}


def test_a_definition_is_recorded_and_returned(folder: Path) -> None:
    run = begin()
    epoch = run.define_metric("epoch", hidden=True)
    metric = run.define_metric("loss", step_metric=epoch, summary="min", goal="minimize", overwrite=True)
    run.finish()
    assert (metric.name, metric.step_metric, metric.step_sync, metric.summary) == ("loss", "epoch", True, ("min",))
    first, second = [record.metric for record in records(only_log(folder)) if record.HasField("metric")]
    assert (first.options.hidden, first.options.defined, first.step_metric) == (True, True, "")
    assert (second.options.step_sync, second.control.overwrite, second.summary.min, second.goal) == (
        True,
        True,
        True,
        1,
    )


@pytest.mark.parametrize(
    "arguments",
    [{"name": ""}, {"name": "a*b"}, {"name": 3}, {"summary": "median"}, {"goal": "up"}, {"hidden": "yes"}],
)
def test_what_cant_be_meant_is_refused(arguments: dict[str, Any]) -> None:
    run = begin()
    with pytest.raises(UsageError, match="define_metric"):
        run.define_metric(**{"name": "loss", **arguments})


def test_only_a_star_at_the_end_makes_a_glob(folder: Path) -> None:
    with begin() as run:
        run.define_metric("a[b]/*", summary="max")
        run.define_metric("c?", summary="max")
        run.log({"a[b]/x": 2, "ab/x": 2, "c?": 2, "cc": 2})
        run.log({"a[b]/x": 1, "ab/x": 1, "c?": 1, "cc": 1})
    assert without_common(fold(logs(folder)[0]).summary.tree()) == {
        "a[b]/x": {"max": 2},
        "ab/x": 1,
        "c?": {"max": 2},
        "cc": 1,
    }


def test_a_step_metric_inside_a_dict_is_filled_in_where_it_lies(folder: Path) -> None:
    with begin() as run:
        run.log({"at": {"epoch": 2}})
        run.define_metric("acc", step_metric="at.epoch")
        run.log({"acc": 1})
        run.log({"at": {"epoch": 3}})
        run.log({"acc": 2})
    assert rows(logs(folder)[0])[1::2] == [(1, {"acc": 1, ("at", "epoch"): 2}), (3, {"acc": 2, ("at", "epoch"): 3})]


@pytest.mark.parametrize("value", ["late", None, True, [1], {"x": 1}])
def test_what_is_no_number_is_not_filled_in(folder: Path, value: Any) -> None:
    with begin() as run:
        run.define_metric("acc", step_metric="epoch")
        for epoch in (1, 2, value):  # the second time a key is known, and takes the short way
            run.log({"epoch": epoch})
        run.log({"acc": 1})
        run.log({"acc": 2})
    assert rows(logs(folder)[0])[-2:] == [(3, {"acc": 1, "epoch": 2}), (4, {"acc": 2, "epoch": 2})]


def test_a_step_metric_that_changes_in_place_is_filled_in_as_it_was_logged(folder: Path) -> None:
    with begin() as run:
        run.define_metric("acc", step_metric="epoch")
        epoch = np.array(1)
        for number in (1, 2):
            epoch[...] = number
            run.log({"epoch": epoch})
        epoch[...] = 9
        run.log({"acc": 1})
    assert rows(logs(folder)[0])[-1] == (2, {"acc": 1, "epoch": 2})

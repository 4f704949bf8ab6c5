"""Bad input: training goes on, the user is told once, and the log stays readable."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy
import pytest

import runstore
from runstore.runlog.verify import verify
from runstore.sdk.run import Run
from tests.sdk.oddvalues import HARMLESS, RAISING, EqualToNothing, NeverEqual
from tests.sdk.reading import begin, fold, only_log, rows, same


@pytest.mark.parametrize(
    "value",
    [
        *(pytest.param(value, id=name) for name, value in HARMLESS.items()),
        *(pytest.param(value, id=name) for name, value in RAISING.items()),
    ],
)
def test_an_odd_value_stops_neither_the_training_nor_the_values_beside_it(folder: Path, value: Any) -> None:
    run = begin(project="p")
    for _ in range(2):  # a key seen before goes another way
        run.log({"loss": 1.0, "odd": value})
    run.log({"loss": 2.0, "nested": {"odd": [value]}})
    run.config.update({"odd": value, "list": [value], "lr": 0.1})
    run.config.update({"odd": value}, allow_val_change=True)
    run.summary.update({"by hand": value, "best": 3})
    run.finish()
    log = only_log(folder)
    assert [row["loss"] for _, row in rows(log)] == [1.0, 1.0, 2.0]
    assert fold(log).config["lr"] == 0.1
    assert fold(log).summary.tree()["best"] == 3
    assert verify(log).is_intact


def test_a_config_value_of_nan_can_be_set_again(folder: Path) -> None:
    run = begin(config={"lr": math.nan})
    run.config.update({"lr": math.nan})
    run.config.update(run.config)


def test_a_config_value_whose_comparison_is_odd_can_be_set_again(folder: Path) -> None:
    odd, raising = EqualToNothing(), NeverEqual()
    run = begin(config={"odd": odd, "raising": raising})
    run.config.update({"odd": odd, "raising": raising})


@pytest.mark.parametrize("what", [None, 5, "abc", [("a", 1)], {"a"}])
def test_what_is_no_mapping_is_refused_in_one_sentence(folder: Path, what: Any) -> None:
    run = begin()
    with pytest.raises(TypeError, match="takes a dict of names and values, not"):
        run.log(what)
    run.log({"a": 1})
    run.finish()
    assert rows(only_log(folder)) == [(0, {"a": 1})]


@pytest.mark.parametrize(
    "step",
    [2**64, math.nan, math.inf, "abc", [1]],
)
def test_a_step_that_is_no_number_is_refused_in_one_sentence(folder: Path, step: Any) -> None:
    run = begin()
    with pytest.raises(runstore.UsageError, match="step") as refused:
        run.log({"a": 1}, step=step)
    assert "\n" not in str(refused.value)


def test_a_hundred_thousand_keys_are_one_row(folder: Path) -> None:
    many = {f"k{number}": float(number) for number in range(100_000)}
    run = begin()
    run.log(many)
    run.log(many)
    run.log({"after": 1.0})
    run.finish()
    log = only_log(folder)
    assert rows(log) == [(0, many), (1, many), (2, {"after": 1.0})]
    assert verify(log).is_intact


def test_circles_in_config_and_summary_end_where_they_close(folder: Path) -> None:
    circle: dict[str, Any] = {"one": 1}
    circle["again"] = [circle]
    lists: list[Any] = [1]
    lists.append(lists)
    run = begin()
    run.config.update({"circle": circle, "lists": lists})
    run.summary.update({"circle": circle, "lists": lists})
    run.config["lists"].append(2)
    run.log({"a": 1})
    run.finish()
    folded = fold(only_log(folder))
    assert folded.config["circle"]["one"] == folded.summary.tree()["circle"]["one"] == 1
    assert folded.config["lists"] == [1, "[1, [...]]", 2]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: runstore.Image(numpy.zeros((2, 2, 7))), r"shape \(2, 2, 7\)"),
        (lambda: runstore.Image(numpy.zeros((2, 2, 2, 2, 3))), r"shape \(2, 2, 2, 2, 3\)"),
        (lambda: runstore.Image(numpy.zeros((0, 4, 3))), r"shape \(0, 4, 3\)"),
        (lambda: runstore.Image(numpy.array([["a"]])), "ndarray of <U1"),
        (lambda: runstore.Table(columns=["a", "b"], data=[[1]]), "has 2 values"),
        (lambda: runstore.Table(columns=["a"], data=[[1], ["x"]]), "column 'a'"),
        (lambda: runstore.Audio(numpy.zeros((2, 2, 2)), sample_rate=1), r"\(2, 2, 2\)"),
        (lambda: runstore.Object3D(numpy.zeros((3, 2))), r"shape \(3, 2\)"),
        (lambda: runstore.Histogram([math.nan]), "finite"),
    ],
)
def test_media_of_a_wrong_shape_are_refused_in_one_sentence_and_the_run_goes_on(
    folder: Path, make: Any, said: str
) -> None:
    run = begin()
    with pytest.raises((ValueError, TypeError), match=said) as refused:
        run.log({"media": make()})
    assert "\n" not in str(refused.value)
    run.log({"a": 1})
    run.finish()
    assert rows(only_log(folder)) == [(0, {"a": 1})]


def test_a_message_for_a_stream_that_is_none_of_the_usual_kind_is_dropped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", object())
    runstore.termwarn("not to be seen")


def test_what_init_raises_is_caught_as_an_error_of_this_module(tmp_path: Path) -> None:
    (tmp_path / "wandb").touch()
    with pytest.raises(runstore.Error):
        runstore.init(dir=tmp_path)


def test_a_summary_can_be_copied_and_sent_to_another_process(folder: Path) -> None:
    import copy
    import pickle

    run = begin()
    run.log({"a": 1})
    assert same(dict(pickle.loads(pickle.dumps(run.summary))), dict(run.summary))
    assert same(dict(copy.deepcopy(run.summary)), dict(run.summary))


def test_taking_a_name_away_does_not_call_the_run_none(folder: Path) -> None:
    run: Run = begin(name="first")
    run.name = None
    assert run.name is None

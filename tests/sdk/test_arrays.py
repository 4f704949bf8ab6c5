"""Arrays, tensors and their likes as values: small ones whole, larger ones as histograms or statistics."""

from __future__ import annotations

import collections
import math
import types
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

from tests import torch_environment
from tests.sdk.reading import begin, fold, only_log, program, rows, same, succeeded

BINS = 32


def logged(folder: Path, value: Any) -> Any:
    """Return what a row says of `value`, as a tree."""
    with begin() as run:
        run.log({"v": value})
    return fold(only_log(folder)).summary.tree().get("v")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (numpy.array(1.5), 1.5),
        (numpy.array([2.5]), 2.5),
        (numpy.array([[7]]), 7),
        (numpy.array([True]), True),
        (numpy.array([math.nan]), math.nan),
        (numpy.array([]), []),
        (numpy.arange(3), [0, 1, 2]),
        (numpy.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        (numpy.arange(32.0), [float(i) for i in range(32)]),
        (numpy.array([math.nan, 1.0, math.inf]), [math.nan, 1.0, math.inf]),
        (numpy.array(["a", "b"]), ["a", "b"]),
        (numpy.array(["a"] * 40), ["a"] * 40),
        (numpy.array(["2020-01-01"], "datetime64[D]"), "2020-01-01"),
        (numpy.array(["2020-01-01"] * 2, "datetime64[s]"), ["2020-01-01T00:00:00"] * 2),
        (numpy.ma.array([1, 2], mask=[False, True]), [1, None]),
        (pandas.Series([1, 2, 3]), [1, 2, 3]),
        (pandas.Index(["a", "b"]), ["a", "b"]),
        (range(3), [0, 1, 2]),
        (collections.deque([1, 2]), [1, 2]),
        ((1, 2.5), [1, 2.5]),
        (list(range(40)), list(range(40))),
    ],
)
def test_small_arrays_are_kept_whole(folder: Path, value: Any, expected: Any) -> None:
    assert same(logged(folder, value), expected)


@pytest.mark.parametrize(
    "value",
    [
        numpy.arange(40.0),
        numpy.arange(40).reshape(5, 8),
        numpy.arange(40.0).astype(object),
        numpy.arange(40, dtype=numpy.float16),
        pandas.Series(range(40)),
    ],
)
def test_larger_arrays_become_histograms_in_rows(folder: Path, value: Any) -> None:
    counts, edges = numpy.histogram(numpy.arange(40), bins=BINS)
    found = logged(folder, value)
    assert found["_type"] == "histogram"
    assert found["values"] == counts.tolist()
    assert found["bins"] == pytest.approx(edges.tolist(), rel=1e-3)


def test_an_array_of_booleans_is_counted(folder: Path) -> None:
    found = logged(folder, numpy.array([True] * 39 + [False]))
    assert (found["values"][0], found["values"][-1]) == (1, 39)


def test_what_is_not_finite_is_left_out_of_a_histogram_and_said_once(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with begin() as run:
        for _ in range(2):
            run.log({"v": numpy.array([math.nan, math.inf] + [1.0] * 40)})
        run.log({"w": numpy.array([math.nan] * 40)})
    tree = fold(only_log(folder)).summary.tree()
    assert sum(tree["v"]["values"]) == 40
    assert rows(only_log(folder))[-1][1] == {"w": None}
    assert capfd.readouterr().err.count("v: NaN and infinite") == 1


def test_masked_elements_are_left_out_of_a_histogram(folder: Path) -> None:
    found = logged(folder, numpy.ma.array(numpy.arange(50), mask=[i >= 40 for i in range(50)]))
    assert sum(found["values"]) == 40


def test_arrays_in_lists_and_dicts_are_condensed_one_by_one(folder: Path) -> None:
    found = logged(folder, {"a": [numpy.arange(2), numpy.arange(40)], "b": {"c": numpy.arange(40)}, "d": [{"e": [1]}]})
    assert found["a"][0] == [0, 1]
    assert found["a"][1]["_type"] == found["b"]["c"]["_type"] == "histogram"
    assert found["d"] == [{"e": [1]}]


def test_in_the_summary_larger_arrays_become_statistics(folder: Path) -> None:
    with begin() as run:
        run.summary["v"] = numpy.arange(40.0)
        run.summary["small"] = numpy.arange(3)
        run.summary["nested"] = {"v": [numpy.arange(40.0)]}
    tree = fold(only_log(folder)).summary.tree()
    expected = {
        "_type": "numpy.ndarray",
        "var": 133.25,
        "mean": 19.5,
        "min": 0.0,
        "max": 39.0,
        "10%": 3.9000000000000004,
        "25%": 9.75,
        "75%": 29.25,
        "90%": 35.1,
        "size": 40,
    }
    assert tree["v"] == tree["nested"]["v"][0] == expected
    assert tree["small"] == [0, 1, 2]


def test_an_array_of_another_library_is_known_by_its_interface(folder: Path) -> None:
    class Foreign:
        shape = (2,)

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return numpy.array([1, 2])

    assert logged(folder, Foreign()) == [1, 2]


def test_an_array_that_cant_be_converted_does_not_end_the_training(folder: Path) -> None:
    class OnAnotherDevice:
        shape = (2,)

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            raise TypeError("implicit conversion is not allowed")

        def tolist(self) -> list[int]:
            return [1, 2]

    assert logged(folder, OnAnotherDevice()) == [1, 2]


def test_a_list_that_holds_itself_ends_where_it_closes(folder: Path) -> None:
    circle: list[Any] = [numpy.arange(2)]
    circle.append(circle)
    found = logged(folder, circle)
    assert found[0] == [0, 1]


def test_a_module_and_a_class_are_no_arrays(folder: Path) -> None:
    with begin() as run:
        run.log({"module": types, "class": numpy.ndarray})
    assert rows(only_log(folder))[0][1]["class"] == "numpy.ndarray"


def test_lists_of_numbers_load_no_numpy() -> None:
    done = program(
        """
        import sys, runstore
        with runstore.init() as run:
            run.log({"a": [1, 2, {"b": (3, [4])}], "c": "text", "d": {1, 2}})
        print("numpy" in sys.modules)
        """
    )
    assert succeeded(done).split() == ["False"]


@torch_environment.needed()
def test_tensors_are_as_arrays_are(folder: Path) -> None:
    folder.mkdir()
    done = torch_environment.run(
        """
        import torch, runstore
        with runstore.init() as run:
            run.log({
                "scalar": torch.tensor(1.5, requires_grad=True), "one": torch.ones(1, 1), "small": torch.arange(3),
                "flag": torch.tensor(True), "size": torch.ones(3, 4).size(),
                "parameter": torch.nn.Parameter(torch.ones(2)),
                "bfloat16": torch.ones(3, dtype=torch.bfloat16), "sparse": torch.eye(2).to_sparse(),
                "csr": torch.eye(2).to_sparse_csr(), "conjugate": torch.arange(2.).to(torch.complex64).conj().real,
                "list": [torch.tensor(1.), torch.tensor(2.)], "meta": torch.ones(2, device="meta").shape,
                "large": torch.arange(40., requires_grad=True), "large16": torch.arange(40).bfloat16(),
                "made": runstore.Histogram(torch.arange(4., requires_grad=True), num_bins=2),
                "many": runstore.Histogram([torch.tensor(1.), torch.tensor(2.)], num_bins=2),
            })
            run.summary["statistics"] = torch.arange(40.)
        """,
        WANDB_DIR=str(folder),
    )
    succeeded(done)
    tree = fold(only_log(folder)).summary.tree()
    expected = {
        "scalar": 1.5,
        "one": 1.0,
        "small": [0, 1, 2],
        "flag": True,
        "size": [3, 4],
        "parameter": [1.0, 1.0],
        "bfloat16": [1.0, 1.0, 1.0],
        "sparse": [[1.0, 0.0], [0.0, 1.0]],
        "csr": [[1.0, 0.0], [0.0, 1.0]],
        "conjugate": [0.0, 1.0],
        "list": [1.0, 2.0],
        "meta": [2],
    }
    assert {key: tree[key] for key in expected} == expected
    assert tree["large"]["values"] == tree["large16"]["values"] == numpy.histogram(range(40), BINS)[0].tolist()
    assert tree["made"]["values"] == [2, 2]
    assert tree["many"]["values"] == [1, 1]
    assert tree["statistics"]["_type"] == "torch.Tensor"
    assert tree["statistics"]["90%"] == 35.099998474121094

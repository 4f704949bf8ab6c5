"""Histograms: what can be made into one, and what is recorded of it."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

import runstore
from runstore.errors import UsageError
from runstore.sdk.media.histogram import Histogram
from tests.sdk.reading import begin, fold, only_log, records, rows
from tests.timing import HANGS_SECONDS


def test_numbers_are_counted_in_64_bins_by_default() -> None:
    histogram = Histogram(list(range(64)))
    assert len(histogram.histogram) == 64
    assert len(histogram.bins) == 65
    assert histogram.to_json()["_type"] == "histogram"


def test_the_counts_are_those_of_numpy() -> None:
    assert Histogram([1, 2, 3.5], num_bins=3).to_json() == {
        "_type": "histogram",
        "values": [1, 1, 1],
        "bins": [1.0, 1.8333333333333335, 2.666666666666667, 3.5],
    }


@pytest.mark.parametrize(
    "made", [numpy.histogram([1, 2, 4], bins=2), ([2, 1], [1.0, 2.5, 4.0]), [(2, 1), (1.0, 2.5, 4.0)]]
)
def test_a_histogram_that_was_made_elsewhere_is_taken_as_it_is(made: Any) -> None:
    histogram = Histogram(np_histogram=made)
    assert (histogram.histogram, histogram.bins) == ([2, 1], [1.0, 2.5, 4.0])


@pytest.mark.parametrize(
    "numbers", [(1, 2), range(1, 3), {1: 0, 2: 0}.keys(), numpy.array([[1], [2]]), [numpy.float32(1), numpy.array(2)]]
)
def test_any_shape_and_type_of_numbers_is_counted(numbers: Any) -> None:
    numbers = list(numbers) if isinstance(numbers, type({}.keys())) else numbers
    assert Histogram(numbers, num_bins=2).histogram == [1, 1]


def test_booleans_are_counted_without_a_warning() -> None:
    assert Histogram([True, True, False], num_bins=2).histogram == [1, 2]


def test_nan_and_infinities_are_left_out() -> None:
    assert Histogram([1, math.nan, 2, math.inf], num_bins=2).histogram == [1, 1]


def test_an_empty_sequence_is_a_histogram_of_nothing() -> None:
    assert sum(Histogram([]).histogram) == 0


@pytest.mark.parametrize("numbers", [[math.nan], [math.inf, -math.inf]])
def test_no_finite_number_is_refused(numbers: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        Histogram(numbers)


@pytest.mark.parametrize("not_numbers", [None, ["a"], [1j], "text"])
def test_what_is_no_number_is_refused(not_numbers: Any) -> None:
    with pytest.raises(TypeError):
        Histogram(not_numbers)


def test_512_bins_are_the_most() -> None:
    assert len(Histogram([1, 2], num_bins=512).histogram) == 512
    for refused in ({"sequence": [1, 2], "num_bins": 513}, {"np_histogram": ([0] * 513, [0] * 514)}):
        with pytest.raises(ValueError, match="512"):
            Histogram(**refused)


@pytest.mark.parametrize("made", [([1], [0]), ([1], [0, 1, 2]), ([1], [0, 1], [2])])
def test_counts_and_edges_that_dont_fit_are_refused_as_a_usage_error(made: Any) -> None:
    with pytest.raises(UsageError, match="counts|tuple") as caught:
        Histogram(np_histogram=made)
    assert isinstance(caught.value, ValueError)


def test_a_histogram_stands_in_the_row_without_a_file(folder: Path) -> None:
    with begin() as run:
        run.log({"h": Histogram([1, 2], num_bins=2), "nested": {"h": Histogram(np_histogram=([1], [0, 1]))}})
        run.log({"list": [Histogram([1, 2], num_bins=1), Histogram([3], num_bins=1)]})
    log = only_log(folder)
    (_, first), (_, second) = rows(log)
    assert first == {
        ("h", "_type"): "histogram",
        ("h", "values"): [1, 1],
        ("h", "bins"): [1.0, 1.5, 2.0],
        ("nested", "h", "_type"): "histogram",
        ("nested", "h", "values"): [1],
        ("nested", "h", "bins"): [0, 1],
    }
    assert [item["values"] for item in second["list"]] == [[2], [1]]
    assert not (run_files(log) / "media").exists()


def test_a_histogram_in_the_summary_is_recorded_whole(folder: Path) -> None:
    with begin() as run:
        run.summary["h"] = Histogram([1, 2], num_bins=2)
    assert fold(only_log(folder)).summary.tree()["h"] == Histogram([1, 2], num_bins=2).to_json()
    assert any(record.HasField("summary") for record in records(only_log(folder)))


def test_a_histogram_is_a_public_name_and_costs_numpy_only_when_it_counts() -> None:
    assert runstore.Histogram is Histogram
    source = (
        "import sys, runstore; h = runstore.Histogram(np_histogram=([1], [0, 1])); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", source], check=True, timeout=HANGS_SECONDS)


def run_files(log: Path) -> Path:
    return log.parent / "files"

"""Charts of noise, which packs badly, come in as many bytes as others: what stands out is there still."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

import runstore
from tests.web.asking import Asking
from tests.web.test_charts import chart, numbers

CHART_BYTES = 14_000  # of 20 runs, with headers
HEADERS_BYTES = 400
RUNS = 20

Noise = Callable[[np.random.Generator, int], npt.NDArray[np.float64]]


def noisy_runs(noise: Noise, steps: int, spike: float | None = None) -> list[str]:
    """Record runs of noise; with a spike, in one step of each. Return their refs."""
    source = np.random.default_rng(7)
    refs = []
    for place in range(RUNS):
        values = noise(source, steps)
        if spike is not None:
            values[100 + place] = spike
        with runstore.init(project="p", id=f"r{place}") as run:
            for value, x in zip(values, np.cumsum(source.random(steps)), strict=True):
                run.log({"loss": float(value), "x": float(x)})
        refs.append(f"p/r{place}")
    return refs


def travelling(asking: Asking, refs: list[str], **wanted: object) -> int:
    """Return how many bytes the answer with one chart takes."""
    body = {"refs": refs, "charts": [{"key": "loss", **wanted}]}
    answer = asking.request("POST", "/api/charts", json=body, headers={"Accept-Encoding": "gzip"})
    return int(answer.headers["content-length"]) + HEADERS_BYTES


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(lambda source, n: source.normal(size=n), id="around zero"),
        pytest.param(lambda source, n: 1e6 + source.normal(size=n), id="far from zero"),
        pytest.param(lambda source, n: 10 ** source.uniform(-30, 30, n), id="of any size"),
        pytest.param(lambda source, n: np.where(source.random(n) < 0.2, np.nan, source.random(n)), id="with gaps"),
    ],
)
def test_twenty_runs_of_noise_come_in_fourteen_thousand_bytes(asking: Asking, noise: Noise) -> None:
    refs = noisy_runs(noise, steps=400)
    for axis in ("_step", "x", "_runtime"):
        assert travelling(asking, refs, x=axis) <= CHART_BYTES, axis
    assert len(chart(asking, refs)["lines"]) == RUNS


def test_a_spike_in_noise_is_there_however_coarse_the_chart_became(asking: Asking) -> None:
    refs = noisy_runs(lambda source, n: source.normal(size=n), steps=400, spike=50.0)
    found = chart(asking, refs)
    assert found["width"] == 2, "else this shows nothing: all points came"
    for place, line in enumerate(found["lines"]):
        tips = dict(zip(line["above"]["at"], numbers(line["above"]["values"]), strict=True))
        assert tips[(100 + place) // 2] == 50


def test_what_packs_well_is_as_fine_as_it_can_be(asking: Asking) -> None:
    refs = noisy_runs(lambda source, n: np.exp(-np.arange(n) / 100), steps=400)
    found = chart(asking, refs)
    assert found["width"] == 1
    assert {line["mean"][1] for line in found["lines"]} == {4}


def test_a_part_of_noise_and_cells_that_are_there_already_are_not_made_coarser(asking: Asking) -> None:
    refs = noisy_runs(lambda source, n: source.normal(size=n), steps=400)
    assert chart(asking, refs)["width"] == 2
    window = chart(asking, refs, min=100, max=200)
    assert (window["width"], window["lines"][0]["mean"][1]) == (1, 4)
    assert chart(asking, refs, x="_step", width=1)["width"] == 1

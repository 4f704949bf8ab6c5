"""Charts as pages get them: short, and saying the same as the points."""

from __future__ import annotations

import gzip
import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runstore
from runstore.web.numbers import Column, column, digits_for
from tests.web.asking import Asking


def numbers(packed: Column) -> list[float | None]:
    """Return what a page reads out of a column."""
    exponent, digits, text = packed
    places = math.ceil((10 ** (digits - 1) - 1).bit_length() / 5)
    n = len(text) // (2 + places)
    found: list[float | None] = []
    for at, kind in enumerate(text[:n]):
        if kind in " !":
            found.append(None if kind == " " else 0.0)
            continue
        smaller, negative = divmod(ord(kind) - ord("#"), 2)
        rest = int("".join(text[n * (2 + place) + at] for place in range(places)) or "0", 32)
        found.append(float(f"{'-' * negative}{text[n + at]}.{rest:0{digits - 1}}e{exponent - smaller}"))
    return found


def run_of(name: str, values: list[float], **more: Any) -> str:
    """Record a run whose `loss` has these values; return its ref."""
    run = runstore.init(project="p", id=name, name=name)
    for metric, x in more.get("defined", {}).items():
        run.define_metric(metric, step_metric=x)
    for step, value in enumerate(values):
        run.log({"loss": value, **{key: of(step) for key, of in more.get("also", {}).items()}})
    run.finish()
    return f"p/{name}"


def chart(asking: Asking, refs: list[str], **wanted: Any) -> dict[str, Any]:
    """Return one chart."""
    found = asking.post("/api/charts", {"refs": refs, "charts": [{"key": "loss", **wanted}]})["charts"]
    return dict(found[0])


@pytest.mark.parametrize("digits", [1, 2, 4, 7, 15])
def test_columns_keep_so_many_digits(digits: int) -> None:
    source = np.random.default_rng(1)
    values = np.concatenate(
        [source.normal(0, 1, 500), 10.0 ** source.uniform(-15, 15, 500), [0, 9.9999999, 1e5, 99999, -1e-9]]
    )
    found = numbers(column(values, digits))
    expected = [float(f"%.{digits}g" % value) for value in values]
    np.testing.assert_allclose(np.array(found, np.float64), expected, rtol=1.001 * 10.0 ** (1 - digits))


def test_columns_of_what_is_not_finite_and_of_extremes() -> None:
    assert numbers(column(np.array([math.nan, math.inf, -math.inf, 0.0]))) == [None, None, None, 0]
    assert numbers(column(np.array([]))) == []
    assert numbers(column(np.array([1e-320, 5e-324]))) == [1e-320, 5e-324]
    assert numbers(column(np.array([1.7e308, -1.7e308]))) == [1.7e308, -1.7e308]
    assert numbers(column(np.array([1e-300, 1e300]))) == [0, 1e300]  # too small to be seen beside the other
    assert numbers(column(np.array([23.4, 1.5, 0.0]), 3)) == [23.4, 1.5, 0]
    assert numbers(column(np.array([2**62, -5]), 15)) == [4.61168601842739e18, -5]


def test_values_that_lie_close_together_have_more_digits() -> None:
    close = 1000 + np.linspace(0, 0.01, 100)
    shown = np.array(numbers(column(close, digits_for([close]))), np.float64)
    assert np.abs(shown - close).max() < 0.01 / 1000
    assert digits_for([np.linspace(0, 1, 9)]) == digits_for([np.array([])]) == 4
    assert digits_for([np.full(3, 123456.0)]) == 15


def test_metrics_and_their_axes_are_named(asking: Asking) -> None:
    also = {"val/loss": float, "epoch": int}
    refs = [run_of("a", [1.0, 2.0], also=also, defined={"val/*": "epoch"}), run_of("b", [1.0])]
    found = asking.post("/api/keys", {"refs": [*refs, "p/gone"]})
    assert found["keys"] == ["epoch", "loss", "val/loss", "_runtime", "_timestamp"]
    assert found["runs"] == [1, 2, 1, 2, 2]
    assert found["x"] == {"val/loss": "epoch"}
    assert asking.post("/api/keys", {"refs": []})["keys"] == []


def test_parts_of_pictures_and_tables_are_no_metrics(asking: Asking) -> None:
    also = {
        "eval/t": lambda step: runstore.Table(columns=["a"], data=[[step]]),
        "eval/h": lambda step: runstore.Histogram([step, step + 1.0]),
        "layer": lambda step: {"w": step},
        "eval/t.loss": float,  # not a part of the table, only called like one
    }
    ref = run_of("a", [1.0, 2.0], also=also)
    assert asking.post("/api/keys", {"refs": [ref]})["keys"] == [
        "eval/t.loss", "layer.w", "loss", "_runtime", "_timestamp",
    ]  # fmt: skip
    found = asking.post("/api/runs", {"project": "p"})
    shown = {name for name in found["columns"] if name.startswith("summary.")}
    assert shown == {"summary.loss", "summary.layer.w", "summary.eval/t.loss"}


def test_lines_of_several_runs(asking: Asking) -> None:
    refs = [run_of("a", [3.0, 2.0, 1.0]), run_of("b", [4.0, math.nan])]
    found = chart(asking, [refs[0], "p/gone", refs[1]])
    assert (found["x"], found["width"]) == ("_step", 1)
    first, second = found["lines"]
    assert (first["run"], second["run"]) == (0, 2)
    assert (first["cells"], numbers(first["mean"]), first["count"]) == ([0, 1, 1], [3, 2, 1], [1, 3])
    assert (first["ends"], first["values"]) == ([0, 2], [3, 1])
    assert (numbers(second["mean"]), second["values"]) == ([4, None], [4, None])
    assert (second["odd"], second["oddities"], second["count"]) == ([1], [1], [1, 1, 0, 1])


def test_the_axis_that_was_defined_is_taken_and_runs_without_it_are_named(asking: Asking) -> None:
    refs = [
        run_of("a", [1.0, 2.0], also={"epoch": lambda step: step / 2}, defined={"loss": "epoch"}),
        run_of("b", [1.0]),
    ]
    found = chart(asking, refs)
    assert (found["x"], found["lacking"]) == ("epoch", [1])
    assert found["lines"][0]["cells"] == [0, 0.5]
    by_step = chart(asking, refs, x="_step")
    assert [line["run"] for line in by_step["lines"]] == [0, 1]
    assert "lacking" not in by_step


def test_few_runs_come_with_ranges_and_many_with_spikes_alone(asking: Asking) -> None:
    source = random.Random(1)
    refs = []
    for name in "abcdef":
        values = [source.gauss(0, 1) for _ in range(2000)]
        values[1234] = 50.0
        refs.append(run_of(name, values))
    few = chart(asking, refs[:5])["lines"][0]
    assert max(value for value in numbers(few["high"]) if value is not None) == 50
    assert 1234 // 8 in few["above"]["at"]
    assert "values" not in few["above"]
    many = chart(asking, refs)
    assert not {"low", "high"} & set(many["lines"][0])
    for line in many["lines"]:
        assert 50.0 in numbers(line["above"]["values"])
        assert 1234 // 8 in line["above"]["at"]
    assert "high" in chart(asking, refs, ranges=True)["lines"][0]


def test_only_what_is_new_is_answered(asking: Asking) -> None:
    source = random.Random(1)
    refs = [run_of(name, [source.random() for _ in range(n)]) for name, n in (("a", 2000), ("b", 500))]
    whole = chart(asking, refs)
    lasts = [sum(line["cells"]) for line in whole["lines"]]
    news = chart(asking, refs, x="_step", width=whole["width"], after=lasts)
    for line, last, before in zip(news["lines"], lasts, whole["lines"], strict=True):
        assert line["cells"] == [last]
        assert numbers(line["mean"])[0] == pytest.approx(numbers(before["mean"])[-1], rel=1e-3)
        assert line["values"][1] == before["values"][1]
    assert len(json.dumps(news)) < len(json.dumps(whole)) / 10


def test_a_part_that_is_zoomed_into_is_finer(asking: Asking) -> None:
    values = [random.Random(step).random() for step in range(3000)]
    ref = run_of("a", values)
    assert chart(asking, [ref])["width"] == 8
    part = chart(asking, [ref], min=1000, max=1010)
    assert part["width"] == 1
    assert numbers(part["lines"][0]["mean"]) == [float(f"{value:.4g}") for value in values[1000:1010]]


def test_twenty_runs_come_in_fourteen_thousand_bytes(asking: Asking, folder: Path) -> None:
    source = random.Random(1)
    refs = []
    for place in range(20):
        rate = 0.001 * (place + 1)
        refs.append(run_of(f"r{place}", [0.2 + 2.3 * math.exp(-rate * n) + source.gauss(0, 0.05) for n in range(2400)]))
    answer = asking.request("POST", "/api/charts", json={"refs": refs, "charts": [{"key": "loss"}]})
    assert [len(line["cells"]) for line in answer.json()["charts"][0]["lines"]] == [300] * 20
    assert len(gzip.compress(answer.content)) < 14_000


def test_groups_and_machines_are_drawn_as_lines_too(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    refs = [run_of("a", [1.0, 2.0]), run_of("b", [3.0, 6.0]), run_of("c", [9.0, 9.0])]
    found = chart(asking, refs, groups=[[0, 1, 7], [2]], spread="range")
    both, alone = found["lines"]
    assert (both["run"], numbers(both["mean"]), alone["run"]) == (0, [2, 4], 1)
    assert (numbers(both["low"]), numbers(both["high"])) == ([1, 2], [3, 6])  # though no bucket holds two steps
    assert "low" not in alone
    assert asking.post("/api/keys", {"refs": refs, "system": True}) == {"keys": []}
    assert chart(asking, refs[:1], system=["cpu"], x="_timestamp")["lines"] == []


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"key": 5}, "names of metrics"),
        ({"buckets": 1}, "from 2 to 2,000"),
        ({"buckets": 10**9}, "from 2 to 2,000"),
        ({"width": -1}, "not below 0"),
        ({"min": "1"}, "min is a number"),
        ({"max": True}, "max is a number"),
        ({"after": [1]}, "goes with a width"),
        ({"system": [1]}, "system is a list"),
        ({"groups": [["x"]]}, "places among refs"),
        ({"groups": {}}, "groups is a list"),
    ],
)
def test_questions_that_make_no_sense_are_refused(wanted: dict[str, Any], says: str, asking: Asking) -> None:
    body = {"refs": [], "charts": [{"key": "loss", **wanted}]}
    assert says in asking.refusal("/api/charts", status=400, body=body)


def test_too_much_at_once_is_refused(asking: Asking) -> None:
    refs = [f"p/r{n}" for n in range(101)]
    assert "101 runs are asked for" in asking.refusal(
        "/api/charts", status=400, body={"refs": refs, "charts": [{"key": "a"}]}
    )
    many = {"refs": [], "charts": [{"key": "a"}] * 25}
    assert "24 at most" in asking.refusal("/api/charts", status=400, body=many)
    assert "list of runs" in asking.refusal("/api/keys", status=400, body={"refs": "p/a"})
    assert chart(asking, []) == {"key": "loss", "x": "_step", "width": 1, "lines": []}


def test_a_width_beyond_all_steps_is_refused(asking: Asking) -> None:
    with runstore.init(project="demo", id="wide") as run:
        run.log({"loss": 1.0})
    for width in (2.0**63, 1e308):
        body = {"refs": ["demo/wide"], "charts": [{"key": "loss", "width": width}]}
        assert "width" in asking.refusal("/api/charts", status=400, body=body)

"""Many runs by their columns, by the JSON API: what a sweep's plots draw, and groups with their spreads."""

from __future__ import annotations

import math

import pytest

import runstore
from tests.web.asking import Asking


def trial(run_id: str, loss: float | None, **config: object) -> None:
    with runstore.init(project="demo", id=run_id, config=config, group="sweep") as run:
        if loss is not None:
            run.log({"loss": loss})


@pytest.fixture
def trials(folder: object) -> None:
    """Four runs of two architectures, one of which diverged, and one that logged nothing."""
    trial("one", 0.5, arch="vit", lr=0.1, epochs=3)
    trial("two", 0.25, arch="vit", lr=0.01, epochs=3)
    trial("three", math.nan, arch="mlp", lr=0.001, epochs=3)
    trial("four", 1.0, arch="mlp", lr=0.01, epochs=3)
    trial("five", None)


def test_plots_have_the_config_in_which_runs_differ_and_their_metrics(asking: Asking, trials: None) -> None:
    found = asking.post("/api/sweep", {"project": "demo", "filter": "epochs:3"})
    assert found["columns"] == ["config.arch", "config.lr", "summary.loss"]
    assert found["refs"] == ["demo/four", "demo/three", "demo/two", "demo/one"]
    assert found["total"] == 4
    assert found["values"] == [["mlp", "mlp", "vit", "vit"], [0.01, 0.001, 0.01, 0.1], [1, "NaN", 0.25, 0.5]]


def test_columns_that_are_asked_for_are_told_for_every_run(asking: Asking, trials: None) -> None:
    found = asking.post("/api/sweep", {"project": "demo", "columns": ["summary.loss", "config.nothing"]})
    assert found["values"] == [[None, 1, "NaN", 0.25, 0.5], [None] * 5]


def test_groups_have_the_spread_of_each_metric(asking: Asking, trials: None) -> None:
    found = asking.post("/api/groups", {"project": "demo"})
    assert (found["by"], found["metrics"], found["runs"]) == ("config.arch", ["summary.loss"], 5)
    mlp, vit, none = found["groups"]
    assert (mlp["value"], mlp["count"], mlp["refs"]) == ("mlp", 2, ["demo/four", "demo/three"])
    assert mlp["spreads"] == [[1, 1.0, None, 1.0, 1.0, 1]]
    assert vit["spreads"] == [[2, 0.375, pytest.approx(0.17677669), 0.25, 0.5, 0]]
    assert (none["value"], none["count"], none["spreads"][0][0]) == (None, 1, 0)


def test_equal_values_are_not_spread(asking: Asking) -> None:
    for number in range(3):
        trial(str(number), 0.1, arch="vit", lr=number)
    (group,) = asking.post("/api/groups", {"project": "demo", "by": ["config.arch"]})["groups"]
    assert group["spreads"] == [[3, 0.1, 0.0, 0.1, 0.1, 0]]


def test_groups_by_numbers_are_in_their_order_and_count_states(asking: Asking, trials: None) -> None:
    found = asking.post("/api/groups", {"project": "demo", "by": ["config.lr"], "metrics": []})
    assert [group["value"] for group in found["groups"]] == [0.001, 0.01, 0.1, None]
    assert found["groups"][1]["states"] == {"finished": 2}


def test_a_wrong_filter_is_an_answer_that_says_where(asking: Asking, trials: None) -> None:
    for path in ("/api/sweep", "/api/groups"):
        assert asking.post(path, {"project": "demo", "filter": "lr<("})["wrong"]["column"] == 3


def test_what_is_no_question_is_refused(asking: Asking) -> None:
    assert "project" in asking.refusal("/api/sweep", status=400, body={"project": 7})
    assert "columns" in asking.refusal("/api/sweep", status=400, body={"project": "demo", "columns": "loss"})


def test_a_project_without_runs_has_no_groups(asking: Asking) -> None:
    found = asking.post("/api/groups", {"project": "demo"})
    assert (found["by"], found["groups"]) == ("group", [])
    assert asking.post("/api/sweep", {"project": "demo"})["refs"] == []

"""The config that a server gets: as stock's sync was seen to send it."""

from __future__ import annotations

from typing import Any

from runstore.core.metrics import Definitions
from runstore.runlog.record_pb2 import MetricRecord, Record
from runstore.syncd.runwise.content.head import taken_in
from runstore.syncd.runwise.content.runconfig import metrics_of, server_config
from tests.syncd.runwise.runs import run_of


def metrics(*records: dict[str, Any]) -> list[dict[str, Any]]:
    definitions = Definitions()
    for record in records:
        definitions.apply(MetricRecord(**record))
    return metrics_of(definitions, {})


def test_metrics_are_spelled_by_the_numbers_of_their_fields() -> None:
    defined = {"defined": True}
    assert metrics(
        {"name": "acc", "options": defined, "summary": {"min": True, "max": True, "mean": True, "last": True}},
        {"name": "epoch", "options": defined},
        {"name": "hid", "options": {"hidden": True, "defined": True}},
        {"name": "none", "options": defined, "summary": {"none": True}},
        {"name": "first", "summary": {"first": True}},
        {"name": "copied", "summary": {"copy": True}},
        {"name": "nosync", "step_metric": "epoch", "options": defined},
        {"glob_name": "val/*", "step_metric": "epoch", "options": {"step_sync": True, "defined": True}},
    ) == [
        {"1": "acc", "6": [3], "7": [1, 2, 3, 5]},
        {"1": "epoch", "6": [3], "7": []},
        {"1": "hid", "6": [3, 2], "7": []},
        {"1": "none", "6": [3], "7": [6]},
        {"1": "first", "6": [3], "7": [8]},
        {"1": "copied", "6": [3], "7": []},
        {"1": "nosync", "5": 2, "6": [3], "7": []},
        {"2": "val/*", "5": 2, "6": [1], "7": []},
    ]


def test_step_metric_that_nobody_defined_is_listed_without_options() -> None:
    assert metrics(
        {"name": "a", "step_metric": "ep", "options": {"step_sync": True, "hidden": True, "defined": True}},
        {"glob_name": "g/*", "step_metric": "ep", "options": {"hidden": True}},
    ) == [
        {"1": "a", "5": 2, "6": [1, 3, 2], "7": []},
        {"1": "ep", "6": [], "7": []},
        {"2": "g/*", "5": 2, "6": [2], "7": []},
    ]


def test_metric_keeps_the_name_that_its_log_gave_it() -> None:
    said = [MetricRecord(name="a\\.b"), MetricRecord(name="c.d"), MetricRecord(name="e", step_metric="a\\.b")]
    definitions = Definitions()
    head: dict[str, Any] = {}
    for metric in (*said, MetricRecord(glob_name="g\\.*")):
        definitions.apply(metric)
        head = taken_in(head, Record(metric=metric))
    run = run_of(definitions=definitions)
    assert server_config(run, [head])["_wandb"]["value"]["m"] == [
        {"1": "a\\.b", "6": [3], "7": []},
        {"1": "c.d", "6": [3], "7": []},
        {"1": "e", "5": 1, "6": [3], "7": []},
        {"2": "g\\.*", "6": [], "7": []},
    ]


def test_best_is_told_by_its_goal() -> None:
    assert metrics(
        {"name": "d", "summary": {"best": True, "min": True}, "goal": MetricRecord.GOAL_MAXIMIZE},
        {"name": "e", "summary": {"best": True}, "goal": MetricRecord.GOAL_MINIMIZE},
    ) == [{"1": "d", "6": [3], "7": [1], "8": 2}, {"1": "e", "6": [3], "7": [], "8": 1}]


def test_values_are_wrapped_and_the_tools_part_has_what_logs_say() -> None:
    run = run_of(config={"lr": 0.1, "model": {"depth": 2}}, tools_config={"visualize": {"chart": 1}})
    heads = [
        {"telemetry": {"4": "3.11.7", "5": "0.31.0", "3": [2]}, "environments": {"w1": {"os": "Linux"}}},
        {"telemetry": {"3": [4]}, "environments": {"": {"os": "Other"}}},
    ]
    assert server_config(run, heads) == {
        "lr": {"value": 0.1},
        "model": {"value": {"depth": 2}},
        "_wandb": {
            "value": {
                "visualize": {"chart": 1},
                "t": {"4": "3.11.7", "5": "0.31.0", "3": [2, 4]},
                "m": [],
                "e": {"w1": {"os": "Linux"}, "r1": {"os": "Other"}},
                "cli_version": "0.31.0",
                "python_version": "3.11.7",
            }
        },
    }


def test_run_of_ours_says_nothing_of_a_client_that_it_is_not() -> None:
    assert server_config(run_of(), [{}]) == {"_wandb": {"value": {"t": {}, "m": []}}}

"""The config of a run as W&B's servers keep it: each value below the key `value`, and under `_wandb` the tools' own.

    {"lr": {"value": 0.1}, "_wandb": {"value": {"t": telemetry, "m": metrics, "e": {WRITER: environment},
                                                "cli_version": "0.31.0", "python_version": "3.11.7", ...}}}

A metric is spelled by the numbers of its fields in MetricRecord: "1" its name, "2" a glob, "5" the place of its step
metric in the list, from 1, "6" its options, "7" its summaries, "8" what is better. Of options and summaries those are
listed, by number, that are set. A step metric that nobody defined is listed with neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runstore.core.metrics import Definition, Definitions
from runstore.syncd.runwise.content.head import environments_of, spellings_of, telemetry_of
from runstore.syncd.runwise.content.snapshot import RunSnapshot

TOOLS = "_wandb"
# Fields of telemetry that are said once more, under a name.
_PYTHON_VERSION, _CLI_VERSION = "4", "5"
_STEP_SYNC, _HIDDEN, _DEFINED = 1, 2, 3
# `best` is told by its goal alone.
_SUMMARIES = {"min": 1, "max": 2, "mean": 3, "last": 5, "first": 8}
_NO_SUMMARY = 6
_MINIMIZE, _MAXIMIZE = 1, 2


def server_config(run: RunSnapshot, heads: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the config of a run, made of JSON's types and NaN; `heads` of its logs, in order (head.py)."""
    telemetry = telemetry_of(heads)
    tools = {**run.tools_config, "t": telemetry, "m": metrics_of(run.definitions, spellings_of(heads))}
    environments = environments_of(heads)
    if environments:
        tools["e"] = {writer or run.run_id: environment for writer, environment in environments.items()}
    for name, number in (("cli_version", _CLI_VERSION), ("python_version", _PYTHON_VERSION)):
        if number in telemetry:
            tools[name] = telemetry[number]
    return {**{key: {"value": value} for key, value in run.config.items()}, TOOLS: {"value": tools}}


def metrics_of(definitions: Definitions, spellings: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what was said of metrics: those with a name, step metrics that were not defined, and globs.

    `spellings` are the names that they have in logs, where these are others.
    """
    named = {spellings.get(name, name): said for name, said in definitions.by_name.items()}
    globs = {spellings.get(glob, glob): said for glob, said in definitions.by_glob.items()}
    steps = dict.fromkeys(said.step_metric for said in (*named.values(), *globs.values()) if said.step_metric)
    undefined = [name for name in steps if name not in named]
    places = {name: place for place, name in enumerate((*named, *undefined), 1)}
    metrics = [_metric({"1": name}, said, [_DEFINED], places) for name, said in named.items()]
    metrics += [{"1": name, "6": [], "7": []} for name in undefined]
    return metrics + [_metric({"2": glob}, said, [], places) for glob, said in globs.items()]


def _metric(named: dict[str, Any], said: Definition, defined: list[int], places: Mapping[str, int]) -> dict[str, Any]:
    options = [_STEP_SYNC] * said.step_sync + defined + [_HIDDEN] * said.hidden
    summaries = [number for name, number in _SUMMARIES.items() if name in said.aggregates] + [_NO_SUMMARY] * said.silent
    metric = {**named, "6": options, "7": sorted(summaries)}
    if said.step_metric:
        metric["5"] = places[said.step_metric]
    if said.maximize is not None:
        metric["8"] = _MAXIMIZE if said.maximize else _MINIMIZE
    return metric

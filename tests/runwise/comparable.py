"""What two servers hold of the same run, one from stock's sync and one from ours, in a form that should be equal.

What differs on purpose is listed here, each with its reason, and nowhere else:

- Stock's sync says who it is itself in the place of who recorded the run: the id of the writer of the environment,
  the version of the program that syncs (telemetry 12), that it syncs (feature 76), and as the program of the run
  `-m wandb.__main__`. Here all of that stays what it was when the run was recorded.
- Within lists and dicts, stock's sync spells 1.0 as 1. Here what was recorded stays; it is the same number.
- The metrics are in an order of chance in stock's, and refer to each other by their places in it.
- A manifest says of a reference without a size nothing here, 0 in stock's; of `skip_cache` nothing where it is false.
- Files that are made of records are compared by what they say: the order of keys is no one's choice in stock's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from tests.wandbserver.recorded import JsonObject, RecordedRun
from tests.wandbserver.server import RecordingServer
from tests.wandbserver.state import comparable, state_of

# Telemetry: the version of the program that syncs, and among the features that it is one.
_SYNCING_VERSION, _FEATURES, _SYNCS = "12", "3", 76
_NUMBER = " (number)"
_PARSED: dict[str, Callable[[str], Any]] = {
    "config.yaml": yaml.safe_load,
    "wandb-summary.json": json.loads,
    "wandb-metadata.json": json.loads,
}


def states_of(server: RecordingServer) -> dict[str, JsonObject]:
    """Return all that a server holds of every run, by run id, without what is of the sync and not of the run."""
    return {run.run_id: _state(server, run) for run in server.runs}


def without_alerts(states: Mapping[str, JsonObject]) -> dict[str, JsonObject]:
    """Return the same without alerts, of which nobody but a receipt knows that they were sent."""
    return {run: {kind: said for kind, said in state.items() if kind != "alerts"} for run, state in states.items()}


def _state(server: RecordingServer, run: RecordedRun) -> JsonObject:
    state = state_of(server, run.run_id)
    state["_wandb"] = _of_the_run(state["_wandb"])
    state["run"].pop("program")
    for name, parse in _PARSED.items():
        if name in run.files:
            said = comparable(parse(run.files[name].decode()))
            if name == "config.yaml":
                said["_wandb"]["value"] = _of_the_run(said["_wandb"]["value"])
            state["files"][name] = said
    state["artifacts"] = {title: _artifact(said) for title, said in state["artifacts"].items()}
    return {kind: _as_numbers(said) for kind, said in state.items()}


def _of_the_run(tools: Any) -> Any:
    """Return what tools keep in a config, environments by number in place of the ids of their writers."""
    metrics = sorted(
        (_metric(metric, tools["m"]) for metric in tools["m"]), key=lambda metric: json.dumps(metric, sort_keys=True)
    )
    environments = dict(enumerate(tools.get("e", {}).values()))
    telemetry = {name: said for name, said in tools["t"].items() if name != _SYNCING_VERSION}
    telemetry[_FEATURES] = [feature for feature in telemetry.get(_FEATURES, ()) if feature != _SYNCS]
    return {**tools, "t": telemetry, "e": environments, "m": metrics}


def _metric(said: Any, all_of_them: list[Any]) -> Any:
    """Return what is said of a metric, its step metric by name."""
    return {**said, "5": all_of_them[said["5"] - 1]["1"]} if "5" in said else said


def _artifact(said: JsonObject) -> JsonObject:
    """Return an artifact, of whose files is told that the server knows where they are, and not under which id."""
    entries = {path: dict(entry) for path, entry in said["entries"].items()}
    for entry in entries.values():
        if entry.get("skip_cache") == "false":
            del entry["skip_cache"]
        if "birthArtifactID" in entry:
            entry["birthArtifactID"] = "(an id)"
        if "ref" in entry and entry.get("size") == 0:
            del entry["size"]
    return {**said, "entries": entries}


def _as_numbers(value: Any) -> Any:
    """Return a comparable value with whole numbers as such, however they were spelled."""
    if isinstance(value, dict):
        return {key: _as_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_numbers(item) for item in value]
    if isinstance(value, str) and value.endswith(_NUMBER):
        number = float(value.removesuffix(_NUMBER))
        return int(number) if number.is_integer() else value
    return value

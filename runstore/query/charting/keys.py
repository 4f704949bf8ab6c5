"""Which metrics of some runs can be charted, and over what each is meant to be."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from runstore.core.keys import dotted
from runstore.core.medianames import type_leaf
from runstore.core.metrics import Definitions
from runstore.core.summary import SummaryFold
from runstore.index.pieces import lineage_of
from runstore.index.placing import open_row
from runstore.index.slices import slices
from runstore.query.points.columns import STEP

# What is counted and measured of media. A metric that lies below a table by its name alone, as `t.loss`, stays one.
_OF_MEDIA = frozenset({"size", "width", "height", "count", "nrows", "ncols", "min"})


@dataclass
class ChartKey:
    """A metric that some runs logged as numbers.

    `runs` are the rows of those in `runs`; `x` is the metric over which it is meant to be charted, as `define_metric`
    said in the last of them that said it, else the step.
    """

    key: str
    runs: list[int] = field(default_factory=list)
    x: str = STEP
    is_hidden: bool = False


def chart_keys(connection: sqlite3.Connection, runs: Sequence[int]) -> list[ChartKey]:
    """Return the metrics that any of these runs logged as numbers, by name; those that runstore adds come last."""
    found: dict[str, ChartKey] = {}
    for run in runs:
        logs = [piece.log for piece in lineage_of(connection, run)]
        definitions = definitions_of(connection, logs)
        for key in _numbers(connection, logs):
            one = found.setdefault(key, ChartKey(key))
            one.runs.append(run)
            said = definitions.of(key)
            if said is not None:
                one.x = said.step_metric or one.x
                one.is_hidden = said.hidden
    return sorted(found.values(), key=lambda one: (one.key.startswith("_"), one.key))


def step_metric(connection: sqlite3.Connection, runs: Iterable[int], key: str) -> str:
    """Return the metric over which a metric of some runs is meant to be charted: the step where none was named."""
    for run in reversed(list(runs)):
        said = definitions_of(connection, [piece.log for piece in lineage_of(connection, run)]).of(key)
        if said is not None and said.step_metric:
            return said.step_metric
    return STEP


def definitions_of(connection: sqlite3.Connection, logs: Sequence[int]) -> Definitions:
    """Return what `define_metric` said in these logs, which are in the order of their run."""
    definitions = Definitions()
    for log in logs:
        # Few logs define metrics, and their state is long where a run has many keys.
        query = "SELECT state FROM logs WHERE id = ? AND instr(state, '\"definitions\": []') = 0"
        for (state,) in connection.execute(query, (log,)):
            said = json.loads(state).get("fold", {}).get("summary", {}).get("definitions", [])
            fold = SummaryFold.from_state({**SummaryFold().state(), "definitions": said})
            definitions.update(fold.definitions)
    return definitions


def _numbers(connection: sqlite3.Connection, logs: Sequence[int]) -> set[str]:
    """Return the names of a run's metrics that are numbers; the width of a picture, say, is part of it and none."""
    found: set[str] = set()
    for some in slices(logs):
        query = f"SELECT key FROM series WHERE stream = 'history' AND log IN ({', '.join('?' * len(some))})"
        found.update(key for (key,) in connection.execute(query, some))
    media: set[str] = set()
    for log in logs:
        _, row = open_row(connection, log)
        names = {dotted(name): value for name, value in row.items()}
        found.update(name for name, value in names.items() if type(value) in (int, float))
        media.update(above for above in _all_above(found) - media if _is_media(connection, log, above, names))
    return {key for key in found - {STEP} if key.rpartition(".")[2] not in _OF_MEDIA or media.isdisjoint(_above(key))}


def _is_media(connection: sqlite3.Connection, log: int, key: str, row: Container[str]) -> bool:
    query = "SELECT 1 FROM history_values WHERE log = ? AND key = ? LIMIT 1"
    leaf = type_leaf(key)
    return leaf in row or connection.execute(query, (log, leaf)).fetchone() is not None


def _all_above(names: Iterable[str]) -> set[str]:
    return {above for name in names for above in _above(name)}


def _above(name: str) -> list[str]:
    """Return the names of the dicts that a value may lie in, by the dots in its own."""
    return [name[:place] for place, letter in enumerate(name) if letter == "."]

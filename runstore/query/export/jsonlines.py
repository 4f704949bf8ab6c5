"""JSON lines: an object a step, with the values that there are; an object a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from runstore.core.json_names import named
from runstore.core.medianames import leaves_in, united
from runstore.query.export.windows import RunHistory
from runstore.query.points.columns import STEP, Column, Columns


class JsonLines:
    """NaN and the infinities are the texts "NaN", "Infinity" and "-Infinity", as everywhere in runstore's JSON."""

    suffix = table_suffix = ".jsonl"

    def write_run(
        self, path: Path, run: Mapping[str, Any], history: RunHistory, progress: Callable[[int], None]
    ) -> None:
        """Write a line a step, with one object for a media value, as `scan_history` has it."""
        with path.open("wb") as file:
            for columns in history.windows():
                file.writelines(orjson.dumps(row) + b"\n" for row in _rows(columns))
                progress(columns.points)

    def write_table(self, path: Path, runs: Sequence[Mapping[str, Any]]) -> None:
        """Write a line a run, config and summary nested as they were logged."""
        with path.open("wb") as file:
            file.writelines(orjson.dumps(named(run), option=orjson.OPT_NON_STR_KEYS) + b"\n" for run in runs)


def _rows(columns: Columns) -> Iterator[dict[str, Any]]:
    names = [STEP, *columns.by_name]
    values = [columns.steps.tolist(), *map(_values, columns.by_name.values())]
    leaves = leaves_in(names)
    for cells in zip(*values, strict=True):
        row = {name: value for name, value in zip(names, cells, strict=True) if value is not None}
        yield united(row, leaves) if leaves else row


def _values(column: Column) -> list[Any]:
    values = column.objects()
    if column.kind == "json":
        return [value if value is None else json.loads(value) for value in values]
    if column.kind == "float":
        for place in np.flatnonzero(~np.isfinite(column.values)).tolist():
            values[place] = named(values[place])
    return values

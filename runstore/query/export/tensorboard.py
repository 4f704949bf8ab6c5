"""TensorBoard: a folder with an event file a run, with a scalar for each number. Values are float32 there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from runstore.core.times import moment_of
from runstore.query.export.eventfile import EventFile
from runstore.query.export.jsonlines import JsonLines
from runstore.query.export.windows import RunHistory
from runstore.query.points.columns import Columns

_TIME = "_timestamp"


class TensorBoard:
    """Every metric that is a number, under its own name; config and summary are in the table of runs, as JSON lines."""

    suffix = ""
    table_suffix = JsonLines.table_suffix

    def write_run(
        self, path: Path, run: Mapping[str, Any], history: RunHistory, progress: Callable[[int], None]
    ) -> None:
        """Make the folder of one run, with one event file."""
        path.mkdir()
        began = moment_of(run["created_at"]) or 0.0
        wanted = [key for key in history.keys if key != _TIME]
        timed = history.with_keys([*wanted, _TIME])
        with EventFile(path / f"events.out.tfevents.{began:.0f}.runstore", began) as file:
            for columns in timed.windows():
                times = _times(columns, began)
                for key in wanted:
                    column = columns.by_name[key]
                    if column.is_number:
                        there = slice(None) if column.missing is None else ~column.missing
                        with np.errstate(over="ignore"):  # beyond float32 is infinite there
                            values = column.values[there].astype(np.float32)
                        file.scalars(key, columns.steps[there], values, times[there])
                progress(columns.points)

    def write_table(self, path: Path, runs: Sequence[Mapping[str, Any]]) -> None:
        """Write a line a run, config and summary nested as they were logged."""
        JsonLines().write_table(path, runs)


def _times(columns: Columns, began: float) -> npt.NDArray[np.float64]:
    """Return the time of each row; where it is not known, that of the row before, or of the run's beginning."""
    column = columns.by_name[_TIME]
    if not column.is_number:
        return np.full(len(columns.steps), began)
    known = np.isfinite(column.values) if column.missing is None else ~column.missing & np.isfinite(column.values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    return np.where(last >= 0, column.values[last], began).astype(np.float64)

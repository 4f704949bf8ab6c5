"""CSV: a line a step with a column a metric, what is missing empty; a line a run with config and summary as columns."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runstore.core.json_names import named
from runstore.query.export.runtable import table_columns
from runstore.query.export.windows import RunHistory
from runstore.query.points.columns import STEP, Column


class Delimited:
    """Floats are written so that they read back exactly; NaN and the infinities as NaN, Infinity and -Infinity."""

    suffix = table_suffix = ".csv"

    def write_run(
        self, path: Path, run: Mapping[str, Any], history: RunHistory, progress: Callable[[int], None]
    ) -> None:
        """Write a header line and a line a step."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([STEP, *history.keys])
            for columns in history.windows():
                cells = [columns.steps.tolist(), *map(_cells, columns.by_name.values())]
                writer.writerows(zip(*cells, strict=True))
                progress(columns.points)

    def write_table(self, path: Path, runs: Sequence[Mapping[str, Any]]) -> None:
        """Write a header line and a line a run."""
        columns = table_columns(runs)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(zip(*map(_cells, columns.values()), strict=True))


def _cells(column: Column) -> list[Any]:
    cells = column.objects()
    if column.kind == "float":
        for place in np.flatnonzero(~np.isfinite(column.values)).tolist():
            cells[place] = named(cells[place])
    if column.kind == "bool":
        return [cell if cell is None else str(cell).lower() for cell in cells]
    return cells

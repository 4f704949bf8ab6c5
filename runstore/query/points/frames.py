"""The history of a run as a table of columns: for Arrow, pandas, polars and numpy.

A row a step, a column a metric. Integers stay integers; what a row lacks is null, which NaN is not. The libraries are
imported at the call.
"""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from runstore.errors import UsageError
from runstore.index.placing import Steps
from runstore.query.points.columns import STEP, Column, Columns, columns_of
from runstore.query.points.entries import names_with_leaves

if TYPE_CHECKING:
    from pandas import DataFrame as PandasFrame
    from polars import DataFrame as PolarsFrame


class Frame:
    """Some metrics of a run, a row for each step that has any of them, as `columns_of` describes them.

    They are read at the first use, then kept.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        run: int,
        keys: Sequence[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> None:
        """Take the run with this row in `runs`, and these metrics of it (all by default).

        Steps from `min_step` (included) to `max_step` (not included). The key of media values stands for their leaves,
        as `table` for `table.path` and all others.
        """

        def read() -> Columns:
            names = None if keys is None else names_with_leaves(connection, run, keys)
            return columns_of(connection, run, names, min_step, max_step)

        self._read: Callable[[], Columns] = read

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def steps(self) -> Steps:
        """The steps, int64 (n,), strictly increasing."""
        return self._columns.steps

    @property
    def columns(self) -> Mapping[str, Column]:
        """The metrics by name: in the order in which they were asked for, else sorted, those of runstore last."""
        return self._columns.by_name

    def numpy(self) -> dict[str, npt.NDArray[Any]]:
        """Return the metrics that are numbers, and `_step`, as arrays (n,); NaN for what is missing.

        Integers are int64 where none is missing, else float64.
        """
        arrays: dict[str, npt.NDArray[Any]] = {STEP: self.steps}
        for key, column in self.columns.items():
            if column.is_number:
                arrays[key] = column.values
                if column.missing is not None:
                    arrays[key] = np.where(column.missing, np.nan, column.values)
        return arrays

    def arrow(self) -> Any:
        """Return a pyarrow.Table; what is missing is null, NaN is NaN. Needs the extra `arrow`."""
        return arrow_table(self._columns)

    def pandas(self) -> PandasFrame:
        """Return a pandas.DataFrame with `_step` as a column. Needs the extra `pandas`.

        Integers with missing values are of pandas' type Int64 and booleans of its type boolean, where a missing value
        is NA; among floats it is NaN, as pandas has it.
        """
        pandas = library("pandas", "pandas")
        series: dict[str, Any] = {STEP: self.steps}
        for key, column in self.columns.items():
            if column.missing is None or column.is_text:
                series[key] = column.objects() if column.is_text else column.values
            elif column.kind == "float":
                series[key] = np.where(column.missing, np.nan, column.values)
            else:
                kind = pandas.arrays.IntegerArray if column.kind == "int" else pandas.arrays.BooleanArray
                series[key] = kind(column.values, column.missing)
        frame: PandasFrame = pandas.DataFrame(series)
        return frame

    def polars(self) -> PolarsFrame:
        """Return a polars.DataFrame; what is missing is null, NaN is NaN. Needs the extra `polars`."""
        polars = library("polars", "polars")
        frame: PolarsFrame = polars.DataFrame({STEP: self.steps})
        for key, column in self.columns.items():
            if column.is_text:
                series = polars.Series(key, column.objects(), polars.String)
            else:
                series = polars.Series(key, column.values)
                if column.missing is not None:
                    series = series.set(polars.Series(column.missing), None)
            frame = frame.with_columns(series)
        return frame

    @cached_property
    def _columns(self) -> Columns:
        return self._read()


def arrow_table(columns: Columns) -> Any:
    """Return columns as a pyarrow.Table, `_step` first."""
    arrow = library("pyarrow", "arrow")
    return arrow.table({STEP: arrow.array(columns.steps)} | {k: arrow_array(c) for k, c in columns.by_name.items()})


def arrow_array(column: Column) -> Any:
    """Return a column as a pyarrow.Array."""
    arrow = library("pyarrow", "arrow")
    return arrow.array(column.values, arrow.string() if column.is_text else None, mask=column.missing)


def library(name: str, extra: str) -> Any:
    """Return an optional library; raises UsageError, which says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError(
            f"this needs the package {name}, which is not installed: pip install 'runstore[{extra}]'"
        ) from error

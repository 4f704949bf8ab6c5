"""The columns and rows that a table is made of, from whatever form its data has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runstore.sdk.media.base import WrongMedia, WrongMediaType

Column = str | int

_DEFAULT_COLUMNS = ("Input", "Output", "Expected")


def columns_and_rows(columns: Any, data: Any, dataframe: Any) -> tuple[list[Column], Iterable[Iterable[Any]]]:
    """Return the names of the columns and the rows, from whatever form the data has."""
    frame = dataframe if dataframe is not None else data if _is_dataframe(data) else None
    if frame is not None:
        if not _is_dataframe(frame):
            raise WrongMediaType(f"dataframe is one of pandas', not {type(frame).__name__}")
        columns = list(frame.columns)
        values = [frame.iloc[:, place].values for place in range(len(columns))]
        data = [tuple(column[row] for column in values) for row in range(len(frame))]
    names = list(_DEFAULT_COLUMNS if columns is None else columns)
    if isinstance(columns, str) or not all(type(name) in (str, int) for name in names):
        raise WrongMedia("columns is a list of names, which are strings or integers")
    if data is not None and (isinstance(data, (str, bytes, dict)) or not hasattr(data, "__iter__")):
        raise WrongMediaType(f"data is a list of rows, an array or a data frame, not {type(data).__name__}")
    return names, data if data is not None else ()


def _is_dataframe(value: Any) -> bool:
    bases = ((base.__module__.partition(".")[0], base.__name__) for base in type(value).__mro__)
    return ("pandas", "DataFrame") in bases


def same(one: list[Any], other: list[Any]) -> bool:
    """Return whether two rows are equal; arrays are where all of their elements are."""
    for left, right in zip(one, other, strict=True):
        equal = left == right
        if not (equal.all() if hasattr(equal, "all") else equal):
            return False
    return True

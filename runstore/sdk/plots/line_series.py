"""A chart of several lines, made from lists of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from runstore.sdk.media.base import WrongMedia
from runstore.sdk.media.customchart import CustomChart, plot_table


def line_series(
    xs: Iterable[Iterable[Any]] | Iterable[Any],
    ys: Iterable[Iterable[Any]],
    keys: Iterable[str] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> CustomChart:
    """Return a chart with a line for each series of `ys`.

    `xs` holds the x values of each series, or is one series for all of them. `keys` names the lines; by default they
    are line_0, line_1 and so on. A series that is longer than its x values is cut to their length.

    Raises WrongMedia, a ValueError, where the numbers of series, of x series and of keys differ.
    """
    from runstore.sdk.media.table import Table

    lines = list(ys)
    series = _of_each(list(xs), len(lines))
    names = [f"line_{i}" for i in range(len(lines))] if keys is None else list(keys)
    for what, count in (("series of x values", len(series)), ("keys", len(names))):
        if count != len(lines):
            raise WrongMedia(
                f"line_series needs as many {what} as series of y values, which are {len(lines)}: not {count}"
            )
    data = [
        [x, name, y]
        for name, of_x, of_y in zip(names, series, lines, strict=True)
        for x, y in zip(of_x, of_y, strict=False)
    ]
    return plot_table(
        data_table=Table(data=data, columns=["step", "lineKey", "lineVal"]),
        vega_spec_name="wandb/lineseries/v0",
        fields={"step": "step", "lineKey": "lineKey", "lineVal": "lineVal"},
        string_fields={"title": title, "xname": xname},
        split_table=split_table,
    )


def _of_each(xs: Sequence[Any], count: int) -> Sequence[Any]:
    """Return the x values of each of `count` series."""
    shared = bool(xs) and (isinstance(xs[0], (str, bytes)) or not _is_series(xs[0]))
    return [xs] * count if shared else xs


def _is_series(value: Any) -> bool:
    # A 0-d array has __iter__ too, and is a number.
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) > 0

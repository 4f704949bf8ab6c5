"""A line chart of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstore.sdk.media.customchart import CustomChart, plot_table

if TYPE_CHECKING:
    from runstore.sdk.media.table import Table


def line(
    table: Table, x: str, y: str, stroke: str | None = None, title: str = "", split_table: bool = False
) -> CustomChart:
    """Return a line chart of the columns `x` and `y`, one line for each value of the column `stroke`, if given."""
    return plot_table(
        data_table=table,
        vega_spec_name="wandb/line/v0",
        fields={"x": x, "y": y, "stroke": stroke},
        string_fields={"title": title},
        split_table=split_table,
    )

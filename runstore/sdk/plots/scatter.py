"""A scatter chart of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstore.sdk.media.customchart import CustomChart, plot_table

if TYPE_CHECKING:
    from runstore.sdk.media.table import Table


def scatter(table: Table, x: str, y: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Return a chart with a point for each row, at what its columns `x` and `y` say."""
    return plot_table(
        data_table=table,
        vega_spec_name="wandb/scatter/v0",
        fields={"x": x, "y": y},
        string_fields={"title": title},
        split_table=split_table,
    )

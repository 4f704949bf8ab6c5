"""A histogram chart of a table's column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstore.sdk.media.customchart import CustomChart, plot_table

if TYPE_CHECKING:
    from runstore.sdk.media.table import Table


def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Return a chart of how the numbers in the column `value` are distributed; the bins are made where it is drawn."""
    return plot_table(
        data_table=table,
        vega_spec_name="wandb/histogram/v0",
        fields={"value": value},
        string_fields={"title": title},
        split_table=split_table,
    )

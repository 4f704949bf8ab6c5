"""A bar chart of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstore.sdk.media.customchart import CustomChart, plot_table

if TYPE_CHECKING:
    from runstore.sdk.media.table import Table


def bar(table: Table, label: str, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Return a chart with a bar for each row, named by the column `label` and as long as the column `value` says."""
    return plot_table(
        data_table=table,
        vega_spec_name="wandb/bar/v0",
        fields={"label": label, "value": value},
        string_fields={"title": title},
        split_table=split_table,
    )

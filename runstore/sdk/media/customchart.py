"""Custom charts: a table, and which of W&B's chart definitions draws it.

Logged under a key, the table is recorded as `<key>_table`, and the chart's description in the config, at
`_wandb.visualize.<key>`. A chart in a nested dict is known by its dotted path, and its table goes to the top of the
row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.base import WrongMediaType
from runstore.sdk.values import MAX_DEPTH

if TYPE_CHECKING:
    from runstore.sdk.media.table import Table
    from runstore.sdk.recorder import Recorder

_TABLES_SECTION = "Custom Chart Tables"  # where W&B's pages show tables apart from their charts


@dataclass
class CustomChartSpec:
    """How a table is drawn: a chart definition's name, and what its fields and texts stand for."""

    spec_name: str
    fields: dict[str, Any]
    string_fields: dict[str, Any]
    key: str = ""
    panel_type: str = "Vega2"
    split_table: bool = False

    @property
    def table_key(self) -> str:
        """The key of the row under which the table is recorded."""
        return f"{_TABLES_SECTION}/{self.key}_table" if self.split_table else f"{self.key}_table"

    @property
    def config_path(self) -> tuple[str, ...]:
        """Where the chart is described, below `_wandb` in the config."""
        return ("visualize", self.key)

    @property
    def config_value(self) -> dict[str, Any]:
        """The description, as W&B's pages read it: which rows of which table of which runs."""
        table = {"name": "summaryTable", "args": [{"name": "tableKey", "value": self.table_key}], "fields": []}
        columns: list[dict[str, Any]] = [{"name": name, "fields": []} for name in ("id", "name", "_defaultColorIndex")]
        runs = {"name": "runSets", "args": [{"name": "runSets", "value": "${runSets}"}], "fields": [*columns, table]}
        return {
            "panel_type": self.panel_type,
            "panel_config": {
                "panelDefId": self.spec_name,
                "fieldSettings": self.fields,
                "stringSettings": self.string_fields,
                "transform": {"name": "tableWithLeafColNames"},
                "userQuery": {"queryFields": [runs]},
            },
        }


@dataclass
class VisualizeSpec:
    """A chart definition by its id alone, the older form."""

    name: str
    key: str = ""

    @property
    def table_key(self) -> str:
        """The key of the row under which the table is recorded."""
        return self.key

    @property
    def config_path(self) -> tuple[str, ...]:
        """Where the chart is described, below `_wandb` in the config."""
        return ("viz", self.key)

    @property
    def config_value(self) -> dict[str, Any]:
        """The description, as W&B's pages read it."""
        return {"id": self.name, "historyFieldSettings": {"x-axis": "_step", "key": self.key}}


@dataclass
class CustomChart:
    """A chart to log: made by `plot_table` and the functions of `runstore.plot`."""

    table: Table
    spec: CustomChartSpec

    def set_key(self, key: str) -> None:
        """Say under which key it is logged."""
        self.spec.key = key


@dataclass
class Visualize:
    """A chart to log, by its definition's id; made by `visualize`."""

    table: Table
    spec: VisualizeSpec

    def set_key(self, key: str) -> None:
        """Say under which key it is logged."""
        self.spec.key = key


def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: dict[str, Any],
    string_fields: dict[str, Any] | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Return a chart of `data_table` to log, drawn by the Vega definition `vega_spec_name` that W&B's server knows.

    `fields` says which column stands for which field of the definition, `string_fields` its texts, such as the title.
    With `split_table` the table is shown apart from the chart. Raises WrongMediaType, a TypeError, for anything but
    a Table.
    """
    spec = CustomChartSpec(vega_spec_name, fields, string_fields or {}, split_table=split_table)
    return CustomChart(_table(data_table), spec)


def visualize(id: str, value: Table) -> Visualize:  # noqa: A002 - W&B's name for it
    """Return a chart of the table `value` to log, drawn by the definition `id`; raises as `plot_table` does."""
    return Visualize(_table(value), VisualizeSpec(id))


def with_tables(data: Mapping[str, Any], recorder: Recorder) -> Mapping[str, Any]:
    """Return a row with a table in the place of each chart, and record the charts; `data` itself where it has none."""
    charts: dict[str, CustomChart | Visualize] = {}
    kept = _without_charts(data, "", charts, ())
    for key, chart in charts.items():
        chart.set_key(key)
        recorder.set_wandb_config(chart.spec.config_path, chart.spec.config_value)
        kept[chart.spec.table_key] = chart.table
    return kept if charts else data


def _without_charts(
    data: Mapping[str, Any], path: str, charts: dict[str, CustomChart | Visualize], above: tuple[int, ...]
) -> dict[str, Any]:
    """Return a copy of `data` without the charts in it, which are added to `charts` under their dotted paths.

    A dict that held nothing but charts is gone with them. `above` names what `data` lies in: where a circle closes,
    and where it is too deep to be recorded, it stays as it is.
    """
    kept: dict[str, Any] = {}
    above = (*above, id(data))
    for key, value in data.items():
        if isinstance(value, (CustomChart, Visualize)):
            charts[f"{path}{key}"] = value
        elif isinstance(value, dict) and value and id(value) not in above and len(above) <= MAX_DEPTH:
            below = _without_charts(value, f"{path}{key}.", charts, above)
            if below:
                kept[key] = below
        else:
            kept[key] = value
    return kept


def _table(value: Any) -> Table:
    from runstore.sdk.media.table import Table

    if not isinstance(value, Table):
        raise WrongMediaType(f"a chart is made of a Table, not of {type(value).__name__}")
    return value

"""Custom charts of a run: which table is drawn how, as the tools' own part of the config says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_TABLE_ENDING = "_table"


class CustomChart(NamedTuple):
    """A chart: a `definition` such as wandb/line/v0, which column each of its `fields` is, and its titles (`texts`)."""

    key: str
    table_key: str
    definition: str
    fields: dict[str, str]
    texts: dict[str, str]


def custom_charts(config: Mapping[str, Any]) -> dict[str, CustomChart]:
    """Return the charts of a run by key, from its config with the tools' own part."""
    described = _dict(_dict(config.get("_wandb")).get("visualize"))
    return {key: chart for key, said in described.items() for chart in _charts(key, _dict(said))}


def _charts(key: str, said: Mapping[str, Any]) -> Iterator[CustomChart]:
    panel = _dict(said.get("panel_config"))
    definition = panel.get("panelDefId")
    if isinstance(definition, str):
        table = _table_key(panel.get("userQuery")) or key + _TABLE_ENDING
        fields, texts = _texts(panel.get("fieldSettings")), _texts(panel.get("stringSettings"))
        yield CustomChart(key, table, definition, fields, texts)


def _table_key(query: object) -> str | None:
    """Return the key of the table that a chart's query asks for."""
    if isinstance(query, list):
        return next(filter(None, map(_table_key, query)), None)
    if not isinstance(query, dict):
        return None
    if query.get("name") == "tableKey" and isinstance(query.get("value"), str):
        return str(query["value"])
    return next(filter(None, map(_table_key, query.values())), None)


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> dict[str, str]:
    return {name: text for name, text in _dict(value).items() if isinstance(text, str)}

"""The table of exported runs: what each one is, its config and its summary, a column a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runstore.core.keys import dotted, flatten
from runstore.query.points.columns import Column, column

_TREES = ("config", "summary")


def table_columns(runs: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """Return the columns of a table of runs: plain values first, then `config.KEY` and `summary.KEY`, sorted."""
    rows = [_row(run) for run in runs]
    names = {name: None for row in rows for name in row if not name.startswith(("config.", "summary."))}
    names |= dict.fromkeys(sorted({name for row in rows for name in row if name not in names}))
    return {name: column([row.get(name) for row in rows]) for name in names}


def _row(run: Mapping[str, Any]) -> dict[str, Any]:
    row = {key: value for key, value in run.items() if key not in _TREES}
    for tree in _TREES:
        row.update({f"{tree}.{dotted(key)}": value for key, value in flatten(run[tree]).items()})
    return row

"""Ask for runs: `Api().runs("project")`, `Api().run("project/run_id")`. Works without a daemon, server or network."""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from runstore.core.identity import parse_run_path
from runstore.errors import LogError, NotFound, UsageError
from runstore.index.indexer import Indexer
from runstore.paths import default_root
from runstore.query.run import StoredRun

_ORDERS = {"created_at": "created_at", "heartbeat_at": "heartbeat_at", "name": "name", "id": "run_id"}


class Api:
    """Runs of this machine's index, which is brought up to date first: `./wandb` and every log known so far."""

    def __init__(self, index: Path | None = None, *, refresh: bool = True) -> None:
        """Open the index at `index`, by default this machine's; with `refresh=False` as it is."""
        self._indexer = Indexer(index)
        self._connection = self._indexer.connection
        self._connection.row_factory = None
        if refresh:
            self.refresh()

    def refresh(self) -> None:
        """Bring the index up to date with the logs."""
        root = default_root()
        if root.is_dir():
            self._indexer.catch_up_below(root)
        self._indexer.catch_up_known()

    def catch_up_below(self, path: Path) -> list[LogError]:
        """Bring the logs at or below `path` into the index; return what is no log. Raises NotFound."""
        return self._indexer.catch_up_below(path)

    def close(self) -> None:
        """Let the index go."""
        self._indexer.close()

    def runs(
        self, path: str | None = None, order: str = "+created_at", *, below: Sequence[Path] | None = None
    ) -> list[StoredRun]:
        """Return the runs of `path`: "entity/project", "project", or None for all.

        `order` is a column with + or - before it: created_at, heartbeat_at, name, id. With `below`, only runs that
        have a log at or below one of these paths.
        """
        where, arguments = _of_path(path)
        if below is not None:
            either = " OR ".join(["path = ? OR substr(path, 1, ?) = ?"] * len(below)) or "0"
            where += f" AND id IN (SELECT run FROM logs WHERE {either})"
            for place in map(str, (p.resolve() for p in below)):
                arguments += [place, len(place) + 1, f"{place}/"]
        return self._select(f"{where} ORDER BY {_order(order)}, entity, project, run_id", arguments)

    def run(self, path: str) -> StoredRun:
        """Return one run: "entity/project/run_id", "project/run_id", "run_id", or a name that only one run has.

        Raises NotFound, naming those that are near, and UsageError where more than one fits.
        """
        entity, project, run_id = parse_run_path(path)
        where, arguments = "(run_id = ? OR name = ?)", [run_id, run_id]
        for column, value in (("entity", entity), ("project", project)):
            if value is not None:
                where += f" AND {column} = ?"
                arguments.append(value)
        found = self._select(where, arguments)
        by_id = [run for run in found if run.id == run_id]
        found = by_id or found
        if not found:
            raise NotFound(f"there is no run {path!r}{self._near(run_id)}")
        if len(found) > 1:
            choices = ", ".join("/".join(run.path) for run in found[:5])
            raise UsageError(f"{path!r} fits {len(found)} runs: {choices}; write more of the path")
        return found[0]

    def _select(self, where: str, arguments: Sequence[object]) -> list[StoredRun]:
        cursor = self._connection.cursor()
        cursor.row_factory = sqlite3.Row
        found = cursor.execute(f"SELECT * FROM runs WHERE {where}", tuple(arguments)).fetchall()
        return [StoredRun(self._connection, row) for row in found]

    def _near(self, run_id: str) -> str:
        known = [run.id for run in self._select("1 ORDER BY created_at DESC", ())]
        if not known:
            return "; no run is known: give the folder that holds yours, as in `runstore runs list PATH`"
        near = difflib.get_close_matches(run_id, known, 3, 0.4) or known[:3]
        return f"; there is {', '.join(near)}: `runstore runs list` shows all"


def _of_path(path: str | None) -> tuple[str, list[object]]:
    if not path:
        return "1", []
    entity, _, project = path.strip("/").rpartition("/")
    return ("entity = ? AND project = ?", [entity, project]) if entity else ("project = ?", [project])


def _order(order: str) -> str:
    column = order.lstrip("+-")
    if column not in _ORDERS:
        raise UsageError(f"runs can't be ordered by {column!r}; by {', '.join(_ORDERS)}, with + or - before it")
    return f"{_ORDERS[column]} {'DESC' if order.startswith('-') else 'ASC'}"

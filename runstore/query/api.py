"""Ask for runs: `Api().runs("project")`, `Api().run("project/run_id")`. Works without a daemon, server or network."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.core.conditions import EVERYTHING, Compare, Condition, Every, Order
from runstore.core.identity import RunPath, parse_run_path
from runstore.core.mongo import condition_of, order_of
from runstore.errors import LogError, NotFound, UsageError
from runstore.index.indexer import Indexer
from runstore.paths import default_root
from runstore.query.filtering.brief import BriefRun, brief_runs
from runstore.query.filtering.fields import check_field
from runstore.query.filtering.predicate import predicate
from runstore.query.filtering.select import select
from runstore.query.stored.pages import Pages, loaded
from runstore.query.stored.run import StoredRun
from runstore.query.stored.runs import Runs
from runstore.query.stored.unread import UnreadEdits

if TYPE_CHECKING:
    from runstore.query.artifacts.contents import ManifestPlaces
    from runstore.query.artifacts.registry import Registry
    from runstore.query.search import Hit
    from runstore.query.stored.projects import Project


class Api:
    """Runs of this machine's index, which is brought up to date first: `./wandb` and every log known so far."""

    def __init__(
        self,
        index: Path | None = None,
        *,
        refresh: bool = True,
        manifests: ManifestPlaces | None = None,
        unread: UnreadEdits | None = None,
    ) -> None:
        """Open the index at `index`, by default this machine's; with `refresh=False` as it is.

        `manifests` says where artifacts' lists of files are, by default on this machine where logs say. `unread` are
        changes that single runs show although the index has not read them yet.
        """
        self.unread = unread or UnreadEdits()
        self._indexer = Indexer(index, rescuing=refresh)
        self._manifests = manifests
        self._connection = self._indexer.connection
        self._connection.row_factory = None
        if refresh:
            self.refresh()

    def refresh(self) -> None:
        """Bring the index up to date with the logs."""
        self._indexer.catch_up_known(default_root())

    def catch_up_below(self, path: Path) -> list[LogError]:
        """Bring the logs at or below `path` into the index; return what is no log. Raises NotFound."""
        return self._indexer.catch_up_below(path)

    def catch_up(self, log: Path) -> None:
        """Bring one log into the index. Raises NotFound and LogError."""
        self._indexer.catch_up(log)

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Wait for others who write to the index no longer than this meanwhile; raise IndexUnusable then."""
        return self._connection.within(seconds)

    def stop(self) -> None:
        """Let what is asked here raise Stopped from now on; for any thread. See IndexConnection."""
        self._connection.stop()

    @property
    def is_stopped(self) -> bool:
        """Whether that was called: this Api is good for nothing any more."""
        return self._connection.is_stopped

    def search(self, pattern: re.Pattern[str], literal: str | None = None) -> Iterator[Hit]:
        """Yield where a pattern is found in what is said of runs and in what they printed, as `query.search` does."""
        from runstore.query.search import search  # as below: what a list of runs need not wait for

        return search(self._connection, pattern, literal)

    def forget(self, logs: Sequence[str]) -> None:
        """Take logs that are gone out of the index, and with them runs that have no others."""
        for log in logs:
            self._indexer.forget(Path(log))

    def close(self) -> None:
        """Let the index go."""
        self._indexer.close()

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = False,
        lazy: bool = True,
        *,
        below: Sequence[Path] | None = None,
    ) -> Runs:
        """Return the runs of `path`: "entity/project", "project", or None for all; they are looked up when first used.

        `filters` are those of W&B's API, in the manner of MongoDB; docs/python.md has the fields and operators.
        `order` is a field with + or - before it, such as +created_at, -summary_metrics.loss, +config.lr, or several
        with commas between them; runs without it come last. With `below`, only runs that have a log at or below one
        of these paths. `include_sweeps` and `lazy` are accepted for programs written for W&B, and mean nothing here.

        Raises UsageError, naming a field or operator that there is not.
        """
        wanted = condition_of(filters)
        # Flat, so that of several parts each that SQLite knows is asked of it.
        condition = Every((*_of_path(path), *(wanted.parts if isinstance(wanted, Every) else (wanted,))))
        predicate(condition)  # says now, and not at the first use, what is wrong with it
        by = [_order(one) for one in (order or "+created_at").split(",")]
        return Runs(self._connection, condition, by, per_page, below, self._indexer.catch_up)

    def projects(self, entity: str | None = None, per_page: int = 200) -> Pages[Project]:
        """Return the projects of an entity, or all, in order of name."""
        from runstore.query.stored.projects import projects_of

        return Pages(*loaded(projects_of(self._connection, entity), per_page))

    def project(self, name: str, entity: str | None = None) -> Project:
        """Return one project. Raises NotFound, and UsageError where several entities have one of this name."""
        found = [project for project in self.projects(entity) if project.name == name]
        if not found:
            known = ", ".join(project.id for project in list(self.projects(entity))[:5])
            raise NotFound(f"there is no project {name!r}; there {'is ' + known if known else 'are none'}")
        if len(found) > 1:
            raise UsageError(f"{', '.join(project.id for project in found)} are of this name; give the entity as well")
        return found[0]

    def select(
        self,
        condition: Condition = EVERYTHING,
        order: Sequence[Order] = (),
        limit: int | None = None,
        *,
        below: Sequence[Path] | None = None,
    ) -> list[StoredRun]:
        """Return the runs that fulfil a condition, as `runstore.query.filtering.select` does."""
        return select(self._connection, condition, order, limit, below=below)

    def brief(
        self,
        condition: Condition = EVERYTHING,
        order: Sequence[Order] = (),
        limit: int | None = None,
        *,
        below: Sequence[Path] | None = None,
    ) -> list[BriefRun]:
        """Return what a table shows of the runs that `select` returns."""
        return brief_runs(self._connection, condition, order, limit, below=below)

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

    def exactly(self, run: RunPath) -> StoredRun:
        """Return the run with this entity, project and id. Raises NotFound."""
        found = self._select("entity = ? AND project = ? AND run_id = ?", run)
        if not found:
            raise NotFound(f"there is no run {run} any more, or there never was{self._near(run.run_id)}")
        return found[0]

    @property
    def connection(self) -> sqlite3.Connection:
        """The index, for questions that have a function of their own."""
        return self._connection

    @property
    def is_outdated(self) -> bool:
        """Whether the index lies there no more, since it was damaged and set aside; the next Api makes a new one."""
        return self._indexer.connection.is_replaced

    def known_artifacts(self) -> Registry:
        """Return what the index knows of artifacts, as it is now; good as long as this Api is open."""
        from runstore.query.artifacts.registry import Registry

        return Registry(self._indexer) if self._manifests is None else Registry(self._indexer, self._manifests)

    def _select(self, where: str, arguments: Sequence[object]) -> list[StoredRun]:
        cursor = self._connection.cursor()
        cursor.row_factory = sqlite3.Row
        found = cursor.execute(f"SELECT * FROM runs WHERE {where}", tuple(arguments)).fetchall()
        runs = [StoredRun(self._connection, row, self._indexer.catch_up) for row in found]
        for run in runs:
            self.unread.show(run)
        return runs

    def _near(self, run_id: str) -> str:
        known = [run.id for run in self._select("1 ORDER BY created_at DESC", ())]
        if not known:
            return "; no run is known: give the folder that holds yours, as in `runstore runs list PATH`"
        import difflib

        near = difflib.get_close_matches(run_id, known, 3, 0.4) or known[:3]
        return f"; there is {', '.join(near)}: `runstore runs list` shows all"


def _of_path(path: str | None) -> list[Condition]:
    if not path or not path.strip("/"):
        return []
    entity, _, project = path.strip("/").rpartition("/")
    named: list[Condition] = [Compare("project", "=", project)]
    return [Compare("entity", "=", entity), *named] if entity else named


def _order(order: str) -> Order:
    field, descending = order_of(order.strip())
    check_field(field)
    return Order((field,), descending)

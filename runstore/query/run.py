"""A stored run, as the index knows it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from runstore.core.identity import RunPath
from runstore.core.terminal import TerminalLine
from runstore.index.jsontext import from_columns
from runstore.index.onerun import pieces_of
from runstore.query import history
from runstore.query.state import state_of
from runstore.runlog.process import ProcessName


class StoredRun:
    """One run of the index: what it is called, what it was configured with, what it logged. Read-only."""

    def __init__(self, connection: sqlite3.Connection, row: sqlite3.Row) -> None:
        self._connection = connection
        self._row = row
        self._config: dict[str, Any] | None = None
        self._summary: dict[str, Any] | None = None

    @property
    def id(self) -> str:
        """The run's id, unique in its project."""
        return str(self._row["run_id"])

    @property
    def entity(self) -> str:
        """The user or team; "" where none was given."""
        return str(self._row["entity"])

    @property
    def project(self) -> str:
        """The project; "uncategorized" where none was given."""
        return str(self._row["project"])

    @property
    def path(self) -> list[str]:
        """Entity, project and id, without an empty entity."""
        return [part for part in (self.entity, self.project, self.id) if part]

    @property
    def name(self) -> str:
        """The name for people; the id where none was given."""
        return str(self._row["name"]) or self.id

    @property
    def notes(self) -> str:
        """The longer description."""
        return str(self._row["notes"])

    @property
    def tags(self) -> list[str]:
        """The tags."""
        return list(json.loads(self._row["tags"]))

    @property
    def group(self) -> str:
        """What the run is grouped with."""
        return str(self._row["run_group"])

    @property
    def job_type(self) -> str:
        """Such as "train" or "eval"."""
        return str(self._row["job_type"])

    @property
    def created_at(self) -> str:
        """When the run was begun: ISO 8601, UTC."""
        return _iso(self._row["created_at"])

    @property
    def heartbeat_at(self) -> str:
        """The latest time that any of its records shows: ISO 8601, UTC."""
        return _iso(self._row["heartbeat_at"])

    @property
    def exit_code(self) -> int | None:
        """What the process ended with; None while it runs, and where it was killed."""
        code: int | None = self._row["exit_code"]
        return code

    @property
    def state(self) -> str:
        """Running, finished, failed or crashed (in lower case), as of now."""
        row = self._row
        process = ProcessName(row["host"], row["boot_id"], row["pid"], row["pid_started_ticks"])
        return state_of(self.exit_code, process, row["heartbeat_at"], self.logs, time.time())

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802 - W&B's name for it
        """The highest step; -1 where there is no history."""
        return int(self._row["last_step"])

    @property
    def config(self) -> dict[str, Any]:
        """What the run was started with, nested as it was given; keys of tools, which begin with _, are left out."""
        if self._config is None:
            tree = from_columns(self._row["config"], self._row["config_nan"])
            self._config = {key: value for key, value in tree.items() if not key.startswith("_")}
        return self._config

    @property
    def summary(self) -> dict[str, Any]:
        """One value a metric, the last one or what `define_metric` or the program made of it."""
        if self._summary is None:
            self._summary = from_columns(self._row["summary"], self._row["summary_nan"])
            self._summary.pop("_wandb", None)
        return self._summary

    @property
    def logs(self) -> list[str]:
        """The paths of the run's logs, in the order in which they were begun."""
        found = self._connection.execute(
            "SELECT path FROM logs WHERE run = ? ORDER BY started_at, path", (self._row["id"],)
        )
        return [path for (path,) in found]

    @property
    def keys(self) -> list[str]:
        """The names of all metrics in the history, sorted; nested ones joined by dots."""
        return history.keys_of(self._connection, self._row["id"])

    def history(
        self, samples: int = 500, keys: Sequence[str] | None = None, x_axis: str = "_step", pandas: bool = True
    ) -> Any:
        """Return at most `samples` rows, evenly spread over the run: a pandas DataFrame, or a list of dicts.

        With `keys`, only those metrics, and only rows that have all of them; `x_axis` is added to them. The list is
        returned with `pandas=False`, and where pandas is not installed. For every row there is `scan_history`.
        """
        rows = history.sampled(list(self.scan_history(keys and [*keys, x_axis])), samples)
        if pandas:
            try:
                from pandas import DataFrame
            except ImportError:
                return rows
            return DataFrame.from_records(rows)
        return rows

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield every row in order of step, with `_step` and its values by name.

        With `keys`, only those values, and only rows that have all of them; from `min_step` up to, not including,
        `max_step`. `page_size` is accepted for programs written for W&B, and means nothing here.
        """
        rows = history.rows_of(self._connection, self._row["id"], keys, min_step, max_step)
        yield from rows

    def console(self) -> list[dict[str, Any]]:
        """Return the terminal's lines: `stream`, `time` (seconds since the epoch; None if not ended) and `text`."""
        lines: list[dict[str, Any]] = []
        for piece in pieces_of(self._connection, self._row["id"]):
            log = piece.log
            (state,) = self._connection.execute("SELECT state FROM logs WHERE id = ?", (log,)).fetchone()
            found = self._connection.execute(
                "SELECT stream, time, text FROM console WHERE log = ? ORDER BY line", (log,)
            )
            lines += [{"stream": stream, "time": when, "text": text} for stream, when, text in found]
            for stream, line in json.loads(state)["terminal"].items():
                text = TerminalLine(*line).text
                if text:
                    lines.append({"stream": stream, "time": None, "text": text})
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return what `runstore runs list --json` shows of a run; docs/cli.md describes it. Floats may be NaN."""
        return {
            "id": self.id,
            "entity": self.entity,
            "project": self.project,
            "name": self.name,
            "state": self.state,
            "created_at": self.created_at,
            "heartbeat_at": self.heartbeat_at,
            "exit_code": self.exit_code,
            "last_step": self.lastHistoryStep,
            "tags": self.tags,
            "notes": self.notes,
            "group": self.group,
            "job_type": self.job_type,
            "host": self._row["host"],
            "config": self.config,
            "summary": self.summary,
        }

    def __repr__(self) -> str:
        return f"<StoredRun {RunPath(self.entity, self.project, self.id)} ({self.state})>"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""A stored run, as the index knows it: what W&B's public API calls a Run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runstore.errors import NotFound, UsageError
from runstore.index.state import PREEMPTING, RUNNING
from runstore.query.stored.changeable import ChangeableRun
from runstore.query.stored.runrow import RunRow, TakeIn

if TYPE_CHECKING:
    from runstore.index.rescue.lost import IsThere, NotKept
    from runstore.query.artifacts.ofrun import RunArtifacts
    from runstore.query.points.frames import Frame
    from runstore.query.points.stitched import Points
    from runstore.query.stored.files import File, Files

__all__ = ["ConsoleLine", "StoredRun", "TakeIn", "User"]

METADATA_FILE = "wandb-metadata.json"
# How often a run that is waited for is looked at. A look reads what its logs have grown by.
WAIT_SECONDS = 1.0


class User(NamedTuple):
    """Who recorded a run, as far as its machine told."""

    username: str
    email: str

    @property
    def name(self) -> str:
        """The name."""
        return self.username


class ConsoleLine(NamedTuple):
    """One line of the terminal, as W&B's API has it: `level` is "error" for stderr, `timestamp` UTC or None."""

    number: int
    timestamp: datetime | None
    level: str
    label: str
    content: str


class StoredRun(ChangeableRun):
    """One run of the index: what it is called, what it was configured with, what it logged and left behind."""

    # History.

    @property
    def keys(self) -> list[str]:
        """The names of all metrics in the history, sorted; nested ones, and parts of media, joined by dots."""
        from runstore.query.points import history  # and numpy with it, which a list of runs need not pay for

        return history.keys_of(self._connection, self.place)

    def history(
        self,
        samples: int = 500,
        keys: list[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: str = "default",
    ) -> Any:
        """Return at most `samples` rows, evenly spread over the run: a pandas DataFrame, or a list of dicts.

        Rows are those of `scan_history`, with one dict for a table or picture.
        With `keys`, only those metrics, and only rows that have all of them; `x_axis` is added to them. The list is
        returned with `pandas=False`, and where pandas is not installed. For every row there is `scan_history`.
        With `stream="system"`, what was measured of the machine, by `_timestamp`; it takes no `keys`.
        """
        from runstore.query.points import history

        if stream not in ("default", "system"):
            raise UsageError(f"a run has no stream {stream!r}; it has default and system")
        if stream == "system":
            if keys:
                raise UsageError("the stream of system metrics is given whole: leave `keys` out")
            every = self._system_rows()
        else:
            every = list(self.scan_history(keys and [*_checked(keys), x_axis]))
        rows = history.sampled(every, samples)
        if pandas:
            try:
                from pandas import DataFrame
            except ImportError:
                return rows
            return DataFrame.from_records(rows)
        return rows

    def scan_history(
        self,
        keys: list[str] | None = None,
        page_size: int = 1000,
        min_step: int = 0,
        max_step: int | None = None,
        use_cache: bool = True,
    ) -> Iterator[dict[str, Any]]:
        """Yield every row in order of step, with `_step` and its values by name.

        With `keys`, only those values, and only rows that have all of them; from `min_step` up to, not including,
        `max_step`. A media value is one dict under its key, with `_type` in it; other values inside nested dicts have
        names with dots (`nest.a`), and under `nest` there is nothing, as in W&B. `page_size` and `use_cache` are
        accepted for programs written for W&B, and mean nothing here.
        """
        from runstore.query.points import history

        wanted = _checked(keys) if keys else None  # of none all, as in W&B's API
        # Steps below 0 are there only if a program gave them: they belong to the history, unless others are asked for.
        return iter(history.rows_of(self._connection, self.place, wanted, min_step or None, max_step))

    beta_scan_history = scan_history

    def frame(
        self, keys: Sequence[str] | None = None, min_step: int | None = None, max_step: int | None = None
    ) -> Frame:
        """Return every row as columns, for `.arrow()`, `.pandas()`, `.polars()` or `.numpy()`.

        With `keys`, only those metrics; a row for each step, from `min_step` up to, not including, `max_step`, that has
        any of them. What it lacks is null. A media value `t` is a column for each of its parts, such as `t.path`.
        """
        from runstore.query.points.frames import Frame

        return Frame(self._connection, self.place, None if keys is None else _checked(keys), min_step, max_step)

    def points(self, key: str) -> Points:
        """Return the numbers of one metric as arrays, in order of step; none where there is no such metric."""
        from runstore.query.points.stitched import points_of

        return points_of(self._connection, self.place, key)

    @property
    def system_metrics(self) -> dict[str, Any]:
        """The value of each system metric that was measured last, as `system.cpu`."""
        from runstore.query.stored.system import latest_system

        return latest_system(self._connection, self._own_logs)

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """The summary as a plain dict."""
        return dict(self.summary)

    def _system_rows(self) -> list[dict[str, Any]]:
        from runstore.query.stored.system import system_rows

        return system_rows(self._connection, self._own_logs, self._row["created_at"])

    # What lies beside the history.

    def console(self) -> list[dict[str, Any]]:
        """Return the terminal's lines: `stream`, `time` (seconds since the epoch; None if not ended) and `text`."""
        from runstore.core.terminal import TerminalLine

        lines: list[dict[str, Any]] = []
        for log in self._own_logs:
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

    def console_logs(self, *, per_page: int = 1000, last: int | None = None) -> Iterator[ConsoleLine]:
        """Yield the terminal's lines in order, or the `last` ones; `per_page` means nothing here."""
        lines = list(enumerate(self.console()))
        for number, line in lines if last is None else lines[len(lines) - min(last, len(lines)) :]:
            when = None if line["time"] is None else datetime.fromtimestamp(line["time"], timezone.utc)
            yield ConsoleLine(number, when, "error" if line["stream"] == "stderr" else "", "", line["text"])

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that were sent: `time` (seconds since the epoch), `title`, `text`, `level`, `wait_ms`."""
        names = ("time", "title", "text", "level", "wait_ms")
        query = f"SELECT {', '.join(names)} FROM alerts WHERE log = ? ORDER BY place"
        return [
            dict(zip(names, row, strict=True))
            for log in self._own_logs
            for row in self._connection.execute(query, (log,))
        ]

    def files(self, names: list[str] | None = None, pattern: str | None = None, per_page: int = 50) -> Files:
        """Return the files that lie in the run's directories now: of these names, or that fit a pattern of LIKE.

        Reads the directories; a file that a log only names, and that is gone, is not among them.
        """
        from runstore.query.stored.files import Files, files_of

        query = "SELECT path FROM logs WHERE id = ?"
        logs = [(log, str(path)) for log in self._own_logs for (path,) in self._connection.execute(query, (log,))]
        return Files(self, files_of(self._connection, self, logs, names or [], pattern), per_page)

    def not_kept(self, is_there: IsThere | None = None) -> list[NotKept]:
        """Return what the logs of stock tools name that is not in the run's directories, and why.

        With `is_there`, what is not there by that.
        """
        from runstore.index.rescue.lost import is_beside, not_kept

        return not_kept(self._connection, self._own_logs, is_there=is_there or is_beside)

    def file(self, name: str) -> File:
        """Return one file. Raises NotFound."""
        found = self.files([name])
        if not len(found):
            raise NotFound(f"run {self.storage_id} has no file {name!r}")
        return found[0]

    def logged_artifacts(self, per_page: int = 100) -> RunArtifacts:
        """Return the artifacts that the run made, as its logs say it."""
        return self._artifacts(False, per_page)

    def used_artifacts(self, per_page: int = 100) -> RunArtifacts:
        """Return the artifacts that the run used, as its logs say it."""
        return self._artifacts(True, per_page)

    def _artifacts(self, used: bool, per_page: int) -> RunArtifacts:
        from runstore.query.artifacts.ofrun import RunArtifacts

        return RunArtifacts(self, self._connection, self._own_logs, used, per_page)

    @property
    def _own_logs(self) -> list[int]:
        """The rows of the run's logs, in the order in which they were begun; of copies one."""
        from runstore.index.pieces import pieces_of

        return [piece.log for piece in pieces_of(self._connection, self.place)]

    @cached_property
    def metadata(self) -> dict[str, Any] | None:
        """What was recorded of machine and program, from the file wandb-metadata.json; None where there is none."""
        for log in reversed(self.logs):
            try:
                found = json.loads((Path(log).parent / "files" / METADATA_FILE).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(found, dict):
                return found
        return None

    @property
    def user(self) -> User:
        """Who recorded the run, as far as is known."""
        known = self.metadata or {}
        return User(str(known.get("username", "")), str(known.get("email", "")))

    # More of what W&B's API has.

    @property
    def json_config(self) -> str:
        """The config as W&B's servers keep it: JSON, each value below the key `value`."""
        return json.dumps({key: {"value": value, "desc": None} for key, value in self.rawconfig.items()})

    def wait_until_finished(self) -> None:
        """Return when the run is running no longer: it has finished or failed, or its process is gone."""
        while self.state in (RUNNING, PREEMPTING):
            time.sleep(WAIT_SECONDS)
            self.look_again()
        self.look_again()  # its end may have been written after the last look, just before the process went

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
            "runtime": self._row["runtime"],
            "program": self._row["program"],
            "writer": self._row["writer"],
            "sweep": self._row["sweep_id"],
            "git_commit": self._row["git_commit"],
            "git_remote": self._row["git_remote"],
            "config": self.config,
            "summary": dict(self.summary),
        }

    # W&B's other spellings of what is here.
    display_name = displayName = ChangeableRun.name  # noqa: N815
    description = ChangeableRun.notes
    jobType = ChangeableRun.job_type  # noqa: N815
    createdAt = RunRow.created_at  # noqa: N815
    heartbeatAt = RunRow.heartbeat_at  # noqa: N815
    sweepName = RunRow.sweep_name  # noqa: N815
    systemMetrics = system_metrics  # noqa: N815
    summaryMetrics = summary_metrics  # noqa: N815
    history_keys = historyKeys = keys  # noqa: N815


def _checked(keys: Sequence[str]) -> list[str]:
    if isinstance(keys, str) or not all(isinstance(key, str) for key in keys):
        raise UsageError(f"keys are a list of str, not {keys!r:.80}")
    return list(keys)

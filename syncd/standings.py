"""Look up how far logs are: in the index, in what it has of receipts, and at the files themselves.

Where a daemon runs, it knows more of the logs that it is at work on (`live`, as its status has them): rows that it has
read and not written, and how it stands with each target. What a receipt proves is never taken back by that.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runstore.core.identity import RunPath
from runstore.errors import LogError, NotFound
from runstore.paths import is_edit_log_name, run_id_of
from runstore.runlog.live import LiveReader
from runstore.syncd.fanout import FanOut
from runstore.syncd.receipts import CARRIED
from runstore.syncd.remotes.bundle import AWAITED, BUNDLE
from runstore.syncd.remotes.configured import is_known, load_remotes
from runstore.syncd.standing import DONE, ONE_WAY, AtTarget, LogStanding

# Of a log that has grown since it was indexed so many bytes are read to count its records.
_COUNTED_BYTES = 4 << 20

_LOGS = (
    "SELECT logs.id, path, indexed, size, mtime_ns, records + undecodable, kind, exit_code, entity, project, run_id,"
    " tags FROM logs LEFT JOIN runs ON runs.id = run"
)
_DELIVERIES = (
    "SELECT log, target, remote, url, size, records, verified_at, files, files_left, held, error FROM deliveries"
    " ORDER BY verified_at"
)

Live = Mapping[str, Mapping[str, Any]]  # by the path of a log: an entry of the daemon's status


@dataclass(frozen=True)
class _Delivery:
    """A row of `deliveries`."""

    target: str
    remote: str
    url: str
    size: int
    records: int
    verified_at: float
    files: int
    files_left: int
    held: int
    error: str


@dataclass(frozen=True)
class _Log:
    """A row of `logs`, and what its run says that decides where it goes."""

    id: int
    path: str
    indexed: int
    size: int
    mtime_ns: int
    records: int
    kind: str
    exit_code: int | None
    entity: str | None
    project: str | None
    run_id: str | None
    tags: str | None


class Standings:
    """How far the logs of an index are, at the targets that `fan_out` says."""

    def __init__(self, connection: sqlite3.Connection, fan_out: FanOut, live: Live | None = None) -> None:
        self._connection, self._fan_out, self._live = connection, fan_out, live or {}
        self._deliveries, self._names = self._known_deliveries()
        self._edited = self._runs_of_edit_logs()
        self._written = _written_for(fan_out)
        self._holding: Mapping[RunPath, Iterable[str]] = {}  # the targets that hold some of a run, by their names

    def logs(self, wanted: Callable[[str], bool] | None = None, run: str = "") -> list[LogStanding]:
        """Return the standing of each log whose path is wanted, or of each log of a run; costs a look at each file."""
        rows = [_Log(*row) for row in self._connection.execute(_LOGS).fetchall()]
        self._holding = self._targets_of_runs(rows)
        return [
            self._standing(log)
            for log in rows
            if (wanted is None or wanted(log.path)) and (not run or str(self._run_of(log)) == run)
        ]

    def _known_deliveries(self) -> tuple[dict[int, list[_Delivery]], dict[str, str]]:
        """Return what targets hold, by log, and what each target is called: as it is configured, or was called last.

        A target whose name, or address, is another's by now is none that a log goes to: it has no name.
        """
        found: dict[int, list[_Delivery]] = {}
        names: dict[str, str] = {}
        latest: dict[str, str] = {}
        for log, *columns in self._connection.execute(_DELIVERIES):
            one = _Delivery(*columns)
            found.setdefault(log, []).append(one)
            name = self._name_of(one)
            if name is None:
                continue
            latest[name] = one.target
            if name in self._fan_out.policies or names.get(one.target) not in self._fan_out.policies:
                names[one.target] = name
        return found, {target: name for target, name in names.items() if latest[name] == target}

    def _name_of(self, one: _Delivery) -> str | None:
        """Return the name of the target that proved this; None where another one has that name now."""
        urls, is_known = self._fan_out.urls, one.remote in self._fan_out.policies
        if is_known and (not one.url or urls.get(one.remote, one.url) == one.url):
            return one.remote
        others = (name for name, url in urls.items() if url == one.url)
        return next(others, None if is_known else one.remote)

    def _counts(self, one: _Delivery, name: str) -> bool:
        """Whether a target is one still: named and not removed by the user, a URL, or whoever got runs by hand."""
        return name in self._fan_out.policies or is_known(name) or one.target.startswith(CARRIED)

    def _targets_of_runs(self, logs: Iterable[_Log]) -> Mapping[RunPath, Iterable[str]]:
        found: dict[RunPath, dict[str, None]] = {}
        for log in logs:
            for one in self._deliveries.get(log.id, ()):
                name = self._names.get(one.target, "")
                if self._counts(one, name):
                    found.setdefault(self._run_of(log), {})[name] = None
        return found

    def _runs_of_edit_logs(self) -> dict[int, RunPath]:
        rows = self._connection.execute("SELECT DISTINCT log, entity, project, run_id FROM edits")
        return {log: RunPath(*path) for log, *path in rows}

    def _standing(self, log: _Log) -> LogStanding:
        live = self._live.get(log.path, {})
        offset, records = log.indexed, log.records
        if live.get("indexed_bytes", 0) > offset:
            offset, records = live["indexed_bytes"], live["indexed_records"]
        durable, count, changed_at, error = _on_disk(log, offset)
        run = self._run_of(log)
        return LogStanding(
            run=str(run),
            path=log.path,
            durable_bytes=durable,
            durable_records=None if count is None else records + count,
            indexed_bytes=offset,
            indexed_records=records,
            changed_at=changed_at,
            has_ended=log.exit_code is not None,
            at=self._at_targets(log, run, durable, live, is_empty=not records and count == 0),
            error=error,
        )

    def _run_of(self, log: _Log) -> RunPath:
        if log.run_id is not None:
            return RunPath(log.entity or "", log.project or "", log.run_id)
        return self._edited.get(log.id) or RunPath("", "", run_id_of(Path(log.path)))

    def _at_targets(
        self, log: _Log, run: RunPath, durable: int, live: Mapping[str, Any], *, is_empty: bool
    ) -> dict[str, AtTarget]:
        """Return what each target holds that the log goes to, or went to. One without a record goes nowhere yet."""
        path, tags = Path(log.path), json.loads(log.tags) if log.tags not in (None, "[]") else []
        waiting, names = "waiting", self._fan_out.targets_of(path, run.project, run.entity, tags)
        if self._fan_out.configuration.root_of(path) is None:  # whoever delivers it by hand chooses among these
            policies = sorted(self._fan_out.policies.items())
            names = tuple(name for name, policy in policies if policy.wants(path, run.project, run.entity, tags))
            waiting = "unwatched"
        names = (*names, *self._holding.get(run, ()))  # who has a part of a run is to get the rest
        at = {name: AtTarget(_waits(name, waiting), files_left=-1) for name in names if not is_empty}
        for one in self._deliveries.get(log.id, ()):
            name = self._names.get(one.target, "")
            if self._counts(one, name):
                at[name] = _held(one, durable, _waits(name, waiting), has_files=not is_edit_log_name(path.name))
        for name, (state, written) in self._written.items():
            size, bundle = written.get(log.path, (0, ""))
            if name in at and at[name].state == waiting and bundle and size >= durable:
                at[name] = replace(at[name], state=state, bundle=bundle)
        return {name: _with_live(name, one, live) for name, one in at.items()}


def _written_for(fan_out: FanOut) -> dict[str, tuple[str, Mapping[str, tuple[int, str]]]]:
    """Return, by target, what is said of logs that were written to bundles, and by path up to where, and in which."""
    targets = [name for name, (kind, *_) in fan_out.places.items() if kind == BUNDLE]
    if not targets:
        return {}
    from runstore.syncd.bundles.ledger import written_logs

    one_way = {name for name, remote in load_remotes().items() if remote.bundles.one_way}
    states = {name: ONE_WAY if name in one_way else AWAITED for name in targets}
    return {name: (state, written_logs(name, fan_out.urls[name])) for name, state in states.items()}


def _waits(name: str, waiting: str) -> str:
    """Return the state of what a target is to get: who gets runs by hand needs no daemon that watches them."""
    return "waiting" if name.startswith(CARRIED) else waiting


def _held(one: _Delivery, durable: int, waiting: str, *, has_files: bool) -> AtTarget:
    """Return what a proof says of a log; `waiting` is the state of what is not held."""
    files_left = one.files_left if has_files else 0
    lost = max(0, one.held - durable, one.size - durable)
    error = "" if one.held > durable else one.error  # which says just that
    if error:
        state = "failed"
    elif lost:
        state = "ahead"
    elif one.size < durable:
        state = waiting
    else:
        state = "files" if files_left else "delivered"
    return AtTarget(state, one.size, one.records, one.verified_at, one.files, files_left, lost, error)


def _with_live(name: str, at: AtTarget, live: Mapping[str, Any]) -> AtTarget:
    """Return what the daemon says of a log at a target, where that is more than its receipt proves."""
    state = live.get("states", {}).get(name)
    if state is None or at.state in DONE:
        return at
    seconds = live.get("retry_in", {}).get(name)
    size, records = live["delivered_bytes"].get(name, 0), live["delivered_records"].get(name, 0)
    return AtTarget(
        state=at.state if state == "verified" else state,
        bytes=max(size, at.bytes),
        records=max(records, at.records),
        verified_at=at.verified_at,
        files=at.files,
        files_left=at.files_left,
        lost_bytes=at.lost_bytes,
        error=live.get("errors", {}).get(name, at.error),
        retry_at=time.time() + seconds if seconds is not None else 0.0,
        bundle=at.bundle,
    )


def _on_disk(log: _Log, offset: int) -> tuple[int, int | None, float, str]:
    """Return up to where records are whole on the disk, how many of these lie behind `offset`, the time of the last
    change in seconds since the epoch, and why the file can't be looked at, "" where it can.
    """
    try:
        status = os.stat(log.path)
    except FileNotFoundError:
        return offset, 0, log.mtime_ns / 1e9, f"{log.path}: is not there any more"
    except OSError as error:
        return offset, 0, log.mtime_ns / 1e9, f"{log.path}: can't be looked at ({error.strerror})"
    if (status.st_size, offset) == (log.size, log.indexed):
        return offset, 0, status.st_mtime, ""  # what is behind `offset`, if anything, is no whole record
    if status.st_size < offset:
        shorter = offset - status.st_size
        return status.st_size, None, status.st_mtime, f"{log.path}: is {shorter:,} bytes shorter than it was"
    try:
        whole, count = _records_behind(Path(log.path), offset, status.st_size)
    except (LogError, NotFound, OSError) as error:
        return offset, 0, status.st_mtime, str(error)
    return whole, count, status.st_mtime, ""


def _records_behind(log: Path, offset: int, size: int) -> tuple[int, int | None]:
    """Return where the last whole record of a log ends, and how many end behind `offset`; of much, only how much."""
    if size - offset > _COUNTED_BYTES:
        return size, None
    count = 0
    with LiveReader(log, offset) as reader:
        while reader.next() is not None:
            count += 1
        return reader.offset, count


def below(paths: Iterable[Path]) -> Callable[[str], bool]:
    """Return what tells whether a log's path is at or below one of these."""
    places = [str(path.resolve()) for path in paths]
    fronts = tuple(place.rstrip("/") + "/" for place in places)
    return lambda path: path in places or path.startswith(fronts)


def live_logs(status: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the logs of a daemon's status by their paths."""
    for entry in status.get("logs", ()):
        yield entry["path"], entry

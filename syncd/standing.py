"""How far logs are: durable here, indexed, and proven to be at each target that they go to. No I/O here.

A record is durable when it is whole in its log, indexed when the index has read it, and delivered when the target's
digest over the log up to behind it was ours. The bytes of a record that is not whole count nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runstore.core.times import iso

# Of a log that is in a bundle of which no receipt will ever come: nobody knows whether it has arrived.
ONE_WAY = "written one way"
# States of a log at a target, the worst first: that of a run is the worst of its logs'. Those that are not explained
# in docs/daemon.md's table of states come from the daemon, in the words of upload.py.
STATES = (
    "failed",
    "held",
    "retrying",
    "unwatched",
    "waiting",
    "queued",
    "sending",
    "acknowledged",
    "waiting for a receipt",
    "files",
    ONE_WAY,
    "ahead",
    "delivered",
)
DONE = ("delivered", "ahead")  # nothing that is here has to be sent
SETTLED = (ONE_WAY, *DONE)  # nothing is waited for; of the first, nothing is proven either


@dataclass(frozen=True)
class AtTarget:
    """What one target holds of one log, by its own proof.

    `lost_bytes` are those that it holds and are not here any more. Files are those beside the log, artifacts' blobs
    too; `files_left` is -1 where nobody has looked yet. Times are in seconds since the epoch, 0 for never.
    """

    state: str
    bytes: int = 0
    records: int = 0
    verified_at: float = 0.0
    files: int = 0
    files_left: int = 0
    lost_bytes: int = 0
    error: str = ""
    retry_at: float = 0.0
    bundle: str = ""  # that it was written in, and of which no receipt has come

    def as_json(self, name: str) -> dict[str, Any]:
        """Return the fields as `status --json` has them, for the target of this name."""
        return {
            "name": name,
            "state": self.state,
            "delivered_bytes": self.bytes,
            "delivered_records": self.records,
            "verified_at": iso(self.verified_at) if self.verified_at else None,
            "files_delivered": self.files,
            "files_left": self.files_left,
            "lost_bytes": self.lost_bytes,
            "error": self.error,
            "retry_at": iso(self.retry_at) if self.retry_at else None,
            "bundle": self.bundle or None,
        }


@dataclass(frozen=True)
class LogStanding:
    """How far one log is. `durable_records` is None where there is more to read than a moment allows."""

    run: str  # entity/project/id as far as it has them
    path: str
    durable_bytes: int
    durable_records: int | None
    indexed_bytes: int
    indexed_records: int
    changed_at: float  # seconds since the epoch
    has_ended: bool = False
    at: Mapping[str, AtTarget] = field(default_factory=dict)  # by the target's name; those that it goes to
    error: str = ""  # why it can't be read

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it waits for anything."""
        return (
            not self.error
            and self.indexed_bytes == self.durable_bytes
            and all(a.state in SETTLED for a in self.at.values())
        )

    def as_json(self) -> dict[str, Any]:
        """Return the fields as `status --json` has them of each log of a run."""
        return {"path": self.path, **_amounts([self]), "error": self.error, "targets": _targets_json(self.at)}


@dataclass(frozen=True)
class RunStanding:
    """How far a run is: its logs together."""

    run: str
    logs: Sequence[LogStanding]

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it waits for anything."""
        return all(log.is_settled for log in self.logs)

    @property
    def changed_at(self) -> float:
        """When the log that grew last did so, seconds since the epoch."""
        return max(log.changed_at for log in self.logs)

    @property
    def error(self) -> str:
        """The first sentence of what is wrong with it, "" where nothing is."""
        said = [log.error for log in self.logs] + [at.error for log in self.logs for at in log.at.values()]
        return next(filter(None, said), "")

    @property
    def at(self) -> dict[str, AtTarget]:
        """What each target holds of all of its logs."""
        names = dict.fromkeys(name for log in self.logs for name in log.at)
        return {name: together([log.at[name] for log in self.logs if name in log.at]) for name in names}

    def as_json(self, *, with_logs: bool = False) -> dict[str, Any]:
        """Return the fields as `status --json` has them."""
        logs = {"logs": [log.as_json() for log in self.logs]} if with_logs else {}
        known = {"run": self.run, "is_settled": self.is_settled, **_amounts(self.logs), "error": self.error}
        return {**known, "targets": _targets_json(self.at), **logs}


def together(parts: Sequence[AtTarget]) -> AtTarget:
    """Return what a target holds of several logs: sums, the worst state, the oldest proof, the first error."""
    return AtTarget(
        state=min((part.state for part in parts), key=STATES.index),
        bytes=sum(part.bytes for part in parts),
        records=sum(part.records for part in parts),
        verified_at=min(part.verified_at for part in parts),
        files=sum(part.files for part in parts),
        files_left=sum(max(0, part.files_left) for part in parts),
        lost_bytes=sum(part.lost_bytes for part in parts),
        error=next((part.error for part in parts if part.error), ""),
        retry_at=min((part.retry_at for part in parts if part.retry_at), default=0.0),
        bundle=next((part.bundle for part in parts if part.bundle), ""),
    )


def by_run(logs: Iterable[LogStanding]) -> list[RunStanding]:
    """Return the runs of these logs: those of which something waits first, then the newest."""
    runs: dict[str, list[LogStanding]] = {}
    for log in logs:
        runs.setdefault(log.run, []).append(log)
    found = [RunStanding(run, logs) for run, logs in runs.items()]
    return sorted(found, key=lambda one: (one.is_settled, -one.changed_at))


def totals(logs: Sequence[LogStanding]) -> dict[str, Any]:
    """Return the sums over all logs, as `status --json` has them."""
    settled = sum(log.is_settled for log in logs)
    return {"runs": len({log.run for log in logs}), "logs": len(logs), "logs_settled": settled, **_amounts(logs)}


def targets(logs: Sequence[LogStanding]) -> dict[str, dict[str, Any]]:
    """Return by the name of each target what it holds of all logs that go there."""
    parts: dict[str, list[AtTarget]] = {}
    for log in logs:
        for name, at in log.at.items():
            parts.setdefault(name, []).append(at)
    return {name: _held_of(ats) for name, ats in parts.items()}


def _held_of(ats: Sequence[AtTarget]) -> dict[str, Any]:
    return {
        "logs": len(ats),
        "logs_delivered": sum(at.state in DONE for at in ats),
        "logs_one_way": sum(at.state == ONE_WAY for at in ats),
        "delivered_bytes": sum(at.bytes for at in ats),
        "delivered_records": sum(at.records for at in ats),
        "files_delivered": sum(at.files for at in ats),
        "files_left": sum(max(0, at.files_left) for at in ats),
        "lost_bytes": sum(at.lost_bytes for at in ats),
        "logs_failed": sum(bool(at.error) for at in ats),
        "last_error": next((at.error for at in ats if at.error), ""),
    }


NOTHING = _held_of(())
"""What `targets` says of a target to which no log goes."""


def _amounts(logs: Sequence[LogStanding]) -> dict[str, Any]:
    records = [log.durable_records for log in logs]
    return {
        "durable_bytes": sum(log.durable_bytes for log in logs),
        "durable_records": None if None in records else sum(filter(None, records)),
        "indexed_bytes": sum(log.indexed_bytes for log in logs),
        "indexed_records": sum(log.indexed_records for log in logs),
    }


def _targets_json(at: Mapping[str, AtTarget]) -> list[dict[str, Any]]:
    return [one.as_json(name) for name, one in at.items()]

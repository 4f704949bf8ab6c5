"""The daemon's figures in the text format of Prometheus, made from its status. No I/O here.

Names end in what they count. Those that only grow while the daemon runs end in `_total`; a restart sets them to 0,
which Prometheus expects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Sample = tuple[dict[str, str], float]

STATES = ("idle", "delivering", "waiting", "refused", "paused", "quiet hours")  # of a target
_HOW = ("events", "polling", "missing")  # a folder is watched


def text(status: Mapping[str, Any]) -> str:
    """Return what `runstore daemon metrics` prints, of what the daemon's `status` says."""
    return "".join(line + "\n" for line in _lines(status))


def _lines(status: Mapping[str, Any]) -> Iterator[str]:
    totals = status["totals"]
    yield from _one("runstore_started_at_seconds", "When the daemon began, since the epoch.", status["started_at"])
    yield from _one("runstore_logs", "Run logs that the daemon knows.", totals["logs"])
    yield from _one("runstore_live_logs", "Of these, logs that grow, or did lately.", totals["live"])
    yield from _one("runstore_unsettled_logs", "Logs that some target does not hold as they are.", totals["unsettled"])
    yield from _one("runstore_unreadable_logs", "Logs that can't be read.", len(status["errors"]))
    yield from _one("runstore_indexed_bytes", "Bytes of all logs that are indexed.", totals["indexed_bytes"])
    yield from _one("runstore_indexed_records", "Records in these bytes.", totals["indexed_records"])
    yield from _folders(status.get("roots", ()))
    rescued = [({"outcome": outcome}, count) for outcome, count in status["rescued"].items()]
    yield from _family("runstore_rescued_files", "gauge", "Files that stock tools left outside of runs.", rescued)
    yield from _targets(status["remotes"])


def _folders(roots: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    watched = [({"path": root["path"], "how": how}, float(root["how"] == how)) for root in roots for how in _HOW]
    yield from _family("runstore_folder_watched", "gauge", "1 for the way in which a folder is watched.", watched)


# Name of the metric, its kind, what it counts, and the field of a remote's status.
_OF_TARGETS = (
    ("runstore_target_waiting_logs", "gauge", "Logs that wait to be delivered.", "logs_waiting"),
    ("runstore_target_failed_logs", "gauge", "Logs whose last delivery failed.", "logs_failed"),
    (
        "runstore_target_verified_logs",
        "gauge",
        "Logs of which the target has proven to hold something.",
        "logs_delivered",
    ),
    ("runstore_target_files_left", "gauge", "Files beside logs that could not be delivered.", "files_left"),
    ("runstore_target_sent_bytes_total", "counter", "Bytes of logs sent.", "bytes_sent"),
    ("runstore_target_delivered_records_total", "counter", "Records that became delivered.", "records"),
    ("runstore_target_sent_files_total", "counter", "Files beside logs sent.", "files_sent"),
)


def _targets(remotes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    remotes = list(remotes)
    states = [
        ({"target": remote["name"], "state": state}, float(remote["state"] == state))
        for remote in remotes
        for state in STATES
    ]
    yield from _family("runstore_target_state", "gauge", "1 for the state that a target is in.", states)
    for name, kind, what, field in _OF_TARGETS:
        samples: list[Sample] = [({"target": remote["name"]}, remote.get(field, 0)) for remote in remotes]
        yield from _family(name, kind, what, samples)


def _one(name: str, what: str, value: float) -> Iterator[str]:
    yield from _family(name, "gauge", what, [({}, value)])


def _family(name: str, kind: str, what: str, samples: Iterable[Sample]) -> Iterator[str]:
    lines = [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]
    if lines:
        yield f"# HELP {name} {what}"
        yield f"# TYPE {name} {kind}"
        yield from lines


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(float(value))

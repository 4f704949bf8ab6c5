"""Read receipts: what each target has proven to hold of a log, kept as JSON beside the log.

    {"version": 1, "log_id": ..., "targets": {IDENTITY: {"remote", "url", "size", "chain", "records", "verified_at",
                                                          "held", "files": {PATH: {"size", "mtime_ns", "sha256"}},
                                                          "blobs": likewise, "files_left", "error", "failed_at",
                                                          "progress"}}}

A receipt saves work and tells `status` what is delivered; nothing depends on it. Every one can be derived again by
asking its target, so a file that is missing, torn or of another log is the same as none. They are written by who
delivers: runstore/syncd/receipts.py.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from runstore.errors import RunstoreError, StorageError
from runstore.paths import home_folder, receipts_path
from runstore.runlog.reader import open_log

VERSION = 1
NOT_LOOKED_AT = -1  # in the place of a count of files
_INT64_END = 1 << 63


@dataclass(frozen=True)
class FileStamp:
    """How a file looked when its digest was taken: bytes, nanoseconds since the epoch, SHA-256 as hex."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """What one target holds, by its own proof: `size` bytes of the log with `chain`, the files, and artifacts' blobs.

    `remote` and `url` are what the user called it then, and where it was. `records` whole records end before `size`;
    times are in ISO 8601 UTC. `files_left` counts what lies beside the log
    and could not be delivered; -1: nobody has looked yet. `held` is how many bytes the target has where that is more
    than were here, since the source lost some; 0 else. `error` is why the last attempt at this log failed, at
    `failed_at`; "" where it did not.

    A target that takes runs, not logs, proves no bytes: it has taken all that the first `size` say. `progress`, of
    JSON's types, is where the lines stand there that are made of the log (runstore/syncd/runwise/progress.py).
    """

    remote: str
    size: int
    chain: str
    records: int
    verified_at: str
    files: Mapping[str, FileStamp] = field(default_factory=dict)
    blobs: Mapping[str, FileStamp] = field(default_factory=dict)
    files_left: int = NOT_LOOKED_AT
    held: int = 0
    error: str = ""
    failed_at: str = ""
    url: str = ""
    progress: Mapping[str, Any] = field(default_factory=dict)


def load(log: Path, log_id: str) -> dict[str, Receipt]:
    """Return the receipts of `log` by the identity of their target; an empty dict where there are none to be read."""
    found: dict[str, Receipt] = {}
    with contextlib.suppress(StorageError):  # a home that can't be used holds no receipts
        found = _read(home_path(log_id), log_id)
    for identity, receipt in _read(receipts_path(log), log_id).items():
        # A folder may have become writable, or ceased to be: the later proof counts, wherever it lies.
        if identity not in found or receipt.verified_at >= found[identity].verified_at:
            found[identity] = receipt
    return found


def home_path(log_id: str) -> Path:
    """Return where receipts lie whose log is in a folder that can't be written; raises StorageError without a home."""
    return _receipts_at_home(os.environ.get("RUNSTORE_HOME", "")) / f"{log_id}.json"


@lru_cache(maxsize=1)
def _receipts_at_home(chosen: str) -> Path:
    """Return the folder of receipts in the home that the environment chooses: 10,000 logs ask for it at once."""
    return home_folder() / "receipts"


def _read(path: Path, log_id: str) -> dict[str, Receipt]:
    try:
        with os.fdopen(open_log(path), "rb") as file:  # which waits for no pipe that lies in its place
            body = orjson.loads(file.read())
        if body["version"] != VERSION or body["log_id"] != log_id:
            return {}
        return {identity: _receipt(value) for identity, value in body["targets"].items()}
    except (OSError, RunstoreError):
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):  # the ways of being another JSON
        return {}


def _receipt(value: dict[str, Any]) -> Receipt:
    return Receipt(
        remote=str(value["remote"]),
        size=_count(value["size"]),
        chain=str(value["chain"]),
        records=_count(value["records"]),
        verified_at=str(value["verified_at"]),
        files=_stamps(value["files"]),
        blobs=_stamps(value.get("blobs", {})),
        files_left=_count(value.get("files_left", NOT_LOOKED_AT) + 1) - 1,
        held=_count(value.get("held", 0)),
        error=str(value.get("error", "")),
        failed_at=str(value.get("failed_at", "")),
        url=str(value.get("url", "")),
        progress=dict(value.get("progress", {})),
    )


def _count(value: Any) -> int:
    count = int(value)
    if not 0 <= count < _INT64_END:  # anybody may write beside a log, and the index takes no more than that
        raise ValueError(f"{count} is no count of bytes or records")
    return count


def _time(value: Any) -> int:
    time = int(value)  # before 1970 where a clock was wrong, or an archive says so
    if not -_INT64_END <= time < _INT64_END:
        raise ValueError(f"{time} is no time of a file")
    return time


def _stamps(value: dict[str, Any]) -> dict[str, FileStamp]:
    return {path: FileStamp(_count(s["size"]), _time(s["mtime_ns"]), str(s["sha256"])) for path, s in value.items()}

"""Receipts: what each target has proven to hold of a log, kept as JSON beside the log.

    {"version": 1, "log_id": ..., "targets": {IDENTITY: {"remote", "size", "chain", "records", "verified_at",
                                                          "files": {PATH: {"size", "mtime_ns", "sha256"}},
                                                          "blobs": likewise}}}

A receipt saves work and tells `status` what is delivered; nothing depends on it. Every one can be derived again by
asking its target, so a file that is missing, torn or of another log is the same as none.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from runstore.errors import StorageError
from runstore.paths import home_folder, receipts_path

VERSION = 1

# Several targets are served at once by threads of one daemon, and share the file. Between processes the later one
# wins, and the other's next delivery hashes the log once more.
_saving = threading.Lock()


@dataclass(frozen=True)
class FileStamp:
    """How a file looked when its digest was taken: bytes, nanoseconds since the epoch, SHA-256 as hex."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """What one target holds, by its own proof: `size` bytes of the log with `chain`, the files, and artifacts' blobs.

    `records` whole records end before `size`; `verified_at` is in ISO 8601 UTC.
    """

    remote: str
    size: int
    chain: str
    records: int
    verified_at: str
    files: Mapping[str, FileStamp] = field(default_factory=dict)
    blobs: Mapping[str, FileStamp] = field(default_factory=dict)


def load(log: Path, log_id: str) -> dict[str, Receipt]:
    """Return the receipts of `log` by the identity of their target; an empty dict where there are none to be read."""
    found: dict[str, Receipt] = {}
    with contextlib.suppress(StorageError):  # a home that can't be used holds no receipts
        found = _read(_home_path(log_id), log_id)
    for identity, receipt in _read(receipts_path(log), log_id).items():
        # A folder may have become writable, or ceased to be: the later proof counts, wherever it lies.
        if identity not in found or receipt.verified_at >= found[identity].verified_at:
            found[identity] = receipt
    return found


def save(log: Path, log_id: str, identity: str, receipt: Receipt) -> None:
    """Keep `receipt` durably, beside the log or, where that folder can't be written, under RUNSTORE_HOME.

    Raises StorageError where neither can be.
    """
    change(log, log_id, identity, lambda kept: receipt)


def change(log: Path, log_id: str, identity: str, changed: Callable[[Receipt | None], Receipt]) -> Receipt:
    """Keep what `changed` makes of the receipt that is kept, and return it; otherwise as `save`.

    What is proven of a log and of the files beside it comes from two threads: neither undoes what the other kept.
    """
    with _saving:
        receipts = load(log, log_id)
        receipts[identity] = fresh = changed(receipts.get(identity))
        body = {"version": VERSION, "log_id": log_id, "targets": receipts}
        data = orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n"
        try:
            _replace(receipts_path(log), data)
        except OSError:
            _save_at_home(log, log_id, data)
    return fresh


def _save_at_home(log: Path, log_id: str, data: bytes) -> None:
    path = _home_path(log_id)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _replace(path, data)
    except OSError as error:
        raise StorageError(
            f"{log.parent} and {path.parent}: no receipt can be kept ({error.strerror}); what was delivered stays so, "
            "but has to be proven again next time"
        ) from error


def _home_path(log_id: str) -> Path:
    return home_folder() / "receipts" / f"{log_id}.json"


def _replace(path: Path, data: bytes) -> None:
    """Replace `path` as a whole: a reader, or a crash, finds the old or the new file and never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


def _read(path: Path, log_id: str) -> dict[str, Receipt]:
    try:
        body = orjson.loads(path.read_bytes())
        if body["version"] != VERSION or body["log_id"] != log_id:
            return {}
        return {identity: _receipt(value) for identity, value in body["targets"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # all the ways in which JSON can be another
        return {}


def _receipt(value: dict[str, Any]) -> Receipt:
    return Receipt(
        remote=str(value["remote"]),
        size=int(value["size"]),
        chain=str(value["chain"]),
        records=int(value["records"]),
        verified_at=str(value["verified_at"]),
        files=_stamps(value["files"]),
        blobs=_stamps(value.get("blobs", {})),
    )


def _stamps(value: dict[str, Any]) -> dict[str, FileStamp]:
    return {path: FileStamp(**stamp) for path, stamp in value.items()}

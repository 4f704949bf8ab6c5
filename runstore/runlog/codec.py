"""Between records and Python values, in both directions, through the generated protobuf code.

`decode` never raises: a payload that is no Record, or whose text is not UTF-8, is None to the caller, who counts it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from runstore.runlog import wire
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import HistoryItem, HistoryRecord, OutputType, Record

__all__ = ["LogIdentity", "OutputType", "Record", "decode", "encode", "loads", "log_identity", "row_of", "step_of"]

# What identifies a log lies in its first records; a log that shows none in this many bytes has none.
IDENTITY_BYTES = 32_768


def encode(record: Record) -> bytes:
    """Return the body of a record, to be given to LogWriter.append."""
    return record.SerializeToString()


def decode(payload: bytes) -> Record | None:
    """Return the record that `payload` encodes, or None if it encodes none."""
    try:
        return Record.FromString(payload)
    except DecodeError:
        return None


def loads(text: str) -> Any:
    """Return the value of a `value_json` field, bare NaN and infinities included; text that is no JSON as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def row_of(history: HistoryRecord) -> dict[wire.Key, Any]:
    """Return a history record's values by Key, typed or JSON. An item without a key is left out."""
    row: dict[wire.Key, Any] = {}
    for item in history.item:
        path = item.nested_key
        if len(path) > 1:
            row[tuple(path)] = value_of(item)
        elif path or item.key:
            row[path[0] if path else item.key] = value_of(item)
    return row


def value_of(item: HistoryItem) -> Any:
    """Return one item's value; an unset one is None."""
    kind = item.WhichOneof("value")
    if kind is None:
        return loads(item.value_json) if item.value_json else None
    if kind == "none":
        return None
    return loads(item.json) if kind == "json" else getattr(item, kind)


def step_of(history: HistoryRecord, row: dict[wire.Key, Any]) -> int:
    """Return the row's step: its `_step` value where it has one, as stock tools decide, else the record's own."""
    step = row.get("_step")
    return int(step) if isinstance(step, (int, float)) and step == step and abs(step) < 2**63 else history.step.num


@dataclass(frozen=True)
class LogIdentity:
    """What makes a log the same log on another machine: SHA-256 (hex) of its bytes up to the end of its run record."""

    log_id: str
    end: int


def log_identity(path: Path) -> LogIdentity | None:
    """Return the identity of a log, or None while its run record is not written yet.

    The header and run records name the process, host and nanosecond of the log's beginning, so no two logs share
    them, and copies of one log do. A log whose run record was lost to damage is known by its first 32 KiB.
    """
    end = 0
    for framed in LogReader(path):
        record = decode(framed.payload)
        if record is not None and record.HasField("run"):
            end = framed.end
            break
        if framed.end > IDENTITY_BYTES:
            end = IDENTITY_BYTES
            break
    if not end:
        return None
    with open(path, "rb") as file:
        return LogIdentity(hashlib.sha256(file.read(end)).hexdigest(), end)

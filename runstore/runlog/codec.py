"""Between records and Python values, in both directions, through the generated protobuf code.

`decode` never raises: a payload that is no Record, or whose text is not UTF-8, is None to the caller, who counts it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from google.protobuf.message import DecodeError

from runstore.runlog import wire
from runstore.runlog.reader import LogReader, read_head
from runstore.runlog.record_pb2 import ConfigItem, HistoryItem, HistoryRecord, OutputType, Record, SummaryItem

__all__ = ["LogIdentity", "OutputType", "Record", "decode", "encode", "loads", "log_identity", "row_of", "step_of"]

# What identifies a log lies in its first records; a log that shows none in this many bytes has none.
IDENTITY_BYTES = 32_768
# Trees are walked by recursion in many places; nobody's config is deeper, and W&B's servers refuse it earlier.
MAX_DEPTH = 100

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


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
    """Return the value of a `value_json` field, bare NaN and infinities included; text that is no JSON as it is.

    What comes back can be written and stored anywhere: an integer beyond 64 bits is a float, a lone surrogate a
    question mark, as `wire` writes them; JSON nested deeper than MAX_DEPTH stays text.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:  # seldom: it knows neither NaN nor infinities, nor lone surrogates, nor 10**400
        value = _loads_slowly(text)
    if isinstance(value, (list, dict)) and text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(value):
        return text
    return value


def _loads_slowly(text: str) -> Any:
    try:
        value = json.loads(text)
        if _SURROGATE.search(text):
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return text
    return float(text) if type(value) is int else value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = [item for item in level if isinstance(item, (list, dict))]
        level = [below for item in inner for below in (item.values() if isinstance(item, dict) else item)]
    return any(isinstance(item, (list, dict)) for item in level)


def path_of(item: HistoryItem | ConfigItem | SummaryItem) -> tuple[str, ...]:
    """Return the keys that name an item, outermost first; () if it has none. Of a very long path the end is one key."""
    path = tuple(item.nested_key) or ((item.key,) if item.key else ())
    return path if len(path) <= MAX_DEPTH else (*path[: MAX_DEPTH - 1], ".".join(path[MAX_DEPTH - 1 :]))


def row_of(history: HistoryRecord) -> dict[wire.Key, Any]:
    """Return a history record's values by Key, typed or JSON. An item without a key is left out."""
    row: dict[wire.Key, Any] = {}
    for item in history.item:
        path = path_of(item)
        if path:
            row[path[0] if len(path) == 1 else path] = value_of(item)
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
    return LogIdentity(_digest(path, end), end) if end else None


def begins_as(path: Path, identity: LogIdentity) -> bool:
    """Return whether the file at `path` begins with the bytes of this identity; much cheaper than asking anew."""
    return _digest(path, identity.end) == identity.log_id


def _digest(path: Path, size: int) -> str:
    import hashlib  # with OpenSSL; a training process, which loads this module, asks for no identity

    return hashlib.sha256(read_head(path, size)).hexdigest()

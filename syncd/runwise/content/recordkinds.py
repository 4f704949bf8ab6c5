"""Tell kinds of records by their first bytes: most records of a log are of kinds that a walk passes by."""

from __future__ import annotations

from pathlib import Path

from runstore.runlog import codec, wire
from runstore.runlog.live import LiveReader

# Kinds of records that say nothing which is walked for, by the first byte of their tag: they are most of a stock log.
# Summaries, output of both kinds, and config.
_PASSED = frozenset((0x1A, 0x22, 0x6A, 0x2A))
# What stock tools put in front of records that come from Python: whose they are. Its size has one byte.
_INFO = b"\xc2\x0c"


def is_passed(payload: bytes) -> bool:
    """Return whether a record is of a kind that says nothing which is walked for."""
    return _tag_of(payload) in _PASSED


def offsets_of_artifacts(log: Path, begin: int, end: int) -> list[int]:
    """Return where the records of artifacts begin that lie between two offsets of a log."""
    offsets = []
    with LiveReader(log, begin) as reader:
        while reader.offset < end and (framed := reader.next()) is not None and framed.start < end:
            record = None if is_passed(framed.payload) else codec.decode(framed.payload)
            if record is not None and record.HasField("artifact"):
                offsets.append(framed.start)
    return offsets


def _tag_of(payload: bytes) -> int:
    """Return the first byte of the tag of what a record says, behind its number and whose it is; 0 at its end."""
    at = 0
    if payload[:1] == wire.RECORD_NUM:
        at = 2
        while at < len(payload) and payload[at - 1] >= 0x80:
            at += 1
    if payload[at : at + 2] == _INFO and len(payload) > at + 2:
        at += 3 + payload[at + 2]
    return payload[at] if at < len(payload) else 0

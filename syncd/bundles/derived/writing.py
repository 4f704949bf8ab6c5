"""Write the log that is derived from another one: the same records in the same order, less what must not leave.

Its header record names the original (see `Derived` in runlog/record.proto); that makes its first bytes, and so its id,
its own. What was left out leaves no gap in the numbers of records; what was lost in the original leaves the same gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runstore.runlog import codec, wire
from runstore.runlog.framing import FILE_HEADER, frame
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import Derived, Record
from runstore.syncd.bundles.derived.finding import kind_of
from runstore.syncd.bundles.derived.records import Redactor
from runstore.syncd.bundles.derived.redaction import CONSOLE

# Tags of records that say what was measured or printed, in texts and numbers, and nothing in fields of their own that
# must not leave: history, summary, stats, metric.
_PLAIN = (b"\x12", b"\x1a", b"\x3a", b"\x62")
_PRINTED = (b"\x22", b"\x6a")  # output and output_raw
_NUMBER = 0x08  # the tag of a record's number
_PRODUCER = "runstore"


def write_derived(log: Path, end: int, to: Path, redactor: Redactor, of: Derived) -> int:
    """Write what may leave of the first `end` bytes of a log to a new file; return how many records it has.

    Raises OSError, and LogError as readers do.
    """
    records = offset = 0
    with to.open("xb") as file:
        offset += file.write(FILE_HEADER)
        for payload in _payloads(log, end, redactor, of):
            offset += file.write(frame(payload, offset))
            records += 1
    return records


def _payloads(log: Path, end: int, redactor: Redactor, of: Derived) -> Iterator[bytes]:
    shift = 0
    is_first = True
    for framed in LogReader(log):
        if framed.end > end:
            return
        payload = framed.payload
        if not is_first and _passes(payload, redactor):
            yield renumbered(payload, shift)
            continue
        record = codec.decode(payload)
        if record is None:
            continue  # nobody can read it, and nobody knows what is in it
        if is_first:
            is_first = False
            if not record.HasField("header"):
                yield codec.encode(_header(of))
                shift += 1
            else:
                record.header.derived.CopyFrom(of)
        left = redactor.redacted(record)
        if left is None:
            shift -= record.num > 0
            continue
        if left.num:
            left.num += shift
        yield codec.encode(left)


def _passes(payload: bytes, redactor: Redactor) -> bool:
    """Return whether a record leaves as it is, without being looked at more closely: most are rows of numbers."""
    kind = kind_of(payload)
    is_plain = kind in _PLAIN or (kind in _PRINTED and not redactor.redaction.any_of(CONSOLE))
    return is_plain and not redactor.words.may_be_in(payload)


def renumbered(payload: bytes, shift: int) -> bytes:
    """Return an encoded record with another number, where it has one."""
    if not shift or payload[:1] != bytes([_NUMBER]):
        return payload
    at, number = 1, 0
    while True:
        number |= (payload[at] & 0x7F) << 7 * (at - 1)
        at += 1
        if payload[at - 1] < 0x80:
            break
    return wire.numbered(number + shift, payload[at:])


def _header(of: Derived) -> Record:
    record = Record(num=1)
    record.header.version_info.producer = _PRODUCER
    record.header.derived.CopyFrom(of)
    return record

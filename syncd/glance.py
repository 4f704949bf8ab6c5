"""What can be delivered of a log, by a look at its frames: a delivery by hand need not wait until all is indexed.

Indexing decodes every value; here a record is decoded only where it may decide that a look is not enough. What stock
tools leave outside of a run directory is brought there when the log is indexed, so logs that name such files are left
to the index; so are logs with damage, and those of edits.
"""

from __future__ import annotations

from pathlib import Path

from runstore.core.facts import facts_of
from runstore.index.rescue.rows import WantedRows
from runstore.paths import is_edit_log_name
from runstore.runlog import codec
from runstore.runlog.live import LiveReader
from runstore.runlog.record_pb2 import Record
from runstore.syncd.delivery import Ready

_PIECE_BYTES = 8 << 20
# The fields of records that name files.
_NAMING = {Record.DESCRIPTOR.fields_by_name[name].number for name in ("files", "artifact", "use_artifact")}
_VARINT, _BYTES = 0, 2  # of protobuf's wire types, those that occur there


def glanced(log: Path) -> Ready | None:
    """Return what can be delivered of a log; None where only the index tells. Raises LogError and NotFound."""
    identity = None if is_edit_log_name(log.name) else codec.log_identity(log)
    if identity is None:
        return None
    look = _Look()
    with LiveReader(log) as reader:
        while payloads := reader.next_many(reader.offset + _PIECE_BYTES):
            for payload in payloads:
                look.at(payload)
            if reader.lost or look.names_outside:
                return None
        return Ready(log, identity.log_id, reader.offset, look.records, look.run_id or log.parent.name)


class _Look:
    """What the records of one log say, as far as they were looked at."""

    def __init__(self) -> None:
        self.records = 0
        self.run_id = ""
        self.names_outside = False
        self._is_ours = False  # our own logs name nothing outside of the run directory

    def at(self, payload: bytes) -> None:
        """Take the next record in."""
        self.records += 1
        if self.run_id and (self._is_ours or not _names_files(payload)):
            return
        record = codec.decode(payload)
        if record is None:  # the index counts it as undecodable
            self.names_outside = True
            return
        if record.HasField("run"):
            self.run_id = record.run.run_id
        self._is_ours = self._is_ours or record.header.HasField("origin")
        wanted = WantedRows()
        for fact in facts_of(record) if not self._is_ours else ():
            wanted.add(fact)
        self.names_outside = self.names_outside or bool(wanted)


def _names_files(payload: bytes) -> bool:
    """Return whether a record is of a kind that may name files; also where that can't be seen at a glance.

    What kind it is may stand anywhere in it: stock tools write fields in any order.
    """
    at = 0
    while at < len(payload):
        tag, at = _varint(payload, at)
        if tag >> 3 in _NAMING:
            return True
        size, at = _varint(payload, at)
        if tag & 7 == _BYTES:
            at += size
        elif tag & 7 != _VARINT:
            return True
    return False


def _varint(payload: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and the place behind it; 0 at the end."""
    number = shift = 0
    for byte in payload[at : at + 10]:
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return number, at

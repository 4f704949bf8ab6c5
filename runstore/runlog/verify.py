"""Say what of a run log is intact and what is not, in bytes and records. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runstore.runlog import codec
from runstore.runlog.framing import Lost, Why
from runstore.runlog.reader import LogReader


@dataclass(frozen=True)
class Verdict:
    """What was found in one log.

    `records` are whole and understood, `undecodable` whole and not understood. `missing` counts gaps in the records'
    numbers: what was never written because the disk refused, or was lost to damage. `lost` are the byte ranges that
    hold no whole record; a torn tail, which a killed writer leaves, is one of them but no damage.
    """

    path: Path
    size: int
    records: int
    undecodable: int
    missing: int
    has_run: bool
    has_exit: bool
    lost: tuple[Lost, ...]

    @property
    def damaged_bytes(self) -> int:
        """Bytes that were once written and can't be read."""
        return sum(lost.size for lost in self.lost if lost.why is not Why.TORN)

    @property
    def torn_bytes(self) -> int:
        """Bytes of a last record that was begun and not finished."""
        return sum(lost.size for lost in self.lost if lost.why is Why.TORN)

    @property
    def is_intact(self) -> bool:
        """Whether nothing is damaged or missing; a torn tail is neither."""
        return not (self.damaged_bytes or self.undecodable or self.missing)


def verify(path: Path) -> Verdict:
    """Read a log from end to end and return what was found; raises NotFound, NotALog and FutureLogVersion."""
    reader = LogReader(path)
    records = undecodable = missing = last_num = 0
    has_run = has_exit = False
    for framed in reader:
        record = codec.decode(framed.payload)
        if record is None:
            undecodable += 1
            continue
        records += 1
        if record.num:
            missing += max(0, record.num - last_num - 1)
            last_num = max(last_num, record.num)
        has_run = has_run or record.HasField("run")
        has_exit = has_exit or record.HasField("exit")
    return Verdict(path, reader.size, records, undecodable, missing, has_run, has_exit, tuple(reader.lost))

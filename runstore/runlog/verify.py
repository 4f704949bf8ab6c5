"""Say what of a run log is intact and what is not, in bytes and records. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from runstore.runlog import codec
from runstore.runlog.framing import Lost, Why
from runstore.runlog.numbering import Numbering, NumberRange
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import Record


@dataclass(frozen=True)
class Neighbour:
    """The intact record before or behind lost bytes: its number, and the step of the last row up to it; -1: no row."""

    num: int
    step: int


@dataclass
class Hole:
    """Bytes that hold no whole record, and the intact records around them; None at the beginning and at the end."""

    lost: Lost
    before: Neighbour | None
    behind: Neighbour | None = None


@dataclass(frozen=True)
class Verdict:
    """What was found in one log.

    `records` are whole and understood, `undecodable` whole and not understood. `missing` counts gaps in the records'
    numbers, `missing_numbers`: what was never written because the disk refused, or was lost to damage. `repeated`
    records bear a number that was there already, `late` ones one that belongs before: blocks of the file were copied
    or swapped, or two processes wrote it. `holes` are the byte ranges that hold no whole record; a torn tail, which a
    killed writer leaves, is one of them but no damage.
    """

    path: Path
    size: int
    records: int
    undecodable: int
    missing_numbers: tuple[NumberRange, ...]
    repeated: int
    late: int
    has_run: bool
    has_exit: bool
    holes: tuple[Hole, ...]

    @property
    def lost(self) -> tuple[Lost, ...]:
        """The byte ranges of the holes."""
        return tuple(hole.lost for hole in self.holes)

    @property
    def missing(self) -> int:
        """How many records the numbers say are missing."""
        return sum(gap.count for gap in self.missing_numbers)

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
    found = _Found()
    for framed in reader:
        found.take(codec.decode(framed.payload), reader.lost)
    found.note_holes(reader.lost)
    numbers = found.numbering
    return Verdict(
        path,
        reader.size,
        found.records,
        found.undecodable,
        tuple(numbers.missing),
        numbers.repeated,
        numbers.late,
        found.has_run,
        found.has_exit,
        tuple(found.holes),
    )


@dataclass
class _Found:
    """What has been seen of a log so far."""

    records: int = 0
    undecodable: int = 0
    has_run: bool = False
    has_exit: bool = False
    numbering: Numbering = field(default_factory=Numbering)
    holes: list[Hole] = field(default_factory=list)
    _last: Neighbour | None = None

    def take(self, record: Record | None, lost: list[Lost]) -> None:
        """Take in the next whole record, None for one that can't be understood; `lost` is all that is lost so far."""
        self.note_holes(lost)
        if record is None:
            self.undecodable += 1
            return
        self.records += 1
        self.numbering.take(record.num)
        step = self._last.step if self._last else -1
        self._last = Neighbour(record.num, record.history.step.num if record.HasField("history") else step)
        for hole in reversed(self.holes):
            if hole.behind is not None:
                break
            hole.behind = self._last
        self.has_run = self.has_run or record.HasField("run")
        self.has_exit = self.has_exit or record.HasField("exit")

    def note_holes(self, lost: list[Lost]) -> None:
        """Note the ranges that were lost since the last record."""
        self.holes += [Hole(where, self._last) for where in lost[len(self.holes) :]]

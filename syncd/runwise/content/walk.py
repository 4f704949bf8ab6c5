"""Walk over one log of a run, in batches: the rows, samples, artifacts and alerts that it tells a server of.

Each batch has a position, from which the next walk goes on: what one walk gives, several give together, wherever they
were cut, and however much the log had grown in between. What is damaged is passed by, and counted.

A server wants steps that rise. A row whose step does not is lifted to the next free one, as stock's sync does; rows
that don't count any more, since their run was set back, are left out (core/stitch.py).

Rules of this file: nothing is kept but one batch, and a row that may still be added to.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import ge
from typing import Any

from runstore.core.facts import AlertSent, facts_of
from runstore.core.keys import key_of, path_of
from runstore.core.logfold import Row
from runstore.runlog import codec, wire
from runstore.runlog.live import LiveReader
from runstore.runlog.payloads import Payloads
from runstore.runlog.record_pb2 import ArtifactRecord, HistoryRecord
from runstore.syncd.runwise.content.events import event_of
from runstore.syncd.runwise.content.head import STARTED_NS, Head, says_of_head, taken_in
from runstore.syncd.runwise.content.recordkinds import is_passed, offsets_of_artifacts
from runstore.syncd.runwise.content.rows import text_of
from runstore.syncd.runwise.content.snapshot import LogPart
from runstore.syncd.runwise.content.splicing import Spliced, splicer

# So much of a log is read at once, if a batch may be so large: its rows take up to twice as much room as text.
_MOST_READ_BYTES = 1 << 20
_MANY = 4  # rows from which on they are put together at once


@dataclass
class Batch:
    """What comes next in a log. `head` is what the log said of its process so far (head.py), `lost_bytes` those
    skipped as damaged so far; `position` is where to go on, made of JSON's types.
    """

    rows: list[str] = field(default_factory=list)  # JSON text of finished rows; NaN and infinities are bare
    last_step: int = -1  # of the last of these rows
    events: list[str] = field(default_factory=list)  # samples of the machine, as JSON text
    artifacts: list[tuple[int, ArtifactRecord]] = field(default_factory=list)  # each with its offset in the log
    alerts: list[AlertSent] = field(default_factory=list)
    head: Head = field(default_factory=dict)
    position: dict[str, Any] = field(default_factory=dict)
    lost_bytes: int = 0


def walk(
    part: LogPart, position: Mapping[str, Any], after: int | None, most_bytes: int, is_over: bool
) -> Iterator[Batch]:
    """Yield what a log says from `position` ({}: its beginning) up to `part.end`, about `most_bytes` of text a time.

    Rows whose step is not above `after` are lifted. A row that may still be added to is given only where the log
    `is_over`: nobody writes it any more. Raises NotFound, and LogError where the log can't be read.
    """
    walker = _Walker(part, position, after)
    piece = max(1, min(_MOST_READ_BYTES, most_bytes // 4))
    with LiveReader(part.log, walker.offset) as reader:
        while reader.offset < part.end:
            payloads = reader.next_many(min(part.end, walker.offset + piece))
            if reader.offset == walker.offset:  # it has become shorter
                break
            walker.take(payloads, reader)
            if walker.size + 2 * piece > most_bytes:
                yield walker.batch()
    if is_over:
        walker.finish()
    if walker.has_moved:
        yield walker.batch()


class _Walker:
    """How far a walk is: what the next batch will have, and the state that goes into its position."""

    def __init__(self, part: LogPart, position: Mapping[str, Any], after: int | None) -> None:
        self.offset: int = position.get("offset", 0)
        self.size = 0  # of the text in the batch, in characters
        self._part = part
        self._last: int | None = position.get("last", after)  # step of the last row that counts
        self._lifted: int | None = position.get("lifted", part.after)  # the same, where the run alone lifts it
        self._own: int = position.get("own", position.get("last", -1))  # the same, and the highest, as the run has it
        self._open = _row_from(position.get("open"))
        self._closed: int | None = position.get("closed")  # step of a row that was given while it was open
        self._head: Head = position.get("head", {})
        self._lost: int = position.get("lost", 0)
        self._lost_before = self._lost
        self._splicer = splicer()
        self._batch = Batch()
        self._artifacts: list[ArtifactRecord] = []  # of the records that are being taken in
        self.has_moved = False

    def take(self, payloads: Payloads, reader: LiveReader) -> None:
        """Take records in, up to which the reader has come; they begin at the present offset."""
        spliced = self._splicer.spliced(payloads)
        at = 0
        for other in spliced.others:
            upto = bisect_left(spliced.places, other, at)
            self._take_spliced(payloads, spliced, at, upto)
            self._take_record(payloads[other])
            at = upto
        self._take_spliced(payloads, spliced, at, len(spliced.places))
        if self._artifacts:
            offsets = offsets_of_artifacts(self._part.log, self.offset, reader.offset)
            self._batch.artifacts += zip(offsets, self._artifacts, strict=True)
            self._artifacts = []
        self.offset = reader.offset
        self._lost = self._lost_before + sum(lost.size for lost in reader.lost)
        self.has_moved = True

    def finish(self) -> None:
        """Give the row that was open as it is: nothing will be added to it."""
        if self._open is not None:
            (step, row), self._open = self._open, None
            self._take_row(step, row)
            self._closed, self.has_moved = step, True

    def batch(self) -> Batch:
        """Return what was taken in since the last batch."""
        batch, self._batch = self._batch, Batch()
        self.size, self.has_moved = 0, False
        batch.head, batch.lost_bytes = self._head, self._lost
        batch.position = {"offset": self.offset, "lost": self._lost, "head": self._head}
        own = None if self._own == self._last else self._own
        said: dict[str, Any] = {"last": self._last, "lifted": self._lifted, "own": own, "closed": self._closed}
        said["open"] = _row_as_json(self._open)
        batch.position.update((name, value) for name, value in said.items() if value is not None)
        return batch

    def _take_spliced(self, payloads: Payloads, spliced: Spliced, begin: int, end: int) -> None:
        """Take in the rows begin:end, between which there is no other record."""
        if end - begin >= _MANY and self._stand_as_they_say(spliced.steps[begin:end]):
            texts = spliced.texts(begin, end)
            if texts is not None:
                self._batch.rows += texts
                self._batch.last_step = self._last = self._own = spliced.steps[end - 1]
                self._lifted = None if self._lifted is None else self._last
                self.size += sum(map(len, texts))
                return
        for at in range(begin, end):
            step, text = spliced.steps[at], spliced.text(at)
            if text is None:
                self._take_record(payloads[spliced.places[at]])
                continue
            self._close_before(step)
            stands = self._placed(step)
            if stands is not None:
                self._add_row(text if stands == step else spliced.lifted(at, stands), stands)

    def _stand_as_they_say(self, steps: list[int]) -> bool:
        """Return whether rows of these steps count, all of them, and none is lifted."""
        if self._open is not None or any(map(ge, steps, steps[1:])):
            return False
        behind = (self._last is None or steps[0] > self._last) and (self._lifted is None or steps[0] > self._lifted)
        return behind and (self._part.below is None or steps[-1] < self._part.below)

    def _take_record(self, payload: bytes) -> None:
        if is_passed(payload):
            return
        record = codec.decode(payload)
        if record is None:
            return
        kind = record.WhichOneof("record_type")
        if kind == "history":
            self._take_history(record.history)
        elif kind == "footer" and record.footer.HasField("pending"):
            self._take_pending(record.footer.pending)
        elif kind == "stats":
            self._add_event(event_of(record.stats, self._head.get(STARTED_NS, 0)))
        elif kind == "artifact":
            self._artifacts.append(record.artifact)
        elif kind == "alert":
            self._batch.alerts += [fact for fact in facts_of(record) if isinstance(fact, AlertSent)]
        elif says_of_head(record):
            self._head = taken_in(self._head, record)

    def _take_history(self, history: HistoryRecord) -> None:
        row = codec.row_of(history)
        step = codec.step_of(history, row)
        self._close_before(step)
        self._take_row(step, row)

    def _take_pending(self, history: HistoryRecord) -> None:
        """Take in a part of a row; the record that has all of it follows, or never does."""
        row = codec.row_of(history)
        step = codec.step_of(history, row)
        if self._open is not None and self._open[0] == step:
            self._open[1].update(row)
            return
        if self._open is not None:
            (before, open_row), self._open = self._open, None
            self._take_row(before, open_row)
        self._open = step, row

    def _close_before(self, step: int) -> None:
        """Finish the open row where a later one has begun; where it is this one, all of it comes now."""
        if self._open is None or self._open[0] > step:
            return
        (before, row), self._open = self._open, None
        if before < step:
            self._take_row(before, row)

    def _take_row(self, step: int, row: Row) -> None:
        stands = self._placed(step)
        if stands is not None:
            self._add_row(text_of(row, stands), stands)

    def _placed(self, step: int) -> int | None:
        """Return the step at which a row is to stand at the server; None where it doesn't count."""
        if step == self._closed:  # its log went on after all: what is behind it keeps its place
            self._closed = None
            return self._last
        if self._lifted is not None:
            self._lifted = max(step, self._lifted + 1)
        own = step if self._lifted is None else self._lifted
        if self._part.below is not None and own >= self._part.below:
            return None
        self._own = max(self._own, own)
        self._last = step if self._last is None else max(step, self._last + 1)
        return self._last

    def _add_row(self, text: str, step: int) -> None:
        self._batch.rows.append(text)
        self._batch.last_step = step
        self.size += len(text)

    def _add_event(self, text: str) -> None:
        self._batch.events.append(text)
        self.size += len(text)


def _row_as_json(open_row: tuple[int, Row] | None) -> list[Any] | None:
    """Return an open row, made of JSON's types without NaN: its values are texts."""
    if open_row is None:
        return None
    step, row = open_row
    return [step, [[list(path_of(key)), wire.dumps(value)] for key, value in row.items()]]


def _row_from(said: list[Any] | None) -> tuple[int, Row] | None:
    if said is None:
        return None
    step, items = said
    return step, {key_of(path): codec.loads(text) for path, text in items}

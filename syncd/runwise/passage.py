"""Tell a server what the logs of a run say: what the run is, its rows, samples and console, its summary and alerts.

Lines go in the order of the logs, each stream by line number, and are noted as soon as they were taken. So it can be
killed anywhere and run anew. What lies beside the logs, and the run's end, come afterwards: beside.py.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runstore.core.facts import AlertSent
from runstore.errors import LogError, RemoteError
from runstore.syncd.receipts import Receipt
from runstore.syncd.remotes.runs import CONSOLE, EVENTS, HISTORY, SUMMARY, Lines, RunRemote, ServerRun
from runstore.syncd.runwise.agreement import Agreement, foreign_rows, is_same_but_step, rows_of_unknown_place
from runstore.syncd.runwise.books import Books
from runstore.syncd.runwise.content.console import as_lines
from runstore.syncd.runwise.content.limits import rows_within, size_of, texts_within
from runstore.syncd.runwise.content.snapshot import EditLog, LogPart, RunSnapshot, console_lines
from runstore.syncd.runwise.content.walk import Batch, walk
from runstore.syncd.runwise.description import described, with_held_summary
from runstore.syncd.runwise.layout import Layout
from runstore.syncd.runwise.progress import LogProgress

# So many lines of a console are read, and sent, at once.
_LINES_AT_ONCE = 10_000
# Of what a run is: where it is, which the server says.
_OF_THE_PLACE = ("entity", "project", "storage_id")


@dataclass
class Sent:
    """What one passage sent; `bytes` are those of the lines, `records` those that became delivered with it."""

    rows: int = 0
    events: int = 0
    console_lines: int = 0
    alerts: int = 0
    bytes: int = 0
    records: int = 0
    notes: list[str] = field(default_factory=list)
    receipts: dict[str, Receipt] = field(default_factory=dict)  # by the path of the log


class Passage:
    """One run on its way to one server."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        run: RunSnapshot,
        remote: RunRemote,
        books: Books,
        agreement: Agreement,
        progress: Mapping[int, LogProgress],
        told: Callable[[int], None],
    ) -> None:
        """`progress` has that of each part, by the log's place; `told` gets the bytes of lines once they are noted."""
        self._connection, self._run, self._remote, self._books = connection, run, remote, books
        self._agreement, self._progress, self._told = agreement, progress, told
        self._layout = Layout(run.parts, progress)
        self._server: ServerRun | None = agreement.run
        self._size = 0  # of what was sent and is not told
        self.sent = Sent()
        if agreement.is_gone:
            self.sent.notes.append("the server did not have the run any more; all of it was sent again")

    def run(self) -> ServerRun:
        """Tell all that is new; return the run as the server knows it. Raises RemoteError, and what `told` raises."""
        self._agree_on_held()
        self._cut()
        self._begin_anew(self._layout.moved())
        for part in self._run.parts:
            self._layout.settle(part)
            self._tell(part)
        server = self._describe()
        self._prove()
        self._told(self._size)
        return server

    def _agree_on_held(self) -> None:
        """Go on behind the rows that the server holds, if they are ours, or of others with which the run began."""
        if self._agreement.held and not self._are_held_rows_ours():
            if not self._agreement.are_ours and self._is_last_row_ours():
                raise rows_of_unknown_place(self._agreement.run)
            self._agreement = self._agreement.without_held(self._run, self._remote, list(self._progress.values()))
            self._server = self._agreement.run
            for part in self._run.parts:  # once lines are sent, nobody could tell anymore
                self._keep(part, is_durable=True)

    def _are_held_rows_ours(self) -> bool:
        """Walk up to the last row that the server holds, and return whether it is the one that should be there."""
        count, held = self._layout.end(HISTORY), self._agreement.held.get(HISTORY, 0)
        for part in self._run.parts:
            after, most = self._layout.after(part), self._remote.most_bytes()
            for batch in walk(part, {}, after, most, self._is_over(part)):
                if count + len(batch.rows) >= held:
                    return self._agreement.is_last_row(batch.rows[held - count - 1])
                count += len(batch.rows)
        return False

    def _is_last_row_ours(self) -> bool:
        """Return whether the last row at the server is one of ours at another step: it came behind those of others."""
        last = self._agreement.last_row or {}
        if "_timestamp" not in last:  # which is what tells two rows of the same values
            return False
        most = self._remote.most_bytes()
        rows = (
            row
            for part in self._run.parts
            for batch in walk(part, {}, part.after, most, self._is_over(part))
            for row in batch.rows
        )
        return any(is_same_but_step(row, last) for row in rows)

    def _cut(self) -> None:
        """Let the server drop rows that don't count any more, since the run was set back."""
        step = self._layout.cut_at()
        if step is None or self._server is None:
            return
        ends = {stream: self._layout.end(stream) for stream in (EVENTS, CONSOLE)}
        self._server = server = self._remote.rewind(self._server, step - 1)
        held = {**ends, HISTORY: server.lines.get(HISTORY, 0)}
        self._agreement = Agreement(server, held)
        self._begin_anew(self._run.parts)

    def _begin_anew(self, parts: Iterable[LogPart]) -> None:
        """Let logs be sent again, and note that before their lines become others'."""
        for part in parts:
            self._progress[part.place].begin_anew()
            self._keep(part, is_durable=True)

    def _tell(self, part: LogPart) -> None:
        """Tell what is new in one log. The last of it goes with the last of its console, and with the summary."""
        one, most = self._progress[part.place], self._remote.most_bytes()
        waiting: Batch | None = None
        for batch in walk(part, one.position, self._layout.after(part), most, self._is_over(part)):
            if waiting is not None:
                self._take(part, waiting)
            waiting = batch
        self._check_end(part, waiting.position if waiting else one.position)
        console = self._console(part)
        while len(console) == _LINES_AT_ONCE:
            self._take(part, None, console)
            console = self._console(part)
        if waiting is not None and sum(map(len, waiting.rows)) + sum(map(len, console)) > most:
            self._take(part, waiting)
            waiting = None
        self._take(part, waiting, console, is_last=part == self._run.parts[-1])

    def _console(self, part: LogPart) -> list[str]:
        """Return what comes next of a log's console."""
        start = self._progress[part.place].count(CONSOLE)
        texts = console_lines(self._connection, part, start, self._is_over(part), _LINES_AT_ONCE)
        if not texts:
            return []
        fitting = texts_within(texts, self._remote.longest_line(), self._progress[part.place].left)
        return as_lines(fitting, is_structured=self._remote.takes_structured_console())

    def _check_end(self, part: LogPart, position: Mapping[str, Any]) -> None:
        """Raise LogError where a log ends before the place up to which the index has read it: nothing is proven."""
        if position.get("offset", 0) < part.end:
            raise LogError(f"{part.log}: is shorter than it was; what is left of it is sent when that has been read")

    def _take(self, part: LogPart, batch: Batch | None, console: Sequence[str] = (), *, is_last: bool = False) -> None:
        """Send what comes next of one log, and note that; the last of all is noted with the proof."""
        one = self._progress[part.place]
        if batch is not None:
            one.head = dict(batch.head)
        rows = rows_within(batch.rows, self._remote.longest_line(), one.left) if batch else ()
        size = self._push(part, {HISTORY: rows, EVENTS: batch.events if batch else ()}, console, is_last=is_last)
        if batch is not None:
            self._alert(part, batch.alerts)
            one.artifacts += [offset for offset, _ in batch.artifacts if offset not in one.artifacts]
            one.last_step = max(one.last_step, batch.last_step)
            one.position = dict(batch.position)
        if is_last:
            self._size = size
        elif size or batch is not None:
            self._keep(part)
            self._told(size)

    def _push(
        self, part: LogPart, streams: Mapping[str, Sequence[str]], console: Sequence[str], *, is_last: bool
    ) -> int:
        """Send lines to behind those that are there, but for what the server holds; return how many bytes were sent."""
        one, streams = self._progress[part.place], {**streams, CONSOLE: console}
        if any(streams.values()):
            self._begin_anew(self._layout.in_the_way(part))
        places = {stream: self._layout.end(stream) for stream in streams}
        sending = {stream: self._unheld(stream, places[stream], lines) for stream, lines in streams.items()}
        sending = {stream: lines for stream, lines in sending.items() if lines.content}
        summary = self._summary() if is_last else None
        if summary is not None:
            sending[SUMMARY] = summary
        if sending:
            self._remote.push(self._describe(), sending, preempting=summary is not None and self._run.preempting)
        for stream, lines in streams.items():
            one.add(stream, places[stream], len(lines))
        return self._count(sending)

    def _unheld(self, stream: str, first: int, content: Sequence[str]) -> Lines:
        """Return the lines from `first` on that the server does not hold."""
        passed = min(max(0, self._agreement.held.get(stream, 0) - first), len(content))
        return Lines(first + passed, content[passed:])

    def _count(self, sent: Mapping[str, Lines]) -> int:
        counts = {stream: len(lines.content) for stream, lines in sent.items()}
        self.sent.rows += counts.get(HISTORY, 0)
        self.sent.events += counts.get(EVENTS, 0)
        self.sent.console_lines += counts.get(CONSOLE, 0)
        size = sum(size_of(line) for lines in sent.values() for line in lines.content)
        self.sent.bytes += size
        return size

    def _alert(self, part: LogPart, alerts: Sequence[AlertSent]) -> None:
        """Send alerts that were not sent before; one is sent again if this is killed before it is noted."""
        one = self._progress[part.place]
        for alert in alerts:
            one.alerts_passed += 1
            if one.alerts_passed > one.alerts_sent:
                self._remote.alert(self._describe(), alert.title, alert.text, alert.level, alert.wait_ms)
                one.alerts_sent = one.alerts_passed
                self.sent.alerts += 1
                self._books.keep_alerts(part.log, part.log_id, one)

    def _describe(self) -> ServerRun:
        """Tell the server what the run is, if it does not know it so; return the run as it knows it."""
        heads = [self._progress[part.place].head for part in self._run.parts]
        description = described(self._run, heads, self._agreement.run, self._remote, self._begun_by_others)
        said = {name: value for name, value in vars(description).items() if name not in _OF_THE_PLACE}
        digest = _digest(json.dumps(said, sort_keys=True, default=str))
        newest = self._newest
        if self._server is None or newest.described != digest:
            upserted = self._remote.upsert(description)
            if self._server is None and not upserted.is_new and upserted.lines.get(HISTORY):
                raise foreign_rows(upserted) if self._agreement.is_blind else _made_meanwhile(upserted)
            self._server = upserted
            for one in self._progress.values():
                one.is_of(self._server)
            newest.described = digest
        return self._server

    def _summary(self) -> Lines | None:
        """Return the line that is the summary; None where the server has it so."""
        newest = self._newest
        text = json.dumps(with_held_summary(self._run, self._agreement.run, self._begun_by_others))
        said = _digest(text), self._run.preempting
        if (newest.summed_up, newest.is_preempting) == said:
            return None
        newest.summed_up, newest.is_preempting = said
        return Lines(0, [text])

    def _prove(self) -> None:
        """Keep of each log that the server was told all of it."""
        logs: list[LogPart | EditLog] = [*self._run.parts, *self._run.edit_logs]
        for one in logs:
            before = self._books.receipt(one.log, one.log_id)
            progress = self._progress[one.place] if isinstance(one, LogPart) else None
            self.sent.receipts[str(one.log)] = self._books.prove(one.log, one.log_id, one.end, one.records, progress)
            self.sent.records += max(0, one.records - (before.records if before else 0))
        said = (_said_of_damage(part, self._progress[part.place]) for part in self._run.parts)
        self.sent.notes += filter(None, said)

    @property
    def _newest(self) -> LogProgress:
        """The progress of the last log, which has what the server was told of the run as a whole."""
        return self._progress[self._run.parts[-1].place]

    @property
    def _begun_by_others(self) -> bool:
        """Whether the server held rows of the run before any came from here."""
        return any(one.base for one in self._progress.values())

    def _is_over(self, part: LogPart) -> bool:
        return self._run.is_over or part.has_ended

    def _keep(self, part: LogPart, *, is_durable: bool = False) -> None:
        self._books.keep_rows(part.log, part.log_id, self._progress[part.place], is_durable=is_durable)


def _said_of_damage(part: LogPart, progress: LogProgress) -> str:
    """Return what a log lost, in a sentence, "" for one that is whole; the server has all that is left."""
    lost = max(part.lost_bytes, progress.position.get("lost", 0))
    if not lost and not part.missing:
        return ""
    return (
        f"{part.log.parent.name}/{part.log.name}: is damaged; {lost:,} bytes were passed by, and {part.missing:,} "
        "records are missing; all others were sent"
    )


def _made_meanwhile(run: ServerRun) -> RemoteError:
    return RemoteError(f"{run.run_id}: somebody else began to deliver this run at the same moment; it is tried again")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

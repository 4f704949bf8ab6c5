"""One log on its way into the index: what was read of it, and the rows that come of that."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path

from runstore.core.facts import Fact, SystemSample
from runstore.core.keys import dotted
from runstore.core.logfold import ConsolePiece, LogFold, Row
from runstore.core.rowblock import RowBlock
from runstore.core.terminal import TerminalLine
from runstore.errors import LogError, NotFound
from runstore.index import deliveries
from runstore.index.artifacts.entering import enter
from runstore.index.artifacts.places import EVERYTHING, Places
from runstore.index.chunks.tails import CHUNK_COLUMNS, Tails
from runstore.index.decoding.columns import BlockDecoder, fold_until
from runstore.index.facts import FactRows
from runstore.index.onerun import forget_log
from runstore.index.rescue.rows import WantedRows
from runstore.runlog import codec
from runstore.runlog.codec import LogIdentity
from runstore.runlog.live import LiveReader

__all__ = ["CHUNK_COLUMNS", "OneLog", "status_of"]

_INT64 = range(-(1 << 63), 1 << 63)
# A file that changed in these last seconds is being written; the clocks of file servers are a little off.
WRITTEN_SECONDS = 60.0
STREAMS = ("stdout", "stderr", "logger")  # of the console


class OneLog:
    """The indexer's state for one log: all of it is in the database after `write`, and comes back with `load`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self.id = 0  # of its row in `logs`; 0 while it has none
        self.offset = 0
        self.lost_bytes = 0
        self._written = (0, 0)  # offset and rows that the database has
        self.fold = LogFold(self._on_row, self._on_console, self._on_fact)
        self._connection = connection
        self._decoder: BlockDecoder | None = None
        self._inode = 0
        self._held = (-1, 0.0)  # where the last reading stopped at damage, and since when it has stopped there
        self._identity: LogIdentity | None = None
        self._seen = (-1, 0)  # size and mtime_ns of the file when all of it had been read
        self._tails = Tails(connection)
        self._facts = FactRows()
        self._run: int | None = None  # row of the run to whose collections its artifacts were added
        self._fresh: Places | None = None  # what was written of artifacts, and is in no collection
        self._wanted = WantedRows()
        self._texts: list[tuple[str, int, str]] = []  # key, step, JSON
        self._lines: list[tuple[int, str, float, str]] = []  # line, stream, time, text
        self._next_line = 0
        self._terminal = {name: TerminalLine() for name in STREAMS}

    @classmethod
    def load(cls, connection: sqlite3.Connection, path: Path) -> OneLog:
        """Return the state as the database has it; that of an unknown log where the file is not the one indexed."""
        log = cls(connection, path)
        status = status_of(path)
        log._inode = status.st_ino
        row = connection.execute(
            "SELECT id, indexed, lost_bytes, log_id, state, size, mtime_ns, run FROM logs WHERE path = ?", (str(path),)
        ).fetchone()
        if row is None:
            return log
        log._identity = codec.log_identity(path)
        if status.st_size < row[1] or log.log_id != row[3]:  # another log lies where the indexed one was
            forget_log(connection, str(path))
            return log
        log.id, log.offset, log.lost_bytes, _ = row[:4]
        log._seen = row[5:7]
        log._run = row[7]
        state = json.loads(row[4])
        log.fold.restore(state["fold"])
        log._written = log.offset, log.fold.facts.rows
        log._next_line = state["next_line"]
        log._terminal = {name: TerminalLine(*line) for name, line in state["terminal"].items()}
        return log

    def is_current(self) -> bool:
        """Whether this is still what the database has, and the file still the one that was read."""
        row = self._connection.execute("SELECT id, indexed FROM logs WHERE path = ?", (str(self.path),)).fetchone()
        known = row == (self.id, self._written[0]) if self.id else row is None
        return known and self.is_same_file()

    @property
    def log_id(self) -> str | None:
        """What every copy of the log is known by; None while its run record is not written yet."""
        return self._identity.log_id if self._identity is not None else None

    @property
    def has_ended(self) -> bool:
        """Whether its process said that it was done; such a log seldom grows again."""
        return self.fold.facts.exit_code is not None

    @property
    def has_seen_all(self) -> bool:
        """Whether the file is as it was when all of it had been read; raises NotFound and LogError."""
        status = status_of(self.path)
        return self._seen == (status.st_size, status.st_mtime_ns)

    @property
    def is_read_out(self) -> bool:
        """Whether the last `read` came as far as it can: to the end of the file, or to content that is yet to come."""
        return self._seen[0] >= 0 or self.is_held

    @property
    def is_held(self) -> bool:
        """Whether the last `read` stopped at content that may be yet to come."""
        return self._held[0] == self.offset

    @property
    def seen(self) -> tuple[int, int]:
        """Size and mtime_ns of the file when all of it had been read; (-1, 0) while that was not."""
        return self._seen

    @property
    def changed_at(self) -> float:
        """When the file changed last, as far as it was read, in seconds since the epoch; 0 where that is unknown."""
        return self._seen[1] / 1e9

    @property
    def is_new(self) -> bool:
        """Whether the database has no row of it yet."""
        return self._written[1] == 0

    @property
    def names_outside(self) -> bool:
        """Whether it named files outside of the run directory that are not written: they may soon be gone."""
        return bool(self._wanted)

    @property
    def news_rows(self) -> int:
        """How many rows were read and are not written."""
        return self.fold.facts.rows - self._written[1]

    @property
    def news_bytes(self) -> int:
        """How many bytes were read and are not written."""
        return self.offset - self._written[0]

    def forget_stored(self) -> None:
        """Look at the chunks in the database anew before the next ones are written."""
        self._tails.forget_stored()

    def read(self, most_bytes: int, decoder: BlockDecoder | None = None, patience: float = 0.0) -> None:
        """Read records up to about `most_bytes` further; `decoder` may know the keys from logs like this one.

        What looks like damage in a file that is being written is left unread for so many seconds of `patience`: on
        network file systems it may be content that comes later than the file's size.
        """
        if decoder is None:
            decoder = self._decoder = self._decoder or BlockDecoder()
        status = status_of(self.path)  # before the reading: what comes after it must look new the next time
        enough = self.offset + most_bytes
        with LiveReader(self.path, self.offset, self._is_patient(status, patience)) as reader:
            fold_until(reader, enough, self.fold, decoder, self._on_rows)
            is_at_end = reader.offset < enough and not reader.is_held
            self._seen = (status.st_size, status.st_mtime_ns) if is_at_end else (-1, 0)
            self.offset = reader.offset
            self.lost_bytes += sum(lost.size for lost in reader.lost)
            self._hold(reader.is_held)
        if self._identity is None and not self.is_held:
            self._identity = codec.log_identity(self.path)

    def _is_patient(self, status: os.stat_result, patience: float) -> bool:
        place, since = self._held
        waited = place == self.offset and time.monotonic() - since >= patience
        return patience > 0 and not waited and abs(time.time() - status.st_mtime) < WRITTEN_SECONDS

    def _hold(self, is_held: bool) -> None:
        if not is_held:
            self._held = (-1, 0.0)
        elif self._held[0] != self.offset:
            self._held = (self.offset, time.monotonic())

    def write(self, seal: bool = False) -> None:
        """Put what was read into the database; the caller's transaction makes it whole.

        With `seal`, chunks that have become full by joining smaller ones are packed, which takes a little longer.
        """
        is_first = not self.id
        if is_first:
            self._tails.expect_nothing_stored()
        self._write_log()
        if is_first and self.log_id:
            deliveries.enter(self._connection, self.id, self.path, self.log_id)
        self._tails.write(self.id, seal)
        if self._texts:
            self._connection.executemany(
                "INSERT INTO history_values (log, key, step, value) VALUES (?, ?, ?, ?)",
                [(self.id, *text) for text in self._texts],
            )
        if self._lines:
            self._connection.executemany(
                "INSERT INTO console (log, line, stream, time, text) VALUES (?, ?, ?, ?, ?)",
                [(self.id, *line) for line in self._lines],
            )
        self._texts, self._lines = [], []
        self._written = self.offset, self.fold.facts.rows
        self._fresh = self._facts.write(self._connection, self.id)
        self._wanted.write(self._connection, self.id)

    def enter_collections(self) -> None:
        """Let artifacts and moves that were just written count in their collections, the run being up to date."""
        (run,) = self._connection.execute("SELECT run FROM logs WHERE id = ?", (self.id,)).fetchone()
        if run != self._run:  # what was written of it before belongs to that run, too
            self._run, self._fresh = run, EVERYTHING
        if self._fresh is not None:
            enter(self._connection, self.id, self._fresh)
        self._fresh = None

    def _write_log(self) -> None:
        facts = self.fold.facts
        columns = {
            "path": str(self.path),
            "log_id": self.log_id,
            "indexed": self.offset,
            "size": self._seen[0],
            "mtime_ns": self._seen[1],
            "records": facts.records,
            "lost_bytes": self.lost_bytes,
            "undecodable": facts.undecodable,
            "missing": facts.missing_records,
            "kind": facts.kind,
            "started_at": facts.started_at,
            "starting_step": facts.starting_step,
            "branch_run": facts.branch_run,
            "branch_step": facts.branch_step,
            "last_step": self.fold.last_step,
            "rows": facts.rows,
            "open_row": int(self.fold.pending is not None),
            "sealed": 0,
            "state": self._state(),
        }
        if self.id:
            assignments = ", ".join(f"{name} = ?" for name in columns)
            self._connection.execute(f"UPDATE logs SET {assignments} WHERE id = ?", (*columns.values(), self.id))
        else:
            marks = ", ".join("?" * len(columns))
            row = self._connection.execute(
                f"INSERT INTO logs ({', '.join(columns)}) VALUES ({marks})", tuple(columns.values())
            )
            self.id = row.lastrowid or 0

    def _state(self) -> str:
        terminal = {name: line.state() for name, line in self._terminal.items()}
        return json.dumps({"fold": self.fold.state(), "next_line": self._next_line, "terminal": terminal})

    def _on_row(self, step: int, row: Row) -> None:
        for key, value in row.items():
            if key == "_step":  # each point has its step already
                continue
            kind = type(value)
            if kind is float or (kind is int and value in _INT64):
                self._tails.of(dotted(key)).add(step, value)
            else:
                self._texts.append((dotted(key), step, json.dumps(value, ensure_ascii=False)))

    def _on_rows(self, block: RowBlock) -> None:
        for column in block.columns:
            if column.key != "_step":
                steps = block.steps if column.rows is None else block.steps[column.rows]
                self._tails.of(dotted(column.key)).extend(steps, column.values)
        for odd in block.odd:
            if odd.key != "_step":
                text = json.dumps(odd.value, ensure_ascii=False)
                self._texts.append((dotted(odd.key), int(block.steps[odd.row]), text))

    def _on_console(self, piece: ConsolePiece) -> None:
        for text in self._terminal[piece.stream].feed(piece.text):
            self._lines.append((self._next_line, piece.stream, piece.time, text))
            self._next_line += 1

    def _on_fact(self, fact: Fact, time: float) -> None:
        if not isinstance(fact, SystemSample):
            self._facts.add(fact, time)
            if not self.fold.facts.kind:  # our own logs name nothing outside of the run directory
                self._wanted.add(fact)
            return
        for key, value in fact.values.items():
            self._tails.of(key, "system").add(fact.time_ms, value)

    def is_same_file(self) -> bool:
        """Whether the file at the path is still the one that was read."""
        status = status_of(self.path)
        same = status.st_ino == self._inode and status.st_size >= self.offset
        if self._seen == (status.st_size, status.st_mtime_ns):
            return same
        return same and (self._identity is None or codec.begins_as(self.path, self._identity))


def status_of(log: Path) -> os.stat_result:
    """Return the status of a log's file; raises NotFound, and LogError where it can't be looked at."""
    try:
        return log.stat()
    except (FileNotFoundError, NotADirectoryError) as error:  # or a file lies where a folder above it was
        raise NotFound(f"{log}: there is no such run log any more") from error
    except OSError as error:
        raise LogError(f"{log}: can't be read ({error.strerror}); what the index knows of it stays") from error

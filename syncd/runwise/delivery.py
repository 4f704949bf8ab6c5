"""Deliver the run of a log to a server: first what its logs say, later what lies beside them, and its end.

A run may have several logs, each of which comes with its own turn; whichever comes first brings all of them, and the
others find nothing left to do. Threads take turns with one run.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from runstore.core.identity import RunPath
from runstore.errors import RemoteConflict
from runstore.index.indexer import Indexer
from runstore.syncd import receipts
from runstore.syncd.delivery import Ready
from runstore.syncd.outgoing import FilesDelivered
from runstore.syncd.remotes.runs import RunRemote, ServerRun
from runstore.syncd.runwise.agreement import Agreement, agree
from runstore.syncd.runwise.beside import Beside
from runstore.syncd.runwise.books import Books
from runstore.syncd.runwise.content.snapshot import RunSnapshot, snapshot
from runstore.syncd.runwise.ending import Ending, ending_of
from runstore.syncd.runwise.indexers import Indexers
from runstore.syncd.runwise.passage import Passage, Sent
from runstore.syncd.runwise.progress import LogProgress
from runstore.syncd.runwise.turns import turn

# Locks for runs: those of more runs share one.
_TURNS = 64


class RunDelivery:
    """The deliveries of runs to one target; called by several threads."""

    def __init__(self, index: Path | None = None) -> None:
        """`index` is the path of the index that knows the runs; None: this machine's."""
        self._indexers = Indexers(index)
        self._servers: dict[RunPath, ServerRun] = {}  # runs that a server was asked for, and what it answered
        self._turns = {lane: [threading.Lock() for _ in range(_TURNS)] for lane in ("rows", "beside")}
        self._under_way: dict[RunPath, Sent] = {}

    def tell(self, what: Ready, remote: RunRemote, told: Callable[[int], None]) -> Sent:
        """Deliver what the logs of a log's run say. Raises RemoteError, and what `told` raises."""
        return self._tell(what, remote, told)[0]

    def _tell(self, what: Ready, remote: RunRemote, told: Callable[[int], None]) -> tuple[Sent, ServerRun]:
        """Do so; return the run as the server knows it as well."""
        with self._turn(what, remote, "rows"), self._indexed(what) as (indexer, run):
            books = Books(remote)
            progress = {part.place: books.progress(part.log, part.log_id) for part in run.parts}
            lost = _lost(run, progress, books, remote)
            if lost:
                raise RemoteConflict(lost)
            known = self._servers.get(_path(what))
            if any(one.base for one in progress.values()):
                known = None  # what others gave the server of it counts, as it is now
            agreement = Agreement(known) if known else agree(remote, run, list(progress.values()))
            if agreement.is_gone:
                for part in run.parts:
                    books.forget(part.log, part.log_id, progress[part.place])
            passage = Passage(indexer.connection, run, remote, books, agreement, progress, told)
            self._under_way[_path(what)] = passage.sent
            try:
                server = self._servers[_path(what)] = passage.run()
            except BaseException:
                self._servers.pop(_path(what), None)  # to be asked anew
                raise
            finally:
                del self._under_way[_path(what)]
            _prove_copy(what, run, books, passage.sent)
            return passage.sent, server

    def close(self) -> None:
        """Let the index go."""
        self._indexers.close()

    def rows_under_way(self) -> int:
        """Return how many rows were sent of runs of which not all is told yet."""
        return sum(sent.rows for sent in list(self._under_way.values()))

    def bring(self, what: Ready, remote: RunRemote, told: Callable[[int], None]) -> tuple[FilesDelivered, int]:
        """Deliver what lies beside the logs of a run, and its end; return it of this log, and how many artifacts.

        Raises RemoteError, and what `told` raises.
        """
        with self._turn(what, remote, "beside"):
            server = self._servers.get(_path(what))
            if server is None:  # all was told before this process began, or something failed since
                _, server = self._tell(what, remote, told)
            with self._indexed(what) as (indexer, run):
                return self._bring(what, indexer.connection, run, server, remote, told)

    def _bring(
        self,
        what: Ready,
        connection: sqlite3.Connection,
        run: RunSnapshot,
        server: ServerRun,
        remote: RunRemote,
        told: Callable[[int], None],
    ) -> tuple[FilesDelivered, int]:
        books = Books(remote)
        try:
            ending = ending_of(connection, run, server, remote, books)
        except BaseException:
            self._servers.pop(_path(what), None)  # to be asked anew
            raise
        covered: set[str] = set()
        besides = [Beside(part, server, remote, books, told, covered) for part in run.parts]
        try:
            for beside in besides:
                beside.deliver(ending.files if ending and beside is besides[-1] else ())
            _tell_of_files(server, remote, besides, ending)
        finally:
            for beside in besides:
                beside.keep()
        if ending is not None:
            self._servers.pop(_path(what), None)
        here = what.log.resolve()  # which is as the user wrote it
        own = next((one for part, one in zip(run.parts, besides, strict=True) if part.log == here), None)
        done = own.done if own else FilesDelivered()
        # Of all logs: when their turns come, nothing is left of them.
        done.sent = sum(one.done.sent for one in besides)
        done.bytes_sent = sum(one.done.bytes_sent for one in besides)
        return done, sum(beside.artifacts for beside in besides)

    @contextmanager
    def _indexed(self, what: Ready) -> Iterator[tuple[Indexer, RunSnapshot]]:
        """Yield the run of a log as the index knows it, once it knows all that there is."""
        with self._indexers.borrowed() as indexer:
            indexer.catch_up(what.log)
            run = snapshot(indexer.connection, what.entity, what.project, what.run)
            if run is None or not run.parts:
                raise RemoteConflict(f"{what.log}: no log of its run is known here, so there is nothing to deliver")
            yield indexer, run

    @contextmanager
    def _turn(self, what: Ready, remote: RunRemote, lane: str) -> Iterator[None]:
        path, locks = _path(what), self._turns[lane]
        with locks[hash(path) % len(locks)], turn(f"{remote.identity()} {lane} {path}", str(path)):
            yield


def _path(what: Ready) -> RunPath:
    return RunPath(what.entity, what.project, what.run)


def _lost(run: RunSnapshot, progress: Mapping[int, LogProgress], books: Books, remote: RunRemote) -> str:
    """Return, in a sentence, which log lost bytes of which the server was told what they said; "" where none did.

    What is left of the log says less of the run than the server knows: it must not take the place of that.
    """
    for part in run.parts:
        receipt = books.receipt(part.log, part.log_id)
        told = max(receipt.size if receipt else 0, progress[part.place].position.get("offset", 0))
        if told > part.end:
            receipts.note_loss(part.log, part.log_id, books.identity, remote.name, told)
            return (
                f"{part.log}: lost {told - part.end:,} bytes that {remote.name} was told of; they are safe there, "
                "and nothing is sent until it is longer again"
            )
    return ""


def _prove_copy(what: Ready, run: RunSnapshot, books: Books, sent: Sent) -> None:
    """Keep the proof of a log that is no part of its run, since it is a copy of one that is."""
    log = what.log.resolve()
    original = next((part for part in run.parts if part.log_id == what.log_id), None)
    if str(log) not in sent.receipts and original is not None and original.end >= what.end:
        sent.receipts[str(log)] = books.prove(what.log, what.log_id, what.end, what.records, None)


def _tell_of_files(server: ServerRun, remote: RunRemote, besides: Sequence[Beside], ending: Ending | None) -> None:
    """Tell a server which files it has, and that the run has ended, if it has."""
    uploaded = [path for beside in besides for path in beside.uploaded]
    if ending is not None:
        remote.push(server, {}, uploaded=uploaded, exit_code=ending.exit_code)
        if {file.path for file in ending.files} <= set(uploaded):  # else it is told again, with all of them
            besides[-1].progress.ended = ending.said
    elif uploaded:
        remote.push(server, {}, uploaded=uploaded)

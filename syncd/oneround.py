"""Deliver some logs to one remote, once: the pool of the daemon, until each log is delivered or has failed.

One log that fails never holds up another. What fails for all of them (no hub, a refused token) ends the round.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from runstore.errors import LogError, NotFound
from runstore.index.indexer import Indexer
from runstore.index.rescue.lost import not_kept_beside, said_of
from runstore.index.rescue.outstanding import is_anything_open
from runstore.paths import is_text
from runstore.syncd import marker
from runstore.syncd.courier import Courier
from runstore.syncd.delivery import Ready, Report, ready
from runstore.syncd.fanout import FanOut
from runstore.syncd.glance import glanced
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.configured import RunOptions, find_remote, load_remotes
from runstore.syncd.remotes.servers import WANDB
from runstore.syncd.stamps import bytes_beside
from runstore.syncd.upload import State, Upload

# What the pool tells the daemon's log is in the report here.
logging.getLogger("runstore.courier").addHandler(logging.NullHandler())

# How often progress is told.
_LOOK_SECONDS = 0.1
_INDEXED_TOGETHER = 25
_STOP_SECONDS = 0.5
_FAILED = (State.RETRYING, State.HELD)


class Round:
    """One round of deliveries of `logs` to the remote of this name, or at this URL."""

    def __init__(
        self,
        remote: str,
        logs: Iterable[Path],
        progress: Callable[[int], None] | None = None,
        options: RunOptions | None = None,
    ) -> None:
        """`progress` is told the bytes that are done since it was last told, held already or sent; `total` in all.

        `options` say where runs go at a W&B server.
        """
        self._remote = remote
        self._left = {log: _size(log) for log in logs}
        self.total = sum(self._left.values())
        self._progress = progress or (lambda size: None)
        self._told = 0
        self._courier = Courier(remote, _limits_of(remote), sent=self._sent, options=options)
        known = find_remote(remote)
        self._is_for_runs, self._marks = known.kind == WANDB, known.policy.marks_synced
        self._report = Report(remote)
        self._given: list[Ready] = []
        self._folders: set[Path] = set()  # in which run directories lie, as far as the index was told of them

    def run(self, indexer: Indexer) -> Report:
        """Bring each log to the remote; return what was done. Indexed first are only those where that matters.

        Raises RemoteUnreachable, RemoteRefused and RemoteUnfit, which concern every log; what concerns one log is in
        the report. Interrupted at any moment, `report` tells what was done by then.
        """
        self._courier.start()
        try:
            for some in _groups([log for log in self._present() if not self._taken_at_a_glance(indexer, log)]):
                failed = indexer.catch_up_all(some)
                for log in some:
                    self._take(indexer, log, failed.get(log.resolve()))
                self._look()
            while not all(self._is_settled(what.log) for what in self._given):
                self._courier.wait(_LOOK_SECONDS)
                self._look()
        finally:
            self._courier.stop(_STOP_SECONDS)
        self._look()
        if self._is_for_runs and self._marks:
            self._mark(indexer)
        return self.report()

    @property
    def shipped(self) -> Report:
        """The figures of what was sent until now."""
        return replace(self._courier.shipped, rows=self._courier.rows)

    def report(self) -> Report:
        """Return what was done until now."""
        report, sent = self._report, self._courier.shipped
        report.logs, report.verified = len(report.errors), 0
        for what, records, beside in self._courier.uploads():
            report.logs += 1
            report.runs.add(what.run)
            note = self._courier.notes.get(what.log, "")
            if note:
                report.notes.append(f"{what.log.parent.name}: {note}")
            report.verified += self._is_delivered(what.log)
            for upload in (records, beside):
                if upload is not None and upload.error and upload.error not in note:
                    report.errors[str(what.log)] = upload.error
        report.bytes_sent, report.records = sent.bytes_sent, sent.records
        report.files_sent, report.file_bytes_sent = sent.files_sent, sent.file_bytes_sent
        report.files_left = self._courier.files_left
        report.rows, report.events, report.console_lines = sent.rows, sent.events, sent.console_lines
        report.artifacts, report.alerts = sent.artifacts, sent.alerts
        return report

    def _present(self) -> list[Path]:
        """Return the logs that are there; not those that were deleted since they were found."""
        present = []
        for log in list(self._left):
            if os.path.exists(log):
                present.append(log)
                continue
            del self._left[log]
            if log.is_symlink():
                error = NotFound(f"{log}: is a link that leads nowhere; remove it, or put back what it led to")
                self._report.fail(log, log.parent.name, error)
        return present

    def _taken_at_a_glance(self, indexer: Indexer, log: Path) -> bool:
        """Take a log that the index has not seen, if that can be done without it; who asks for runs will index it."""
        place = Path(os.path.realpath(log))
        if self._is_for_runs or not is_text(place) or indexer.log_id(place):
            return False
        try:
            what = glanced(log)
        except (LogError, NotFound):  # indexing says what is wrong
            return False
        if what is None:
            return False
        self._remember(indexer, place.parent.parent)
        self._given.append(what)
        self._courier.give(what)
        return True

    def _remember(self, indexer: Indexer, folder: Path) -> None:
        if folder not in self._folders:
            self._folders.add(folder)
            indexer.add_root(folder)

    def _take(self, indexer: Indexer, log: Path, error: Exception | None) -> None:
        if isinstance(error, NotFound):
            del self._left[log]  # deleted since it was found
            return
        if error is not None:
            self._report.fail(log, log.parent.name, error)
            return
        indexer.rescue(log)
        lost = said_of(not_kept_beside(indexer.connection, str(log.resolve())))
        self._report.notes += [f"{log.parent.name}: {lost}"] if lost else []
        what = ready(indexer, log)
        if what is not None:
            self._remember(indexer, log.resolve().parent.parent)
            self._given.append(what)
            self._courier.give(what)

    def _mark(self, indexer: Indexer) -> None:
        """Leave stock's mark, as its own sync does, beside runs of which every target that they go to has all."""
        fan_out = FanOut.load()
        folders: dict[Path, dict[Path, Ready]] = {}
        for what in self._given:
            folders.setdefault(what.log.parent, {})[what.log] = what
        for folder, logs in folders.items():
            if not all(map(self._is_delivered, logs)) or marker.is_damaged(indexer.connection, logs):
                continue
            targets = {self._remote}
            for what in logs.values():
                targets.update(fan_out.targets_of(what.log.resolve(), what.project, what.entity, what.tags))
            if not is_anything_open(indexer.connection, (str(log.resolve()) for log in logs)):
                marker.put(folder, logs, targets)

    def _is_delivered(self, log: Path) -> bool:
        """Return whether this round has proven all of a log: a receipt of that name may be of another place."""
        records, beside = self._courier.upload(log)
        return records.state is State.VERIFIED and beside is not None and beside.state is State.VERIFIED

    def _is_settled(self, log: Path) -> bool:
        records, beside = self._courier.upload(log)
        if records.state in _FAILED:
            return True
        return records.state is State.VERIFIED and _is_over(beside)

    def _sent(self, log: Path, size: int) -> None:
        self._left[log] = max(0, self._left[log] - size)

    def _look(self) -> None:
        """Tell how far it is; raise what ends the round."""
        if self._courier.trouble is not None:
            raise self._courier.trouble
        for what in self._given:
            if self._left[what.log] and self._is_settled(what.log):
                self._left[what.log] = 0  # of what the remote had before nothing was sent
        done = self.total - sum(self._left.values())
        self._progress(done - self._told)
        self._told = done


def _groups(logs: list[Path]) -> Iterator[list[Path]]:
    """Yield logs in groups: what is indexed together is faster, and deliveries begin before all is."""
    for start in range(0, len(logs), _INDEXED_TOGETHER):
        yield logs[start : start + _INDEXED_TOGETHER]


def _is_over(upload: Upload | None) -> bool:
    return upload is not None and (upload.state is State.VERIFIED or upload.state in _FAILED)


def _size(log: Path) -> int:
    try:
        return log.stat().st_size + bytes_beside(log)
    except OSError:  # deleted since it was found
        return 0


def _limits_of(remote: str) -> Policy:
    """Return the limits of a remote that is known; what is delivered, and when, says who calls."""
    known = load_remotes().get(remote)
    return Policy(bytes_per_second=known.policy.bytes_per_second, at_once=known.policy.at_once) if known else Policy()

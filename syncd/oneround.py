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
from runstore.paths import is_text, run_id_of
from runstore.syncd import crew, marker
from runstore.syncd.courier import Courier
from runstore.syncd.crew import Crew
from runstore.syncd.delivery import Ready, Report, is_of_fork, ready
from runstore.syncd.fanout import FanOut
from runstore.syncd.glance import glanced
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.configured import RunOptions, find_remote, load_remotes
from runstore.syncd.remotes.servers import WANDB
from runstore.syncd.stamps import bytes_beside
from runstore.syncd.upload import State, is_settled

# What the pool tells the daemon's log is in the report here.
logging.getLogger("runstore.courier").addHandler(logging.NullHandler())

# How often progress is told.
_LOOK_SECONDS = 0.1
_INDEXED_TOGETHER = 25
_INDEXED_FIRST = 5  # so that deliveries begin soon
_STOP_SECONDS = 0.5


class Round:
    """One round of deliveries of `logs` to the remote of this name, or at this URL."""

    def __init__(
        self,
        remote: str,
        logs: Iterable[Path],
        progress: Callable[[int], None] | None = None,
        options: RunOptions | None = None,
        *,
        may_fork: bool = False,
    ) -> None:
        """`progress` is told the bytes that are done since it was last told, held already or sent; `total` in all.

        `options` say where runs go at a W&B server. Where this process `may_fork`, and many runs go there, others that
        help are there from now on, up to `close`: no index may be open yet.
        """
        self._remote = remote
        self._left = {log: _size(log) for log in logs}
        self.total = sum(self._left.values())
        self._progress = progress or (lambda size: None)
        self._told = 0
        known = find_remote(remote)
        self._is_for_runs, self._marks = known.kind == WANDB, known.policy.marks_synced
        self._courier = self._made_courier(options, may_fork and self._is_for_runs)
        self._report = Report(remote)
        self._given: list[Ready] = []
        self._open: dict[Path, Ready] = {}  # those that are not settled
        self._forks: list[Ready] = []  # which wait until all is indexed: what they say is also in other runs' logs
        self._folders: set[Path] = set()  # in which run directories lie, as far as the index was told of them

    def run(self, indexer: Indexer) -> Report:
        """Bring each log to the remote; return what was done. Indexed first are only those where that matters.

        Raises RemoteUnreachable, RemoteRefused and RemoteUnfit, which concern every log; what concerns one log is in
        the report. Interrupted at any moment, `report` tells what was done by then.
        """
        self._courier.start()
        try:
            for some in _groups([log for log in self._present() if not self._taken_at_a_glance(indexer, log)]):
                failed = indexer.catch_up_all(some, self._go_on)
                for log in some:
                    self._take(indexer, log, failed.get(log.resolve()))
                self._look()
            for what in self._forks:
                self._give(what)
            while self._open:
                self._courier.wait(_LOOK_SECONDS)
                self._look()
        finally:
            self.close()
        self._look()
        if self._is_for_runs and self._marks:
            self._mark(indexer)
        return self.report()

    def close(self) -> None:
        """End what is under way."""
        self._courier.stop(_STOP_SECONDS)

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

    def _made_courier(self, options: RunOptions | None, may_fork: bool) -> Courier | Crew:
        policy = _limits_of(self._remote)
        size = crew.size_for(self._left, policy) if may_fork else 1
        if size > 1:
            try:
                return Crew(self._remote, policy, size, self._sent, options)
            except OSError:  # no more processes, or no memory for them
                pass
        return Courier(self._remote, policy, sent=self._sent, options=options)

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
        self._give(what)
        return True

    def _give(self, what: Ready) -> None:
        self._given.append(what)
        self._open[what.log] = what
        self._courier.give(what)

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
            if self._is_for_runs and is_of_fork(indexer, log):
                self._forks.append(what)
            else:
                self._give(what)

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

    def _sent(self, log: Path, size: int) -> None:
        self._left[log] = max(0, self._left[log] - size)

    def _go_on(self, size: int) -> None:
        """Let deliveries go on between two pieces that were indexed."""
        self._courier.wait(0.0)
        self._look()

    def _look(self) -> None:
        """Tell how far it is; raise what ends the round."""
        if self._courier.trouble is not None:
            raise self._courier.trouble
        for log in [log for log in self._open if is_settled(*self._courier.upload(log))]:
            del self._open[log]
            self._left[log] = 0  # of what the remote had before nothing was sent
        done = self.total - sum(self._left.values())
        self._progress(done - self._told)
        self._told = done


def _groups(logs: list[Path]) -> Iterator[list[Path]]:
    """Yield logs in groups: what is indexed together is faster, and deliveries begin before all is.

    Logs of one run are in one group: a server is told what all of them say.
    """
    of_run: dict[str, list[Path]] = {}
    for log in logs:
        of_run.setdefault(run_id_of(log), []).append(log)
    group: list[Path] = []
    most = _INDEXED_FIRST
    for some in of_run.values():
        group += some
        if len(group) >= most:
            yield group
            group, most = [], _INDEXED_TOGETHER
    if group:
        yield group


def _size(log: Path) -> int:
    try:
        return log.stat().st_size + bytes_beside(log)
    except OSError:  # deleted since it was found
        return 0


def _limits_of(remote: str) -> Policy:
    """Return the limits of a remote that is known; what is delivered, and when, says who calls."""
    known = load_remotes().get(remote)
    return Policy(bytes_per_second=known.policy.bytes_per_second, at_once=known.policy.at_once) if known else Policy()

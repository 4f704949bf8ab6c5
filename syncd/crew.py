"""Deliver runs to one server by several processes, for who has one thing to do and many runs to do it with.

The threads of one process take turns at Python: for a server that answers within a millisecond, eight of them take
longer than one. So each process of a crew has a courier of its own with fewer threads. Whoever leads the crew finds
and indexes the runs meanwhile, gives each process whole runs as it comes to the end of those that it has, and adds up
what they tell. Receipts and turns hold between processes as they do between threads.

To whoever gives it logs, a crew is a courier. A process that dies takes down with it what it had to do; the others
go on.
"""

from __future__ import annotations

import gc
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from runstore.errors import RunstoreError
from runstore.index import parallel
from runstore.syncd import forked
from runstore.syncd.crewmember import STOP_SECONDS, CrewMember, News
from runstore.syncd.delivery import Ready, Report
from runstore.syncd.forked import Forked
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.configured import RunOptions
from runstore.syncd.upload import Cursor, Upload

# Below this much to deliver one process is done as soon as several are there.
WORTH_BYTES = 1 << 20
MOST_PROCESSES = 4
# Each process has so much before it, so that it need not wait for who finds the next run; a run costs as much to
# deliver as so many bytes, however small it is.
_AHEAD_BYTES = 2 << 20
_RUN_BYTES = 64 << 10


def size_for(sizes: Mapping[Path, int], policy: Policy) -> int:
    """Return how many processes are worth it for logs of these sizes; 1 where there can't be more than this one."""
    if sum(sizes.values()) < WORTH_BYTES or policy.bytes_per_second or not forked.is_possible():
        return 1
    folders = {log.parent for log in sizes}
    return min(parallel.most_workers(), policy.at_once, len(folders), MOST_PROCESSES)


class _Member:
    """One process as the crew sees it."""

    def __init__(self, fork: Forked, name: str) -> None:
        self.fork = fork
        self.figures = Report(name)
        self.trouble: RunstoreError | None = None
        self.is_there = True
        self.under_way: dict[Path, int] = {}

    @property
    def load(self) -> int:
        """How many bytes it has before it."""
        return sum(self.under_way.values())


class Crew:
    """Delivers to the remote `name` by `size` processes, which are there from now on; see Courier.

    Nothing may be open at this moment that only one process can use. Raises OSError where there can't be so many.
    """

    def __init__(
        self,
        name: str,
        policy: Policy,
        size: int,
        sent: Callable[[Path, int], None],
        options: RunOptions | None = None,
    ) -> None:
        self._name, self._sent = name, sent
        self._waiting: deque[Ready] = deque()
        self._given: dict[Path, Ready] = {}
        self._uploads: dict[Path, tuple[Upload, Upload | None]] = {}
        self._of_run: dict[tuple[str, str, str], _Member] = {}
        self._is_ending = False
        self.notes: dict[Path, str] = {}
        self._members: list[_Member] = []

        def work(line: Connection) -> None:
            CrewMember(line, name, policy, options).work()

        _import_all()
        gc.freeze()  # what there is stays: to look through it would copy it for each process
        try:
            for _ in range(size):
                self._members.append(_Member(Forked(work, [one.fork for one in self._members]), name))
        except OSError:
            self.stop(0.0)
            raise

    def start(self) -> None:
        """Begin to deliver: they wait for it."""

    def stop(self, seconds: float) -> None:
        """End between two pieces of what is under way, waiting up to `seconds`; the rest comes the next time."""
        self._is_ending = True
        until = time.monotonic() + STOP_SECONDS + seconds
        for member in self._there():
            member.fork.tell(None)
        while self._there() and time.monotonic() < until:
            self._hear(until - time.monotonic())
        for member in self._there():
            member.fork.end(until)
            member.is_there = False

    def give(self, what: Ready) -> None:
        """Take a log to be delivered."""
        self._given[what.log] = what
        self._uploads[what.log] = (Upload(Cursor(what.end, what.records)), None)
        self._waiting.append(what)
        self._hand_out()

    def wait(self, seconds: float) -> None:
        """Wait until something happens, at most so long."""
        self._hear(seconds)
        self._hand_out()

    @property
    def trouble(self) -> RunstoreError | None:
        """Why nothing can be delivered at the moment; None where something can."""
        return next((member.trouble for member in self._members if member.trouble is not None), None)

    @property
    def shipped(self) -> Report:
        """The figures of what was delivered."""
        total = Report(self._name)
        for member in self._members:
            total.add(member.figures)
        return total

    @property
    def rows(self) -> int:
        """How many rows were sent, those of runs that are under way included."""
        return sum(member.figures.rows for member in self._members)

    @property
    def files_left(self) -> int:
        """How many files beside the logs could not be delivered."""
        return sum(member.figures.files_left for member in self._members)

    def upload(self, log: Path) -> tuple[Upload, Upload | None]:
        """Return the deliveries of a log that was given, and of what lies beside it, as they were when they settled."""
        return self._uploads[log]

    def uploads(self) -> list[tuple[Ready, Upload, Upload | None]]:
        """Return every log that was given, with its deliveries."""
        return [(what, *self._uploads[log]) for log, what in self._given.items()]

    def _there(self) -> list[_Member]:
        return [member for member in self._members if member.is_there]

    def _hear(self, seconds: float) -> None:
        """Take in what processes tell, once one does, or after so long."""
        there = {member.fork: member for member in self._there()}
        for fork in forked.wait_for_news(list(there), max(0.0, seconds)):
            messages = fork.hear()
            for news in messages or ():
                self._take_in(there[fork], news)
            if messages is None:
                self._lose(there[fork])

    def _take_in(self, member: _Member, news: News) -> None:
        member.figures, member.trouble = news.figures, news.trouble
        for log, size in news.sent.items():
            self._sent(log, size)
        for one in news.settled:
            member.under_way.pop(one.log, None)
            self._uploads[one.log] = one.records, one.beside
            if one.note:
                self.notes[one.log] = one.note

    def _lose(self, member: _Member) -> None:
        """Do without a process that has ended; what it was given has failed, unless it was told to end."""
        member.is_there = False
        member.fork.end(time.monotonic() + STOP_SECONDS)
        if not self._is_ending:
            self._fail(member.under_way, f"a process that was to deliver it {_ended(member.fork.exit_code or 0)}")

    def _hand_out(self) -> None:
        """Give those who have room what comes next."""
        while self._waiting:
            if not self._there():
                self._fail([what.log for what in self._waiting], "all processes that were to deliver it have ended")
                self._waiting.clear()
                return
            what = self._waiting[0]
            member = self._member_for(what)
            if member is None:
                return
            self._waiting.popleft()
            member.under_way[what.log] = what.end + _RUN_BYTES
            member.fork.tell(what)

    def _member_for(self, what: Ready) -> _Member | None:
        """Return who is to deliver a log: who has its run, or who has least to do; None while all have enough."""
        run = (what.entity, what.project, what.run)
        member = self._of_run.get(run)
        if member is None or not member.is_there:
            member = min(self._there(), key=lambda one: one.load)
            if member.load > _AHEAD_BYTES:
                return None
            self._of_run[run] = member
        return member

    def _fail(self, logs: Iterable[Path], why: str) -> None:
        for log in logs:
            upload = Upload()
            upload.begun()
            upload.failed(f"{log}: {why}; nothing is lost, and the same command goes on from there", float("inf"))
            self._uploads[log] = upload, None


def _ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"has ended with code {code}"


def _import_all() -> None:
    """Import what all processes need, once for all of them."""
    from runstore.index import onelog, onerun  # noqa: F401
    from runstore.index.decoding import columns  # noqa: F401
    from runstore.syncd.remotes.wandb import remote  # noqa: F401
    from runstore.syncd.runwise.content import walk  # noqa: F401

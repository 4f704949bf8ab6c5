"""What one process of a crew does: deliver what it is given, as one courier, and tell how far it is."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from runstore.errors import RunstoreError
from runstore.syncd.courier import Courier
from runstore.syncd.delivery import Ready, Report
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.configured import RunOptions
from runstore.syncd.upload import Upload, is_settled

# How often it is told what was sent; sooner than a person could see, since the last of it is waited for.
LOOK_SECONDS = 0.02
# What is under way may go on to the end of its piece for so long.
STOP_SECONDS = 0.5


@dataclass(frozen=True)
class Settled:
    """A log that is delivered, or has failed, with what lies beside it, and what a person should know of that."""

    log: Path
    records: Upload
    beside: Upload | None
    note: str


@dataclass(frozen=True)
class News:
    """What one process has to tell: what is new since it told last, and its figures in all."""

    sent: dict[Path, int]  # bytes, by log
    settled: list[Settled]
    figures: Report  # rows of runs that are under way included
    trouble: RunstoreError | None


class CrewMember:
    """Delivers to the remote `name` what comes over `line`, until None comes, or nobody is there any more."""

    def __init__(self, line: Connection, name: str, policy: Policy, options: RunOptions | None) -> None:
        self._line = line
        self._courier = Courier(name, policy, sent=self._count, options=options)
        self._lock = threading.Lock()
        self._sent: Counter[Path] = Counter()
        self._under_way: set[Path] = set()

    def work(self) -> None:
        """Do all that there is to do."""
        self._courier.start()
        while self._takes():
            self._tell()
        self._courier.stop(STOP_SECONDS)
        with contextlib.suppress(OSError):  # nobody listens
            self._tell()

    def _takes(self) -> bool:
        """Take what there is to deliver by now; return False where nothing more will come."""
        seconds = LOOK_SECONDS if self._under_way else None
        try:
            while self._line.poll(seconds):
                what: Ready | None = self._line.recv()
                if what is None:
                    return False
                self._under_way.add(what.log)
                self._courier.give(what)
                seconds = 0.0
        except (EOFError, OSError):
            return False
        return True

    def _tell(self) -> None:
        """Tell what has happened, if something has."""
        settled = [one for log in self._under_way if (one := self._settled(log)) is not None]
        self._under_way.difference_update(one.log for one in settled)
        with self._lock:
            sent, self._sent = self._sent, Counter()
        courier = self._courier
        if sent or settled or courier.trouble:
            figures = replace(courier.shipped, rows=courier.rows, files_left=courier.files_left)
            self._line.send(News(dict(sent), settled, figures, courier.trouble))

    def _settled(self, log: Path) -> Settled | None:
        records, beside = self._courier.upload(log)
        if not is_settled(records, beside):
            return None
        return Settled(log, records, beside, self._courier.notes.get(log, ""))

    def _count(self, log: Path, size: int) -> None:
        with self._lock:
            self._sent[log] += size

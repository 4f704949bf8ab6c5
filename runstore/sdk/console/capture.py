"""Record what the program writes to its terminal, beside letting it through.

There are two ways. `wrap` (what "auto" means, as in stock) hears the stream objects sys.stdout and sys.stderr: what
Python code prints. `redirect` puts itself between the process's descriptors 1 and 2 and the terminal, and so has the
output of C code and of child processes as well; see redirect.py for its price. What is kept of it, transcript.py says.

Nothing here raises into a `print`, waits for a lock in one, or has a `print` record what recording itself prints.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from runstore.errors import UsageError
from runstore.runlog import codec
from runstore.runlog.record_pb2 import OutputType, Record
from runstore.sdk.console.transcript import Transcript
from runstore.sdk.console.wrapping import Tap

if TYPE_CHECKING:
    from runstore.sdk.console.redirect import Redirection

MAX_RECORD_CHARACTERS = 1 << 20
# One call takes in so much for others, which found it busy, and then leaves the rest to them.
MAX_ROUNDS = 100
SECONDS_TO_WAIT_AT_THE_END = 1.0


class ConsoleCapture:
    """Record both streams from `start` to `stop`."""

    def __init__(self, append: Callable[[bytes], None], warn: Callable[[str], None] = lambda text: None) -> None:
        self._append = append
        self._warn = warn
        self._stdout = ConsoleStream(OutputType.STDOUT, append)
        self._stderr = ConsoleStream(OutputType.STDERR, append)
        self._taps: list[Tap] = []
        self._redirection: Redirection | None = None
        self._recording = False

    def start(self, mode: str = "wrap") -> None:
        """Begin to record, by "wrap" (also "auto") or "redirect"; with "off" nothing is done."""
        if mode == "off":
            return
        self._recording = True
        if mode == "redirect":
            self._redirect()
        self._tap("stdout", self._stdout)
        if sys.stderr is not sys.stdout:
            self._tap("stderr", self._stderr)

    def stop(self) -> None:
        """Record what is held back, and leave the streams as they were found, where nobody has changed them since."""
        if self._redirection is not None:
            self._redirection.stop()
        for tap in self._taps:
            tap.close()
        self._stdout.stop()
        self._stderr.stop()

    def forked(self) -> None:
        """In a forked child: what is held back is the parent's; redirected output goes to the parent's record."""
        if self._redirection is not None:
            self._redirection.forked()
        self._stdout.forked()
        self._stderr.forked()

    def write_error(self, text: str) -> None:
        """Record `text` as if the program had written it to stderr, without showing it."""
        if self._recording:
            self._stderr.hear(text)
            self._stderr.hear(None)

    def terminal_of(self, descriptor: int) -> int:
        """Return the descriptor to write to, past the recording, instead of a stream's own."""
        return descriptor if self._redirection is None else self._redirection.terminal_of(descriptor)

    def _redirect(self) -> None:
        try:
            from runstore.sdk.console.redirect import Redirection

            self._redirection = Redirection({1: self._stdout, 2: self._stderr})
        except (OSError, RuntimeError, ImportError) as error:  # no descriptors, no thread, or neither for an import
            self._warn(f"the console can't be redirected ({error}); what Python code prints is recorded all the same")

    def _tap(self, name: str, stream: ConsoleStream) -> None:
        """Hear what is written to a stream of Python's, unless that is redirected."""
        found = getattr(sys, name)
        try:
            if self._redirection is None or not self._redirection.takes(found):
                self._taps.append(Tap(found, stream.hear))
        except AttributeError:
            pass  # None: a process without a terminal, such as pythonw; or an object that can't be wrapped
        except Exception as error:  # the stream is the program's own object, which may raise anything
            self._warn(f"sys.{name} can't be listened to ({type(error).__name__}: {error}) and is not recorded")


class ConsoleStream:
    """What one stream writes, on its way into the log.

    Whoever hears something, in whichever thread, puts it in line; whoever finds nobody recording records what is in
    line. So a signal handler or finalizer that prints in the middle of a recording is neither stuck nor lost.
    """

    def __init__(self, kind: OutputType, append: Callable[[bytes], None]) -> None:
        self._kind = kind
        self._append = append
        self.forked()

    @property
    def holds(self) -> bool:
        """Whether something is not recorded yet."""
        return self._transcript.holds or bool(self._waiting)

    def hear(self, text: str | None) -> None:
        """Take in a piece of text; None for a flush."""
        self._waiting.append(text)
        rounds = 0
        while self._waiting and rounds < MAX_ROUNDS and self._mutex.acquire(False):
            try:
                self._take_waiting()
            finally:
                self._mutex.release()
            rounds += 1

    def stop(self) -> None:
        """Record what is left."""
        # In vain where a signal handler ends the run in the middle of a recording by the same thread.
        taken = self._mutex.acquire(timeout=SECONDS_TO_WAIT_AT_THE_END)
        try:
            self._take_waiting()
            self._transcript.settle()
        finally:
            if taken:
                self._mutex.release()

    def forked(self) -> None:
        """In a forked child: what waits is the parent's, and a thread of its may have been anywhere."""
        self._waiting: deque[str | None] = deque()
        self._mutex = threading.Lock()
        self._transcript = Transcript(self._record)

    def _take_waiting(self) -> None:
        for _ in range(len(self._waiting)):
            try:
                text = self._waiting.popleft()
            except IndexError:  # a signal handler that ends the run was here
                return
            if text is None:
                self._transcript.flush()
            else:
                self._transcript.write(text)

    def _record(self, text: str) -> None:
        for at in range(0, len(text), MAX_RECORD_CHARACTERS):
            with contextlib.suppress(UsageError):  # the run has ended since this was written
                self._append(_record(self._kind, text[at : at + MAX_RECORD_CHARACTERS]))


def _record(kind: OutputType, text: str) -> bytes:
    record = Record()
    record.output_raw.output_type = kind
    record.output_raw.line = text.encode("utf-8", "replace").decode("utf-8")
    now = time.time_ns()
    record.output_raw.timestamp.seconds, record.output_raw.timestamp.nanos = divmod(now, 1_000_000_000)
    return codec.encode(record)

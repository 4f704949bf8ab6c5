"""The processes that answer questions (answerer.py), from the side of who asks: started, asked, stopped, kept."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

QUESTION_HEAD = struct.Struct("!I")  # bytes of what follows
ANSWER_HEAD = struct.Struct("!HI")  # status, bytes of what follows
_PROGRAM = "import sys; sys.path[:] = {path!r}; from runstore.web.answerer import answer_all; answer_all({index!r})"
_END_SECONDS = 5.0


class Rendered(NamedTuple):
    """An answer: its status, and JSON."""

    status: int
    body: bytes


class Answerers:
    """Processes over one index that wait for a question. For any number of threads."""

    def __init__(self, index: Path | None, most_kept: int) -> None:
        """`index` is the path of the index; None: this machine's."""
        self._index = index
        self._most_kept = most_kept
        self._idle: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self.is_closed = False

    def take(self) -> subprocess.Popen[bytes]:
        """Return one that waits, or a new one. Raises OSError."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        # Whatever lies in the folder where the server was started must not be taken for a module.
        program = _PROGRAM.format(
            path=[place or os.getcwd() for place in sys.path], index=self._index and str(self._index)
        )
        return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def give_back(self, process: subprocess.Popen[bytes]) -> None:
        """Keep one for the next question, if there is room."""
        with self._lock:
            if not self.is_closed and len(self._idle) < self._most_kept:
                self._idle.append(process)
                return
        end(process)

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            self.is_closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            end(process)


class Asking:
    """One question; it may be stopped by any thread."""

    def __init__(self, answerers: Answerers, words: bytes) -> None:
        self.took_too_long = False
        self._answerers = answerers
        self._words = words
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def answer(self) -> Rendered | None:
        """Return the answer; None where its process ended over it, or the question was stopped. Raises OSError."""
        with self._lock:
            if self._is_stopped or self._answerers.is_closed:
                return None
            process = self._process = self._answerers.take()
        found = _answer_of(process, self._words)
        with self._lock:
            self._process = None
        if found is None:
            by = -end(process)
            self.took_too_long = by == signal.SIGALRM
            if by in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C: whoever waits for a process is told at once
                self._answerers.close()
        else:
            self._answerers.give_back(process)
        return found

    def stop(self) -> None:
        """End the process that works at the answer."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()


def end(process: subprocess.Popen[bytes]) -> int:
    """End a process that has nothing to do, or ends by itself; return how it ended."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):  # it never read what was written last
                pipe.close()
    try:
        return process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _answer_of(process: subprocess.Popen[bytes], words: bytes) -> Rendered | None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(QUESTION_HEAD.pack(len(words)) + words)
        process.stdin.flush()
        head = process.stdout.read(ANSWER_HEAD.size)
        if len(head) < ANSWER_HEAD.size:
            return None
        status, size = ANSWER_HEAD.unpack(head)
        body = process.stdout.read(size)
        return Rendered(status, body) if len(body) == size else None
    except OSError:  # it is gone
        return None

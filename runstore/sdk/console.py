"""Record what the program writes to its terminal, beside letting it through.

The `write` methods of sys.stdout and sys.stderr are wrapped, so that everything else about the streams stays as it
is. Output of child processes and of C code is not seen this way. Pieces without a line's end are held back until one
comes, so that `print` costs one record.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

from runstore.runlog import codec
from runstore.runlog.record_pb2 import OutputType, Record

# A program that writes without ever ending a line (a progress bar) is recorded in pieces of this size.
MAX_HELD_CHARACTERS = 4096


class ConsoleCapture:
    """Record both streams from `start` to `stop`. Never raises into a `print`."""

    def __init__(self, append: Callable[[bytes], None]) -> None:
        self._append = append
        self._streams = [_Stream("stdout", OutputType.STDOUT, append), _Stream("stderr", OutputType.STDERR, append)]

    def start(self) -> None:
        """Begin to record."""
        for stream in self._streams:
            stream.wrap()

    def stop(self) -> None:
        """Record what is held back, and take the wrapping off where nobody has wrapped over it since."""
        for stream in self._streams:
            stream.unwrap()

    def forked(self) -> None:
        """In a forked child: what is held back is the parent's."""
        for stream in self._streams:
            stream.forked()

    def write_error(self, text: str) -> None:
        """Record `text` as if the program had written it to stderr, without showing it."""
        self._append(_record(OutputType.STDERR, text))


def _record(kind: OutputType, text: str) -> bytes:
    record = Record()
    record.output_raw.output_type = kind
    record.output_raw.line = text.encode("utf-8", "replace").decode("utf-8")
    now = time.time_ns()
    record.output_raw.timestamp.seconds, record.output_raw.timestamp.nanos = divmod(now, 1_000_000_000)
    return codec.encode(record)


class _Stream:
    def __init__(self, name: str, kind: OutputType, append: Callable[[bytes], None]) -> None:
        self._name = name
        self._kind = kind
        self._append = append
        self._held: list[str] = []
        self._held_size = 0
        self._mutex = threading.Lock()
        self._wrapped: TextIO | None = None
        self._wrapper: Any = None
        self._before: Any = None  # the write that somebody else had put on the stream, if any
        self._inside = threading.local()

    def wrap(self) -> None:
        stream = getattr(sys, self._name)
        if stream is None:  # a process without a terminal, such as a Windows service or pythonw
            return
        original, self._before = stream.write, vars(stream).get("write") if hasattr(stream, "__dict__") else None

        def write(text: str) -> Any:
            written = original(text)
            if self._wrapped is not None and not getattr(self._inside, "recording", False):
                self._inside.recording = True  # what recording itself prints (a full disk) must not be recorded again
                try:
                    self._take(str(text))
                finally:
                    self._inside.recording = False
            return written

        try:
            stream.write = write
        except AttributeError:  # a stream object that takes no attributes: its output stays unrecorded
            return
        self._wrapped, self._wrapper = stream, write

    def unwrap(self) -> None:
        stream, self._wrapped = self._wrapped, None
        if stream is None:
            return
        if stream.__dict__.get("write") is self._wrapper:
            del stream.__dict__["write"]
            if self._before is not None:
                stream.__dict__["write"] = self._before
        with self._mutex:
            self._flush()

    def forked(self) -> None:
        self._mutex = threading.Lock()
        self._inside = threading.local()
        self._held, self._held_size = [], 0

    def _take(self, text: str) -> None:
        with self._mutex:
            if self._wrapped is None:  # stopped since this write began
                return
            self._held.append(text)
            self._held_size += len(text)
            if "\n" in text or self._held_size > MAX_HELD_CHARACTERS:
                self._flush()

    def _flush(self) -> None:
        if self._held:
            text = "".join(self._held)
            self._held, self._held_size = [], 0
            self._append(_record(self._kind, text))

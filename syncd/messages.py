"""The daemon's own messages: `daemon.log` in its home, a line of key=value each, never more than a few megabytes.

The file may be moved or deleted by others (logrotate) at any time: the next message begins a new one. A full disk costs
messages, which are counted, and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

# A file this long is set aside as `daemon.log.1`; of those set aside so many are kept. Together a year of quiet days.
MOST_BYTES = 5_000_000
FILES_KEPT = 3

_FOLLOW_SECONDS = 0.25
_READ_BYTES = 65536
# What would end a line, or move a terminal's cursor: names of files may hold anything.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160), 0x2028, 0x2029)}


class KeyValue(logging.Formatter):
    """`time=2026-01-31T12:00:00.123+01:00 level=INFO logger=runstore.daemon event=...`, and a traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or the lines where something unforeseen is told."""
        when = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
        said = record.getMessage().translate(_CONTROLS)
        line = f"time={when} level={record.levelname} logger={record.name} {said}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class MessageFile(logging.Handler):
    """Append messages to the file at `path`, wherever that is by then, and set it aside when it is long.

    Where stdout or stderr of this process lead into the same file, they go on to lead there.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES, kept: int = FILES_KEPT) -> None:
        super().__init__()
        self._path, self._most_bytes, self._kept = path, most_bytes, kept
        self._file = -1
        self._lost = 0
        self._standard = [number for number in (1, 2) if _is_at(path, number)]
        self.setFormatter(KeyValue())

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message; called under the handler's lock."""
        try:
            line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
            self._follow()
            if self._lost:
                line = b"event=messages-lost count=%d\n" % self._lost + line
            if os.fstat(self._file).st_size + len(line) > self._most_bytes:
                self._set_aside()
            os.write(self._file, line)
            self._lost = 0
        except OSError:
            self._lost += 1

    def close(self) -> None:
        """Close the file."""
        with self.lock or contextlib.nullcontext():
            self._end()
        super().close()

    def _follow(self) -> None:
        """Open the file, anew where another, or none, is at its place now."""
        if self._file >= 0 and _is_at(self._path, self._file):
            return
        new = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._end()
        self._file = new
        for number in self._standard:
            os.dup2(new, number)

    def _set_aside(self) -> None:
        for n in range(self._kept - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                _numbered(self._path, n).replace(_numbered(self._path, n + 1))
        self._path.replace(_numbered(self._path, 1))
        self._follow()

    def _end(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def listen(path: Path) -> MessageFile:
    """Let the messages of this process go to the file at `path`, and to stderr where that leads elsewhere."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    messages = MessageFile(path)
    root.addHandler(messages)
    if not _is_at(path, 2):
        shown = logging.StreamHandler(sys.stderr)
        shown.setFormatter(KeyValue())
        root.addHandler(shown)
    return messages


def last_lines(path: Path, number: int) -> list[str]:
    """Return the last lines of the messages at `path`, and of those set aside, in order; reads no more than it must."""
    lines: list[str] = []
    for file in (path, *(_numbered(path, n) for n in range(1, FILES_KEPT + 1))):
        if len(lines) >= number:
            break
        try:
            lines = _ended_by(file, number - len(lines)) + lines
        except FileNotFoundError:
            break
    return lines


def follow(path: Path) -> Iterator[str]:
    """Yield lines as they are added to the messages at `path`, for ever; goes on in the next file when one is full."""
    with contextlib.ExitStack() as opened:
        file = -1
        rest = b""
        if path.exists():
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            os.lseek(file, 0, os.SEEK_END)
        opened.callback(lambda: os.close(file) if file >= 0 else None)
        while True:
            was_there = file >= 0 and _is_at(path, file)  # looked before reading: what came till then is read below
            while file >= 0 and (piece := os.read(file, _READ_BYTES)):
                *lines, rest = (rest + piece).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)
            if file >= 0 and os.fstat(file).st_size < os.lseek(file, 0, os.SEEK_CUR):  # truncated by who rotates it
                os.lseek(file, 0, os.SEEK_SET)
            if not was_there and path.exists():
                if file >= 0:
                    os.close(file)
                file, rest = os.open(path, os.O_RDONLY | os.O_CLOEXEC), b""
                continue
            time.sleep(_FOLLOW_SECONDS)


def _ended_by(file: Path, number: int) -> list[str]:
    """Return the last lines of one file, read backwards in pieces."""
    with file.open("rb") as source:
        start = source.seek(0, os.SEEK_END)
        tail = b""
        while start > 0 and tail.count(b"\n") <= number:
            size = min(_READ_BYTES, start)
            start -= size
            source.seek(start)
            tail = source.read(size) + tail
    lines = tail.decode(errors="replace").splitlines()
    return lines[-number:] if number else []


def _numbered(path: Path, n: int) -> Path:
    return path.with_name(f"{path.name}.{n}")


def _is_at(path: Path, number: int) -> bool:
    """Return whether the open file of this number is the one at `path`."""
    try:
        return os.path.samestat(os.fstat(number), os.stat(path))
    except OSError:
        return False

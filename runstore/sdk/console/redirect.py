"""Put a relay between the process's descriptors 1 and 2 and what they lead to, and hear what passes.

Where a descriptor leads to a terminal, the program gets a pseudo terminal of the same kind and size; else a pipe. The
other end is a process of its own (relay.py), which passes everything on at once and gives us a copy. So what is shown
does not depend on us: not on this thread getting its turn while C code prints, not on the process being alive. After
a kill the terminal has everything; the log may lack what passed in the last moment.

The price is that process, some 20 ms at the start, and that programs which drive the terminal through descriptor 1
(curses) drive the pseudo terminal. Output of forked children goes to the record of the process that redirected it.
"""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import fcntl
import os
import pty
import select
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runstore.sdk.console import relay
from runstore.sdk.console.descriptors import none_of_the_standard

SECONDS_TO_START = 20.0
SECONDS_TO_END = 5.0
SECONDS_BETWEEN_LOOKS = 1.0  # at text that is held back
_ABOVE_STANDARD = 10  # originals are kept out of the range that shells and programs use by number


class Listener(Protocol):
    """Who hears a descriptor's output, as text; None for a moment in which it may be recorded."""

    @property
    def holds(self) -> bool: ...  # noqa: D102

    def hear(self, text: str | None) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class _Taken:
    """A descriptor that leads to the relay: where it led before, and what it is now."""

    descriptor: int
    original: int
    now: tuple[int, int, int]


class Redirection:
    """Hear what is written to descriptors of this process, by whomever, from now until `stop`."""

    def __init__(self, listeners: Mapping[int, Listener]) -> None:
        """Redirect those descriptors that are open; raises OSError where that can't be done, with nothing changed.

        Raises RuntimeError, with nothing changed, where no thread can be started.
        """
        self._listeners = listeners
        self._pid = os.getpid()
        self._drained = threading.Event()
        self._dropped = 0
        open_ones = [descriptor for descriptor in listeners if _is_open(descriptor)]
        _flush()
        with contextlib.ExitStack() as undo:
            with none_of_the_standard():
                ours, theirs = socket.socketpair()
                undo.callback(ours.close)
                with theirs:
                    ends = [_End.open(descriptor, undo) for descriptor in open_ones]
                    _start_relay(theirs, ends)
            self._socket = ours
            self._thread = threading.Thread(target=self._listen, name="runstore-console", daemon=True)
            self._thread.start()  # before anything leads to us: without a listener, the relay's pipe would fill up
            undo.pop_all()
        self._taken = [end.take() for end in ends]
        for end in ends:
            os.close(end.source)

    def takes(self, stream: Any) -> bool:
        """Whether what is written to a stream object passes here."""
        try:
            descriptor = stream.fileno()
        except (AttributeError, OSError, ValueError):
            return False
        return any(taken.descriptor == descriptor for taken in self._taken)

    def terminal_of(self, descriptor: int) -> int:
        """Return the descriptor that leads to where this one led before."""
        return next((taken.original for taken in self._taken if taken.descriptor == descriptor), descriptor)

    def stop(self) -> None:
        """Hear all that was written, and let the descriptors lead again to where they did.

        A descriptor that somebody else has redirected since stays as it is.
        """
        if os.getpid() != self._pid:
            return
        _flush()
        for taken in self._taken:
            with contextlib.suppress(OSError):  # the program has closed it
                if _identity(taken.descriptor) == taken.now:
                    os.dup2(taken.original, taken.descriptor)
        with contextlib.suppress(OSError):  # the relay is gone: nobody could write any more
            self._socket.send(b"?")
            self._drained.wait(SECONDS_TO_END)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(SECONDS_TO_END)
        self._socket.close()
        while self._taken:
            os.close(self._taken.pop().original)

    def forked(self) -> None:
        """In a forked child: the parent hears. Its descriptors stay redirected, and so is what the child writes."""
        self._socket.close()

    def _listen(self) -> None:
        decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in self._listeners}
        for stream, data in self._frames():
            if stream == relay.DRAINED:
                self._drained.set()
            elif stream == relay.DROPPED:
                self._dropped += relay.COUNT.unpack(data)[0]
                self._listeners[2].hear(f"[{self._dropped} bytes of output were not recorded]\n")
            else:
                self._listeners[stream].hear(decoders[stream].decode(data))
                self._listeners[stream].hear(None)
        self._drained.set()

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """Yield what comes from the relay, until one of us closes the connection."""
        come = bytearray()
        while True:
            if any(listener.holds for listener in self._listeners.values()):
                while not select.select([self._socket], [], [], SECONDS_BETWEEN_LOOKS)[0]:
                    for listener in self._listeners.values():
                        listener.hear(None)
            try:
                data = self._socket.recv(relay.CHUNK_BYTES)
            except OSError:
                return
            if not data:
                return
            come += data
            while len(come) >= relay.HEAD.size:
                stream, size = relay.HEAD.unpack_from(come)
                end = relay.HEAD.size + size
                if len(come) < end:
                    break
                yield stream, bytes(come[relay.HEAD.size : end])
                del come[:end]


@dataclass(frozen=True)
class _End:
    """The ends of what is put between a descriptor and the relay: `sink` is written to, `source` read."""

    descriptor: int
    original: int
    source: int
    sink: int

    @classmethod
    def open(cls, descriptor: int, undo: contextlib.ExitStack) -> _End:
        original = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE_STANDARD)
        undo.callback(os.close, original)
        source, sink = _terminal_like(original) if os.isatty(original) else os.pipe()
        undo.callback(os.close, source)
        undo.callback(os.close, sink)
        return cls(descriptor, original, source, sink)

    def take(self) -> _Taken:
        """Let the descriptor lead to the relay."""
        os.dup2(self.sink, self.descriptor)
        os.close(self.sink)
        return _Taken(self.descriptor, self.original, _identity(self.descriptor))


def _terminal_like(original: int) -> tuple[int, int]:
    """Return master and slave of a pseudo terminal that changes nothing of what passes: the real one will."""
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(original)
    attributes[1] &= ~termios.OPOST
    attributes[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, fcntl.ioctl(original, termios.TIOCGWINSZ, bytes(8)))
    return master, slave


def _start_relay(control: socket.socket, ends: list[_End]) -> None:
    if not sys.executable:
        raise FileNotFoundError("there is no Python interpreter to run beside this process")
    routes = [f"{end.descriptor}:{end.source}:{end.original}" for end in ends]
    command = [sys.executable, "-I", "-S", relay.__file__, str(control.fileno()), *routes]
    descriptors = [control.fileno(), *(number for end in ends for number in (end.source, end.original))]
    nothing = subprocess.DEVNULL
    try:
        started = subprocess.run(
            command,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            pass_fds=descriptors,
            timeout=SECONDS_TO_START,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"the process beside this one did not start in {SECONDS_TO_START:.0f} s") from error
    if started.returncode != 0:
        raise ChildProcessError(f"the process beside this one ended with {started.returncode}")


def _flush() -> None:
    """Bring to the descriptors what Python and C hold in their buffers."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    ctypes.CDLL(None).fflush(None)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _identity(descriptor: int) -> tuple[int, int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino, status.st_rdev

"""The process between a redirected program and its terminal: pass everything on at once, and give a copy away.

A process of its own, because what was written must reach the terminal whatever becomes of the program: a crash, a
kill, a C function that prints while it holds Python's lock. Run as `python -I -S relay.py CONTROL STREAM:SOURCE:TARGET
...` with those descriptors open: what comes from SOURCE (a pipe, or the master of a pseudo terminal) goes to TARGET,
and as frames of `HEAD` to the socket CONTROL, whose other end is the program's. A byte from there asks to be told, by
a frame of stream DRAINED, when all that was written before has passed.

It never waits for the program: copies that are not fetched wait in memory, and beyond a bound they are dropped and
counted. It ends when nobody can write to it any more. It must not import anything of runstore.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import termios
import time

HEAD = struct.Struct("!BI")  # stream, size of what follows
DRAINED, DROPPED = 0, 255  # in the place of a stream; DROPPED is followed by a count of 8 bytes
COUNT = struct.Struct("!Q")
MAX_WAITING_BYTES = 64 << 20
CHUNK_BYTES = 1 << 16
# A pseudo terminal hands bytes on a moment after they were written.
SECONDS_A_TERMINAL_MAY_TAKE = 0.05
SECONDS_TO_DRAIN = 2.0
# Whoever stops the program sends its signals to the whole group; the relay has to see it off.
HEEDED = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT, signal.SIGCHLD, signal.SIGABRT, signal.SIGWINCH} | {
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
}


class Route:
    """One way: from `source` to `target`, as stream number `stream`."""

    def __init__(self, text: str) -> None:
        self.stream, self.source, self.target = map(int, text.split(":"))
        self.is_terminal = os.isatty(self.source)

    def pass_on(self) -> bytes:
        """Bring what there is to the target and return it; b"" where nobody can write or read any more."""
        try:
            data = os.read(self.source, CHUNK_BYTES)
            rest = memoryview(data)
            while rest:
                try:
                    rest = rest[os.write(self.target, rest) :]
                except BlockingIOError:
                    select.select([], [self.target], [])
        except OSError:  # so ends a pseudo terminal; and so begins a target whose reader is gone
            return b""
        return data

    def has_more(self) -> bool:
        """Whether something was written that is not passed on yet."""
        return bool(select.select([self.source], [], [], SECONDS_A_TERMINAL_MAY_TAKE if self.is_terminal else 0)[0])

    def follow_size(self) -> None:
        """Give a pseudo terminal the size of the terminal."""
        if self.is_terminal:
            with contextlib.suppress(OSError):
                size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, bytes(8))
                fcntl.ioctl(self.source, termios.TIOCSWINSZ, size)


class Relay:
    """All routes, and the copies that wait to be fetched."""

    def __init__(self, control: socket.socket, routes: list[Route]) -> None:
        control.setblocking(False)
        self.control: socket.socket | None = control
        self.routes = {route.source: route for route in routes}
        self.waiting = bytearray()
        self.dropped = 0

    def run(self) -> None:
        """Relay until nobody can write any more."""
        while self.routes:
            to_read: list[int | socket.socket] = [*self.routes, *([self.control] if self.control else []), *WOKEN]
            to_write: list[socket.socket] = [self.control] if self.control and self.waiting else []
            readable, writable, _ = select.select(to_read, to_write, [])
            for source in [one for one in readable if one in self.routes]:
                self.pass_on(self.routes[source])
            if writable:
                self.send()
            if self.control in readable:
                self.obey()
            if WOKEN and WOKEN[0] in readable:
                os.read(WOKEN[0], 100)
                for route in self.routes.values():
                    route.follow_size()
        self.leave()

    def pass_on(self, route: Route) -> None:
        """Relay what a route has."""
        data = route.pass_on()
        if data:
            self.give(route.stream, data)
        else:
            del self.routes[route.source]
            os.close(route.source)  # who writes on learns that nobody reads

    def give(self, stream: int, data: bytes) -> None:
        """Put a copy in line for the program, or drop it."""
        if self.control is None:
            return
        if len(self.waiting) + len(data) > MAX_WAITING_BYTES:
            self.dropped += len(data)
            return
        if self.dropped:
            self.waiting += HEAD.pack(DROPPED, COUNT.size) + COUNT.pack(self.dropped)
            self.dropped = 0
        self.waiting += HEAD.pack(stream, len(data)) + data
        self.send()

    def send(self) -> None:
        """Send what the socket takes."""
        try:
            while self.control is not None and self.waiting:
                del self.waiting[: self.control.send(memoryview(self.waiting)[:CHUNK_BYTES].tobytes())]
        except BlockingIOError:
            pass
        except OSError:
            self.forget()

    def obey(self) -> None:
        """Drain what was written and say so, or notice that the program is gone."""
        try:
            asked = self.control.recv(100) if self.control is not None else b""
        except OSError:
            asked = b""
        if not asked:
            self.forget()
            return
        until = time.monotonic() + SECONDS_TO_DRAIN  # children may write without end
        for route in list(self.routes.values()):
            while route.source in self.routes and route.has_more() and time.monotonic() < until:
                self.pass_on(route)
        self.waiting += HEAD.pack(DRAINED, 0)
        self.send()

    def forget(self) -> None:
        """Go on without the program."""
        self.control = None
        self.waiting.clear()

    def leave(self) -> None:
        """Hand out the copies that are left, to a program that still fetches them."""
        if self.control is not None:
            self.control.settimeout(SECONDS_TO_DRAIN)
            self.send()


WOKEN: list[int] = []  # readable when the terminal's size has changed


def main(arguments: list[str]) -> None:
    """Relay as the arguments say, as a process that is nobody's child."""
    for number in signal.valid_signals() - HEEDED:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    os.chdir("/")
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGWINCH, lambda number, frame: None)
    WOKEN.append(woken)
    routes = [Route(text) for text in arguments[1:]]
    for route in routes:
        route.follow_size()
    Relay(socket.socket(fileno=int(arguments[0])), routes).run()


if __name__ == "__main__":
    main(sys.argv[1:])

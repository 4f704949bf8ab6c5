"""End the runs of this process when a signal is about to end the process.

A scheduler ends a job with SIGTERM and, some seconds later, SIGKILL; a closed terminal sends SIGHUP. By default both
end Python at once: all rows are in the log (they always are), but no exit is, and no summary for stock tools. So, while
there is a run and the program leaves such a signal at its default, we do this: when the signal comes, a thread ends the
run, with exit code 128 + the signal's number, and then lets the signal do what it would have done. No `finally` of
the program's runs and nothing is raised in it; its parent sees it end by the signal, at most GRACE_SECONDS later.

Python's own way of handling signals is of no use for that. Its handlers run in the main thread, which may be in a C
call for hours; its wakeup descriptor belongs to asyncio; and programs that look whether a signal has a handler
(Lightning's) would find ours. Instead `faulthandler` is told to write to a socket when the signal comes, which it does
in C, in the signal itself, whatever Python is doing; a thread reads the other end. What Python knows of the signal
stays SIG_DFL, and a handler that the program sets later simply takes its place.

A forked child is none of this: around each fork the signals are back at their defaults. A child that C code forks has
our handler, until it runs another program. So the kernel is asked to say with each message which process wrote it, and
a signal that came to such a child is sent to it again.

What gets lost is a signal that comes while the main thread begins another one, if the system gives it to a thread that
Python does not know (yet): faulthandler writes nothing there. That is a moment of microseconds, in which the main
thread has all signals blocked; the program goes on, and its log is whole.

Left alone are: signals that have a handler or are ignored, SIGUSR1 and all others; a process that is its container's
init, which no default can end; and systems other than Linux. A C call that never gives up Python's lock holds up the
end until it does, as it would hold up a handler of the program's.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from runstore.sdk.console.descriptors import none_of_the_standard

WATCHED = (signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 5.0  # for a run to end; the shortest grace that schedulers give is twice that
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid of who wrote a message
_TRIES, _SECONDS_BETWEEN_TRIES = 100, 0.01  # to pass a signal on to a child that was forked a moment ago


class Watch:
    """Call `end(exit_code)` when one of the signals is about to end the process; then let it."""

    def __init__(self, end: Callable[[int], None]) -> None:
        """Watch those signals whose default is in force."""
        self.ending = False
        self._end = end
        self._pid = os.getpid()
        self._sockets: dict[int, tuple[socket.socket, socket.socket]] = {}
        self._stopped = threading.Event()
        self._forks = 0  # going on at this moment
        for number in WATCHED:
            if _is_default(number):
                self._sockets[number] = _pair()
        if self._sockets:
            threading.Thread(target=self._listen, name="runstore-signals", daemon=True).start()
        # Not before the thread is there: the system may give a signal to it while it is being born, see above.
        for watched, (_, theirs) in self._sockets.items():
            faulthandler.unregister(watched)  # of a watch before, over which the program had set a handler for a while
            _write_at(watched, theirs)

    def stop(self) -> None:
        """Leave the signals as they were found, but for those for which the program has set something since."""
        self._unregister()
        self._stopped.set()
        for ours, _ in self._sockets.values():
            with contextlib.suppress(OSError):
                ours.shutdown(socket.SHUT_RD)  # wakes the thread

    def pause(self) -> None:
        """Before a fork: let the signals do what they do by default."""
        self._forks += 1
        for number in self._sockets:
            if signal.getsignal(number) == signal.SIG_DFL:
                faulthandler.unregister(number)

    def resume(self) -> None:
        """After a fork, in the parent."""
        self._forks -= 1
        if not self._forks and not self._stopped.is_set() and not self.ending:
            for number, (_, theirs) in self._sockets.items():
                if signal.getsignal(number) == signal.SIG_DFL:
                    _write_at(number, theirs)

    def forked(self) -> None:
        """In a forked child: its signals are its own."""
        for ours, theirs in self._sockets.values():
            ours.close()
            theirs.close()

    def hold(self) -> None:
        """Keep the caller from going on while the process is ending: its run is gone, but that is no error of its."""
        if self.ending:
            time.sleep(2 * GRACE_SECONDS)

    def _unregister(self) -> None:
        for number, (_, theirs) in self._sockets.items():
            if signal.getsignal(number) == signal.SIG_DFL:
                faulthandler.unregister(number)
                theirs.close()
            else:  # its descriptor must not become another file, should faulthandler be called again after all
                _overridden.append(theirs)

    def _listen(self) -> None:
        numbers = {ours: number for number, (ours, _) in self._sockets.items()}
        stopped = False
        while not stopped:
            select.select(list(numbers), [], [])
            stopped = self._stopped.is_set()
            for ours, number in numbers.items():
                while pid := _writer(ours):
                    if pid == self._pid:
                        self._let_end(number, stopped)
                    else:
                        _pass_on(number, pid, ours)
        for ours in numbers:
            ours.close()

    def _let_end(self, number: int, stopped: bool) -> None:
        if not stopped:
            self.ending = True
            ending = threading.Thread(target=self._end, args=(128 + number,), name="runstore-end", daemon=True)
            with contextlib.suppress(RuntimeError):  # the interpreter is shutting down, and its hooks end the run
                ending.start()
                ending.join(GRACE_SECONDS)
            self._unregister()
        os.kill(self._pid, number)


_overridden: list[socket.socket] = []


def _pair() -> tuple[socket.socket, socket.socket]:
    with none_of_the_standard():
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    theirs.setblocking(False)
    return ours, theirs


def _write_at(number: int, end: socket.socket) -> None:
    """See to it that something is written to a socket when the signal comes."""
    faulthandler.register(number, file=end.fileno(), all_threads=False, chain=False)


def _is_default(number: int) -> bool:
    """Whether the signal would end this process, as far as Python and C code have left it alone."""
    if not hasattr(socket, "SO_PASSCRED") or not hasattr(faulthandler, "register"):
        return False
    if os.getpid() == 1 or threading.main_thread().native_id != os.getpid():
        return False
    if signal.getsignal(number) != signal.SIG_DFL:
        return False
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return not int(caught, 16) >> (number - 1) & 1


def _writer(receiving: socket.socket) -> int:
    """Return which process wrote the next message; 0 where there is none."""
    try:
        _, ancillary, _, _ = receiving.recvmsg(1 << 12, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_DONTWAIT)
    except OSError:
        return 0
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid: int = _CREDENTIALS.unpack(data)[0]
            return pid
    return 0


def _pass_on(number: int, pid: int, receiving: socket.socket) -> None:
    """Send the signal again to a child that had our handler when it came, until it has not."""
    for _ in range(_TRIES):
        while _writer(receiving) == pid:  # the rest of what it wrote
            pass
        time.sleep(_SECONDS_BETWEEN_TRIES)
        try:
            os.kill(pid, number)
        except OSError:  # it has ended
            return
        time.sleep(_SECONDS_BETWEEN_TRIES)
        if not select.select([receiving], [], [], 0)[0]:
            return


_watch: Watch | None = None
_paused: Watch | None = None  # while this process is being forked


def watch(end: Callable[[int], None]) -> None:
    """From now on, call `end(exit_code)` before a signal ends the process; the first `end` stays until `unwatch`."""
    global _watch
    if _watch is None:
        _watch = Watch(end)


def unwatch() -> None:
    """Leave the signals alone again, unless one is ending the process."""
    global _watch
    if _watch is not None and not _watch.ending:
        _watch.stop()
        _watch = None


def hold_if_ending() -> None:
    """Do not return while a signal is ending the process."""
    if _watch is not None:
        _watch.hold()


def _before_fork() -> None:
    global _paused
    _paused = _watch
    if _watch is not None:
        _watch.pause()


def _after_fork_in_parent() -> None:
    if _paused is not None:
        _paused.resume()


def _after_fork_in_child() -> None:
    global _watch, _paused
    if _watch is not None:
        _watch.forked()
    _watch = _paused = None


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)

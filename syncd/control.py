"""Talk to the daemon: a Unix socket of mode 0600, one line of JSON each way.

A request is an object with `command` and what the command takes; the answer is an object, which has `error`, a
sentence, where the command failed. Each connection has a thread of its own and so long; one that hangs holds up none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runstore.errors import DaemonError, RunstoreError
from runstore.paths import is_local, local_folder
from runstore.syncd.lock import DaemonLock

Command = Callable[[Mapping[str, Any]], dict[str, Any]]

# A Unix socket's path must fit in some 100 bytes, and on file systems of networks there may be none: then one of the
# machine's own stands for it.
_PATH_BYTES = 100
_ANSWER_SECONDS = 10.0
# Enough for `status --watch` in many terminals; each costs a thread.
_MOST_CONNECTIONS = 32
_REQUEST_BYTES = 65536
# The answer to `stop` among them.
_LAST_ANSWERS_SECONDS = 0.2

logger = logging.getLogger("runstore.control")


def socket_path(home: Path) -> Path:
    """Return where the daemon of `home` listens."""
    path = home / "daemon.sock"
    if len(os.fsencode(path)) <= _PATH_BYTES and is_local(home):
        return path
    return local_folder("sockets") / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.sock"


class ControlServer:
    """Answer commands, each by a function, in threads of their own."""

    def __init__(self, home: Path, commands: Mapping[str, Command]) -> None:
        self._path = socket_path(home)
        self._commands = commands
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._inode = (0, 0)  # of the socket's file
        self._thread = threading.Thread()
        self._stopping = threading.Event()
        self._places = threading.BoundedSemaphore(_MOST_CONNECTIONS)

    def start(self) -> None:
        """Begin to listen; raises DaemonError. The caller holds the lock: a socket that lies there is a dead daemon's.

        The socket has its mode before anybody can find it.
        """
        new = self._path.with_name(f"{self._path.name[:8]}{os.getpid()}")
        try:
            new.unlink(missing_ok=True)
            self._listening.bind(str(new))
            new.chmod(0o600)  # between these two nobody can connect: it does not listen yet
            self._listening.listen(128)  # of which all but the first so many are soon closed
            self._inode = _inode(new)
            new.replace(self._path)
        except OSError as error:
            self._listening.close()
            raise DaemonError(f"{self._path}: can't listen there ({error.strerror or error})") from error
        self._thread = threading.Thread(
            target=self._serve, args=(self._listening,), name="runstore-control", daemon=True
        )
        self._thread.start()

    def renew(self) -> None:
        """Listen anew where the socket's file is gone: somebody has tidied up. Raises DaemonError; try again later."""
        if self._listening.fileno() >= 0 and _inode(self._path) == self._inode:
            return
        self._close()
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.start()

    def stop(self) -> None:
        """Stop listening; waits a moment for answers that are under way."""
        self._stopping.set()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waking:
            waking.settimeout(1.0)
            waking.connect(str(self._path))
        with contextlib.suppress(OSError):
            self._path.unlink()
        self._close()
        if self._thread.is_alive():
            self._thread.join(_ANSWER_SECONDS)
        until = time.monotonic() + _LAST_ANSWERS_SECONDS
        for _ in range(_MOST_CONNECTIONS):
            if not self._places.acquire(timeout=max(0.0, until - time.monotonic())):
                return

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self, listening: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = listening.accept()
            except OSError as error:
                if self._stopping.is_set() or listening is not self._listening or listening.fileno() < 0:
                    return
                logger.warning('event=control-refused error="%s"', error)  # no more files may be opened
                time.sleep(0.5)
                continue
            if self._stopping.is_set() or not self._places.acquire(blocking=False):
                connection.close()  # who asks says that the daemon does not answer, and may ask again
                continue
            threading.Thread(target=self._converse, args=(connection,), name="runstore-answer", daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError, ValueError):
                line = _line_from(connection, _REQUEST_BYTES, _ANSWER_SECONDS)
                connection.settimeout(_ANSWER_SECONDS)
                connection.sendall(json.dumps(self._answer(line)).encode() + b"\n")
        finally:
            self._places.release()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            answer = self._commands[request["command"]]
        except (ValueError, KeyError, TypeError):
            return {"error": f"the daemon knows {', '.join(self._commands)}"}
        try:
            return answer(request)
        except RunstoreError as error:
            return {"error": str(error)}
        except Exception as error:  # of one request: the daemon goes on
            logger.exception("event=command-failed command=%s", request["command"])
            return {"error": f"{request['command']} failed in the daemon ({error!r}); see its messages"}


def ask(home: Path, command: str, *, seconds: float = _ANSWER_SECONDS, **arguments: Any) -> dict[str, Any]:
    """Return the daemon's answer; raises DaemonError where no daemon runs, it does not answer, or says what is wrong.

    Waits up to `seconds` for the whole of it.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(str(socket_path(home)))
            connection.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(_line_from(connection, 0, seconds))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise DaemonError(_not_there(home)) from error
    except (OSError, ValueError) as error:
        raise DaemonError(f"the daemon does not answer ({error}); see {home / 'daemon.log'}") from error
    if isinstance(answer.get("error"), str):
        raise DaemonError(answer["error"])
    return answer


def daemon_process(home: Path) -> int:
    """Return the process that listens at the daemon's socket, as the kernel says it; 0 where that can't be known."""
    if not hasattr(socket, "SO_PEERCRED"):
        return 0
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        connection.connect(str(socket_path(home)))
        pid: int = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        return pid
    return 0


def _not_there(home: Path) -> str:
    lock = DaemonLock(home)
    if lock.is_free():
        return "no daemon runs; start one: runstore daemon start --watch DIR --remote NAME"
    return f"the daemon ({lock.holder()}) can't be asked from here: it is starting or stopping, or on another machine"


def _inode(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)


def _line_from(connection: socket.socket, most: int, seconds: float) -> bytes:
    """Return what comes up to the end of a line, of at most so many bytes (0: any number), within so many seconds.

    Raises OSError where it does not come, and ValueError for what is longer.
    """
    deadline = time.monotonic() + seconds
    pieces: list[bytes] = []
    size = 0
    while True:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the connection was closed")
        pieces.append(piece)
        size += len(piece)
        if piece.endswith(b"\n"):
            return b"".join(pieces)
        if most and size > most:
            raise ValueError(f"more than {most:,} bytes")

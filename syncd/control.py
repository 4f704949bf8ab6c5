"""Talk to the daemon: a Unix socket of mode 0600, one line of JSON each way."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runstore.errors import DaemonError

Answer = Callable[[], dict[str, Any]]

# A Unix socket's path must fit in some 100 bytes; a longer one is stood for by a short one in the temporary folder.
_PATH_BYTES = 100
_ANSWER_SECONDS = 10.0


class DaemonLock:
    """One daemon for each home: a lock that ends with the process, however it ends."""

    def __init__(self, home: Path) -> None:
        self._path = home / "daemon.lock"
        self._file = -1

    def take(self) -> None:
        """Take the lock; raises DaemonError, naming the process that has it."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(file, 20).decode(errors="replace").strip()
            os.close(file)
            raise DaemonError(
                f"a daemon (pid {holder or 'unknown'}) runs already; `runstore daemon status` shows what it does"
            ) from None
        os.truncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def is_free(self) -> bool:
        """Return whether no daemon runs."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(file)
        return True


def socket_path(home: Path) -> Path:
    """Return where the daemon of `home` listens."""
    path = home / "daemon.sock"
    if len(os.fsencode(path)) <= _PATH_BYTES:
        return path
    folder = Path(tempfile.gettempdir()) / f"runstore-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.sock"


class ControlServer:
    """Answer commands, each by a function, in a thread of its own."""

    def __init__(self, home: Path, commands: dict[str, Answer]) -> None:
        self._path = socket_path(home)
        self._commands = commands
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve, name="runstore-control", daemon=True)

    def start(self) -> None:
        """Begin to listen. The caller holds the lock, so a socket that lies there is a dead daemon's."""
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._listening.bind(str(self._path))
        finally:
            os.umask(before)
        self._listening.listen(8)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(_ANSWER_SECONDS)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # stopped
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(_ANSWER_SECONDS)
                connection.sendall(self._answer(connection.makefile("rb").readline()))

    def _answer(self, line: bytes) -> bytes:
        try:
            command = json.loads(line)["command"]
            answer = self._commands[command]()
        except (ValueError, KeyError, TypeError):
            answer = {"error": f"the daemon knows {', '.join(self._commands)}"}
        return json.dumps(answer).encode() + b"\n"


def ask(home: Path, command: str) -> dict[str, Any]:
    """Return the daemon's answer; raises DaemonError where no daemon runs, or it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(socket_path(home)))
            connection.sendall(json.dumps({"command": command}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(connection.makefile("rb").readline())
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise DaemonError("no daemon runs; start one: runstore daemon start --watch DIR --remote NAME") from error
    except (OSError, ValueError) as error:
        raise DaemonError(f"the daemon does not answer ({error}); see {home / 'daemon.log'}") from error
    return answer

"""The daemon and the hub as processes that a test kills and starts again."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import IO

from runstore.syncd.control import socket_path
from tests.commands import Bench
from tests.crash.proxy import Exchange, Fault, Proxy
from tests.timing import PATIENCE_SECONDS


class Machine:
    """A process of the command line, its messages in a file; at most one at a time."""

    def __init__(self, bench: Bench, name: str, *arguments: str) -> None:
        self._bench, self._arguments = bench, arguments
        self.messages = bench.folder / f"{name}.messages"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process that was started last."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it does its work."""
        with self.messages.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "runstore", *self._arguments],
                cwd=self._bench.folder,
                env=self._bench.environment,
                stdin=subprocess.DEVNULL,
                stdout=self._stdout(out),
                stderr=out,
            )
        self._started(self._process)

    def kill(self) -> None:
        """SIGKILL; returns when the process is no more. Nothing happens where it is dead already."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def end(self, seconds: float = PATIENCE_SECONDS) -> int:
        """SIGTERM; return the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds)

    def is_alive(self) -> bool:
        """Return whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def is_sound(self) -> bool:
        """Return whether no process of it ever said that something failed in a way nobody had thought of."""
        return b"Traceback" not in self.messages.read_bytes()

    def _stdout(self, messages: IO[bytes]) -> int | IO[bytes]:
        return messages

    def _started(self, process: subprocess.Popen[bytes]) -> None: ...


class DaemonMachine(Machine):
    """The daemon over a folder, with one remote."""

    def __init__(self, bench: Bench, watch: str = "wandb", remote: str = "lab", name: str = "daemon") -> None:
        super().__init__(bench, name, "daemon", "start", "--foreground", "--watch", watch, "--remote", remote)

    def is_up(self) -> bool:
        """Return whether it has begun to work, as far as somebody can be reached at its socket."""
        with socket.socket(socket.AF_UNIX) as line:
            return line.connect_ex(str(socket_path(self._bench.folder / "home"))) == 0


class HubMachine(Machine):
    """The hub, at another port each time; `proxy` is told which."""

    def __init__(self, bench: Bench, proxy: Proxy) -> None:
        super().__init__(bench, "hub", "hub", "serve", "--port", "0", "--data", "hub")
        self._proxy = proxy

    def kill(self) -> None:
        """SIGKILL; returns when the process is no more."""
        super().kill()
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    def _stdout(self, messages: IO[bytes]) -> int | IO[bytes]:
        return subprocess.PIPE

    def _started(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        assert line.startswith("runstore hub at "), line + self.messages.read_text()
        self._proxy.upstream = int(line.split(",")[0].rpartition(":")[2])


@contextlib.contextmanager
def line_to_a_hub(bench: Bench, choose: Callable[[Exchange], Fault]) -> Iterator[tuple[Proxy, HubMachine]]:
    """A hub behind a proxy, which is the remote `lab`; both end with the block, the hub by a kill."""
    token = bench.runstore("hub", "token", "create", "line", "--data", "hub").stdout.strip()
    with Proxy(choose) as proxy:
        bench.runstore("remote", "add", "lab", proxy.url, "--token", token)
        hub = HubMachine(bench, proxy)
        hub.start()
        try:
            yield proxy, hub
        finally:
            hub.kill()
    assert proxy.failures == []

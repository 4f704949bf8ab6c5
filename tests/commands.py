"""Run the command line and training scripts in processes of their own, with nothing of this machine's settings."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.timing import HANGS_SECONDS

ROOT = Path(__file__).parents[1]


@dataclass
class Bench:
    """A folder to work in, with a home of its own."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB_", "RUNSTORE_"))}
        own = {"RUNSTORE_HOME": str(self.folder / "home"), "WANDB_CONFIG_DIR": str(self.folder / "stock")}
        return {**kept, **own, "PYTHONPATH": str(ROOT)}

    def runstore(self, *arguments: str, code: int = 0, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command and check its exit code; whatever goes wrong, no traceback is shown."""
        done = self.command(*arguments, **extra)
        assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
        return done

    def command(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever its exit code will be; no traceback is ever shown."""
        done = subprocess.run(
            [sys.executable, "-m", "runstore", *arguments],
            cwd=self.folder,
            env={**self.environment, **extra},
            capture_output=True,
            text=True,
            timeout=HANGS_SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *arguments: str, code: int = 0, **extra: str) -> Any:
        """Return what a command with --json prints."""
        return json.loads(self.runstore(*arguments, "--json", code=code, **extra).stdout)

    def sentence(self, *arguments: str, code: int, **extra: str) -> str:
        """Return the one line that a failing command says."""
        said = self.runstore(*arguments, code=code, **extra).stderr.strip()
        assert said.startswith("runstore: "), said
        assert "\n" not in said, said
        return said

    def train(self, script: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a training script to its end."""
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            cwd=self.folder,
            env={**self.environment, **extra},
            capture_output=True,
            text=True,
            timeout=HANGS_SECONDS,
            check=False,
        )

    def start(self, script: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a training script whose lines on stdout the test reads."""
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextlib.contextmanager
    def live_run(self) -> Iterator[Callable[[int], None]]:
        """A run `demo/live` that logs each number that it is told, and has when that returns; killed at the end."""
        with self.start(LIVE_RUN) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            said, answers = process.stdin, process.stdout

            def log(n: int) -> None:
                said.write(f"{n}\n")
                said.flush()
                assert answers.readline() == "logged\n"

            try:
                yield log
            finally:
                process.kill()

    @contextlib.contextmanager
    def daemon(self, *arguments: str) -> Iterator[None]:
        """A daemon over ./wandb, stopped at the end; if it does not stop, the test fails."""
        self.runstore("daemon", "start", "--watch", "wandb", *arguments)
        try:
            yield
        finally:
            self.runstore("daemon", "stop")

    @contextlib.contextmanager
    def hub(self, port: int = 0, data: str = "hub") -> Iterator[str]:
        """Yield the URL of a hub, and add it as the remote `lab`; it is killed at the end of the block."""
        names = {entry["name"] for entry in self.json("hub", "token", "list", "--data", data)}
        token = self.runstore("hub", "token", "create", f"t{len(names)}", "--data", data).stdout.strip()
        with self.hub_process(port, data) as (url, _):
            self.runstore("remote", "add", "lab", url, "--token", token)
            yield url

    @contextlib.contextmanager
    def hub_process(self, port: int = 0, data: str = "hub") -> Iterator[tuple[str, subprocess.Popen[str]]]:
        """Yield the URL of a hub, and its process."""
        process = subprocess.Popen(
            [sys.executable, "-m", "runstore", "hub", "serve", "--port", str(port), "--data", data],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("runstore hub at "), line
            yield line.removeprefix("runstore hub at ").partition(",")[0], process
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def children(pid: int) -> set[int]:
    """Return the processes that a process has started and not waited for yet."""
    found: set[int] = set()
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile
            found.update(map(int, file.read_text().split()))
    return found


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """A port where nobody listens until the test lets somebody, and that nobody else is given meanwhile."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: one may listen beside it
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


ONE_RUN = """
    import math, runstore
    with runstore.init(project="demo", id="one", name="first", config={"lr": 0.1, "net": {"depth": 3}}) as run:
        for n in range(10):
            run.log({"loss": 1 / (n + 1), "acc": n / 10})
        run.log({"bad": math.nan, "worse": -math.inf})
        print("hello")
"""
"""A run of 11 rows in ./wandb."""

LIVE_RUN = """
    import sys, runstore
    run = runstore.init(project="demo", id="live")
    for line in sys.stdin:
        run.log({"n": int(line)})
        sys.__stdout__.write("logged\\n"); sys.__stdout__.flush()
"""

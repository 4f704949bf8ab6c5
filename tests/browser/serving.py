"""A real `runstore ui`, or a real hub, in a process of its own on loopback."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.commands import Bench
from tests.timing import PATIENCE_SECONDS

_ADDRESS = re.compile(r"(http://\S+/)#token=([\w-]+)")
_HUB_ADDRESS = re.compile(r"runstore hub at (http://[^\s,/]+)")


@dataclass(frozen=True)
class Served:
    """Where the pages are: `url` ends with a slash."""

    url: str
    token: str
    bench: Bench
    complaints: Path
    process: subprocess.Popen[str]

    @property
    def entrance(self) -> str:
        """The address that is printed, with the token."""
        return f"{self.url}#token={self.token}"

    def complaint(self) -> str:
        """Return what the server wrote to stderr so far."""
        return self.complaints.read_text(encoding="utf-8", errors="replace")


@contextmanager
def ui(bench: Bench, *arguments: str, name: str = "ui") -> Iterator[Served]:
    """Serve the runs of `bench`; ended, by its own pid, at the end of the block."""
    with _command(bench, name, "ui", "--port", "0", "--no-open", *arguments) as (process, complaints):
        found = _said(process, complaints, _ADDRESS)
        yield Served(found[1], found[2], bench, complaints, process)


@contextmanager
def hub(bench: Bench, data: str = "hub") -> Iterator[Served]:
    """Serve a hub that `bench` delivers to as the remote `lab`; ended as `ui` is."""
    token = bench.runstore("hub", "token", "create", "browser", "--data", data).stdout.strip()
    with _command(bench, "hub", "hub", "serve", "--port", "0", "--data", data) as (process, complaints):
        url = _said(process, complaints, _HUB_ADDRESS)[1]
        bench.runstore("remote", "add", "lab", url, "--token", token)
        yield Served(f"{url}/", token, bench, complaints, process)


@contextmanager
def _command(bench: Bench, name: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    complaints = bench.folder / f"{name}.stderr"
    with (
        open(complaints, "w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "runstore", *arguments],
            cwd=bench.folder,
            env=bench.environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            yield process, complaints
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            finally:
                process.kill()


def _said(process: subprocess.Popen[str], complaints: Path, address: re.Pattern[str]) -> re.Match[str]:
    assert process.stdout is not None
    for line in process.stdout:
        if found := address.search(line):
            return found
    raise AssertionError(f"no address was printed:\n{complaints.read_text(encoding='utf-8')}")

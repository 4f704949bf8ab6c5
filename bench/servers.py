"""Servers for the benchmarks, each in a process of its own on loopback: a hub, a plain one, two for runs."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runstore.syncd.hub.auth import Tokens

PLAIN_SERVER = """
import os, sys, tempfile
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

async def put(request):
    with tempfile.TemporaryFile(dir=sys.argv[1]) as file:
        async for piece in request.stream():
            await run_in_threadpool(file.write, piece)
        file.flush()
        await run_in_threadpool(os.fsync, file.fileno())
    return Response()

class Announced(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)

app = Starlette(routes=[Route("/", put, methods=["PUT"])])
Announced(uvicorn.Config(app, port=0, log_level="error")).run()
"""

RECORDING_SERVER = """
import threading
from tests.wandbserver.server import RecordingServer
with RecordingServer() as server:
    print(server.url, flush=True)
    threading.Event().wait()
"""


@dataclass(frozen=True)
class RunningHub:
    """A hub that answers at `url` to whoever has the token."""

    url: str
    token: str


@contextlib.contextmanager
def hub(data: Path) -> Iterator[RunningHub]:
    """Serve a hub that keeps what it gets in the folder `data`."""
    with contextlib.closing(Tokens(data)) as tokens:
        token = tokens.create("bench")
    command = [sys.executable, "-m", "runstore", "hub", "serve", "--port", "0", "--data", str(data)]
    with _serving(command) as said:
        yield RunningHub(said.removeprefix("runstore hub at ").partition(",")[0], token)


@contextlib.contextmanager
def plain(folder: Path) -> Iterator[str]:
    """Serve what writes the body of a PUT to the disk of `folder` and syncs it; give its URL."""
    with _serving([sys.executable, "-c", PLAIN_SERVER, str(folder)]) as port:
        yield f"http://127.0.0.1:{port}/"


@contextlib.contextmanager
def recording() -> Iterator[str]:
    """Serve what stock's `wandb sync` delivers to, which keeps it in memory; give its URL."""
    with _serving([sys.executable, "-c", RECORDING_SERVER]) as url:
        yield url


@contextlib.contextmanager
def counting(*features: str, delay: float = 0.0) -> Iterator[str]:
    """Serve what both deliver runs to, a W&B server that only counts (countingserver.py); give its URL."""
    with _serving([sys.executable, "-m", "bench.countingserver", str(delay), *features]) as url:
        yield url


@contextlib.contextmanager
def _serving(command: list[str]) -> Iterator[str]:
    """Run a server; give the first line that it prints."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()

"""From a finished log to the proof that a hub holds it, beside a plain HTTP upload of the same bytes.

The peer is the same client library, sending the log in one PUT to a server of the same make, which writes the bytes to
the same disk and syncs it: what any delivery over HTTP must cost. The hub indexes what it receives meanwhile.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx

from bench import processes
from bench.rows import Bench, Row, ratio
from runstore.runlog.codec import log_identity
from runstore.syncd.hub.auth import Tokens
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.shipper import Shipment, ship

METRICS = 10

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


def measure(bench: Bench) -> list[Row]:
    """Return MB/s of first deliveries beside plain uploads, and what a second delivery sends."""
    calls = 20_000 if bench.quick else 120_000
    mine, plain, again = [], [], 0
    with _hub(bench.folder) as remote, _plain_server(bench.folder) as url:
        for _ in range(bench.rounds):
            log = Path(processes.runstore(bench.folder, f"written({METRICS}, {calls})").printed)
            size = log.stat().st_size
            began = time.perf_counter()
            assert _shipped(log, remote).bytes_sent == size
            mine.append(size / (time.perf_counter() - began))
            again += _shipped(log, remote).bytes_sent
            began = time.perf_counter()
            with log.open("rb") as file:
                httpx.put(url, content=iter(lambda: file.read(1 << 20), b""), timeout=60).raise_for_status()
            plain.append(size / (time.perf_counter() - began))
    ours, theirs = median(mine), median(plain)
    what = f"delivery of a log of {size / 1e6:.0f} MB, proven"
    return [
        Row(what, _speed(ours), f"plain HTTP PUT {_speed(theirs)}", ratio(ours, theirs)),
        Row("log bytes sent by a second sync", str(again), "", "", "0", again == 0),
    ]


def _shipped(log: Path, remote: HubRemote) -> Shipment:
    identity = log_identity(log)
    assert identity is not None
    shipment = ship(log, identity.log_id, log.stat().st_size, 0, remote)
    assert shipment.verified
    return shipment


@contextlib.contextmanager
def _hub(folder: Path) -> Iterator[HubRemote]:
    data = folder / "hub"
    with contextlib.closing(Tokens(data)) as tokens:
        token = tokens.create("bench")
    command = [sys.executable, "-m", "runstore", "hub", "serve", "--port", "0", "--data", str(data)]
    with _serving(command) as said:
        remote = HubRemote(said.removeprefix("runstore hub at ").partition(",")[0], token)
        yield remote
        remote.close()


@contextlib.contextmanager
def _plain_server(folder: Path) -> Iterator[str]:
    with _serving([sys.executable, "-c", PLAIN_SERVER, str(folder)]) as port:
        yield f"http://127.0.0.1:{port}/"


@contextlib.contextmanager
def _serving(command: list[str]) -> Iterator[str]:
    """Run a server; give the first line that it prints."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def _speed(bytes_per_second: float) -> str:
    return f"{bytes_per_second / 1e6:,.0f} MB/s"

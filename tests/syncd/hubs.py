"""Hubs to test against: a real uvicorn on loopback, in a thread or in a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any

import uvicorn

from runstore.core.artifactname import ArtifactName
from runstore.core.segments import Mark, SegmentDigest
from runstore.errors import ArtifactNotFound, NotFound
from runstore.syncd.hub.auth import Tokens
from runstore.syncd.hub.reader import Delivered, EntryFacts
from runstore.syncd.hub.server import create_app
from runstore.syncd.remotes.hub import HubRemote
from tests.timing import PATIENCE_SECONDS


def random_bytes(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def log_id_of(data: bytes) -> str:
    return hashlib.sha256(data[:100]).hexdigest()


def log_below(folder: Path, data: bytes) -> Path:
    """Return the log in a run directory in `folder`, which is written."""
    log = folder / "offline-run-20250102_030405-k3v9q2" / "run-k3v9q2.wandb"
    log.parent.mkdir(parents=True)
    log.write_bytes(data)
    return log


def mark_of(data: bytes) -> Mark:
    digest = SegmentDigest()
    digest.update(data)
    return digest.mark()


class FewRuns:
    """A RunReader over a fixed run."""

    def runs(self) -> list[dict[str, Any]]:
        return [{"path": "team/mnist/k3v9q2"}]

    def run(self, path: str) -> dict[str, Any]:
        if path != "team/mnist/k3v9q2":
            raise NotFound(f"no run {path}; there is team/mnist/k3v9q2")
        return {"path": path, "summary": {"loss": float("nan")}}

    def history(self, path: str, keys: Sequence[str], samples: int | None) -> list[dict[str, Any]]:
        return [{"keys": list(keys), "samples": samples, "loss": float("inf")}]


class FewArtifacts:
    """An ArtifactReader over what a test puts into it: facts by name, entries by client id."""

    def __init__(self) -> None:
        self.facts: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, list[EntryFacts]] = {}

    def version(self, name: ArtifactName, entity: str, project: str, kind: str | None) -> dict[str, Any]:
        full = name._replace(entity=name.entity or entity, project=name.project or project)
        if str(full) not in self.facts:
            raise ArtifactNotFound(f"there is no {full}")
        return self.facts[str(full)]

    def entries(self, client_id: str, after: str, most: int, delivered: Delivered) -> list[EntryFacts]:
        if client_id not in self.contents:
            raise ArtifactNotFound(f"there is no artifact {client_id}")
        return [entry for entry in self.contents[client_id] if entry.path > after][:most]


class Listening(uvicorn.Server):
    """A uvicorn in a thread of the test, which ends on demand instead of by a signal."""

    def __init__(self, app: Any) -> None:
        super().__init__(uvicorn.Config(app, port=0, log_level="error", ws="none", timeout_graceful_shutdown=2))
        self.ports: Queue[int] = Queue()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.ports.put(self.servers[0].sockets[0].getsockname()[1] if self.started else 0)


@dataclass
class RunningHub:
    url: str
    token: str
    data: Path
    indexed: list[Path]
    artifacts: FewArtifacts
    remotes: list[HubRemote] = field(default_factory=list)

    def remote(self) -> HubRemote:
        """Return a remote, which is closed with the hub at the latest."""
        self.remotes.append(HubRemote(self.url, self.token))
        return self.remotes[-1]

    def log_file(self, log_id: str) -> Path:
        return self.data / "logs" / log_id[:2] / log_id / "log.wandb"


@contextlib.contextmanager
def hub_in_thread(data: Path, index_log: Callable[[Path], None] | None = None) -> Iterator[RunningHub]:
    tokens = Tokens(data)
    tokens_before = {info.name for info in tokens.list()}
    token = tokens.create(f"laptop-{len(tokens_before)}")
    tokens.close()
    indexed: list[Path] = []
    artifacts = FewArtifacts()
    server = Listening(create_app(data, index_log or indexed.append, FewRuns(), artifacts))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        running = RunningHub(
            f"http://127.0.0.1:{server.ports.get(timeout=PATIENCE_SECONDS)}", token, data, indexed, artifacts
        )
        yield running
        for remote in running.remotes:
            remote.close()
    finally:
        server.should_exit = True
        thread.join()


HUB_PROGRAM = """
import os, signal, sys
from pathlib import Path
from runstore.syncd.hub.server import create_app, serve
from tests.syncd.hubs import FewArtifacts, FewRuns

data, how = Path(sys.argv[1]), sys.argv[2]

def index_log(path):
    if how == "killed-before-index":
        os.kill(os.getpid(), signal.SIGKILL)
    with (data / "indexed.txt").open("a") as notes:
        notes.write(path.parent.name + "\\n")

serve(create_app(data, index_log, FewRuns(), FewArtifacts()), "127.0.0.1", 0, lambda url: print(url, flush=True))
print("ended cleanly", flush=True)
"""


@contextlib.contextmanager
def hub_process(data: Path, how: str = "") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Yield the URL of a hub in a process of its own, and the process; it is killed at the end if it still runs."""
    with program(HUB_PROGRAM, str(data), how) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process


@contextlib.contextmanager
def program(source: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", source, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()

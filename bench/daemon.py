"""The daemon: how soon what is logged can be seen here and on a hub, and what it costs when nothing happens."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil

from bench import corpus, daemonchild, processes, servers
from bench.rows import Bench, Row

LIVE, KEYS = 100, 10
HERE_P50, HERE_P99, THERE_P99 = 1.0, 3.0, 5.0  # seconds, at most
IDLE_SHARE, IDLE_BYTES = 0.005, 80e6  # of a core, and of memory, at most
# What has changed lately is looked at more often: finished runs have rested before anything is measured.
REST_SECONDS = 90.0


def measure(bench: Bench) -> list[Row]:
    """Return rows of freshness with many live runs, and of the daemon's processor time and memory with many others."""
    return _freshness(bench) + _idle(bench)


def _freshness(bench: Bench) -> list[Row]:
    count, every = (10, 0.5) if bench.quick else (60, 1.0)
    folder = bench.folder / "fresh"
    folder.mkdir()
    with servers.hub(folder / "hub") as hub, _daemon(folder, hub), _live(folder, LIVE, 600.0):
        call = f"probes({count}, {every}, {hub.url!r}, {hub.token!r})"
        seen = processes.runstore(bench.folder, call, daemonchild, **_environment(folder)).printed
    here, there = sorted(seen["here"]), sorted(seen["there"])
    beside = f"{LIVE} other runs log {KEYS} values each second"
    return [
        _within("log() to visible in a query, p50", median(here), beside, HERE_P50),
        _within("log() to visible in a query, p99", _p99(here), beside, HERE_P99),
        _within("log() to visible on a hub, p50", median(there), beside, None),
        _within("log() to visible on a hub, p99", _p99(there), beside, THERE_P99),
    ]


def _idle(bench: Bench) -> list[Row]:
    runs, seconds = (500, 10.0) if bench.quick else (10_000, 60.0)
    folder = bench.folder / "idle"
    corpus.make(folder, corpus.Corpus(runs, keys=3, steps=5))
    rest = REST_SECONDS if not bench.quick else 1.0
    rows = []
    with _daemon(folder, None) as daemon:
        _wait_until_indexed(folder, runs)
        time.sleep(rest)
        share, memory = _used(daemon, seconds)
        what = f"daemon, two minutes after it has indexed {runs:,} runs: processor, memory"
        rows.append(Row(what, f"{share:.2%} of a core", "", _mb(memory)))
    with _daemon(folder, None) as daemon:  # which stays for days, and was started when they were known
        time.sleep(rest)
        share, memory = _used(daemon, seconds)
        what = f"idle daemon, {runs:,} finished runs"
        met = share <= IDLE_SHARE if not bench.quick else None
        rows.append(Row(f"{what}: processor", f"{share:.2%} of a core", "", "", f"{IDLE_SHARE:.1%} or less", met))
        most, met = f"{_mb(IDLE_BYTES)} or less", memory <= IDLE_BYTES if not bench.quick else None
        rows.append(Row(f"{what}: memory", _mb(memory), "", "", most, met))
        with _live(folder, LIVE, 600.0):
            time.sleep(rest / 3)
            share, memory = _used(daemon, seconds)
        what = f"daemon, {runs:,} finished and {LIVE} live runs"
        rows.append(Row(f"{what}: processor, memory", f"{share:.1%} of a core", "", _mb(memory)))
    return rows


def _used(daemon: psutil.Process, seconds: float) -> tuple[float, int]:
    """Return which share of a core a process used over a time, and the most memory that it had, in bytes."""
    before, began, most = daemon.cpu_times(), time.monotonic(), 0
    while time.monotonic() < began + seconds:
        most = max(most, daemon.memory_info().rss)
        time.sleep(1.0)
    after, took = daemon.cpu_times(), time.monotonic() - began
    return (after.user + after.system - before.user - before.system) / took, most


def _wait_until_indexed(folder: Path, runs: int) -> None:
    while True:
        opened = contextlib.closing(sqlite3.connect(folder / "home" / "index.db"))
        with contextlib.suppress(sqlite3.OperationalError), opened as index:  # not made yet, or busy
            if index.execute("SELECT count(*) FROM runs").fetchone()[0] >= runs:
                return
        time.sleep(0.5)


@contextlib.contextmanager
def _daemon(folder: Path, hub: servers.RunningHub | None) -> Iterator[psutil.Process]:
    """Run a daemon over the runs below a folder, and give its process."""
    (folder / "wandb").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "runstore"]
    environment = _known() | _environment(folder)
    if hub is not None:
        added = [*command, "remote", "add", "hub", hub.url, "--token", hub.token]
        subprocess.run(added, env=environment, check=True, capture_output=True)
    watching = [*command, "daemon", "start", "--foreground", "--watch", str(folder / "wandb")]
    with (folder / "daemon.txt").open("wb") as said:
        process = subprocess.Popen(watching, env=environment, stdout=said, stderr=said)
    try:
        while not (folder / "home" / "index.db").exists():
            if process.poll() is not None:
                raise RuntimeError(f"the daemon ended: {(folder / 'daemon.txt').read_text()}")
            time.sleep(0.05)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def _live(folder: Path, runs: int, seconds: float) -> Iterator[None]:
    """Let so many runs grow below a folder, in a process of its own, for so long at most."""
    source = Path(daemonchild.__file__ or "").read_text(encoding="utf-8")
    call = f"\n\nlive({str(folder)!r}, {runs}, {KEYS}, {seconds})\n"
    command = [sys.executable, "-c", source + call]
    with subprocess.Popen(command, cwd=processes.ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "up\n"
            yield
        finally:
            process.kill()


def _environment(folder: Path) -> dict[str, Any]:
    return {"RUNSTORE_HOME": str(folder / "home"), "WANDB_DIR": str(folder), "WANDB_SILENT": "true"}


def _known() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("WANDB_", "RUNSTORE_", "PYTHON"))}


def _within(what: str, seconds: float, beside: str, most: float | None) -> Row:
    if most is None:
        return Row(what, f"{seconds:.2f} s", beside, "")
    return Row(what, f"{seconds:.2f} s", beside, "", f"{most:.0f} s or less", seconds <= most)


def _p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100, method="inclusive")[98]


def _mb(size: float) -> str:
    return f"{size / 1e6:.0f} MB"

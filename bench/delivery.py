"""From finished logs to the proof that a hub holds them, beside plain HTTP uploads and stock's `wandb sync`.

The peer of a delivery is the same client library, sending the log in one PUT to a server of the same make, which writes
the bytes to the same disk and syncs it: what any delivery over HTTP must cost. The hub indexes what it receives
meanwhile.

The peer of `runstore sync` is `wandb sync` of the same runs, with two small files each, and both are processes from
their start to their end. Ours ends when the hub has proven what it holds on its disk, stock's when it has sent all, to
a server that keeps it in memory. Neither needs an index for that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx

from bench import corpus, processes, servers
from bench.rows import Bench, Row, ratio
from runstore.runlog.codec import log_identity
from runstore.syncd.remotes.hub import HubRemote
from runstore.syncd.shipper import Shipment, ship
from tests.conformance import stock

METRICS = 10
PLAIN_SHARE = 0.6  # of a plain PUT's speed, at least
SMALL_TIMES, LARGE_TIMES = 3.0, 2.0  # as fast as `wandb sync`, at least


def measure(bench: Bench) -> list[Row]:
    """Return MB/s of first deliveries beside plain uploads, what a second delivery sends, and seconds of `sync`."""
    return _delivered(bench) + _synced(bench)


def _delivered(bench: Bench) -> list[Row]:
    calls = 20_000 if bench.quick else 120_000
    mine, plain, again = [], [], 0
    with servers.hub(bench.folder / "hub") as hub, servers.plain(bench.folder) as url:
        remote = HubRemote(hub.url, hub.token)
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
        remote.close()
    ours, theirs = median(mine), median(plain)
    what = f"delivery of a log of {size / 1e6:.0f} MB, proven"
    goal, met = f"{PLAIN_SHARE:.0%} or more", ours >= PLAIN_SHARE * theirs
    return [
        Row(what, _speed(ours), f"plain HTTP PUT {_speed(theirs)}", f"{ours / theirs:.0%}", goal, met),
        Row("log bytes sent by a second sync", str(again), "", "", "0", again == 0),
    ]


def _shipped(log: Path, remote: HubRemote) -> Shipment:
    identity = log_identity(log)
    assert identity is not None
    shipment = ship(log, identity.log_id, log.stat().st_size, 0, remote)
    assert shipment.verified
    return shipment


def _synced(bench: Bench) -> list[Row]:
    small = corpus.Corpus(20 if bench.quick else 100, keys=10, steps=100, files=True)
    large = corpus.Corpus(1, keys=10, steps=20_000 if bench.quick else 200_000, files=True)
    rounds = 1 if bench.quick else 3
    rows = []
    for made, goal in ((small, SMALL_TIMES), (large, LARGE_TIMES)):
        ours, theirs = [], []
        for _ in range(rounds):  # in folders of their own: neither sees the other's marks
            folder = Path(tempfile.mkdtemp(dir=bench.folder))
            size = corpus.make(folder / "ours", made)
            corpus.make(folder / "stock", made)
            ours.append(_our_sync(folder))
            theirs.append(_stock_sync(folder / "stock"))
        mine, stocks = median(ours), median(theirs)
        runs = "a run" if made.runs == 1 else f"{made.runs:,} runs"
        what = f"`sync` of {runs}, {size / 1e6:,.0f} MB of logs, whole process"
        beside, most = f"`wandb sync` {stocks:.2f} s", f"1/{goal:.0f} or less"
        met = stocks >= goal * mine if not bench.quick else None
        rows.append(Row(what, f"{mine:.2f} s", beside, ratio(mine, stocks), most, met))
    return rows


def _our_sync(folder: Path) -> float:
    """Return the seconds of `runstore sync` to a new hub, of runs that no index knows."""
    with servers.hub(folder / "hub") as hub:
        known = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "RUNSTORE_", "PYTHON"))}
        ours = {"RUNSTORE_HOME": str(folder / "home"), "RUNSTORE_TOKEN": hub.token}
        command = [sys.executable, "-m", "runstore", "sync", str(folder / "ours"), "--remote", hub.url, "--quiet"]
        began = time.perf_counter()
        done = subprocess.run(command, env={**known, **ours}, capture_output=True, text=True)
        wall = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"runstore sync failed with {done.returncode}:\n{done.stderr}")
    return wall


def _stock_sync(folder: Path) -> float:
    """Return the seconds of `wandb sync` of all runs below a folder, in one call."""
    runs = sorted(folder.glob("wandb/offline-run-*"))
    others = [str(run) for run in runs[:-1]]
    with servers.recording() as url:
        began = time.perf_counter()
        stock.sync(processes.STOCK_VERSION, runs[-1], url, others, timeout=processes.TIMEOUT_SECONDS)
        wall = time.perf_counter() - began
    unsent = [run.name for run in runs if not stock.synced_mark(run).exists()]
    if unsent:
        raise RuntimeError(f"wandb sync left {len(unsent)} of {len(runs)} runs: {', '.join(unsent[:5])}")
    return wall


def _speed(bytes_per_second: float) -> str:
    return f"{bytes_per_second / 1e6:,.0f} MB/s"

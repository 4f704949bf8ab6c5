"""Delivering runs to a W&B server beside stock's `wandb sync` of the same runs to the same server.

The runs were written by runstore. Both clients are processes from their start to their end, with folders, an index and
a server of their own each time. The server only counts (bench/countingserver.py): it takes a tenth of either client's
time or less, and says how many bytes of requests it got, heads included. It answers at once, which shows what clients
do themselves, or after some milliseconds, as real servers do, which shows how they wait.

Stock sends a run that it has marked as synced again only where it is told to (`--include-synced`), as people do who
add to a run, or don't trust the mark; ours looks whether there is something to send.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench import processes, servers, wandbchild
from bench.rows import Bench, Row, ratio
from tests.conformance import stock

GZIP = "FILESTREAM_GZIP"
LATE_SECONDS = 0.02  # for each answer
# Stock compresses only where the server takes it and the user asks for it; we, where the server takes it.
STOCK_ASKED_FOR_GZIP = {"WANDB_X_FILE_STREAM_NO_GZIP": "false"}


Sync = Callable[..., None]  # of a folder, to a URL, with options


@dataclass(frozen=True)
class Runs:
    """Runs that are delivered together: `call` of bench/wandbchild.py writes them."""

    what: str
    call: str
    is_faster_wanted: bool = False
    has_many_requests: bool = True


@dataclass(frozen=True)
class Synced:
    """What one client took for it, in seconds, and what the server got of it."""

    seconds: float
    counts: dict[str, Any]
    again: dict[str, Any]  # by a second sync

    @property
    def bytes(self) -> int:
        """Of all requests, but for what clients tell of themselves."""
        return sum(size for kind, size in self.counts["bytes"].items() if kind != "other")


def measure(bench: Bench) -> list[Row]:
    """Return rows of seconds, of bytes, and of what a second sync sends, for three sorts of runs."""
    runs, rows, images = (10, 50_000, 100) if bench.quick else (100, 1_000_000, 1_000)
    sorts = (
        Runs(f"{runs:,} runs of 100 rows", f"small('runstore', {runs})", is_faster_wanted=True),
        Runs(f"a run of {rows:,} rows x 10", f"long('runstore', {rows})", has_many_requests=False),
        Runs(f"a run of {images:,} images", f"images('runstore', {images})"),
    )
    return [row for sort in sorts for row in _compared(bench, sort)]


def _compared(bench: Bench, runs: Runs) -> list[Row]:
    processes.runstore(bench.folder, runs.call, wandbchild)
    written = max(bench.folder.glob("*/wandb"), key=os.path.getmtime).parent
    ours, theirs = _in_turns(bench, written)
    rows = [_seconds(bench, runs, "", ours, theirs)]
    if runs.has_many_requests:
        late = f", answers after {LATE_SECONDS * 1000:.0f} ms"
        rows.append(_seconds(bench, runs, late, *_in_turns(bench, written, LATE_SECONDS)))
    packed = [_synced(bench, written, sync, GZIP) for sync in (_our_sync, _stock_sync, _stock_sync_packing)]
    shutil.rmtree(written)
    return [
        *rows,
        _bytes(runs.what, ours[0], theirs[0]),
        _bytes(f"{runs.what}, server takes gzip", packed[0], packed[1]),
        _bytes(f"{runs.what}, stock is told to use gzip", packed[0], packed[2], has_goal=False),
        _again(runs.what, ours[0], theirs[0]),
    ]


def _in_turns(bench: Bench, written: Path, delay: float = 0.0) -> tuple[list[Synced], list[Synced]]:
    """Return some rounds of ours and of stock's, the first of which are done twice."""
    ours: list[Synced] = []
    theirs: list[Synced] = []
    for number in range(1 if bench.quick else 3):
        for synced, sync in ((ours, _our_sync), (theirs, _stock_sync)):
            synced.append(_synced(bench, written, sync, delay=delay, is_twice=not number and not delay))
    return ours, theirs


def _seconds(bench: Bench, runs: Runs, late: str, ours: Sequence[Synced], theirs: Sequence[Synced]) -> Row:
    mine, stocks = (median(one.seconds for one in synced) for synced in (ours, theirs))
    met = mine < stocks if runs.is_faster_wanted else mine <= stocks
    goal = "faster" if runs.is_faster_wanted else "no slower"
    return Row(
        f"to a W&B server: {runs.what}{late}",
        *(f"{mine:.2f} s", f"`wandb sync` {stocks:.2f} s", ratio(mine, stocks), goal),
        None if bench.quick else met,
    )


def _bytes(what: str, ours: Synced, theirs: Synced, has_goal: bool = True) -> Row:
    beside = f"`wandb sync` {theirs.bytes / 1e6:,.3f} MB"
    goal, met = ("no more", ours.bytes <= theirs.bytes) if has_goal else ("", None)
    return Row(f"{what}: sent", f"{ours.bytes / 1e6:,.3f} MB", beside, ratio(ours.bytes, theirs.bytes), goal, met)


def _again(what: str, ours: Synced, theirs: Synced) -> Row:
    mine, stocks = (f"{again['rows']:,} rows, {again['files']:,} files" for again in (ours.again, theirs.again))
    met = (ours.again["rows"], ours.again["files"]) == (0, 0)
    return Row(f"{what}: sent by a second sync", mine, f"`wandb sync` {stocks}", "", "nothing", met)


def _synced(
    bench: Bench, written: Path, sync: Sync, *features: str, delay: float = 0.0, is_twice: bool = False
) -> Synced:
    """Deliver fresh copies of the runs below `written` to a new server, once or twice."""
    folder = Path(tempfile.mkdtemp(dir=bench.folder))
    shutil.copytree(written / "wandb", folder / "wandb", symlinks=True, copy_function=_copied)
    with servers.counting(*features, delay=delay) as url:
        began = time.perf_counter()
        sync(folder, url)
        seconds = time.perf_counter() - began
        counts = _counts(url)
        if is_twice:
            sync(folder, url, "--include-synced")
        again = {what: _counts(url)[what] - counts[what] for what in ("rows", "files")}
    shutil.rmtree(folder)
    runs = len(list(written.glob("wandb/*")))
    if counts["completed"] != runs or counts["unknown"]:
        raise RuntimeError(f"{sync}: {counts['completed']} of {runs} runs arrived; unknown are {counts['unknown']}")
    return Synced(seconds, counts, again)


def _copied(source: str, target: str) -> None:
    """Copy a file; a log, which nobody writes to, is linked: writing half a gigabyte keeps the disk busy for long."""
    (os.link if source.endswith(".wandb") else shutil.copy2)(source, target)


def _counts(url: str) -> dict[str, Any]:
    counts: dict[str, Any] = httpx.get(f"{url}/counts").json()
    return counts


def _our_sync(folder: Path, url: str, *_: str) -> None:
    known = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "RUNSTORE_", "PYTHON"))}
    server = {"WANDB_BASE_URL": url, "WANDB_API_KEY": stock.FAKE_API_KEY}
    command = [sys.executable, "-m", "runstore", "sync", str(folder / "wandb"), "--remote", "wandb", "--quiet"]
    settings = {**known, **server, "RUNSTORE_HOME": str(folder / "home")}
    done = subprocess.run(command, env=settings, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"runstore sync failed with {done.returncode}:\n{done.stdout}{done.stderr}")


def _stock_sync(folder: Path, url: str, *options: str) -> None:
    _stock_sync_with({}, folder, url, *options)


def _stock_sync_packing(folder: Path, url: str, *options: str) -> None:
    _stock_sync_with(STOCK_ASKED_FOR_GZIP, folder, url, *options)


def _stock_sync_with(settings: Mapping[str, str], folder: Path, url: str, *options: str) -> None:
    *others, last = sorted(folder.glob("wandb/offline-run-*"))
    arguments = [*options, *map(str, others)]
    stock.sync(processes.STOCK_VERSION, last, url, arguments, settings, processes.TIMEOUT_SECONDS)

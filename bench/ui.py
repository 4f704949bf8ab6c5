"""The web pages beside those of Trackio and TensorBoard: the same data, the same browser, opened for the first time.

A project of 20 runs with one chart of 100,000 steps each. A page counts as open when its picture no longer changes
and it has a chart (bench/painted.py). Servers are started before, and have read their data.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser
from playwright.sync_api import Error as BrowserError

from bench import corpus, painted, peers, uichild
from bench.rows import Bench, Row, ratio
from tests.browser import chrome, serving
from tests.commands import Bench as Commands

RUNS, STEPS = 20, 100_000
TIMES_FASTER, TIMES_SMALLER = 3.0, 5.0
FIRST_SCREEN_SECONDS, FIRST_SCREEN_BYTES = 2.0, 170_000
START_SECONDS = 120.0

_OUR_CHART = ".lineplot canvas"
# Peer -> the call that makes its data, the program that serves it at PORT, the page with the chart, and the chart.
PEERS = {
    "trackio": (
        "trackio_runs",
        ["-c", "import trackio; trackio.show(project='p', open_browser=False, block_thread=True, server_port=PORT)"],
        "?project=p",
        ".vega-embed",
    ),
    "tensorboard": (
        "tensorboard_runs",
        ["-m", "tensorboard.main", "--logdir", "logs", "--port", "PORT", "--host", "127.0.0.1"],
        "#timeseries",
        "line-chart",
    ),
}


def measure(bench: Bench) -> list[Row]:
    """Return rows of the page with a chart beside those of the peers, and of the first screen of 1,000 runs."""
    if chrome.CHROMIUM is None:
        return [Row("web pages", "Chromium is not here", "", "")]
    steps = STEPS // 10 if bench.quick else STEPS
    with chrome.launched() as browser, _ours(bench, steps) as address:
        rows = [row for peer in PEERS for row in _beside(bench, browser, address, peer, steps)]
        return rows + _first_screen(bench, browser)


def _beside(bench: Bench, browser: Browser, address: str, peer: str, steps: int) -> list[Row]:
    what = f"page of {RUNS} runs, one chart of {steps:,} steps each"
    try:
        with _theirs(bench, peer, steps) as other:
            links = (("", None), (", 2 Mbit/100 ms", chrome.SLOW_LINK))
            return [
                row
                for name, link in links
                for row in _compared(bench, browser, (address, other), what + name, peer, link)
            ]
    except (peers.PeerMissing, BrowserError, painted.NeverPainted) as error:
        return [Row(what, "", f"{peer}: {error}"[:120], "")]


def _compared(
    bench: Bench, browser: Browser, addresses: tuple[str, str], what: str, peer: str, link: dict[str, Any] | None
) -> list[Row]:
    """Open our page and theirs in turns."""
    sides = tuple(zip(addresses, (_OUR_CHART, PEERS[peer][-1]), strict=True))
    pairs = [[painted.opened(browser, *side, link) for side in sides] for _ in range(2 if bench.quick else 3)]
    ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    seconds = [median(one.seconds for one in side) for side in (ours, theirs)]
    sizes = [int(median(one.bytes for one in side)) for side in (ours, theirs)]
    rows = [_row(what, [f"{one:.2f} s" for one in seconds], peer, seconds, TIMES_FASTER)]
    if link is None:
        rows.append(
            _row(f"{what}: over the line", [f"{one / 1000:,.0f} kB" for one in sizes], peer, sizes, TIMES_SMALLER)
        )
    return rows


def _row(what: str, texts: list[str], peer: str, figures: list[float] | list[int], times: float) -> Row:
    ours, theirs = figures
    return Row(
        what, texts[0], f"{peer} {texts[1]}", ratio(ours, theirs), f"1/{times:g} or less", ours * times <= theirs
    )


def _first_screen(bench: Bench, browser: Browser) -> list[Row]:
    """Return the row of the first screen of many runs, over a line like that to a login node."""
    made = corpus.Corpus(100 if bench.quick else 1_000, keys=50, steps=100, projects=1)
    folder = bench.folder / "ui-many"
    corpus.make(folder, made)
    with _served(Commands(folder)) as pages:
        address = f"{pages.url}p/{corpus.PROJECTS[0]}#token={pages.token}"
        seen = [painted.opened(browser, address, _OUR_CHART, chrome.SLOW_LINK) for _ in range(3)]
    seconds, size = median(one.seconds for one in seen), int(median(one.bytes for one in seen))
    what = f"first screen of {made.runs:,} runs x {made.keys} metrics, 2 Mbit/100 ms"
    return [
        Row(what, f"{seconds:.2f} s", "", "", f"{FIRST_SCREEN_SECONDS:g} s or less", seconds <= FIRST_SCREEN_SECONDS),
        Row(
            f"{what}: over the line",
            f"{size / 1000:,.0f} kB",
            "",
            "",
            f"{FIRST_SCREEN_BYTES // 1000} kB or less",
            size <= FIRST_SCREEN_BYTES,
        ),
    ]


@contextlib.contextmanager
def _ours(bench: Bench, steps: int) -> Iterator[str]:
    commands = Commands(bench.folder / "ui-ours")
    commands.folder.mkdir()
    source = f"{Path(uichild.__file__).read_text(encoding='utf-8')}\n\nrunstore_runs({RUNS}, {steps})\n"
    done = commands.train(source)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    with _served(commands) as pages:
        yield f"{pages.url}p/p?top={RUNS}#token={pages.token}"


@contextlib.contextmanager
def _served(commands: Commands) -> Iterator[serving.Served]:
    commands.runstore("runs", "list", "--limit", "1")
    with serving.ui(commands, "--read-only") as pages:
        yield pages


@contextlib.contextmanager
def _theirs(bench: Bench, peer: str, steps: int) -> Iterator[str]:
    """Yield the address of a peer's page; its server is ended by its own pid."""
    call, program, page, _ = PEERS[peer]
    folder = bench.folder / f"ui-{peer}"
    peers.run(peer, folder, f"{call}({RUNS}, {steps})", uichild)
    port = _free_port()
    known = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    here = {"HOME": str(folder), "TRACKIO_DIR": str(folder / "trackio"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, *(word.replace("PORT", str(port)) for word in program)]
    environment = {**known, **here, "PYTHONPATH": str(peers.install(peer))}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=quiet, stderr=quiet) as process:
        try:
            _wait(lambda: _answers(f"http://127.0.0.1:{port}/"), peer)
            if peer == "tensorboard":  # it reads its data after it began to answer
                tags = f"http://127.0.0.1:{port}/data/plugin/timeseries/tags"
                _wait(lambda: _answers(tags).count(b"run-") >= RUNS, peer)
            time.sleep(5)
            yield f"http://127.0.0.1:{port}/{page}"
        finally:
            process.terminate()
            process.wait(30)


def _wait(is_there: Callable[[], object], peer: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_there():
        if time.monotonic() > deadline:
            raise peers.PeerMissing(f"{peer} did not answer in {START_SECONDS:.0f} s")
        time.sleep(0.2)


def _answers(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return bytes(answer.read())
    except OSError:
        return b""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])

"""What bench/daemon.py runs in processes of their own: many programs that train, and one that looks for what it logged.

Called as `child.py` is: the source is read, and a call put behind it.
"""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.request
from pathlib import Path

from bench.corpus import Corpus, live_runs

POLL_SECONDS = 0.02


def live(folder: str, runs: int, keys: int, seconds: float) -> None:
    """Write a row a second to each of many logs, one after the other, as so many programs would; then end them."""
    made = Corpus(runs, keys, math.ceil(seconds))
    logs = live_runs(Path(folder), made)
    print("up", flush=True)
    began = time.monotonic()
    for turn in range(made.steps * runs):
        time.sleep(max(0.0, began + turn / runs - time.monotonic()))
        logs[turn % runs].step()
    for log in logs:
        log.end()


def probes(count: int, every: float, hub: str, token: str) -> None:
    """Log a value every so often; print how many seconds it took to be seen in a query here, and on the hub."""
    import runstore

    here, there = [], []
    run = runstore.init(project="probe")
    for number in range(count):
        began = time.monotonic()
        run.log({"probe": number})
        while runstore.Api().run(run.id).summary.get("probe") != number:
            time.sleep(POLL_SECONDS)
        here.append(time.monotonic() - began)
        while _on_hub(hub, token, run.id) != number:
            time.sleep(POLL_SECONDS)
        there.append(time.monotonic() - began)
        time.sleep(max(0.0, every - there[-1]))
    run.finish()
    print(json.dumps({"here": here, "there": there}))


def _on_hub(hub: str, token: str, run: str) -> object:
    request = urllib.request.Request(f"{hub}/v1/run?path={run}", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer).get("summary", {}).get("probe")
    except urllib.error.HTTPError as error:
        if error.code != 404:  # not there yet
            raise
        return None

"""What is measured of our own index, in a process of its own. Each function prints seconds as JSON, by name."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

REPEATED = 5


def seconds(read: Callable[[], Any]) -> float:
    """Return the median time of some calls of `read`."""
    durations = []
    for _ in range(REPEATED):
        before = time.perf_counter()
        read()
        durations.append(time.perf_counter() - before)
    return sorted(durations)[REPEATED // 2]


def caught_up() -> None:
    """Bring the index up to date with ./wandb, and tell how long that took, and the index's size in bytes."""
    from pathlib import Path

    from runstore.index.database import index_path
    from runstore.query.api import Api

    before = time.perf_counter()
    api = Api()
    took = time.perf_counter() - before
    api.close()
    path = index_path()
    size = sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*") if Path(part).is_file())
    print(json.dumps({"catch_up": took, "bytes": size}))


def series(run: str, key: str, steps: int) -> None:
    """Read one series of a run: as arrays, as W&B's API reads it, and as a thinned history."""
    from runstore.query.api import Api

    found = Api(refresh=False).run(run)
    if len(found.points(key)) != steps:
        raise SystemExit(f"{len(found.points(key))} points were read, not {steps}")
    figures = {
        "points": seconds(lambda: found.points(key)),
        "scan": seconds(lambda: list(found.scan_history(keys=[key]))),
        "history": seconds(lambda: found.history(samples=500, keys=[key], pandas=False)),
    }
    print(json.dumps(figures))


def answers(text: str, run: str, key: str) -> None:
    """Ask for all runs, for those that fulfil a filter, for what is new, and for one run's history."""
    from runstore.core.filters import parse_filter
    from runstore.query.api import Api

    api = Api(refresh=False)
    found = api.run(run)
    figures = {
        "runs": seconds(lambda: list(api.select())),
        "filter": seconds(lambda: api.select(parse_filter(text))),
        "refresh": seconds(api.refresh),
        "history": seconds(lambda: found.history(samples=500, keys=[key], pandas=False)),
    }
    print(json.dumps(figures))

"""Which value of a metric is the one to keep, where its name tells."""

from __future__ import annotations

from collections.abc import Container

import runstore


def keep_best(run: runstore.Run, key: str, name: str, lower: Container[str], higher: Container[str]) -> None:
    """Have the summary keep the least or the greatest value of `key`, if the metric's `name` says which is better.

    Names with "loss" in them are better low; `lower` and `higher` hold other names, in lower case.
    """
    name = name.lower()
    if "loss" in name or name in lower:
        run.define_metric(key, summary="min")
    elif name in higher:
        run.define_metric(key, summary="max")

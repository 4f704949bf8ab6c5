"""Ids for runs."""

from __future__ import annotations

from runstore.sdk.rundir import new_run_id


def generate_id(length: int = 8) -> str:
    """Return a new id of this many characters; never from `random`, whose seed programs set."""
    return "".join(new_run_id() for _ in range(-(-length // 8)))[:length]

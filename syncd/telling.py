"""What the daemon says of logs when it is asked: how much is indexed, and how each stands with its targets.

Answers are made from what is in memory, in a thread of the control socket: 10,000 logs cost some tens of milliseconds
where all of them are wanted, and a look at those that are at rest where only the others are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from runstore.errors import UsageError
from runstore.syncd.courier import Standing
from runstore.syncd.couriers import AnyCourier
from runstore.syncd.delivery import Ready
from runstore.syncd.upload import State

# Which logs are told of: all; those that are live, or not verified everywhere; none, but how many there are.
WHICH = ("all", "unsettled", "none")


def told(known: Iterable[Ready], couriers: Sequence[AnyCourier], which: str = "all") -> dict[str, Any]:
    """Return `logs` and the `totals` of all logs, for the daemon's status; raises UsageError for another `which`."""
    if which not in WHICH:
        raise UsageError(f"{which!r} tells of no logs; ask for {', '.join(WHICH)}")
    logs: list[dict[str, Any]] = []
    totals = {"logs": 0, "live": 0, "unsettled": 0, "indexed_bytes": 0, "indexed_records": 0}
    for what in known:
        at = {courier.name: courier.standing(what.log) for courier in couriers}
        is_unsettled = any(one is not None and one.state != State.VERIFIED.value for one in at.values())
        totals["logs"] += 1
        totals["live"] += what.is_live
        totals["unsettled"] += is_unsettled
        totals["indexed_bytes"] += what.end
        totals["indexed_records"] += what.records
        if which == "all" or (which == "unsettled" and (is_unsettled or what.is_live)):
            logs.append(_log(what, {name: one for name, one in at.items() if one is not None}))
    return {"totals": totals, "logs": logs}


def _log(what: Ready, at: dict[str, Standing]) -> dict[str, Any]:
    """Return for one log how much is durable here, indexed, and proven to be delivered."""
    try:
        durable = what.log.stat().st_size
    except OSError:
        durable = 0
    return {
        "run": what.run,
        "path": str(what.log),
        "is_live": what.is_live,
        "durable_bytes": durable,
        "indexed_bytes": what.end,
        "indexed_records": what.records,
        "delivered_bytes": {name: one.verified_bytes for name, one in at.items()},
        "delivered_records": {name: one.verified_records for name, one in at.items()},
        "states": {name: one.state for name, one in at.items()},
        "errors": {name: one.error for name, one in at.items() if one.error},
        "retry_in": {name: round(one.retry_in, 1) for name, one in at.items() if one.retry_in is not None},
    }

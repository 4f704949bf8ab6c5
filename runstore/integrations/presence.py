"""What every callback asks first: the run that it is to record into."""

from __future__ import annotations

import runstore


def current_run(what: str) -> runstore.Run:
    """Return the current run; raises Error, naming `what` needs one, where there is none."""
    if runstore.run is None:
        raise runstore.Error(f"{what} needs a run to record into: call init() before it")
    run: runstore.Run = runstore.run  # or one that is disabled, which takes the same calls
    return run

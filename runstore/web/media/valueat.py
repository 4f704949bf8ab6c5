"""What a run has under a key at a step: the last value at or before it."""

from __future__ import annotations

import numpy as np

from runstore.query.media.keys import MediaValue, media_at, media_in_summary, media_steps
from runstore.query.stored.run import StoredRun


def value_at(run: StoredRun, key: str, step: int | None) -> MediaValue | None:
    """Return what a run has under a key at a step, or at the nearest one before it; what the summary has, else."""
    found = None if step is None else media_at(run.connection, run.place, key, step)
    if found is not None:  # as most often: sliders know which steps there are
        return found
    every = media_steps(run.connection, run.place, key)
    if len(every):
        place = len(every) - 1 if step is None else int(np.searchsorted(every, step, side="right")) - 1
        return None if place < 0 else media_at(run.connection, run.place, key, int(every[place]))
    return media_in_summary(run.summary, key)

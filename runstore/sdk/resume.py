"""What earlier logs of a run say, for a process that goes on with it. Reads the logs themselves: no index is needed."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runstore.core.logfold import LogFold
from runstore.core.stitch import Fragment, stitch
from runstore.core.summary import SummaryFold
from runstore.errors import LogError
from runstore.runlog.reader import LogReader


@dataclass(frozen=True)
class Earlier:
    """The state in which earlier logs leave a run."""

    next_step: int
    config: dict[str, Any]
    summary: SummaryFold
    name: str


def earlier_logs(root: Path, entity: str, project: str, run_id: str) -> Earlier | None:
    """Return what the run's logs directly below `root` say, or None if there are none.

    Reads each of them whole. A log of another entity or project is another run; one that can't be read is passed over.
    """
    folds: dict[int, LogFold] = {}
    fragments: list[Fragment] = []
    for number, path in enumerate(sorted(root.glob(f"*/run-{glob.escape(run_id)}.wandb"))):
        fold = _folded(path)
        if fold is None or (fold.facts.entity, fold.facts.project) != (entity, project):
            continue
        facts = fold.facts
        folds[number] = fold
        fragments.append(
            Fragment(
                number,
                str(path),
                facts.kind,
                facts.started_at,
                facts.starting_step,
                fold.last_step,
                facts.rows,
            )
        )
    if not folds:
        return None
    next_step, summary, name = 0, SummaryFold(), ""
    config: dict[str, Any] = {}
    for piece in stitch(fragments):
        fold = folds[piece.log]
        next_step = max(next_step, piece.last_step + 1)
        summary = summary.followed_by(fold.summary)
        config |= fold.config
        name = fold.facts.name or name
    config.pop("_wandb", None)
    return Earlier(next_step, config, summary, name)


def _folded(path: Path) -> LogFold | None:
    fold = LogFold()
    try:
        for framed in LogReader(path):
            fold.apply(framed.payload)
    except LogError:
        return None
    return fold if fold.facts.run_id else None

"""What earlier logs of a run say, for a process that goes on with it. Reads the logs themselves: no index is needed."""

from __future__ import annotations

import glob
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runstore.core.identity import NO_PROJECT
from runstore.core.logfold import LogFacts, LogFold
from runstore.core.stitch import Fragment, stitch
from runstore.core.summary import SummaryFold
from runstore.errors import LogError
from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import Origin


@dataclass(frozen=True)
class Earlier:
    """The state in which earlier logs leave a run."""

    next_step: int
    config: dict[str, Any] = field(default_factory=dict)
    summary: SummaryFold = field(default_factory=SummaryFold)
    described: dict[str, Any] = field(default_factory=dict)  # what the run is called and belongs to, by setting
    kind: Origin.Kind = Origin.RESUME  # how the process that goes on stands to these logs
    wandb_config: dict[str, Any] = field(default_factory=dict)  # what W&B's tools keep below the config's key `_wandb`


def earlier_logs(root: Path, entity: str, project: str, run_id: str, until: int | None = None) -> Earlier | None:
    """Return what the run's logs directly below `root` say, or None if there are none.

    With `until`, rows behind that step don't count. Reads each log whole. A log of another entity or project is another
    run; one that can't be read is passed over.
    """
    folds: dict[int, LogFold] = {}
    fragments: list[Fragment] = []
    for number, path in enumerate(sorted(root.glob(f"*/run-{glob.escape(run_id)}.wandb"))):
        fold = _folded(path, until)
        if fold is None or (fold.facts.entity, fold.facts.project or NO_PROJECT) != (
            entity,
            project or NO_PROJECT,
        ):
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
    next_step, summary = 0, SummaryFold()
    config: dict[str, Any] = {}
    described: dict[str, Any] = {}
    for piece in stitch(fragments):
        fold = folds[piece.log]
        next_step = max(next_step, piece.last_step + 1)
        summary = summary.followed_by(fold.summary)
        config |= fold.config
        described |= {setting: value for setting, value in _described(fold.facts).items() if value}
    wandb_config = config.pop("_wandb", None) or {}
    return Earlier(next_step, config, summary, described, wandb_config=wandb_config)


def _described(facts: LogFacts) -> dict[str, Any]:
    return {
        "run_name": facts.name,
        "run_notes": facts.notes,
        "run_tags": tuple(facts.tags),
        "run_group": facts.group,
        "run_job_type": facts.job_type,
    }


def facts_of(log: Path) -> LogFacts | None:
    """Return what is known of a log, or None if it can't be read."""
    fold = _folded(log)
    return fold.facts if fold else None


def _folded(path: Path, until: int | None = None) -> LogFold | None:
    fold = LogFold()
    try:
        for framed in LogReader(path):
            if until is None or not _is_behind(framed.payload, until):
                fold.apply(framed.payload)
    except LogError:
        return None
    return fold if fold.facts.run_id else None


def _is_behind(payload: bytes, step: int) -> bool:
    """Return whether a record is a row of a later step, or an open one."""
    record = codec.decode(payload)
    if record is None or not (record.HasField("history") or record.HasField("footer")):
        return False
    history = record.history if record.HasField("history") else record.footer.pending
    return codec.step_of(history, codec.row_of(history)) > step

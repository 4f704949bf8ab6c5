"""What earlier logs of a run say, for a process that goes on with it. Reads the logs themselves: no index is needed."""

from __future__ import annotations

import contextlib
import glob
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runstore.core.edits import Edit
from runstore.core.facts import Fact
from runstore.core.identity import NO_PROJECT
from runstore.core.logfold import LogFacts, LogFold
from runstore.core.stitch import Fragment, Piece, stitch
from runstore.core.story import Story, config_of, summary_of, tags_of, texts_of, told
from runstore.core.summary import SummaryFold
from runstore.errors import LogError
from runstore.paths import EDIT_LOG_SUFFIX
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
    last_started: float = 0.0  # when the last of these logs was begun, by the clock of then; seconds since the epoch


def earlier_logs(root: Path, entity: str, project: str, run_id: str, until: int | None = None) -> Earlier | None:
    """Return what the run's logs directly below `root` say, or None if there are none.

    With `until`, rows behind that step don't count, nor what was set by hand once there were some. Reads each log
    whole, and again where the run was set back behind its end. A log of another entity or project is another run; one
    that can't be read is passed over.
    """
    folds: dict[int, LogFold] = {}
    fragments: list[Fragment] = []
    paths: dict[int, Path] = {}
    for number, path in enumerate(_logs_in(root, f"run-{glob.escape(run_id)}.wandb")):
        fold = _folded(path, until)
        if fold is None or (fold.facts.entity, fold.facts.project or NO_PROJECT) != (
            entity,
            project or NO_PROJECT,
        ):
            continue
        facts = fold.facts
        folds[number], paths[number] = fold, path
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
    pieces = stitch(fragments)
    # A fork that has no rows yet goes on behind the step of the fork.
    next_step = 1 + max(*(piece.last_step for piece in pieces), *(fold.facts.branch_step for fold in folds.values()))
    edits = _edits(root, (entity, project or NO_PROJECT, run_id))
    story = told([folds[piece.log] for piece in pieces], edits)
    counting = told([_counting(folds[piece.log], paths[piece.log], piece) for piece in pieces], edits)
    config = config_of(story)
    wandb_config = config.pop("_wandb", None) or {}
    last_started = max(fragment.started_at for fragment in fragments)
    return Earlier(
        next_step,
        config,
        summary_of(counting),
        _described(story),
        wandb_config=wandb_config,
        last_started=last_started,
    )


def _logs_in(root: Path, pattern: str) -> list[Path]:
    """Return the logs of such names in run directories, none twice: stock's `latest-run` is a link to one of them."""
    return sorted({path.resolve() for path in root.glob(f"*/{pattern}")})


def _edits(root: Path, identity: tuple[str, str, str]) -> list[Edit]:
    """Return what people changed of a run (entity, project, id) meanwhile: a process that goes on with it keeps it."""
    said: list[Fact] = []
    for path in _logs_in(root, f"run-{glob.escape(identity[2])}.edits*{EDIT_LOG_SUFFIX}"):
        fold = LogFold(on_fact=lambda fact, time: said.append(fact))
        with contextlib.suppress(LogError):
            for framed in LogReader(path):
                fold.apply(framed.payload)
    edits = [fact for fact in said if isinstance(fact, Edit)]
    return [edit for edit in edits if (edit.entity, edit.project, edit.run_id) == identity]


def _counting(fold: LogFold, path: Path, piece: Piece) -> LogFold:
    """Return the fold of those records of a log that still count, `fold` being that of all."""
    if piece.below is None or piece.below > fold.last_step or piece.after is not None:
        return fold
    return _folded(path, piece.below - 1) or fold


def _described(story: Story) -> dict[str, Any]:
    known: dict[str, Any] = {f"run_{name}": text for name, text in texts_of(story).items()}
    known["run_tags"] = tuple(tags_of(story))
    return {setting: value for setting, value in known.items() if value}


def facts_of(log: Path) -> LogFacts | None:
    """Return what is known of a log, or None if it can't be read."""
    fold = _folded(log)
    return fold.facts if fold else None


def _folded(path: Path, until: int | None = None) -> LogFold | None:
    fold = LogFold(before=None if until is None else until + 1)
    try:
        for framed in LogReader(path):
            fold.apply(framed.payload)
    except LogError:
        return None
    return fold if fold.facts.run_id else None

"""Bring back a file that a run saved, from the run directories on this machine."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from runstore.core.identity import NO_PROJECT
from runstore.errors import LogError, NotFound, UsageError
from runstore.sdk.files.copying import copy

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

_TIME_IN_NAME = re.compile(r"run-(\d{8}_\d{6})-")
# The run record is the second of a log; one that is damaged there is passed over.
_FIRST_RECORDS = 10


def restore(recorder: Recorder, name: str, run_path: str | None, replace: bool, root: str | None) -> TextIO:
    """Return the file `name` of a run, open for reading, after copying it to `root`/`name`.

    `run_path` is "entity/project/id", "project/id" or "id"; without it the file is this run's, as it is in the
    directory that this process writes, else in the run's earlier ones, newest first. `root` is the run's `files` by
    default. A file that is there already is returned as it is, unless `replace`.

    Raises NotFound where no run directory beside this run's holds it, UsageError for a path that can't be meant.
    """
    if os.path.isabs(name) or ".." in Path(name).parts or not Path(name).parts:
        raise UsageError(f"restore() takes the name that a file was saved under, not {name!r}")
    target = Path(root if root is not None else recorder.files_folder()) / name
    if target.exists() and not replace:
        return open(target, encoding="utf-8")
    folders = list(_folders(recorder, run_path))
    for folder in folders:
        source = folder / name
        if source.is_file():
            if not (target.exists() and source.samefile(target)):
                copy(source, target)
            return open(target, encoding="utf-8")
    which = f"run {run_path}" if run_path else f"run {recorder.run_id}"
    below = Path(recorder.settings.root_dir) / "wandb"
    raise NotFound(f"{name!r} was not saved by {which}: looked into {len(folders)} run directories of it in {below}")


def _folders(recorder: Recorder, run_path: str | None) -> Iterator[Path]:
    """Yield the folders `files` of a run, the newest first."""
    settings = recorder.settings
    entity, project, run_id = _parsed(run_path) if run_path else ("", "", recorder.run_id)
    project = project or settings.project or NO_PROJECT
    entity = entity or settings.entity
    if run_id == recorder.run_id and project == (settings.project or NO_PROJECT):
        yield recorder.files_folder()
    below = Path(settings.root_dir) / "wandb"
    for log in sorted(below.glob(f"*/run-{glob.escape(run_id)}.wandb"), key=_age, reverse=True):
        if log.parent != recorder.files_folder().parent and _is_of(log, entity, project):
            yield log.parent / "files"


def _parsed(run_path: str) -> tuple[str, str, str]:
    parts = [part for part in run_path.strip("/").split("/") if part != "runs"]
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise UsageError(f"{run_path!r} names no run; write entity/project/id, project/id or id")
    entity, project, run_id = ["", "", *parts][-3:]
    return entity, project, run_id


def _age(log: Path) -> str:
    found = _TIME_IN_NAME.search(log.parent.name)
    return found[1] if found else ""


def _is_of(log: Path, entity: str, project: str) -> bool:
    """Return whether a log is of this project; the entity counts where both sides name one."""
    from runstore.runlog import codec
    from runstore.runlog.reader import LogReader

    try:
        for count, framed in enumerate(LogReader(log)):
            record = codec.decode(framed.payload)
            if record is not None and record.HasField("run"):
                run = record.run
                return (run.project or NO_PROJECT) == project and (not entity or run.entity in ("", entity))
            if count > _FIRST_RECORDS:
                break
    except (LogError, OSError):
        pass
    return False

"""Export runs: a file or folder a run, and a table of them, each under its final name only when it is whole."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runstore.errors import StorageError, UsageError
from runstore.query.export.formats import Format, format_named
from runstore.query.export.windows import RunHistory
from runstore.query.points.entries import names_with_leaves
from runstore.query.stored.run import StoredRun

_UNSAFE = re.compile(r"[^\w.-]")
_TABLE = "runs"


@dataclass(frozen=True)
class Export:
    """What was written: the table of runs, and a file or folder for each run, in their order."""

    table: Path
    files: list[Path]
    points: int


def export(
    runs: Sequence[StoredRun],
    form: str,
    folder: Path,
    keys: Sequence[str] | None = None,
    *,
    force: bool = False,
    progress: Callable[[int], None] = lambda points: None,
) -> Export:
    """Write these runs into `folder` as parquet, csv, jsonl or tensorboard: all metrics, or those of `keys`.

    Memory is bounded whatever the runs' lengths. Each file appears whole or not at all; `progress` is told of points
    as they are written. Raises UsageError where something of it is there already, unless `force` is given, and where a
    library is missing; StorageError where the disk refuses.
    """
    writer = format_named(form)
    table = folder / f"{_TABLE}{writer.table_suffix}"
    targets = [folder / f"{name}{writer.suffix}" for name in _names(runs)]
    if not force:
        _refuse_existing([table, *targets])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        points = _write_all(runs, targets, writer, keys, progress)
        with _whole(table) as partial:
            rows = zip(runs, targets, strict=True)
            writer.write_table(partial, [{**run.as_json(), "file": target.name} for run, target in rows])
    except OSError as error:
        raise StorageError(f"{folder}: can't be written ({error.strerror}); files that are there are whole") from error
    return Export(table, targets, points)


def expected_points(runs: Sequence[StoredRun], keys: Sequence[str] | None) -> int:
    """Return about how many points `export` will tell of."""
    return sum(_history(run, keys).points() for run in runs)


def _history(run: StoredRun, keys: Sequence[str] | None) -> RunHistory:
    names = None if keys is None else names_with_leaves(run.connection, run.place, keys)
    return RunHistory(run.connection, run.place, names)


def _write_all(
    runs: Sequence[StoredRun],
    targets: Sequence[Path],
    writer: Format,
    keys: Sequence[str] | None,
    progress: Callable[[int], None],
) -> int:
    total = 0

    def count(points: int) -> None:
        nonlocal total
        total += points
        progress(points)

    for run, target in zip(runs, targets, strict=True):
        with _whole(target) as partial:
            writer.write_run(partial, run.as_json(), _history(run, keys), count)
    return total


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes `target` if all goes well, and is removed else."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield partial
        if target.is_dir():
            shutil.rmtree(target)
        partial.replace(target)
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _refuse_existing(targets: Sequence[Path]) -> None:
    there = [target for target in targets if target.exists()]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(f"{there[0]}{more} would be overwritten; nothing was written. Give another folder, or --force")


def _names(runs: Sequence[StoredRun]) -> list[str]:
    """Return a file name for each run: its id, with entity and project before it where several have that id."""
    ids = [run.id for run in runs]
    names: list[str] = []
    for run in runs:
        parts: list[Any] = [run.id] if ids.count(run.id) == 1 and run.id != _TABLE else run.path
        name = _UNSAFE.sub("_", ".".join(parts)).lstrip(".") or "run"
        taken = sum(other == name or other.startswith(f"{name}~") for other in names)
        names.append(f"{name}~{taken + 1}" if taken else name)
    return names

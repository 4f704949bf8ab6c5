"""Write what people change of stored runs, as records of an edit log beside the run's own log.

The logs are the truth, so a change is nothing but one more record. It is in a file of its own because a run log has
one writer, which may be alive, and may have ended the file; and because stock tools read `*.wandb` files only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runstore.core.edits import Edit, Values, edit_record
from runstore.core.identity import RunPath
from runstore.errors import StorageError, TakeoverRefused, UsageError
from runstore.index.marks import take_away_ours
from runstore.paths import edit_log_path, is_log_name
from runstore.runlog import codec, wire
from runstore.runlog.origin import header_of_this_process
from runstore.runlog.record_pb2 import Origin, Record
from runstore.runlog.writer import LogWriter

TakeIn = Callable[[Path], object]
# Each process that may not go on with another's file begins one of its own; so many never meet.
_FILES_MAX = 1000


def write_edit(edit: Edit, logs: Sequence[Path]) -> Path:
    """Write an edit durably beside the first of `logs` whose folder takes it; return the path of the edit log.

    Raises StorageError where none does, and UsageError for a run whose logs are no run directory's.
    """
    return write_beside(edit_record(edit), RunPath(edit.entity, edit.project, edit.run_id), edit.made_ns, logs)


def write_beside(body: bytes, run: RunPath, made_ns: int, logs: Sequence[Path]) -> Path:
    """Write a record of what was changed at `made_ns` of something of a run; otherwise as `write_edit`."""
    places = [log for log in logs if is_log_name(log.name)]
    if not places:
        raise UsageError(f"run {run.run_id} can't be changed here: its logs are not in run directories")
    refused: StorageError | None = None
    for log in places:
        try:
            writer = _writer(log, run, made_ns)
        except StorageError as error:
            refused = refused or error
            continue
        try:
            writer.append(body)
        finally:
            writer.close()
        take_away_ours(log.parent)
        return writer.path
    raise refused or StorageError(f"{places[0].parent}: no edit log could be begun; the run is as it was")


def _writer(log: Path, run: RunPath, made_ns: int) -> LogWriter:
    """Return a writer of an edit log beside `log`: of the first that this process may write, or of a new one."""
    for number in range(1, _FILES_MAX):
        path = edit_log_path(log, number)
        try:
            writer = LogWriter.create(path, sync_seconds=0)
        except FileExistsError:
            try:
                return LogWriter.take_over(path, sync_seconds=0)
            except TakeoverRefused:  # locked, torn, of an earlier boot, or on a file server: its file is left alone
                continue
        try:
            for body in _beginning(run, made_ns):
                writer.append(body)
        except StorageError:
            writer.abandon()
            path.unlink(missing_ok=True)
            raise
        return writer
    raise StorageError(f"{log.parent}: there are {_FILES_MAX} edit logs, and none can be written; the run is as it was")


def _beginning(run: RunPath, made_ns: int) -> list[bytes]:
    """Return the records that say what this file is, and what run it is about."""
    header = header_of_this_process(Origin.EDIT, made_ns)
    said = Record(run={"run_id": run.run_id, "entity": run.entity, "project": run.project})
    return [codec.encode(header), codec.encode(said)]


def moment_after(*times: float) -> int:
    """Return now in nanoseconds since the epoch; a moment after these times (seconds) where a clock runs ahead.

    What is changed must count more than all that the run says so far.
    """
    return max(time.time_ns(), *(int(one * 1e9) + 1_000_000 for one in times))


def changed_values(before: Mapping[str, Any], now: Mapping[str, Any], what: str) -> Values:
    """Return what turns one tree into the other, as few and small values as can be.

    Raises UsageError, naming the key, for what is not made of JSON's types; arrays are taken as lists.
    """
    values = Values()
    _compare(before, now, (), values, what)
    return values


def _compare(
    before: Mapping[str, Any], now: Mapping[Any, Any], above: tuple[str, ...], values: Values, what: str
) -> None:
    values.drop += [(*above, key) for key in before if key not in now]
    for key, value in now.items():
        path = (*above, str(key))
        old = before.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping) and value and old:
            _compare(old, value, path, values, what)
            continue
        stored = _stored(value, path, what)
        if key not in before or wire.dumps(stored) != wire.dumps(old):
            values.put.append((path, stored))


def _stored(value: Any, path: tuple[str, ...], what: str) -> Any:
    """Return a value as the index will have it."""
    try:
        return codec.loads(json.dumps(value, default=_as_list))
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{what}[{'.'.join(path)!r}] can't be stored: {error}") from error


def _as_list(value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy's numbers and arrays, and those that are made like them
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is none of JSON's types")

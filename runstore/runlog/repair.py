"""Write a clean log of all that is intact in a damaged one, for tools that stop at the first damage.

Stock `wandb sync` is such a tool; runstore's own readers need no repair. Every record keeps its bytes, its number
included, so that the gaps in the numbers still tell what was lost; only the framing is new. Left out are records that
can't be understood, and second copies of a record. Stock tools want a run record before all others: where damage took
it, a later one is put there, or one is made that says the run's id.

The original is only read. The new log appears whole, under its name, or not at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runstore.errors import LogError, StorageError, UsageError
from runstore.paths import EDIT_LOG_SUFFIX, LOG_SUFFIX, RUN_DIRECTORY_PREFIXES, is_edit_log_name, is_log_name, run_id_of
from runstore.runlog import codec
from runstore.runlog.framing import FILE_HEADER, frame
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import Record
from runstore.runlog.verify import Verdict, verify

_STOCK_PREFIX = "offline-run-"
_OF_LOGS = (LOG_SUFFIX, EDIT_LOG_SUFFIX)
_OF_DELIVERY = (".runstore.json", ".synced")  # receipts of ours, and the mark that stock tools leave


@dataclass(frozen=True)
class Repair:
    """What was done: `log` is the new one, `verdict` what was found in the old one.

    `run_record` says where the new log's first run record comes from: kept, moved (from further behind) or made.
    """

    log: Path
    verdict: Verdict
    records: int
    size: int
    copies_left_out: int
    run_record: str


def repair(log: Path, to: Path) -> Repair:
    """Write what is intact in `log` to `to`, and return what was done.

    `to` is a new file named *.wandb, a new run directory named offline-run-*, or else a folder in which a run directory
    is made under the old one's name. A run directory gets copies of all that lies beside the log, too, less what tools
    noted of its delivery. Raises UsageError where anything is in the way, LogError where nothing is intact,
    StorageError where the disk refuses, and what `verify` raises.
    """
    verdict = verify(log)
    if not verdict.records:
        raise LogError(f"{log}: not one record is intact, so there is nothing to write; {to} was not made")
    target = _target(log, to)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix in _OF_LOGS:
            new = target
            records, size, copies, run_record = _write(log, verdict, partial)
        else:
            _copy_what_lies_beside(log, partial)
            new = target / (log.name if is_log_name(log.name) else f"run-{log.stem}{LOG_SUFFIX}")
            records, size, copies, run_record = _write(log, verdict, partial / new.name)
        _give_name(partial, target)
    except OSError as error:
        raise StorageError(
            f"{target}: can't be written ({error.strerror}); nothing was left there, and {log} is as it was"
        ) from error
    finally:
        _remove(partial)
    return Repair(new, verdict, records, size, copies, run_record)


def _target(log: Path, to: Path) -> Path:
    """Return the file or run directory that is to be made; raises UsageError where something is there already."""
    is_named = to.suffix in _OF_LOGS or to.name.startswith(_STOCK_PREFIX)
    target = to if is_named and not to.is_dir() else to / _directory_name(log)
    if os.path.lexists(target):
        raise UsageError(f"{target}: is there already, and nothing is overwritten; give another place with --to")
    return target


def _directory_name(log: Path) -> str:
    """Return what to call the run directory: stock tools take only those for offline runs that are called so."""
    name = log.parent.resolve().name
    if name.startswith(RUN_DIRECTORY_PREFIXES):
        return name if name.startswith(_STOCK_PREFIX) else f"offline-{name}"
    changed = datetime.fromtimestamp(log.stat().st_mtime)
    return f"{_STOCK_PREFIX}{changed:%Y%m%d_%H%M%S}-{run_id_of(log)}"


def _write(log: Path, verdict: Verdict, new: Path) -> tuple[int, int, int, str]:
    """Write the new log; return its records, its size, the copies left out, and where its run record is from."""
    front, run_record = _front(log, verdict)
    records = offset = copies = 0
    seen: set[bytes] | None = set() if verdict.repeated else None
    with open(new, "xb") as file:
        offset += file.write(FILE_HEADER)
        for payload in _ordered(log, front):
            if seen is not None:
                digest = hashlib.blake2b(payload, digest_size=16).digest()
                if digest in seen and _is_numbered(payload):
                    copies += 1
                    continue
                seen.add(digest)
            offset += file.write(frame(payload, offset))
            records += 1
        file.flush()
        os.fsync(file.fileno())
    return records, offset, copies, run_record


def _front(log: Path, verdict: Verdict) -> tuple[list[bytes], str]:
    """Return the records that belong first, [] if they are there already, and where the run record is from."""
    if is_edit_log_name(log.name):  # these have none
        return [], "kept"
    header: list[bytes] = []
    for place, payload in enumerate(_decodable(log)):
        record = codec.decode(payload) or Record()
        if record.HasField("run"):
            return ([], "kept") if place == len(header) else ([*header, payload], "moved")
        if place == 0 and record.HasField("header"):
            header = [payload]
    if not is_log_name(log.name):
        raise LogError(
            f"{log}: its run record is lost, and its name does not say the run's id; copy it to run-ID.wandb, with the"
            " run's id in the place of ID, and repair that"
        )
    made = Record()
    made.run.run_id = run_id_of(log)
    made.run.start_time.FromSeconds(int(log.stat().st_mtime))
    return [*header, codec.encode(made)], "made"


def _ordered(log: Path, front: list[bytes]) -> Iterator[bytes]:
    """Yield the records of `front`, then all others."""
    yield from front
    to_skip = list(front)
    for payload in _decodable(log):
        if payload in to_skip:
            to_skip.remove(payload)
        else:
            yield payload


def _decodable(log: Path) -> Iterator[bytes]:
    for framed in LogReader(log):
        if codec.decode(framed.payload) is not None:
            yield framed.payload


def _is_numbered(payload: bytes) -> bool:
    record = codec.decode(payload)
    return record is not None and record.num > 0


def _copy_what_lies_beside(log: Path, folder: Path) -> None:
    """Copy the run directory of `log` without the log, and without what tools noted of its delivery."""

    def ignored(where: str, names: list[str]) -> set[str]:
        return {
            name for name in names if Path(where) == log.parent and (name == log.name or name.endswith(_OF_DELIVERY))
        }

    if is_log_name(log.name) and log.parent.resolve().name.startswith(RUN_DIRECTORY_PREFIXES):
        shutil.copytree(log.parent, folder, symlinks=True, ignore=ignored, copy_function=_copy)
    else:
        folder.mkdir(parents=True)


def _copy(source: str, target: str) -> None:
    """Copy a file. Bytes of artifacts, which never change, may be shared; stock tools write into `files`."""
    if Path(source).parent.name == "blobs":
        try:
            os.link(source, target)
            return
        except OSError:  # another file system, or one without links
            pass
    shutil.copy2(source, target)


def _give_name(partial: Path, target: Path) -> None:
    """Give the finished file or folder its name; raises UsageError where something has come there meanwhile."""
    try:
        if partial.is_dir():
            os.rename(partial, target)  # fails where a folder with anything in it is
        else:
            os.link(partial, target)  # unlike a rename, this replaces nothing
    except FileExistsError as error:
        raise UsageError(
            f"{target}: has been made meanwhile, and nothing is overwritten; give another place"
        ) from error
    except OSError:  # a file system without links; a folder that came meanwhile makes this fail, too
        os.rename(partial, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(partial: Path) -> None:
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    else:
        partial.unlink(missing_ok=True)

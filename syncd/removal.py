"""Remove run directories from this machine: only what nobody writes, and only what some target was proven to hold.

A directory goes in one rename, to a hidden name beside it, and its files after that: whoever kills us in between
leaves a run that is whole or one that is gone, never half of one. What a link inside leads to is never touched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from runstore.core.segments import SEGMENT_BYTES, SegmentDigest
from runstore.errors import LogError, RemovalRefused, StorageError
from runstore.paths import RUN_DIRECTORY_PREFIXES, is_log_name, run_id_of
from runstore.runlog.codec import log_identity
from runstore.runlog.reader import LogReader
from runstore.runlog.writer import lock_file
from runstore.syncd import receipts
from runstore.syncd.receipts import FileStamp, Receipt
from runstore.syncd.remotes.base import BLOBS, FILES

_GONE_PREFIX = ".removed-"
_WANDB_FOLDERS = ("wandb", ".wandb")
# What stock tools write for themselves beside a run: messages of their client, and places for work in progress.
_OF_TOOLS = ("logs", "tmp")


@dataclass(frozen=True)
class RunDirectory:
    """A run directory that may be removed as far as its place goes."""

    path: Path
    logs: tuple[Path, ...]

    @property
    def size(self) -> int:
        """Bytes of all files in it."""
        return sum(os.lstat(file).st_size for file in _files_below(self.path))

    def undelivered(self) -> str:
        """Return what of it no single target was proven to hold whole, in words; "" where there is nothing.

        Reads the logs once: what a receipt says is compared with the bytes that are here now.
        """
        proofs = {log: _proofs(log) for log in self.logs}
        targets = set[str]().union(*(set(proof) for proof in proofs.values()))
        reasons = [self._missing_at(target, proofs) for target in sorted(targets)]
        if not reasons:
            return f"{self.logs[0].name} is not delivered"
        return "" if "" in reasons else reasons[0]

    def _missing_at(self, target: str, proofs: Mapping[Path, Mapping[str, Receipt]]) -> str:
        """Return what one target does not hold of this directory; "" where it holds all."""
        for log, proof in proofs.items():
            if target not in proof:
                return f"{log.name} is not delivered to the end"
        return not_held(self.path, {log: proof[target] for log, proof in proofs.items()})


def not_held(folder: Path, proofs: Mapping[Path, Receipt]) -> str:
    """Return which file of a run directory a target was not proven to hold as it is now; "" where there is none.

    `proofs` are the target's receipts of the directory's logs, of which all are proven.
    """
    stamps: dict[str, FileStamp] = {}
    for proof in proofs.values():
        stamps.update({f"{FILES}/{path}": stamp for path, stamp in proof.files.items()})
        stamps.update({f"{BLOBS}/{path}": stamp for path, stamp in proof.blobs.items()})
    for file in _files_below(folder):
        inside = file.relative_to(folder)
        if file in proofs or inside.parts[0] in _OF_TOOLS or _is_of_delivery(inside) or _is_partial(inside):
            continue
        if inside.parts[0] not in (FILES, BLOBS):
            return f"{inside} is not delivered"
        if not _is_stamped(file, stamps.get(inside.as_posix())):
            return f"{inside} is not delivered as it is now"
    return ""


def run_directories(logs: Iterable[str], run_id: str) -> list[RunDirectory]:
    """Return the directories of a run's logs; logs that are gone are left out.

    Raises RemovalRefused for a log that is not in a run directory inside a wandb folder, or shares it with another run.
    """
    folders = dict.fromkeys(Path(log).parent for log in logs if os.path.lexists(log))
    return [_run_directory(folder, run_id) for folder in folders]


def check_delivered(directories: Sequence[RunDirectory]) -> None:
    """Raise RemovalRefused where a directory holds what no target was proven to hold."""
    for directory in directories:
        why = directory.undelivered()
        if why:
            raise RemovalRefused(
                f"{directory.path}: {why}; deliver it first (runstore sync {directory.path}), or lose it with --force"
            )


def remove(directories: Sequence[RunDirectory]) -> int:
    """Remove these directories, all or, where one is still written, none; return how many bytes they had.

    Raises RemovalRefused for one that a process has open to write, and StorageError where the disk refuses.
    """
    with ExitStack() as locks:
        for directory in directories:
            for log in directory.logs:
                locks.enter_context(_held(log))
        sizes = [directory.size for directory in directories]
        for directory in directories:
            _remove_tree(directory.path)
    return sum(sizes)


def _run_directory(folder: Path, run_id: str) -> RunDirectory:
    if folder.parent.name not in _WANDB_FOLDERS or not folder.name.startswith(RUN_DIRECTORY_PREFIXES):
        raise RemovalRefused(f"{folder}: is no run directory in a folder named wandb; only such are removed")
    if folder.is_symlink() or not folder.is_dir():
        raise RemovalRefused(f"{folder}: is a link; remove what it leads to from there")
    logs = tuple(sorted(path for path in folder.iterdir() if is_log_name(path.name)))
    if not logs:
        raise RemovalRefused(f"{folder}: holds no run log; nothing was removed")
    others = [log for log in logs if run_id_of(log) != run_id]
    if others:
        raise RemovalRefused(f"{folder}: holds a log of another run too, {others[0].name}; nothing was removed")
    return RunDirectory(folder, logs)


def _proofs(log: Path) -> dict[str, Receipt]:
    """Return the receipts of the targets that were proven to hold every whole record of a log, by their identity."""
    try:
        identity = log_identity(log)
        known = receipts.load(log, identity.log_id) if identity is not None else {}
        return {target: receipt for target, receipt in known.items() if _covers(log, receipt)}
    except (OSError, LogError):
        return {}


def _covers(log: Path, receipt: Receipt) -> bool:
    """Whether a receipt covers every whole record of the log, and its chain is that of the bytes that are here now.

    The chain binds all but the last, open segment of 1 MiB; of this the receipt says only how long it is.
    """
    digest = SegmentDigest()
    with log.open("rb") as file:
        while digest.size < receipt.size and (data := file.read(min(SEGMENT_BYTES, receipt.size - digest.size))):
            digest.update(data)
    if (digest.size, digest.chain) != (receipt.size, receipt.chain):
        return False
    return all(framed.end <= receipt.size for framed in LogReader(log))


def _is_of_delivery(inside: Path) -> bool:
    """Whether this is a receipt, or the mark of what is delivered: they say what is elsewhere, and nothing else."""
    return len(inside.parts) == 1 and (".runstore.json" in inside.name or inside.name.endswith(".wandb.synced"))


def _is_partial(inside: Path) -> bool:
    """Whether this is a blob that was never whole: no artifact has it, since nobody was left to record it."""
    return inside.parts[0] == BLOBS and inside.name.startswith(".")


def _is_stamped(file: Path, stamp: FileStamp | None) -> bool:
    if stamp is None:
        return False
    try:
        now = file.stat()
    except OSError:  # a link that leads nowhere
        return False
    return (now.st_size, now.st_mtime_ns) == (stamp.size, stamp.mtime_ns)


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield everything below a folder that is no folder, links included."""
    for where, names, files in os.walk(folder):
        yield from (Path(where, name) for name in sorted(files))
        yield from (Path(where, name) for name in names if os.path.islink(os.path.join(where, name)))


@contextmanager
def _held(log: Path) -> Iterator[None]:
    """Hold the lock that a writer of this log has, so that none begins meanwhile."""
    try:
        file = os.open(log, os.O_RDWR)  # which a network file system wants for a lock
    except PermissionError:
        file = os.open(log, os.O_RDONLY)
    with closing(os.fdopen(file, "rb", buffering=0)):
        if not lock_file(file):
            raise RemovalRefused(f"{log}: a process is still writing it; nothing was removed. End it first")
        yield


def _remove_tree(folder: Path) -> None:
    gone = folder.with_name(_GONE_PREFIX + folder.name)
    try:
        folder.rename(gone)
        for left in folder.parent.glob(f"{_GONE_PREFIX}*"):  # of removals that were killed, too
            shutil.rmtree(left)
    except OSError as error:
        raise StorageError(f"{folder}: can't be removed ({error.strerror}); what is left of it is in {gone}") from error

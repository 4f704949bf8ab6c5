"""The files of a run: each lies in the folder `files` beside the log, and a record of that log names it.

A file that the setting `ignore_globs` matches lies there as well, but no record names it: it stays on this machine.
(W&B's client asks the setting at the upload, so that an offline run forgets it.)
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from runstore.runlog import codec
from runstore.runlog.record_pb2 import FilesItem, Record
from runstore.sdk.values import storable

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

# The log moves to another directory after a disk failure; more moves than this while one file is written are a fault.
_MOVES = 3


def put(recorder: Recorder, path: str, content: bytes, listed: bool = True) -> None:
    """Write one of the files that describe a run to files/<path>, whole or not at all, and name it in the log.

    With `listed` false it lies there and is not named. Raises OSError.
    """
    for _ in range(_MOVES):
        folder = recorder.files_folder()
        write_whole(folder / path, content)
        if listed:
            name_files(recorder, [(path, FilesItem.NOW)], FilesItem.WANDB)
        if recorder.files_folder() == folder:
            return


def write_whole(target: Path, content: bytes) -> None:
    """Write or replace a file at once: a reader sees the old content or the new. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_name(target)
    try:
        partial.write_bytes(content)
        partial.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def partial_name(target: Path) -> Path:
    """Return where a file is written before it gets its name; another process or thread has another."""
    # Shorter than the file's name, for which the file system may have no letter to spare.
    return target.with_name(f".{target.name[:40]}.{os.getpid()}.{threading.get_ident()}.part")


def name_files(
    recorder: Recorder,
    files: Iterable[tuple[str, FilesItem.PolicyType]],
    kind: FilesItem.FileType = FilesItem.OTHER,
) -> None:
    """Record that these files, relative to the folder `files`, belong to the run, each with its policy."""
    record = Record()
    for path, policy in files:
        if not ignored(path, recorder.settings.ignore_globs):
            record.files.files.add(path=storable(path), policy=policy, type=kind)
    if record.files.files:
        recorder.append(codec.encode(record))


def ignored(path: str, globs: Sequence[str]) -> bool:
    """Return whether one of `globs` matches; their `*` never matches a slash, as in W&B's client."""
    return any(_matches(path.split("/"), glob.split("/")) for glob in globs)


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    return len(parts) == len(pattern) and all(map(fnmatchcase, parts, pattern))

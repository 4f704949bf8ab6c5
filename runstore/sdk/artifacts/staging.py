"""Where the bytes of an artifact lie before it is logged: in the run that is going on, or in a temporary folder.

Bytes are copied when they are added, since the original may be gone a moment later. A program may make artifacts
before it begins a run; the temporary folder of the process goes away with it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runstore.blobs.store import BlobStore
from runstore.errors import StorageError

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder
    from runstore.sdk.run import Run

BLOBS = "blobs"  # the folder in a run directory

_temporary: tuple[int, Path] | None = None  # of which process, and where


class ArtifactRefused(StorageError, OSError):
    """The disk has no place for what is added to an artifact. An OSError too, as with W&B's library."""

    def __str__(self) -> str:
        return str(self.args[0])


class SourceMissing(ArtifactRefused, FileNotFoundError):
    """A file is gone, or a link leads nowhere."""


class SourceUnreadable(ArtifactRefused, PermissionError):
    """A file may not be read, or the run directory not be written to."""


def refused(error: OSError, what: str) -> ArtifactRefused:
    """Return the error that says `what`, and why."""
    kinds = {FileNotFoundError: SourceMissing, PermissionError: SourceUnreadable}
    kind = kinds.get(type(error), ArtifactRefused)
    where = f" ({os.fsdecode(error.filename)})" if error.filename else ""
    made = kind(f"{what}: {error.strerror or error}{where}; what was added before is safe")
    made.errno, made.strerror = error.errno, error.strerror or str(error)
    return made


def store() -> BlobStore:
    """Return where bytes that are added to an artifact now are to be kept."""
    recorder = current_recorder()
    return store_of(recorder) if recorder is not None else BlobStore(_temporary_folder() / BLOBS)


def store_of(recorder: Recorder) -> BlobStore:
    """Return where a run keeps the bytes of its artifacts: beside the log that is being written."""
    return BlobStore(recorder.files_folder().parent / BLOBS)


def current_recorder() -> Recorder | None:
    """Return what records the current run, if there is one; a disabled run has none."""
    run: Run | None = sys.modules["runstore"].run
    if run is None or run.disabled:
        return None
    recorder: Recorder | None = getattr(run, "_recorder", None)
    return recorder if recorder is not None and not recorder.finished else None


def _temporary_folder() -> Path:
    global _temporary
    if _temporary is None or _temporary[0] != os.getpid():  # a forked child has one of its own
        _temporary = os.getpid(), Path(tempfile.mkdtemp(prefix="runstore-artifacts-"))
        atexit.register(_remove, *_temporary)
    return _temporary[1]


def _remove(pid: int, folder: Path) -> None:
    if pid == os.getpid():  # a forked child runs its parent's exit functions too
        shutil.rmtree(folder, ignore_errors=True)

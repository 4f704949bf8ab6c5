"""What every kind of media has in common: a file in the run directory, and a JSON object that stands for it in a row.

Light on purpose: the history knows media by this class, and a program that logs none pays for no more than this.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from runstore.runlog import codec
from runstore.runlog.record_pb2 import FilesItem, Record
from runstore.sdk.part import Part

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

SUMMARY_STEP = "summary"  # stands for the step in the names of media that are set in the summary
_DIGEST_CHARACTERS = 20  # of the SHA-256, in file names
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f"*:<>?\\|]')


class Media:
    """A value that can be logged under a key. Subclasses say what it becomes."""

    def recorded(self, recorder: Recorder, key: str, step: int | str) -> dict[str, Any]:
        """Return the JSON object that stands for this value in a row or the summary; writes the files it names.

        `key` is the innermost key that the value was logged under; `step` the row's, or SUMMARY_STEP.
        Raises OSError where a file can't be written.
        """
        raise NotImplementedError

    @classmethod
    def recorded_together(cls, items: Sequence[Any], recorder: Recorder, key: str, step: int | str) -> Any:
        """Return what stands for a list of this class under one key."""
        return [item.recorded(recorder, key, step) for item in items]


class MediaFolder(Part):
    """The folder `files/media` of the run directory, filled with one file for each content, key and step."""

    def put(self, data: bytes, kind: str, key: str, step: int | str, extension: str) -> dict[str, Any]:
        """Write `data` to files/media/<kind>/<key>_<step>_<digest>.<extension>; return its sha256, size and path.

        `extension` is without a leading dot. Raises OSError.
        """
        with tempfile.TemporaryFile() as source:
            source.write(data)
            source.seek(0)
            return self._copied(source, hashlib.sha256(data).hexdigest(), kind, key, step, extension)

    def put_file(self, source: str | os.PathLike[str], kind: str, key: str, step: int | str, extension: str) -> dict[str, Any]:
        """Copy the file at `source`, in constant memory; otherwise as `put`."""
        with open(source, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _sha256(file)
            file.seek(0)
            return self._copied(file, digest, kind, key, step, extension)

    def _copied(
        self, source: BinaryIO | Any, digest: str, kind: str, key: str, step: int | str, extension: str
    ) -> dict[str, Any]:
        name = f"{file_name(key)}_{step}_{digest[:_DIGEST_CHARACTERS]}.{extension}"
        path = f"media/{kind}/{name}"
        target = self.recorder.files_folder() / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            partial = target.with_name(f".{target.name}.{os.getpid()}")
            try:
                with open(partial, "wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
        record = Record()
        record.files.files.add(path=path, policy=FilesItem.NOW)
        self.recorder.append(codec.encode(record))
        return {"sha256": digest, "size": target.stat().st_size, "path": path}


def file_name(key: str) -> str:
    """Return `key` as a relative path: its slashes make folders, what no file system takes is replaced."""
    parts = [part for part in _NOT_IN_FILE_NAMES.sub("_", key).split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "_"


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()

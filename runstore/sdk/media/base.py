"""What every kind of media has in common: a file in the run directory, and a JSON object that stands for it in a row.

Light on purpose: the history knows media by this class, and a program that logs none pays for no more than this.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Protocol

from runstore.errors import UsageError
from runstore.sdk.part import Part

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

SUMMARY_STEP = "summary"  # stands for the step in the names of media that are set in the summary
DIGEST_CHARACTERS = 20  # of a digest, in file names
_BLOCK_BYTES = 1 << 20
_LONGEST_NAME_BYTES = 255  # of one element of a path, on every file system that is in use
_SYNC_ALWAYS = 0.0  # seconds; what the setting `fsync` says where a power failure may take nothing


class WrongMedia(UsageError, ValueError):
    """Data that can't be made into this kind of media. A ValueError too, which is what W&B's library raises."""


class WrongMediaType(UsageError, TypeError):
    """Data of a type that this kind of media is not made of. A TypeError too, as with W&B's library."""


class ArtifactFolder(Protocol):
    """What media need of the artifact that they are put into. Adding the same content to a path twice is harmless."""

    def put_media(self, source: Path | bytes, path: str) -> None:
        """Add a file, from a path or from bytes, as `path` inside the artifact."""

    def put_reference(self, uri: str, path: str) -> None:
        """Add a reference to something that is kept elsewhere, as `path` inside the artifact."""


class StoredFolder(Protocol):
    """What media need of the artifact that they are made anew from."""

    def file(self, path: str) -> Path:
        """Return where the file at `path` of the artifact lies on this machine. Raises KeyError and OSError."""

    def address(self, path: str) -> str | None:
        """Return what is referred to at `path`; None where that is a file."""

    def media(self, path: str) -> Media:
        """Return the media whose JSON is at `path`. Raises KeyError."""


class Media:
    """A value that can be logged under a key. Subclasses say what it becomes."""

    log_type: ClassVar[str] = ""  # of the JSON object that stands for it: its `_type`
    most_together: ClassVar[int | None] = None  # of a list of these, so many are recorded, as W&B's library does

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

    def in_artifact(self, artifact: ArtifactFolder) -> Any:
        """Return the JSON that stands for this value inside an artifact, such as in a table's cell; adds its files.

        Raises OSError where a file can't be read or added, and WrongMedia where artifacts don't take such media.
        """
        raise NotImplementedError

    @classmethod
    def restored(cls, said: Mapping[str, Any], folder: StoredFolder) -> Media:
        """Return the media that `in_artifact` made this JSON of, with their files in `folder`.

        Raises OSError where a file can't be had, and WrongMedia for what can't be made anew.
        """
        raise WrongMedia(f"{cls.__name__} can't be made anew from an artifact")


class MediaFolder(Part):
    """The folder `files/media` of the run directory, filled with one file for each content, key and step."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._labels: dict[tuple[str, str], Any] = {}

    def put(self, data: bytes, kind: str, key: str, step: int | str, extension: str) -> dict[str, Any]:
        """Write `data` to files/media/<kind>/<key>_<step>_<digest>.<extension>; return its sha256, size and path.

        `extension` is without a leading dot; where it is empty, the name has none. Raises OSError.
        """
        return self._copied(io.BytesIO(data), kind, key, step, extension)

    def put_file(
        self, source: str | os.PathLike[str], kind: str, key: str, step: int | str, extension: str
    ) -> dict[str, Any]:
        """Copy the file at `source`, in constant memory; otherwise as `put`."""
        with open(source, "rb") as file:
            return self._copied(file, kind, key, step, extension)

    def label(self, kind: str, key: str, labels: dict[Any, str]) -> None:
        """Record the names of classes in masks or boxes where W&B's tools look for them; once, unless they change."""
        said = {"type": kind, "key": key, "value": {str(number): name for number, name in labels.items()}}
        if self._labels.get((kind, key)) != said:
            self._labels[kind, key] = said
            self.recorder.set_wandb_config((kind, key), said)

    def _copied(self, source: BinaryIO, kind: str, key: str, step: int | str, extension: str) -> dict[str, Any]:
        """Copy and digest in one pass, so that the digest is that of the bytes that are kept."""
        files = self.recorder.files_folder()
        media = files / "media"
        media.mkdir(parents=True, exist_ok=True)
        partial = media / f".{os.getpid()}-{threading.get_ident()}.part"
        try:
            with open(partial, "wb") as file:
                digest, size = _copy(source, file)
                if self.recorder.settings.fsync == _SYNC_ALWAYS:
                    os.fsync(file.fileno())
            ending = f"_{step}_{digest[:DIGEST_CHARACTERS]}" + (f".{extension}" if extension else "")
            path = f"media/{kind}/{file_name(key, ending)}"
            (files / path).parent.mkdir(parents=True, exist_ok=True)
            partial.replace(files / path)
        finally:
            partial.unlink(missing_ok=True)
        from runstore.runlog import codec  # a disabled run knows media as well, and needs no protobuf
        from runstore.runlog.record_pb2 import FilesItem, Record

        record = Record()
        record.files.files.add(path=path, policy=FilesItem.NOW)
        self.recorder.append(codec.encode(record))
        return {"sha256": digest, "size": size, "path": path}


def file_name(key: str, ending: str = "") -> str:
    """Return a relative path for `key`, whose slashes make folders, followed by `ending`.

    As in W&B's library, leading slashes are dropped and dots that would lead elsewhere become underscores. Names that
    are longer than a file system takes are cut short before the ending.
    """
    parts = [
        part.replace(".", "_") if part in (".", "..") else part
        for part in key.replace("\0", "_").lstrip("/").split("/")
    ]
    folders = [_short(part) for part in parts[:-1] if part]
    return "/".join([*folders, _short(parts[-1], ending)])


def _short(name: str, ending: str = "") -> str:
    """Return `name` and `ending`, UTF-8, cut to what one element of a path may be."""
    room = _LONGEST_NAME_BYTES - len(ending.encode("utf-8", "replace"))
    return name.encode("utf-8", "replace")[: max(room, 0)].decode("utf-8", "ignore") + ending


def _copy(source: BinaryIO, target: BinaryIO) -> tuple[str, int]:
    """Copy to the end; return the SHA-256, in hexadecimal, and the size in bytes of what was copied."""
    import hashlib  # with OpenSSL; every run loads this module, and not every one logs media

    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK_BYTES):
        digest.update(block)
        target.write(block)
        size += len(block)
    return digest.hexdigest(), size

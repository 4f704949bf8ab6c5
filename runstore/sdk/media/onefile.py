"""Media that are one file each: bytes that were made here, or a file that is copied when it is logged."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import orjson

from runstore.errors import UsageError
from runstore.sdk.media.base import DIGEST_CHARACTERS, ArtifactFolder, Media, MediaFolder, StoredFolder, WrongMedia
from runstore.sdk.values import plain

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

_ELSEWHERE = re.compile(r"^(gs|s3|https?)://")
_PACKAGES = {"PIL.Image": "pillow", "rdkit.Chem": "rdkit", "rdkit.Chem.AllChem": "rdkit"}  # where names differ

M = TypeVar("M", bound="FileMedia")


class FileMedia(Media):
    """Media with one file. Bytes made here stay in memory until they are recorded; then the copy is the source."""

    folder: ClassVar[str] = ""  # below files/media, and below media in artifacts

    def __init__(self, caption: str | None = None) -> None:
        self._caption = caption
        self._source: Path | bytes | None = None
        self._reference: str | None = None  # a URI, in the place of a source
        self._extension = ""  # of the name it gets, without a leading dot
        self._remarks: list[str] = []  # said when it is logged: nobody listens earlier
        self._recorded: tuple[str, dict[str, Any]] | None = None  # the folder, and what `put` returned

    def recorded(self, recorder: Recorder, key: str, step: int | str) -> dict[str, Any]:
        """See Media.recorded. The file is copied once a run; again logged, the JSON names the first copy."""
        self._record_once(recorder, key, step)
        return self._json()

    @classmethod
    def recorded_together(cls, items: Sequence[Any], recorder: Recorder, key: str, step: int | str) -> Any:
        """See Media.recorded_together; each item's file is named by this key and step."""
        for item in items:
            item._record(recorder, key, step)
        return cls._json_together(items, recorder)

    def in_artifact(self, artifact: ArtifactFolder) -> Any:
        """See Media.in_artifact."""
        path, digest = self._put_into(artifact)
        return {**self._described(), "_type": self.log_type, "path": path, "sha256": digest}

    @classmethod
    def restored(cls: type[M], said: Mapping[str, Any], folder: StoredFolder) -> M:
        """See Media.restored."""
        made = cls.__new__(cls)
        FileMedia.__init__(made, said.get("caption"))
        path = str(said["path"])
        address = folder.address(path)
        if address is not None and is_elsewhere(address):
            made._from_elsewhere(address)
        else:
            made._from_path(folder.file(path), path.rsplit("/", 1)[-1].partition(".")[2])
        made._understand(said, folder)
        return made

    def _understand(self, said: Mapping[str, Any], folder: StoredFolder) -> None:
        """Take from the JSON, and from the file, what a constructor would have set beside the file."""

    def _from_bytes(self, data: bytes, extension: str) -> None:
        self._source, self._extension = data, extension

    def _from_path(self, path: str | os.PathLike[str], extension: str | None = None) -> None:
        """Take the file at `path`, which must be there until it is logged; raises OSError if it isn't now."""
        with open(path, "rb"):
            self._source = Path(os.path.abspath(path))
        self._extension = os.path.splitext(self._source.name)[1][1:] if extension is None else extension

    def _from_elsewhere(self, uri: str) -> None:
        self._reference = uri

    def _described(self) -> dict[str, Any]:
        """Return what the JSON says beside the file."""
        return {} if self._caption is None else {"caption": self._caption}

    def _json(self) -> dict[str, Any]:
        assert self._recorded is not None
        return {**self._described(), "_type": self.log_type, **self._recorded[1]}

    @classmethod
    def _json_together(cls, items: Sequence[Any], recorder: Recorder) -> Any:
        """Return what stands for items that were all recorded."""
        return [item._json() for item in items]

    def _record_once(self, recorder: Recorder, key: str, step: int | str) -> None:
        files = recorder.files_folder()
        if (
            self._recorded is None
            or self._recorded[0] != str(files)
            or not (files / self._recorded[1]["path"]).exists()
        ):
            self._record(recorder, key, step)

    def _record(self, recorder: Recorder, key: str, step: int | str) -> None:
        """Copy the file into the run directory, under this key and step."""
        if self._source is None:
            raise WrongMedia(
                f"{type(self).__name__} refers to {self._reference}, which can't be logged to a run, "
                "only be put into an artifact; download it, and log the file"
            )
        for remark in self._remarks:
            recorder.warn(f"{key}: {remark}")
        folder = recorder.part(MediaFolder)
        put: Callable[..., dict[str, Any]] = folder.put if isinstance(self._source, bytes) else folder.put_file
        files = recorder.files_folder()
        written = put(self._source, self.folder, key, step, self._extension)
        self._recorded = (str(files), written)
        if isinstance(self._source, bytes):  # no need to hold them twice
            self._source = files / written["path"]

    def _put_into(self, artifact: ArtifactFolder) -> tuple[str, str]:
        """Add the file to `artifact`; return the path that it has there, and its SHA-256."""
        if self._source is None:
            uri = str(self._reference)
            digest = hashlib.sha256(uri.encode()).hexdigest()
            path = f"media/{self.folder}/{digest[:DIGEST_CHARACTERS]}/{uri.rsplit('/', 1)[-1]}"
            artifact.put_reference(uri, path)
            return path, digest
        if isinstance(self._source, bytes):
            md5 = hashlib.md5(self._source, usedforsecurity=False).hexdigest()[:DIGEST_CHARACTERS]
            name = f"{md5}.{self._extension}"
            digest = hashlib.sha256(self._source).hexdigest()
        else:
            digest = _sha256(self._source)
            name = f"{digest[:DIGEST_CHARACTERS]}/{self._source.name}"
        path = f"media/{self.folder}/{name}"
        artifact.put_media(self._source, path)
        return path, digest

    def _content(self) -> bytes:
        """Return the file's bytes; raises OSError."""
        if isinstance(self._source, Path):
            return self._source.read_bytes()
        return self._source or b""


def is_elsewhere(path: object) -> bool:
    """Return whether `path` is an address of something that is kept outside this machine."""
    return isinstance(path, str) and _ELSEWHERE.match(path) is not None


def library(name: str, what: str) -> Any:
    """Return the module `name`, which `what` needs; raises UsageError, naming its package, where it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = _PACKAGES.get(name, name.replace("_", "-"))
        raise UsageError(f"{what} needs the package {package}: pip install {package} (or runstore[media])") from error


def type_name(value: object) -> str:
    """Return module and name of a value's type, or a module's name: what it is, without importing its library."""
    kind = type(value)
    return (
        str(getattr(value, "__name__", "")) if kind.__name__ == "module" else f"{kind.__module__}.{kind.__qualname__}"
    )


def is_tensor(value: object) -> bool:
    """Return whether `value` is a tensor of PyTorch's."""
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    return tensor is not None and isinstance(value, tensor)


def as_array(value: Any) -> Any:
    """Return a numpy array of what an array of any library holds, on whatever device, or of nested lists."""
    import numpy as np

    from runstore.sdk.media import arrays

    array = arrays.as_array(value)
    return np.asarray(value if array is None else array)


def file_json(value: Any) -> bytes:
    """Return `value` as JSON, byte for byte as W&B's library writes files: NaN and infinities are bare words."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=plain)
    except (orjson.JSONEncodeError, TypeError):
        return _any_json(plain(value)).encode()
    # orjson's null is None, NaN or an infinity.
    return _any_json(plain(value)).encode() if b"null" in text else text


def _any_json(value: Any) -> str:
    """Return JSON with orjson's numerals, which W&B's library shares, and Python's words for what is no number."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_any_json(str(key))}:{_any_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_any_json, value)) + "]"
    if isinstance(value, float) and value - value == 0.0:  # finite
        return orjson.dumps(value).decode()
    return json.dumps(value, ensure_ascii=False)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

"""What an artifact holds: its entries by path, and the digests that make two artifacts the same. Pure, no files.

A file's digest is base64 of the MD5 of its bytes, an artifact's the MD5, in hexadecimal, over the line
"wandb-artifact-manifest-v1" and one line `path:digest` for each entry, in order of paths. So equal contents under equal
names have equal digests, whoever computes them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Protocol

from runstore.errors import UsageError, WrongArtifact

STORAGE_POLICY = "wandb-storage-policy-v1"
STORAGE_LAYOUT = "V2"
MANIFEST_VERSION = 1
MD5 = "MD5"
XXH128 = "XXH128"  # quicker; nobody but W&B's library from 0.31 on knows it

_FIRST_LINE = b"wandb-artifact-manifest-v1\n"
ALGORITHM_KEY = "alg"  # in the `extra` of entries whose digest is not an MD5


# Most paths are in their one spelling already, and pathlib is slow to say so. No part of these begins with a
# dot, and none holds what Windows would take for a drive.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


class Hasher(Protocol):
    """What hashlib's objects do, as far as it is needed here."""

    def update(self, data: bytes, /) -> object:
        """Add bytes."""

    def digest(self) -> bytes:
        """Return the digest of all bytes so far."""

    def hexdigest(self) -> str:
        """Return the digest in hexadecimal."""


def hasher(algorithm: str = MD5) -> Hasher:
    """Return a new hash of this algorithm, MD5 or XXH128. Raises UsageError where it can't be had."""
    if algorithm == MD5:
        return hashlib.md5(usedforsecurity=False)  # a name for contents, also where policy forbids it as a proof
    if algorithm != XXH128:
        raise UsageError(f'digest_algorithm must be "{MD5}" or "{XXH128}", not {algorithm!r}')
    try:
        from xxhash import xxh128
    except ImportError:
        raise UsageError(f"digest_algorithm={XXH128!r} needs the package xxhash: pip install xxhash") from None
    made: Hasher = xxh128()
    return made


def content_digest(digests: Mapping[str, str], algorithm: str = MD5) -> str:
    """Return the digest, in hexadecimal, of an artifact that has entries with these digests, by path."""
    whole = hasher(algorithm)
    whole.update(_FIRST_LINE)
    for path, digest in sorted(digests.items()):
        whole.update(f"{path}:{digest}\n".encode())
    return whole.hexdigest()


def text_of(digest: bytes) -> str:
    """Return a digest as manifests spell it."""
    return base64.b64encode(digest).decode("ascii")


def hex_of(digest: str) -> str:
    """Return in hexadecimal what `text_of` spelled."""
    return binascii.hexlify(base64.b64decode(digest)).decode("ascii")


def entry_path(path: object) -> str:
    """Return a path inside an artifact in its one spelling, such as `a/b` for `./a//b`.

    Bytes of a file's name that are no UTF-8 become question marks, since no manifest can hold them.
    Raises WrongArtifact for one that is absolute, names a drive, is the artifact itself, or leads out of it by `..`.
    """
    text = path.as_posix() if isinstance(path, PurePath) else str(path)
    if _PLAIN.fullmatch(text):
        return text
    posix = PurePosixPath(text.encode("utf-8", "replace").decode("utf-8"))
    windows = PureWindowsPath(str(posix))
    if str(posix) == "." or posix.is_absolute() or windows.anchor or ".." in (*posix.parts, *windows.parts):
        raise WrongArtifact(f"{text!r} is no path inside an artifact: it must be relative, and without `..`")
    return str(posix)


@dataclass
class ManifestEntry:
    """One file of an artifact, or one reference to something that is kept elsewhere.

    `digest` is as the module says; that of a reference may be an ETag, or the reference itself. `size` is in bytes,
    None where it is not known; `local_path` is where the bytes lie, None for a reference.
    """

    path: str
    digest: str
    ref: str | None = None
    size: int | None = None
    local_path: str | None = None
    skip_cache: bool = False
    birth_artifact_id: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path = entry_path(self.path)

    @property
    def name(self) -> str:
        """The path, by its older name."""
        return self.path

    def ref_target(self) -> str:
        """Return what a reference refers to. Raises ValueError for an entry with bytes of its own."""
        if self.ref is None:
            raise ValueError(f"{self.path} is a file of the artifact, not a reference")
        return self.ref

    def to_json(self) -> dict[str, Any]:
        """Return all that is known of the entry, under W&B's names."""
        known: dict[str, Any] = {"path": self.path, "digest": self.digest, "ref": self.ref}
        known |= {"birthArtifactID": self.birth_artifact_id, "size": self.size, "extra": self.extra}
        known |= {"local_path": self.local_path, "skip_cache": self.skip_cache}
        return {key: value for key, value in known.items() if value is not None}


class Manifest:
    """The entries of one artifact by path, in the order in which they were added."""

    def __init__(self, algorithm: str = MD5, storage_region: str | None = None) -> None:
        """Begin an empty one; raises UsageError for an `algorithm` that can't be had."""
        hasher(algorithm)
        self.entries: dict[str, ManifestEntry] = {}
        self.algorithm = algorithm
        self.storage_region = storage_region

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[ManifestEntry]:
        return iter(self.entries.values())

    def add_entry(self, entry: ManifestEntry, overwrite: bool = False) -> None:
        """Add an entry; adding equal content again is harmless.

        Raises WrongArtifact where there is other content under this path, unless `overwrite`.
        """
        before = self.entries.get(entry.path)
        if before is not None and before.digest != entry.digest and not overwrite:
            raise WrongArtifact(f"{entry.path!r} is in the artifact already, with other content; overwrite replaces it")
        if self.algorithm != MD5 and entry.ref is None:
            entry.extra[ALGORITHM_KEY] = self.algorithm
        self.entries[entry.path] = entry

    def remove_entry(self, entry: ManifestEntry) -> None:
        """Remove an entry. Raises FileNotFoundError where it is not there."""
        if self.entries.pop(entry.path, None) is None:
            raise FileNotFoundError(f"{entry.path!r} is not in the artifact")

    def get_entry_by_path(self, path: str) -> ManifestEntry | None:
        """Return the entry at exactly this path, or None."""
        return self.entries.get(path)

    def get_entries_in_directory(self, directory: str) -> list[ManifestEntry]:
        """Return the entries below this folder, at any depth."""
        return [entry for path, entry in self.entries.items() if path.startswith(f"{directory}/")]

    def digest(self) -> str:
        """Return the artifact's digest, in hexadecimal."""
        return content_digest({path: entry.digest for path, entry in self.entries.items()}, self.algorithm)

    def size(self) -> int:
        """Return the size in bytes of all entries together, of those whose size is known."""
        return sum(entry.size or 0 for entry in self)

    def storage_policy_config(self) -> dict[str, Any]:
        """Return how W&B's servers are to lay out the bytes."""
        region = {"storageRegion": self.storage_region} if self.storage_region else {}
        return {"storageLayout": STORAGE_LAYOUT, **region}

    def to_manifest_json(self) -> dict[str, Any]:
        """Return the manifest as it is uploaded: without what only concerns this machine."""
        local = ("path", "local_path", "skip_cache")
        contents = {
            path: {key: value for key, value in entry.to_json().items() if key not in local and value != {}}
            for path, entry in self.entries.items()
        }
        return {
            "version": MANIFEST_VERSION,
            "storagePolicy": STORAGE_POLICY,
            "storagePolicyConfig": self.storage_policy_config(),
            "contents": contents,
        }

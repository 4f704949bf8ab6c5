"""References: entries of an artifact for what is kept elsewhere, and not copied."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from runstore.core.manifest import ManifestEntry, hasher, text_of
from runstore.errors import UsageError, WrongArtifact
from runstore.sdk.artifacts import s3references, webreferences

MAX_OBJECTS = 10_000_000
FILE = "file"
_BLOCK_BYTES = 1 << 20
_BUCKETS = (s3references.SCHEME, "gs")
_OF_SERVERS = ("wandb-artifact", "wandb-client-artifact")


def entries_for(uri: str, name: str | None, checksum: bool, max_objects: int | None) -> list[ManifestEntry]:
    """Return the entries for what `uri` refers to: several for a folder, else one, called `name` if that is given.

    Raises WrongArtifact for what is no URI, a file that is not there, and a scheme that tells no name; UsageError for
    what can't be looked at here; UnreachableReference where a server can't be asked.
    """
    parts = urlsplit(uri)
    if not parts.scheme:
        raise WrongArtifact(f"a reference is a URI, which {uri!r} is not; a local file's begins with file://")
    limit = max_objects or MAX_OBJECTS
    if parts.scheme == FILE:
        return list(_local(uri, name, checksum, limit))
    if checksum and parts.scheme in webreferences.SCHEMES:
        return [webreferences.entry_for(uri, name or webreferences.name_of(uri))]
    if checksum and parts.scheme == s3references.SCHEME:
        return s3references.entries_for(uri, name, limit)
    return [_unlooked_at(uri, name, parts, checksum)]


def _unlooked_at(uri: str, name: str | None, parts: SplitResult, checksum: bool) -> ManifestEntry:
    """Return the entry of which nothing is known but its address."""
    if parts.scheme in _OF_SERVERS:
        raise UsageError(f"{uri}: no artifact with such an entry is known here; add_reference(entry) takes one")
    if parts.scheme in _BUCKETS:
        if checksum:
            raise UsageError(f"{uri}: its checksum can't be asked for; pass checksum=False to refer to the address")
        uri = f"{parts.scheme}://{parts.netloc}/{parts.path.lstrip('/')}"
        name = name or parts.path.lstrip("/") or parts.netloc
    elif parts.scheme in webreferences.SCHEMES:
        name = name or webreferences.name_of(uri)
    elif name is None:
        raise WrongArtifact(f"{uri}: a reference of this scheme needs a name: add_reference(uri, name=...)")
    return ManifestEntry(name, digest=uri, ref=uri)


def _local(uri: str, name: str | None, checksum: bool, max_objects: int) -> Iterator[ManifestEntry]:
    path = unquote(uri[len(f"{FILE}:") :].removeprefix("//").removeprefix("localhost"))
    if os.path.isfile(path):
        yield _entry(path, uri, name or os.path.basename(path), checksum)
        return
    if not os.path.isdir(path):
        raise WrongArtifact(f"{uri} refers to neither a file nor a folder")
    for count, found in enumerate(_files_below(path)):
        if count == max_objects:
            raise WrongArtifact(f"{uri} holds more than {max_objects:,} files; pass max_objects to refer to so many")
        inside = os.path.relpath(found, path)
        yield _entry(found, os.path.join(uri, inside), os.path.join(name or "", inside), checksum)


def _files_below(folder: str) -> Iterator[str]:
    for above, folders, files in os.walk(folder):
        folders.sort()
        yield from (os.path.join(above, file) for file in sorted(files))


def _entry(path: str, uri: str, name: str, checksum: bool) -> ManifestEntry:
    """Return the entry for a file: by its content, or without `checksum` by where it is."""
    digest = hasher()
    if checksum:
        with open(path, "rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    else:
        digest.update(os.fsencode(Path(path).resolve().as_uri()))
    return ManifestEntry(name, text_of(digest.digest()), ref=uri, size=os.path.getsize(path))

"""Bring what references refer to: copies of files, what web servers have, objects in S3.

What is there now must be what was there when the reference was made, as far as its digest tells: that of the bytes, or
the server's own mark of them, its ETag. A reference that was made without a checksum takes what is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from runstore.core.manifest import MD5, ManifestEntry, text_of
from runstore.errors import NotFound, UsageError
from runstore.sdk.artifacts.landing import WrongBytes, copy, landing, write
from runstore.sdk.artifacts.stored import SCHEME, entry_at
from runstore.sdk.artifacts.webreferences import UnreachableReference

_TIMEOUT_SECONDS = 60.0  # without a byte
_PIECE_BYTES = 1 << 20
_MOST_HOPS = 16  # references of artifacts to artifacts, one behind the other
_OF_ARTIFACTS = (SCHEME, "wandb-artifact")


class ReferenceMissing(NotFound, FileNotFoundError):
    """What a reference refers to is not there. A FileNotFoundError too, as with W&B's library."""

    def __str__(self) -> str:
        return str(self.args[0])


def bring(entry: ManifestEntry, target: Path, hops: int = 0) -> None:
    """Make `target` what the entry refers to; `hops` is over how many entries of artifacts the way led so far.

    Raises ReferenceMissing, WrongBytes where it has changed since, UnreachableReference, DownloadRefused, and
    UsageError for a scheme that can't be had.
    """
    uri = entry.ref_target()
    scheme = urlsplit(uri).scheme
    if scheme == "file":
        _from_file(entry, uri, target)
    elif scheme in ("http", "https"):
        _from_web(entry, uri, target)
    elif scheme == "s3":
        _from_s3(entry, uri, target)
    elif scheme in _OF_ARTIFACTS:
        _from_artifact(uri, target, hops + 1)
    else:
        raise UsageError(f"{entry.path} refers to {uri}, which can't be fetched from here; file, http(s) and s3 can")


def _from_file(entry: ManifestEntry, uri: str, target: Path) -> None:
    path = Path(unquote(uri[len("file:") :].removeprefix("//").removeprefix("localhost")))
    if not path.is_file():
        raise ReferenceMissing(f"{entry.path} refers to {uri}, where there is no file (any more)")
    without_checksum = hashlib.md5(os.fsencode(path.resolve().as_uri()), usedforsecurity=False).digest()
    is_checked = entry.digest not in (text_of(without_checksum), uri)
    copy(path, target, entry.digest if is_checked else None, MD5)


def _from_web(entry: ManifestEntry, uri: str, target: Path) -> None:
    import httpx

    try:
        with (
            httpx.Client(follow_redirects=True, timeout=_TIMEOUT_SECONDS) as client,
            client.stream("GET", uri) as response,
        ):
            if response.status_code in (404, 410):
                raise ReferenceMissing(f"{entry.path} refers to {uri}, which the server does not have (any more)")
            response.raise_for_status()
            _check_mark(entry, uri, response.headers.get("etag"))
            _write_all(target, response.iter_bytes(_PIECE_BYTES))
    except httpx.HTTPError as error:
        raise UnreachableReference(f"{uri}: can't be fetched ({str(error) or type(error).__name__})") from error


def _from_s3(entry: ManifestEntry, uri: str, target: Path) -> None:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise UsageError(f"{uri}: to fetch it takes the package boto3: pip install boto3") from None
    parts = urlsplit(uri)
    wanted: dict[str, Any] = {"Bucket": parts.netloc, "Key": parts.path[1:]}
    if entry.extra.get("versionID"):
        wanted["VersionId"] = entry.extra["versionID"]
    try:
        with contextlib.ExitStack() as held:
            client = boto3.client(
                "s3", endpoint_url=os.environ.get("AWS_S3_ENDPOINT_URL"), region_name=os.environ.get("AWS_REGION")
            )
            held.callback(client.close)
            found = client.get_object(**wanted)
            held.callback(found["Body"].close)
            _check_mark(entry, uri, found.get("ETag"))
            _write_all(target, found["Body"].iter_chunks(_PIECE_BYTES))
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "NoSuchVersion", "404"):
            raise ReferenceMissing(f"{entry.path} refers to {uri}, which is not there (any more)") from error
        raise UnreachableReference(f"{uri}: can't be fetched ({error})") from error
    except BotoCoreError as error:
        raise UnreachableReference(f"{uri}: can't be fetched ({error})") from error


def _from_artifact(uri: str, target: Path, hops: int) -> None:
    """Bring an entry of another artifact."""
    from runstore.sdk.artifacts.downloading import download_to

    entry = entry_at(uri) if hops < _MOST_HOPS else None
    if entry is None:
        raise ReferenceMissing(f"{uri}: no artifact with such an entry is known here, or references go in a circle")
    download_to(entry, target, hops)


def _check_mark(entry: ManifestEntry, uri: str, etag: str | None) -> None:
    """Raise WrongBytes where a server marks what it has with another ETag than when the reference was made."""
    made_with = entry.extra.get("etag")
    expected = made_with.strip('"') if isinstance(made_with, str) else entry.digest
    if expected in (uri, entry.ref):  # made without a checksum
        return
    if (etag or "").strip('"') != expected:
        raise WrongBytes(f"{uri}: has changed since {entry.path} referred to it: ETag {etag}, which was {expected}")


def _write_all(target: Path, pieces: Iterable[bytes]) -> None:
    with landing(target) as file:
        for piece in pieces:
            write(file, piece)

"""References to objects in S3, or in what speaks its protocol: the object's ETag is the digest.

boto3 does the asking, with its own settings (AWS_PROFILE and so on); it is loaded only here. As with W&B's library,
AWS_S3_ENDPOINT_URL names another server than Amazon's.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from runstore.core.manifest import ManifestEntry
from runstore.errors import UsageError, WrongArtifact
from runstore.sdk.artifacts.webreferences import UnreachableReference

SCHEME = "s3"
_FOLDER_TYPE = "x-directory"  # in the content type of objects that stand for folders
_NOT_THERE = ("404", "NoSuchKey", "NotFound")


def entries_for(uri: str, name: str | None, max_objects: int) -> list[ManifestEntry]:
    """Return the entry for an object, or those for all objects below a prefix or in a bucket, `max_objects` at most.

    Objects without content are left out, as stock leaves them. Raises UsageError where boto3 is not installed,
    UnreachableReference where S3 can't be asked, WrongArtifact where nothing is there.
    """
    boto3, botocore = _boto()
    parts = urlsplit(uri)
    bucket, key, version = parts.netloc, parts.path[1:], dict(parse_qsl(parts.query)).get("versionId")
    try:
        client = boto3.client(
            SCHEME, endpoint_url=os.environ.get("AWS_S3_ENDPOINT_URL"), region_name=os.environ.get("AWS_REGION")
        )
        one = _object(client, botocore, bucket, key, version) if key else None
        if one is not None:
            found = [_entry(bucket, key, name or PurePosixPath(key).name, one)] if one["ContentLength"] else []
        else:
            below = itertools.islice(_below(client, botocore, bucket, key), max_objects)
            found = [_entry(bucket, inside["Key"], _name_below(key, inside["Key"], name), inside) for inside in below]
            if not found:
                raise WrongArtifact(f"{uri} refers to no object, and to none below it")
    except (botocore.ClientError, botocore.BotoCoreError) as error:
        raise UnreachableReference(
            f"{uri} can't be looked at: {error}; checksum=False refers to the address alone"
        ) from error
    return found


def _boto() -> tuple[Any, Any]:
    """Return boto3 and the exceptions below it."""
    try:
        import boto3
        import botocore.exceptions
    except ImportError:
        raise UsageError(
            "the checksum of an s3:// reference needs the package boto3: pip install boto3; "
            "checksum=False refers to the address alone"
        ) from None
    return boto3, botocore.exceptions


def _object(client: Any, botocore: Any, bucket: str, key: str, version: str | None) -> Mapping[str, Any] | None:
    """Return what S3 says of the object; None where there is none, or it stands for a folder."""
    try:
        head: Mapping[str, Any] = client.head_object(
            Bucket=bucket, Key=key, **({"VersionId": version} if version else {})
        )
    except botocore.ClientError as error:
        if version is None and error.response.get("Error", {}).get("Code") in _NOT_THERE:
            return None
        raise
    return None if _FOLDER_TYPE in head.get("ContentType", "") else head


def _below(client: Any, botocore: Any, bucket: str, key: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects below a folder of keys, or in the bucket, that have content; with versions, if it keeps any."""
    where = {"Bucket": bucket, "Prefix": f"{key.rstrip('/')}/" if key else ""}
    try:
        keeps_versions = "Status" in client.get_bucket_versioning(Bucket=bucket)
    except botocore.ClientError:  # listing may be allowed where this is not
        keeps_versions = False
    if keeps_versions:
        pages, found = client.get_paginator("list_object_versions").paginate(**where), "Versions"
    else:
        pages, found = client.get_paginator("list_objects_v2").paginate(**where), "Contents"
    for page in pages:
        yield from (each for each in page.get(found, ()) if each["Size"] and each.get("IsLatest", True))


def _name_below(folder: str, key: str, name: str | None) -> str:
    return str(PurePosixPath(name or "", PurePosixPath(key).relative_to(folder)))


def _entry(bucket: str, key: str, name: str, said: Mapping[str, Any]) -> ManifestEntry:
    etag: str = said["ETag"]
    extra = {"etag": etag.strip('"')}
    version = said.get("VersionId")
    if version and version != "null":  # which stands for none, where a bucket keeps no versions
        extra["versionID"] = version
    size = said["Size"] if "Size" in said else said["ContentLength"]
    return ManifestEntry(name, digest=etag.strip('"'), ref=f"{SCHEME}://{bucket}/{key}", size=size, extra=extra)

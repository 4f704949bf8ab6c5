"""Addresses that bytes may be put to, and what becomes of them: as an object store does with addresses that it signed.

An address tells nothing of what it is for, must be used as it was offered (headers and digest included), and without
the key of the API, which is none of the store's business. Putting the same again is allowed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.wandbserver.refusals import Refused
from tests.wandbserver.requests import Kind

FOLDER = "storage"


@dataclass(frozen=True)
class Upload:
    """Something that may be put; `take` gets the bytes once they were found to be in order."""

    kind: Kind
    name: str
    take: Callable[[bytes], None]
    headers: Sequence[str] = ()
    """`Name:value`, each of which the request must carry."""
    md5: str = ""
    """In base64; "" where it is not known before."""


@dataclass
class Uploads:
    """All addresses that were given out. `base_url` is "" where they are to be relative to the server's own."""

    base_url: str = ""
    offered: dict[str, Upload] = field(default_factory=dict)
    """By token, which is the last part of the address."""

    def offer(self, upload: Upload) -> str:
        """Return the address of something that may be put."""
        token = hashlib.sha256(f"upload {len(self.offered)}".encode()).hexdigest()[:40]
        self.offered[token] = upload
        return f"{self.base_url}/{FOLDER}/{token}?signature={token[:8]}"

    def receive(self, token: str, headers: Mapping[str, str], body: bytes) -> str:
        """Take bytes that were put and return their MD5 in hex, which is the ETag. Raises Refused."""
        upload = self.offered.get(token)
        if upload is None:
            raise Refused("no such address was given out", 404)
        if "authorization" in headers:
            raise Refused(f"{upload.name}: an Authorization header beside a signed address")
        if "content-length" not in headers and body:
            raise Refused(f"{upload.name}: no Content-Length", 411)
        for header in upload.headers:
            name, _, value = header.partition(":")
            if headers.get(name.lower()) != value:
                raise Refused(f"{upload.name}: {name} is {headers.get(name.lower())!r}, was signed as {value!r}", 403)
        digest = hashlib.md5(body)
        told = base64.b64encode(digest.digest()).decode()
        if headers.get("content-md5", told) != told:
            raise Refused(f"{upload.name}: Content-MD5 is not that of the body")
        if upload.md5 not in ("", told):
            raise Refused(f"{upload.name}: MD5 is {told}, was announced as {upload.md5}")
        upload.take(body)
        return digest.hexdigest()

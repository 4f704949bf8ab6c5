"""References to what web servers have: the server's own mark of the content, its ETag, is the digest."""

from __future__ import annotations

from runstore.core.manifest import ManifestEntry
from runstore.errors import CommError

SCHEMES = ("http", "https")
_TIMEOUT_SECONDS = 30.0  # for a server to answer; nothing but the headers is waited for


class UnreachableReference(CommError, OSError):
    """What a reference names can't be asked for now. An OSError too, as W&B's library has it for web servers."""

    def __str__(self) -> str:
        return str(self.args[0])


def name_of(uri: str) -> str:
    """Return what an entry for an address is called, where no name is given."""
    return uri.rsplit("/", 1)[-1]


def entry_for(uri: str, name: str) -> ManifestEntry:
    """Ask the server for an address, and return the entry: what it finally led to, its ETag and size.

    Where the server tells no ETag, the address is the digest. The content itself is not read.
    Raises UnreachableReference where the server can't be asked, or has nothing there.
    """
    import httpx

    try:
        with (
            httpx.Client(follow_redirects=True, timeout=_TIMEOUT_SECONDS) as client,
            client.stream("GET", uri) as response,  # some servers answer no HEAD
        ):
            response.raise_for_status()
            where, headers = str(response.url), response.headers
    except httpx.HTTPStatusError as error:
        status = error.response
        raise UnreachableReference(f"{uri}: the server answers {status.status_code} {status.reason_phrase}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        what = f"can't be asked for ({str(error) or type(error).__name__})"
        raise UnreachableReference(f"{uri}: {what}; checksum=False refers to the address alone") from error
    etag, length = headers.get("etag"), headers.get("content-length", "")
    return ManifestEntry(
        name,
        digest=etag.strip('"') if etag else where,
        ref=where,
        size=int(length) if length.isdecimal() else None,
        extra={"etag": etag} if etag else {},
    )

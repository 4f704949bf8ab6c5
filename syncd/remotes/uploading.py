"""Bring a file's bytes to a hub: small ones in one request, large ones in ranges, each going on where the last ended.

The hub keeps what arrives under the digest, whole ranges or not, and says with each answer how much it holds. So a
transfer that broke off, on either side, goes on there; and several senders of the same bytes only help each other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import httpx

from runstore.errors import RemoteConflict, RemoteError
from runstore.syncd.remotes.connection import HubConnection

# One request takes so much at once: proxies like to bound bodies at 100 MB, and round trips must not count.
RANGE_BYTES = 64 << 20
# Up to here the whole file is one request: an interruption costs no more than that.
ONE_REQUEST_BYTES = 4 << 20
FEATURE = "artifacts"  # which hubs that take ranges say that they have
_PIECE_BYTES = 1 << 20
# The last range is answered when the hub has synced all of them, and after a restart has hashed them once more.
_TIMEOUT = httpx.Timeout(60.0, connect=10.0, read=900.0)
# Others may send the same file, and have theirs thrown away because it is damaged: then it is begun anew.
_STARTS_MAX = 3
_STALLS_MAX = 10


class _Held(NamedTuple):
    size: int
    whole: bool


class Upload:
    """One file on its way to a hub."""

    def __init__(self, connection: HubConnection, digest: str, path: Path, progress: Callable[[int], None]) -> None:
        self._connection, self._digest, self._path, self._progress = connection, digest, path, progress
        self._sent = 0

    def run(self) -> int:
        """Send what the hub lacks of the file, and return how many bytes that were.

        Raises RemoteConflict where the bytes don't have the digest, OSError where the file can't be read.
        """
        with self._path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= ONE_REQUEST_BYTES or self._connection.lacks(FEATURE):
                self._send(file, size, {})
                return self._sent
            for _ in range(_STARTS_MAX):
                begun_at = self._ask(size)
                if begun_at.whole or self._send_rest(file, size, begun_at.size):
                    return self._sent
        raise RemoteConflict(f"{self._path}: its bytes do not have the digest {self._digest}; the hub kept nothing")

    def _ask(self, size: int) -> _Held:
        params = {"offset": 0, "size": size}
        return self._held(self._connection.send("PUT", self._route, params=params, content=b"", timeout=_TIMEOUT))

    def _send_rest(self, file: BinaryIO, size: int, held: int) -> bool:
        """Send range after range; return False where bytes that others had sent before made it a bad file."""
        from_the_start, stalls = held == 0, 0
        while stalls < _STALLS_MAX:
            file.seek(held)
            response = self._send(file, RANGE_BYTES, {"offset": held, "size": size}, bad=not from_the_start)
            if response.status_code == 400:
                return False
            now = self._held(response)
            if now.whole:
                return True
            stalls += now.size <= held
            held = now.size
        raise RemoteError(
            f"{self._connection.url}: takes no more of {self._path} than {held:,} of its {size:,} bytes; nothing is "
            "lost, see that the file is not being changed, then try again"
        )

    def _send(self, file: BinaryIO, length: int, params: dict[str, int], *, bad: bool = False) -> httpx.Response:
        """Send up to `length` bytes from here on; with `bad`, a digest that does not match is no error yet."""
        pieces = self._pieces(file, length)
        response = self._connection.send("PUT", self._route, params=params, content=pieces, timeout=_TIMEOUT)
        if response.status_code == 400 and bad:
            return response
        if response.status_code == 400:
            raise RemoteConflict(f"{self._path}: {self._connection.reason(response)}")
        return self._connection.checked(response)

    def _pieces(self, file: BinaryIO, length: int) -> Iterator[bytes]:
        while length and (piece := file.read(min(length, _PIECE_BYTES))):
            yield piece
            length -= len(piece)
            self._sent += len(piece)
            self._progress(len(piece))

    def _held(self, response: httpx.Response) -> _Held:
        self._connection.checked(response)
        size, whole = (self._connection.field(response, name, kind) for name, kind in (("held", int), ("whole", bool)))
        return _Held(int(size), bool(whole))

    @property
    def _route(self) -> str:
        return f"/v1/blobs/{self._digest}"

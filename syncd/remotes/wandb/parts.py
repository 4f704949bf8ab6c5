"""Large files in parts, each with a digest of its own, as object stores want them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from runstore.core.manifest import MD5, hasher, text_of
from runstore.syncd.remotes.wandb.bodies import PIECE_BYTES, FileBody, checking, wrong_bytes

# Files from this size on go in parts of at least that size; more of them than this no storage takes.
PARTS_FROM_BYTES = 2 << 30
PART_BYTES = 100 << 20
_PARTS_MAX = 10_000


@dataclass(frozen=True)
class Parts:
    """The parts of a file: the MD5 of each in hexadecimal, and the size of all but the last; no digests: no parts."""

    size: int = 0
    digests: tuple[str, ...] = ()

    def announced(self) -> list[dict[str, Any]]:
        """Return the parts as a server is told of them, before and after they are sent."""
        return [{"partNumber": number, "hexMD5": digest} for number, digest in enumerate(self.digests, 1)]

    def body(self, whole: FileBody, number: int) -> FileBody:
        """Return one part of the file, counted from 1."""
        start = (number - 1) * self.size
        digest = text_of(bytes.fromhex(self.digests[number - 1]))
        return FileBody(whole.path, min(self.size, whole.size - start), start, digest)

    def urls(self, given: Mapping[str, Any]) -> dict[int, str]:
        """Return the address for each part, by number; of an answer that has another number of them, none."""
        listed = given.get("uploadUrlParts")
        parts = [part for part in listed if isinstance(part, dict)] if isinstance(listed, list) else []
        urls = {part.get("partNumber", 0): str(part.get("uploadUrl") or "") for part in parts}
        return urls if set(urls) == set(range(1, len(self.digests) + 1)) else {}


def parts_of(body: FileBody) -> Parts:
    """Return the parts of a large file, all of which is read for that; none for another one.

    Raises RemoteConflict where the file does not have the body's digest, OSError where it can't be read.
    """
    if body.size < PARTS_FROM_BYTES:
        return Parts()
    part_size = _part_size(body.size)
    whole, digests = checking(body.algorithm), []
    pieces = FileBody(body.path, body.size).pieces()
    for _ in range(0, body.size, part_size):
        part = hasher(MD5)
        for piece in islice(pieces, part_size // PIECE_BYTES):
            part.update(piece)
            if whole is not None:
                whole.update(piece)
        digests.append(part.hexdigest())
    if whole is not None and text_of(whole.digest()) != body.digest:
        raise wrong_bytes(body.path, body.digest)
    return Parts(part_size, tuple(digests))


def _part_size(size: int) -> int:
    """Return the size of all parts but the last, in whole pieces."""
    least = max(PART_BYTES, -(-size // _PARTS_MAX))
    return -(-least // PIECE_BYTES) * PIECE_BYTES

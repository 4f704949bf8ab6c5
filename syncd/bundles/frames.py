"""Where a zstd frame ends, without decompressing it: its blocks say how long they are (RFC 8878, section 3.1.1)."""

from __future__ import annotations

from types import ModuleType
from typing import BinaryIO

from runstore.syncd.bundles.manifest import WrongBundle

_MAGIC = b"\x28\xb5\x2f\xfd"
_MOST_HEADER_BYTES = 18
_BLOCK_HEADER_BYTES, _CHECKSUM_BYTES = 3, 4
_RUN_LENGTH = 1  # a block of one byte, repeated


def frame_end(file: BinaryIO, start: int, zstandard: ModuleType) -> int:
    """Return where the frame that begins at `start` ends; the file's position is another then.

    Raises WrongBundle where none begins there (a skippable one is none), and zstandard's ZstdError.
    """
    file.seek(start)
    beginning = file.read(_MOST_HEADER_BYTES)
    if not beginning.startswith(_MAGIC):
        raise WrongBundle("it is not in zstd frames as bundles are")
    at: int = start + zstandard.frame_header_size(beginning)
    is_last = False
    while not is_last:
        file.seek(at)
        header = file.read(_BLOCK_HEADER_BYTES)
        if len(header) < _BLOCK_HEADER_BYTES:
            raise WrongBundle("it ends too early")
        said = int.from_bytes(header, "little")
        is_last, kind, size = bool(said & 1), said >> 1 & 3, said >> 3
        at += _BLOCK_HEADER_BYTES + (1 if kind == _RUN_LENGTH else size)
    return at + (_CHECKSUM_BYTES if zstandard.get_frame_parameters(beginning).has_checksum else 0)

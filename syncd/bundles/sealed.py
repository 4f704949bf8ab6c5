"""An encrypted part: only who holds a recipient's secret key can read it, and no byte of it can be changed unseen.

    MAGIC  count   count x sealed box   header   chunk ...
      8      2          80                24     each 1 MiB and 17 bytes, the last one shorter or equal

A random key is in a sealed box (X25519, XSalsa20-Poly1305) for each recipient; the part itself is a secret stream
(XChaCha20-Poly1305) of libsodium under that key, whose last chunk is marked as the last: one that is cut off is known.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from runstore.errors import NotFound, StorageError
from runstore.syncd.bundles.keys import PublicKey, SecretKey, libsodium
from runstore.syncd.bundles.manifest import WrongBundle
from runstore.syncd.bundles.regular import open_regular

MAGIC = b"rsseal1\n"
SUFFIX = ".sealed"
_COUNT = struct.Struct("<H")
_KEY_BYTES, _BOX_BYTES, _HEADER_BYTES = 32, 80, 24
_CHUNK_BYTES = 1 << 20
_MORE_BYTES = 17  # of a chunk that is encrypted: its tag


def is_sealed(path: Path) -> bool:
    """Return whether a file is an encrypted part; raises OSError, and WrongBundle for what is no regular file."""
    with open_regular(path) as file:
        return file.read(len(MAGIC)) == MAGIC


class Sealing(io.RawIOBase):
    """A file to write to, whose bytes reach another one encrypted; `finish` makes them whole."""

    def __init__(self, file: BinaryIO, recipients: Sequence[PublicKey]) -> None:
        nacl = libsodium()
        self._file, self._sodium = file, nacl.bindings
        key = self._sodium.randombytes(_KEY_BYTES)
        boxes = [nacl.public.SealedBox(nacl.public.PublicKey(one.encrypt)).encrypt(key) for one in recipients]
        self._state = self._sodium.crypto_secretstream_xchacha20poly1305_state()
        header = self._sodium.crypto_secretstream_xchacha20poly1305_init_push(self._state, key)
        file.write(MAGIC + _COUNT.pack(len(boxes)) + b"".join(boxes) + header)
        self._waiting = bytearray()
        self._size = 0

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes."""
        self._waiting += data
        self._size += len(data)
        while len(self._waiting) > _CHUNK_BYTES:  # the last chunk is never empty, unless all is
            self._push(bytes(self._waiting[:_CHUNK_BYTES]))
            del self._waiting[:_CHUNK_BYTES]
        return len(data)

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._size

    def finish(self) -> None:
        """Write what is left, as the last; the other file stays open."""
        self._push(bytes(self._waiting), self._sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL)
        self._waiting.clear()

    def _push(self, data: bytes, *tag: int) -> None:
        self._file.write(self._sodium.crypto_secretstream_xchacha20poly1305_push(self._state, data, None, *tag))


def open_sealed(source: BinaryIO, target: BinaryIO, key: SecretKey, progress: Callable[[int], None]) -> None:
    """Write what `source` holds encrypted to `target`; `progress` gets the bytes that were read.

    Raises WrongBundle where it is for somebody else, changed or cut off: then what was written is worth nothing.
    """
    sodium = libsodium().bindings
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    header, stream_key = _opened_box(source, key)
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, stream_key)
    is_last = False
    while chunk := source.read(_CHUNK_BYTES + _MORE_BYTES):
        if is_last:
            raise WrongBundle("there is something behind its end")
        try:
            data, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, chunk)
        except (RuntimeError, ValueError) as error:
            raise WrongBundle("it was changed, or damaged, after it was encrypted") from error
        is_last = tag == sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
        target.write(data)
        progress(len(chunk))
    if not is_last:
        raise WrongBundle("it is cut off: its end is missing")


def _opened_box(source: BinaryIO, key: SecretKey) -> tuple[bytes, bytes]:
    """Return the header of the stream, and the key to it."""
    nacl = libsodium()
    if source.read(len(MAGIC)) != MAGIC:
        raise WrongBundle("it is not encrypted")
    count = source.read(_COUNT.size)
    boxes = source.read(_BOX_BYTES * (_COUNT.unpack(count)[0] if len(count) == _COUNT.size else 0))
    header = source.read(_HEADER_BYTES)
    if len(header) != _HEADER_BYTES:
        raise WrongBundle("it is cut off: its beginning is not whole")
    own = nacl.public.SealedBox(nacl.public.PrivateKey(key.decrypt))
    for start in range(0, len(boxes), _BOX_BYTES):
        try:
            return header, own.decrypt(boxes[start : start + _BOX_BYTES])
        except nacl.exceptions.CryptoError:
            continue
    raise WrongBundle("it is encrypted for somebody else: this key opens none of its boxes")


def decrypt(part: Path, to: Path, key: SecretKey, progress: Callable[[int], None]) -> None:
    """Write the plain part that is encrypted in `part` to `to`, as a whole or not at all; raises as `open_sealed`.

    Raises NotFound and StorageError too.
    """
    fresh = to.with_name(f".{to.name}.{os.getpid()}.partial")
    try:
        with open_regular(part) as source, fresh.open("wb") as target:
            open_sealed(source, target, key, progress)
            target.flush()
            os.fsync(target.fileno())
        os.replace(fresh, to)
    except FileNotFoundError:
        raise NotFound(f"{part}: there is no such file") from None
    except OSError as error:
        raise StorageError(f"{error.filename or to}: {error.strerror}; nothing was written") from error
    except WrongBundle as error:
        raise WrongBundle(f"{part}: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)

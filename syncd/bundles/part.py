"""One part of a bundle as a file: a tar archive in zstd frames, which `tar --zstd -tf` lists.

    frame 1           the members, one after the other: logs/LOG_ID/START-END, blobs/SHA256/START-END
    frame 2           the members manifest.json and, where it is signed, manifest.sig; then tar's end
    skippable frame   MAGIC, where in the file frame 2 begins, and its length: each 8 bytes, little-endian

The manifest comes last, since digests are taken while the content is written; whoever wants it alone finds it by the
last 32 bytes, which a file that was cut off lacks. In reading, the manifest says what comes next, and nothing else is
taken: no other name, no link, no device, no other frame, not a byte more. So what a part can make us write is known
before it is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import struct
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from runstore.errors import NotFound, RunstoreError, StorageError
from runstore.syncd.bundles.frames import frame_end
from runstore.syncd.bundles.manifest import MOST_MANIFEST_BYTES, Manifest, Member, Piece, WrongBundle
from runstore.syncd.bundles.parsing import parse
from runstore.syncd.bundles.proving import Beside, Check
from runstore.syncd.bundles.regular import open_regular

if TYPE_CHECKING:
    from types import ModuleType

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MAGIC = b"rsbundle"
_SKIPPABLE = 0x184D2A5B  # one of the magics that decompressors pass over
_TRAILER = struct.Struct("<II8sQQ")
_BLOCK = tarfile.BLOCKSIZE
_LEVEL = 3  # as `zstd` has it by default; the same for everybody, so that equal content gives equal bytes
_WINDOW_BYTES = 8 << 20  # level 3 needs 2 MiB; whoever asks for more wants our memory
_MOST_SIGNATURE_BYTES = 64 << 10
_READ_BYTES = 1 << 20


class UnreadablePart(StorageError):
    """A part can't be read any more, as when its stick was pulled out; nothing is known of what is in it."""


class PartWriter:
    """Writes one part to an open file; members in order of their pieces."""

    def __init__(self, file: BinaryIO) -> None:
        """`file` is new, and open for writing in binary; raises RunstoreError where zstandard is not installed."""
        self._file = file
        self._members: list[Member] = []
        self._stream = _zstandard().ZstdCompressor(level=_LEVEL).stream_writer(file, closefd=False)

    @property
    def members(self) -> tuple[Member, ...]:
        """What was written."""
        return tuple(self._members)

    def add(self, piece: Piece, data: Iterator[bytes], proof: str = "") -> None:
        """Write a member, whose bytes have this proof; without one, they are digested on the way.

        `data` is in pieces of any length. Raises StorageError where they come to another length than the piece has.
        """
        self._stream.write(_header(piece.name, piece.size))
        digest, size = hashlib.sha256(), 0
        for some in data:
            if not proof:
                digest.update(some)
            self._stream.write(some)
            size += len(some)
        if size != piece.size:
            raise StorageError(
                f"{piece.name} has {size:,} bytes where {piece.size:,} were expected; it changed meanwhile"
            )
        self._stream.write(_padding(size))
        self._members.append(Member(piece, proof or digest.hexdigest()))

    def finish(self, manifest: Manifest, sign: Callable[[bytes], bytes] | None = None) -> None:
        """Write the manifest, with what `sign` returns of its bytes, and the end; the file stays open."""
        self._stream.close()
        encoded = manifest.encoded()
        content = _header(MANIFEST, len(encoded)) + encoded + _padding(len(encoded))
        if sign is not None:
            signature = sign(encoded)
            content += _header(SIGNATURE, len(signature)) + signature + _padding(len(signature))
        frame = _zstandard().ZstdCompressor(level=_LEVEL).compress(content + bytes(2 * _BLOCK))
        start = self._file.tell()
        self._file.write(frame)
        self._file.write(_TRAILER.pack(_SKIPPABLE, _TRAILER.size - 8, MAGIC, start, len(frame)))


class PartReader:
    """Reads one part; `manifest` and `signature` (None: unsigned) are there at once, of the content nothing is read."""

    def __init__(self, path: Path, file: BinaryIO | None = None) -> None:
        """Open a part, or take one that is open; raises NotFound, WrongBundle, UnreadablePart, and RunstoreError where
        zstandard is not installed.
        """
        self.path = path
        self._file = _opened(path) if file is None else file
        try:
            with self._blaming():
                self._content_end, self.encoded, self.signature = self._read_manifest()
                self.manifest = parse(self.encoded)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def __enter__(self) -> PartReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def members(self) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """Yield what the manifest names, and its bytes, in pieces; these are to be read before the next is asked for.

        Raises WrongBundle wherever the archive is not what the manifest says: by then the digest of no member whose
        bytes were read to their end was wrong.
        """
        with self._blaming():
            self._file.seek(0)
            stream = _decompressed(_Beginning(self._file, self._content_end))
        with Beside() as beside:
            for member in self.manifest.members:
                with self._blaming():
                    _check_header(_exactly(stream, _BLOCK), member.piece.name, member.piece.size)
                data = self._data(stream, member, beside)
                yield member, data
                for _ in data:
                    pass
            with self._blaming():
                if stream.read(1):
                    raise WrongBundle("there is more in it than the manifest says")

    def _data(self, stream: BinaryIO, member: Member, beside: Beside) -> Iterator[bytes]:
        check, left = Check(member.proof), member.piece.size
        while left:
            with self._blaming():
                some = stream.read(min(left, _READ_BYTES))
                if not some:
                    raise WrongBundle(f"{member.piece.name} is cut off")
            beside.update(check.update, some)
            left -= len(some)
            yield some
        with self._blaming():
            if any(_exactly(stream, len(_padding(member.piece.size)))):
                raise WrongBundle(f"there is something behind {member.piece.name}")
            beside.done()
            if not check.holds():
                raise WrongBundle(f"{member.piece.name} has other bytes than the manifest says")

    def _frame_end(self, start: int) -> int:
        return frame_end(self._file, start, _zstandard())

    @contextlib.contextmanager
    def _blaming(self) -> Iterator[None]:
        """Say of which file it is what is wrong with a part, or with the disk that it is on."""
        try:
            yield
        except WrongBundle as error:
            raise WrongBundle(f"{self.path}: {error}") from error
        except _zstandard().ZstdError as error:
            raise WrongBundle(f"{self.path}: is damaged ({error})") from error
        except OSError as error:
            raise UnreadablePart(f"{self.path}: can't be read ({error.strerror}); is its disk still there?") from error

    def _read_manifest(self) -> tuple[int, bytes, bytes | None]:
        size = self._file.seek(0, os.SEEK_END)
        if size < _TRAILER.size:
            raise WrongBundle("it is no bundle, or the beginning of one")
        self._file.seek(size - _TRAILER.size)
        magic, length, name, start, frame = _TRAILER.unpack(self._file.read(_TRAILER.size))
        if (magic, length, name) != (_SKIPPABLE, _TRAILER.size - 8, MAGIC):
            raise WrongBundle("it is no bundle, or was cut off while it was written or copied: its end is missing")
        if start + frame != size - _TRAILER.size:
            raise WrongBundle("its end says that it has another length: it was put together from several files")
        if (self._frame_end(0), self._frame_end(start)) != (start, start + frame):
            raise WrongBundle("there is something between its frames, which nobody would see")
        self._file.seek(start)
        stream = _decompressed(_Beginning(self._file, frame))
        encoded = _read_member(stream, MANIFEST, MOST_MANIFEST_BYTES)
        rest = _exactly(stream, _BLOCK)
        signature = None
        if any(rest):
            signature = bytes(_read_member(stream, SIGNATURE, _MOST_SIGNATURE_BYTES, rest))
            rest = _exactly(stream, _BLOCK)
        if any(rest) or any(_exactly(stream, _BLOCK)) or stream.read(1):
            raise WrongBundle("there is something behind the manifest")
        return start, bytes(encoded), signature


class _Beginning(io.RawIOBase):
    """The next `size` bytes of a file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._left))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


def _opened(path: Path) -> BinaryIO:
    try:
        return open_regular(path)
    except FileNotFoundError:
        raise NotFound(f"{path}: there is no such file") from None
    except WrongBundle as error:
        raise WrongBundle(f"{path}: {error}") from error
    except OSError as error:
        raise UnreadablePart(f"{path}: can't be read ({error.strerror})") from error


def _decompressed(file: io.RawIOBase) -> BinaryIO:
    stream: BinaryIO = (
        _zstandard().ZstdDecompressor(max_window_size=_WINDOW_BYTES).stream_reader(file, read_size=_READ_BYTES)
    )
    return stream


def _read_member(stream: BinaryIO, name: str, most: int, header: bytes | None = None) -> bytes:
    block = header or _exactly(stream, _BLOCK)
    try:
        size = tarfile.TarInfo.frombuf(block, "ascii", "strict").size
    except (tarfile.TarError, ValueError):
        raise WrongBundle(f"{name} is not where it belongs") from None
    if size > most:
        raise WrongBundle(f"{name} has {size:,} bytes, and no bundle of runstore has more than {most:,}")
    _check_header(block, name, size)
    data = _exactly(stream, size)
    if any(_exactly(stream, len(_padding(size)))):
        raise WrongBundle(f"there is something behind {name}")
    return data


def _exactly(stream: BinaryIO, size: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < size:
        some = stream.read(min(size - len(pieces), _READ_BYTES))
        if not some:
            raise WrongBundle("it ends too early")
        pieces += some
    return bytes(pieces)


def _check_header(block: bytes, name: str, size: int) -> None:
    """Raise WrongBundle unless a block is the very header that `add` writes: no other file type, no other name."""
    if block != _header(name, size):
        raise WrongBundle(f"another entry lies where {name} belongs")


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info.tobuf(tarfile.USTAR_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _zstandard() -> ModuleType:
    try:
        import zstandard
    except ModuleNotFoundError as missing:
        raise RunstoreError(
            "bundles need zstandard, which is not installed: pip install 'runstore[bundle]'"
        ) from missing
    return zstandard

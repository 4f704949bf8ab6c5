"""Write a bundle: all of its parts under names that nobody takes for one, and, once all are durable, their own."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, cast

from runstore.errors import RunstoreError, StorageError, UsageError
from runstore.syncd.bundles.gathering import Gathered
from runstore.syncd.bundles.keys import PublicKey, SecretKey, sign
from runstore.syncd.bundles.manifest import Manifest, Member, Piece, pieces_of, whole_pieces
from runstore.syncd.bundles.parsing import is_too_much
from runstore.syncd.bundles.part import PartReader, PartWriter
from runstore.syncd.bundles.sealed import SUFFIX as SEALED_SUFFIX
from runstore.syncd.bundles.sealed import Sealing
from runstore.syncd.bundles.writeback import WriteBack

SUFFIX = ".tar.zst"
_PARTIAL = re.compile(r"\.(.+)\.tar\.zst(\.sealed)?\.\d+\.runstore-partial")
# What a part takes beyond its content: zstd where nothing can be compressed, headers, the end.
_OVERHEAD_SHARE, _OVERHEAD_BYTES = 1 / 200, 8 << 10
_MEMBER_OVERHEAD_BYTES = 1 << 10  # of a member: its header and padding, and its line in the manifest
_MOST_PARTS = 500  # which are all open until the last is written
_ANY_PROOF = "0" * 64
LEAST_PIECE_BYTES = 64 << 10


@dataclass(frozen=True)
class How:
    """How a bundle is written: `split` is what no part may exceed, in bytes; None: there is one part.

    `pace` gets how many bytes were written since it was called last, and may wait.
    """

    split: int | None = None
    sign: SecretKey | None = None
    recipients: Sequence[PublicKey] = ()
    pace: Callable[[int], None] = lambda size: None


@dataclass
class Created:
    """A bundle that was written: its id, its parts in order, and how many bytes these have together."""

    bundle: str
    parts: list[Path] = field(default_factory=list)
    bytes: int = 0


def create(
    gathered: Gathered, to: Path, how: How | None = None, progress: Callable[[int], None] = lambda size: None
) -> Created:
    """Write what was gathered to the file `to`, or into the folder `to`, named by the bundle's id; return the parts.

    `progress` gets the bytes of content as they are written. Nothing that could be taken for a part is left where this
    is interrupted or killed: what is, the next call removes. Raises StorageError (a full disk, a file that changed
    meanwhile), and UsageError where a part would exceed `split` with the manifest alone, or something else is at `to`.
    """
    how = how or How()
    bundle = gathered.content.id
    shares = _shares(gathered, how)
    if len(shares) > _MOST_PARTS:
        raise UsageError(f"--split is too small: there would be {len(shares):,} parts; {_MOST_PARTS} are the most")
    paths = _paths(to, bundle, len(shares), bool(how.recipients))
    folder = paths[0].parent
    _clear(folder)
    created = Created(bundle, paths)
    with contextlib.ExitStack() as files:
        partials = []
        for number, (path, share) in enumerate(zip(paths, shares, strict=True), 1):
            partial = path.with_name(f".{path.name}.{os.getpid()}.runstore-partial")
            with _refusing_disk(path):
                file = files.enter_context(_locked(partial))
                _write(file, gathered, share, number, len(shares), how, progress)
                file.flush()
                os.fsync(file.fileno())
                created.bytes += file.tell()
            partials.append(partial)
        with _refusing_disk(paths[0]):
            for partial, path in reversed(list(zip(partials, paths, strict=True))):
                os.replace(partial, path)  # the first part last: with it all others are there
            _sync_folder(folder)
    return created


def _write(
    file: BinaryIO,
    gathered: Gathered,
    share: Sequence[Piece],
    part: int,
    parts: int,
    how: How,
    progress: Callable[[int], None],
) -> None:
    """Write one part."""
    sealing = Sealing(file, how.recipients) if how.recipients else None
    writer, proven = PartWriter(cast(BinaryIO, sealing or file)), whole_pieces(gathered.content)
    with contextlib.closing(WriteBack(file)) as writing:  # a stick is slow: it writes while more is packed
        at = 0

        def go_on() -> None:
            nonlocal at
            before, at = at, file.tell()
            writing.go_on()
            how.pace(at - before)

        for piece in share:
            data = gathered.sources[piece.kind, piece.digest].read(piece)
            writer.add(piece, _counted(data, progress, go_on), proven.get(piece, ""))
    key = how.sign
    manifest = Manifest(gathered.content, part, parts, writer.members)
    writer.finish(manifest, (lambda data: sign(data, key)) if key is not None else None)
    if sealing is not None:
        sealing.finish()


def _shares(gathered: Gathered, how: How) -> list[list[Piece]]:
    """Return the pieces of each part; there is one part at least."""
    pieces = pieces_of(gathered.content)
    if is_too_much(Manifest(gathered.content, members=[Member(piece, _ANY_PROOF) for piece in pieces]).encoded()):
        raise UsageError("so many runs and files don't go into one bundle; make several, of some of the runs each")
    if how.split is None:
        return [pieces]
    about = len(Manifest(gathered.content).encoded()) + _OVERHEAD_BYTES
    room = int((how.split - about) / (1 + _OVERHEAD_SHARE)) - _MEMBER_OVERHEAD_BYTES
    if room < LEAST_PIECE_BYTES:
        least = about + 2 * LEAST_PIECE_BYTES
        raise UsageError(f"--split is too small: the list of what is in the bundle alone takes up to {least:,} bytes")
    return _packed(pieces, room)


def _packed(pieces: Iterable[Piece], room: int) -> list[list[Piece]]:
    """Return pieces in shares of `room` bytes; what does not fit in whole is cut where a share is full."""
    shares: list[list[Piece]] = [[]]
    left = room
    for piece in pieces:
        start = piece.start
        while True:
            if left < min(piece.end - start, LEAST_PIECE_BYTES):
                shares.append([])
                left = room
            end = min(piece.end, start + left)
            shares[-1].append(replace(piece, start=start, end=end))
            left -= end - start + _MEMBER_OVERHEAD_BYTES
            start = end
            if start == piece.end:
                break
    return shares


def _paths(to: Path, bundle: str, parts: int, sealed: bool) -> list[Path]:
    """Return where the parts go. Raises UsageError where something is there that is not this very bundle."""
    if to.is_dir():
        to = to / f"runstore-{bundle[:12]}{SUFFIX}"
    if not to.parent.is_dir():
        raise UsageError(f"{to.parent}: there is no such folder; make it first, or mount what should be there")
    ending = SUFFIX + (SEALED_SUFFIX if sealed else "")
    stem = to.name.removesuffix(SEALED_SUFFIX).removesuffix(SUFFIX)
    names = [f"{stem}{ending}", *(f"{stem}.{number:03}{ending}" for number in range(2, parts + 1))]
    paths = [to.with_name(name) for name in names]
    for path in paths:
        if path.exists() and not stem.endswith(bundle[:12]) and not _is_of(path, bundle):
            raise UsageError(f"{path}: is there already; give another name, or remove it if it was carried away")
    return paths


def _is_of(path: Path, bundle: str) -> bool:
    """Return whether a file is a part of a bundle, as a call leaves it that was killed when all parts were written."""
    try:
        with PartReader(path) as part:
            return part.manifest.bundle == bundle
    except RunstoreError:
        return False


def _clear(folder: Path) -> None:
    """Remove what calls left that were killed; of one that is still writing nothing is touched."""
    for path in folder.glob(".*"):
        if _PARTIAL.fullmatch(path.name):
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open a new file, which is removed if it does not get another name."""
    with path.open("xb") as file:  # which follows no link that somebody may have put there
        try:
            with contextlib.suppress(OSError):  # where there are no locks, nothing is cleared either
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield cast(BinaryIO, file)
        finally:
            with contextlib.suppress(OSError):  # its disk may be gone
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def _refusing_disk(path: Path) -> Iterator[None]:
    """Make a sentence of what the disk, or the stick, refuses."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            why += "; make room, or write it elsewhere with --split and carry its parts one by one"
        elif error.errno == errno.EFBIG:
            why += "; give --split, as with 4G for FAT"
        raise StorageError(
            f"{path}: can't be written ({why}). Nothing that looks like a bundle was left there"
        ) from error


def _counted(data: Iterator[bytes], progress: Callable[[int], None], go_on: Callable[[], None]) -> Iterator[bytes]:
    for some in data:
        yield some
        progress(len(some))
        go_on()


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems of sticks can't
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)

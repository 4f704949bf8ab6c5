"""Where the content of bundles waits until a run is whole: pieces with what proves them in their names.

    INTO/.runstore-incoming/importer.json                        who we are, for receipts
                            pieces/KIND/DIGEST/START-END.PROOF   bytes of a log or file, SHA-256 or proof of a log
                            ledger/LOG_ID.json                   of which state the log and the files beside it are
                            waiting/BUNDLE.json                  bundles of which a run waits for something

Nothing here has to be durable: a piece that an earlier process left is digested again before it is used. It is brought
to the disk all the same while others come, so that nobody has to wait for it when it gets its place. What no bundle
waits for is removed at the end of an import, as are files under names of their own that whoever was killed has left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import uuid
from collections.abc import Container, Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import orjson

from runstore.errors import StorageError
from runstore.syncd.bundles.manifest import Member, Piece, WrongBundle
from runstore.syncd.bundles.parsing import parse_piece
from runstore.syncd.bundles.proving import Check
from runstore.syncd.bundles.writeback import WriteBack, WriteBehind

FOLDER = ".runstore-incoming"
_READ_BYTES = 1 << 20
_FRESH = ".fresh"
_IMPORTER = "importer.json"


class Staging:
    """The staging folder below one folder of runs; one process at a time uses it, of one user."""

    def __init__(self, into: Path) -> None:
        """Take the folder. Raises StorageError where it can't be made, or another import is under way there."""
        self.folder = into / FOLDER
        self._lock = _locked(self.folder)
        self._proven: set[Path] = set()  # in this process
        self._earlier: set[Path] = set()  # of these, those that were there before
        self._writing = WriteBehind()
        for left in self.folder.rglob(f"*{_FRESH}"):
            left.unlink(missing_ok=True)

    def close(self) -> None:
        """Let others use the folder."""
        self._writing.close()
        os.close(self._lock)

    def importer(self) -> str:
        """Return who imports here, the same at each call: receipts name it."""
        known = importer_of(self.folder.parent)
        if not known:
            known = str(uuid.uuid4())
            self.replace(self.folder / _IMPORTER, orjson.dumps({"importer": known}))
        return known

    def has(self, member: Member) -> bool:
        """Return whether a piece is there with these very bytes."""
        return self._is_proven(self._path(member))

    def keep(self, member: Member, data: Iterable[bytes]) -> Path:
        """Keep a piece once all of `data` has come: whoever yields it raises where the proof is another.

        It takes the place of other bytes that were said to be the same piece. Raises StorageError where the disk
        refuses it.
        """
        path = self._path(member)
        with refusing_disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            others = list(path.parent.glob(f"{path.name.partition('.')[0]}.*"))
            fresh = path.with_name(path.name + _FRESH)
            try:
                with fresh.open("wb", buffering=0) as file:
                    self._write(file, data)
                os.replace(fresh, path)
                for other in others:
                    if other != path:
                        other.unlink()
            except BaseException:
                with contextlib.suppress(OSError):
                    fresh.unlink(missing_ok=True)
                raise
        self._proven.add(path)
        return path

    def _write(self, file: FileIO, data: Iterable[bytes]) -> None:
        with contextlib.closing(WriteBack(file, self._writing)) as writing:
            for some in data:
                rest = memoryview(some)
                while rest:
                    rest = rest[file.write(rest) :]
                writing.go_on()

    def pieces(self, kind: str, digest: str, start: int, end: int) -> list[Member] | None:
        """Return pieces that hold all bytes of a range, in order, and may overlap; None where some are missing."""
        there = sorted(self._all(kind, digest), key=lambda one: one.piece)
        found: list[Member] = []
        if start == end:
            return there[:1] or None
        while start < end:
            fitting = [one for one in there if one.piece.start <= start < one.piece.end]
            if not fitting:
                return None
            found.append(max(fitting, key=lambda one: one.piece.end))
            start = found[-1].piece.end
        return found

    def read(self, pieces: list[Member], start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes of a range out of these pieces."""
        for one in pieces:
            with self._path(one).open("rb") as file:
                file.seek(start - one.piece.start)
                behind = min(end, one.piece.end)
                while start < behind and (some := file.read(min(_READ_BYTES, behind - start))):
                    start += len(some)
                    yield some

    def whole(self, piece: Piece, proof: str) -> Path | None:
        """Return a file that has all bytes of a log or file, put together of its pieces if need be; None: not yet.

        Raises WrongBundle where they come to other bytes than are proven: they are thrown away.
        """
        wanted = Member(piece, proof)
        if self.has(wanted):
            return self._path(wanted)
        pieces = self.pieces(piece.kind, piece.digest, piece.start, piece.end)
        if pieces is None:
            return None
        return self.keep(wanted, self._checked(wanted, self.read(pieces, piece.start, piece.end)))

    def _checked(self, wanted: Member, data: Iterable[bytes]) -> Iterator[bytes]:
        check = Check(wanted.proof)
        for some in data:
            check.update(some)
            yield some
        if not check.holds():
            raise WrongBundle(f"the parts of {wanted.piece.name} come to other bytes than the bundle says")

    def drop(self, kind: str, digest: str) -> bool:
        """Remove all pieces of a log or file; return whether some of them were there before this import."""
        folder = self.folder / "pieces" / kind / digest
        gone = {path for path in self._proven if path.parent == folder}
        shutil.rmtree(folder, ignore_errors=True)
        self._proven -= gone
        return bool(self._earlier & gone)

    def given(self, path: Path, *, is_last: bool = True) -> Path:
        """Return a staged file to be moved to its place, or, unless it is the last, a copy of it. Raises OSError."""
        if is_last:
            self._proven.discard(path)
            return path
        copied = path.with_name(f"copy{_FRESH}")
        shutil.copyfile(path, copied)
        return copied

    def clear(self, wanted: Container[tuple[str, str]]) -> None:
        """Remove the pieces of all logs and files, by kind and digest, but those that are wanted."""
        for kind in ("logs", "blobs"):
            with contextlib.suppress(FileNotFoundError):
                for folder in (self.folder / "pieces" / kind).iterdir():
                    if (kind, folder.name) not in wanted:
                        shutil.rmtree(folder, ignore_errors=True)

    def ledger(self, log_id: str) -> dict[str, Any]:
        """Return what was kept of a log's state; {} where nothing was."""
        try:
            found = orjson.loads((self.folder / "ledger" / f"{log_id}.json").read_bytes())
        except (OSError, ValueError):
            return {}
        is_sound = isinstance(found, dict) and isinstance(found.get("files", {}), dict)
        return found if is_sound else {}

    def keep_ledger(self, log_id: str, ledger: dict[str, Any]) -> None:
        """Keep that; it need not be durable, for what is not known is digested again."""
        self.replace(self.folder / "ledger" / f"{log_id}.json", orjson.dumps(ledger), is_durable=False)

    def waiting(self) -> Iterator[bytes]:
        """Yield what was kept of each bundle that waits."""
        with contextlib.suppress(FileNotFoundError):
            for path in sorted((self.folder / "waiting").glob("*.json")):
                yield path.read_bytes()

    def keep_waiting(self, bundle: str, data: bytes | None) -> None:
        """Keep what is to be known of a bundle that waits; None: it does so no more."""
        path = self.folder / "waiting" / f"{bundle}.json"
        if data is None:
            path.unlink(missing_ok=True)
        else:
            self.replace(path, data)

    def replace(self, path: Path, data: bytes, *, is_durable: bool = True) -> None:
        """Replace a small file, here or elsewhere, as a whole. Raises StorageError."""
        with refusing_disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f".{path.name}{_FRESH}")
            fresh.unlink(missing_ok=True)
            with fresh.open("xb") as file:  # which follows no link
                file.write(data)
                file.flush()
                if is_durable:
                    os.fsync(file.fileno())
            os.replace(fresh, path)

    def _path(self, one: Member) -> Path:
        return self.folder / "pieces" / f"{one.piece.name}.{one.proof}"

    def _all(self, kind: str, digest: str) -> Iterator[Member]:
        with contextlib.suppress(FileNotFoundError):
            for path in (self.folder / "pieces" / kind / digest).iterdir():
                if not path.name.endswith(_FRESH) and self._is_proven(path):
                    name, _, proof = path.name.partition(".")
                    yield Member(parse_piece(f"{kind}/{digest}/{name}"), proof)

    def _is_proven(self, path: Path) -> bool:
        """Return whether a piece is there whole; one that was there before is digested first, and removed if wrong."""
        if path in self._proven:
            return True
        if not path.is_file():
            return False
        check = Check(path.name.partition(".")[2])
        with path.open("rb") as file:
            while some := file.read(_READ_BYTES):
                check.update(some)
        if not check.holds():
            path.unlink()
            return False
        self._proven.add(path)
        self._earlier.add(path)
        return True


def importer_of(into: Path) -> str:
    """Return who imports into a folder of runs; "" where nobody has, or it can't be read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        return str(uuid.UUID(orjson.loads((into / FOLDER / _IMPORTER).read_bytes())["importer"]))
    return ""


@contextlib.contextmanager
def refusing_disk(path: Path) -> Iterator[None]:
    """Make a sentence of what the disk refuses."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path}: can't be written ({error.strerror}); what had come before is kept, and the same call goes on"
        ) from error


def _locked(folder: Path) -> int:
    """Make the staging folder, and hold its lock."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
            raise StorageError(f"{folder}: is not a folder of yours; whoever made it would have a say in what arrives")
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"{folder}: can't be written ({error.strerror})") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StorageError(
            f"{folder.parent}: another import is under way there; call it again when that is done"
        ) from None
    except OSError:
        pass  # a file system without locks
    return lock

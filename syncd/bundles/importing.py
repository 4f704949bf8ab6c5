"""Take bundles in: parts in any order and any number of times, each run entirely or not at all.

What a part holds is checked against its manifest while it goes to the staging folder, and is looked at only then. A run
is placed once all of it is there and what its logs have here already fits: else it waits there for other parts, or for
the bundle before, also from one import to the next.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runstore.errors import RunstoreError, StorageError
from runstore.syncd.bundles.below import InTheWay
from runstore.syncd.bundles.derived.mixing import refuse_other_form
from runstore.syncd.bundles.keys import PublicKey, SecretKey
from runstore.syncd.bundles.manifest import BundledRun, Content, Manifest, Piece, WrongBundle, canonical
from runstore.syncd.bundles.opening import Trust, checked_signature, opened_part
from runstore.syncd.bundles.parsing import content_of, parse_json
from runstore.syncd.bundles.part import UnreadablePart
from runstore.syncd.bundles.placing import BadPieces, Placing, Waits
from runstore.syncd.bundles.receipt import ImportReceipt, receipt_name
from runstore.syncd.bundles.staging import Staging
from runstore.syncd.bundles.whereabouts import Whereabouts

_SPARE_BYTES = 64 << 20  # left free on the disk


@dataclass
class Imported:
    """What became of one bundle: its runs that are here whole, and why others are not, by `entity/project/id`.

    `paths` are those of its parts that were read; of a bundle that has waited since an earlier import there are none.
    """

    content: Content
    parts: int
    signed_by: PublicKey | None = None
    done: list[BundledRun] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    new_bytes: int = 0  # of logs
    new_files: int = 0
    paths: list[Path] = field(default_factory=list)

    def wanted(self) -> Iterator[tuple[str, str]]:
        """Yield the logs and files, by kind and digest, of runs that wait."""
        for run in self.content.runs:
            if run.path in self.waiting:
                for log in run.logs:
                    yield "logs", log.log_id
                    yield from (("blobs", file.sha256) for file in log.files)


class Import:
    """The import of some parts into one folder; a context manager, which holds the folder meanwhile."""

    def __init__(self, into: Path, trust: Trust, progress: Callable[[int], None] = lambda size: None) -> None:
        """`progress` gets the bytes of content as they are read. Raises StorageError where another import is there."""
        self._into, self._trust, self._progress = into, trust, progress
        self._staging = Staging(into)
        self._whereabouts = Whereabouts(into)
        self._were_waiting: set[str] = set()
        self._given: Sequence[Path] = ()
        self.bundles: dict[str, Imported] = {}
        self.errors: dict[Path, str] = {}

    def __enter__(self) -> Import:
        return self

    def __exit__(self, *_: object) -> None:
        self._staging.close()

    @property
    def importer(self) -> str:
        """Who imports: what receipts call this folder."""
        return self._staging.importer()

    def paths_of(self, run: BundledRun) -> list[Path]:
        """Return where the logs of a run are, or are to be, in their order."""
        return [self._whereabouts.below.root / self._whereabouts.place_of(log) for log in run.logs]

    def take(self, paths: Sequence[Path]) -> None:
        """Read parts, and place what is whole by then. What is wrong with one of them is kept in `errors`.

        Raises StorageError where the disk refuses; then the same call goes on later.
        """
        self._given = paths
        others = self._take_up_waiting()
        self._stage(paths)
        if self._place():  # what lay here from before was in the way, and is gone: it is taken from the parts again
            self._stage(paths)
            self._place()
        wanted = {each for imported in (*self.bundles.values(), *others) for each in imported.wanted()}
        self._staging.clear(wanted)
        self._keep_waiting()

    def write_receipts(self, folder: Path | None = None, key: SecretKey | None = None) -> dict[str, Path]:
        """Write a receipt for each bundle of which a run is here, beside its first part or into a folder.

        Returns their paths by the bundle's id. Where it can't be written beside the part, as on a stick that is
        read-only or gone, it goes to the folder of runs. Raises StorageError where neither can be.
        """
        written: dict[str, Path] = {}
        placing = Placing(self._staging, self._whereabouts, ())
        for bundle, imported in self.bundles.items():
            if imported.done:
                runs = tuple(placing.held(run) for run in imported.done)
                receipt = ImportReceipt(bundle, self.importer, replace(imported.content, runs=runs))
                beside = folder or next(iter((*imported.paths, *self._given))).parent
                written[bundle] = self._write_receipt(beside, receipt, key)
        return written

    def _write_receipt(self, folder: Path, receipt: ImportReceipt, key: SecretKey | None) -> Path:
        name, data = receipt_name(receipt), receipt.encoded(key)
        with contextlib.suppress(StorageError):
            if folder.is_dir():
                self._staging.replace(folder / name, data)
                return folder / name
        self._staging.replace(self._into / name, data)
        return self._into / name

    def _stage(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self.errors.pop(path, None)
            try:
                self._stage_part(path)
            except StorageError as error:
                if not isinstance(error, UnreadablePart):
                    raise
                self.errors[path] = str(error)
            except RunstoreError as error:
                self.errors[path] = str(error)

    def _stage_part(self, path: Path) -> None:
        with opened_part(path, self._trust.secret, self._staging.folder) as part:
            manifest = part.manifest
            by = checked_signature(part, self._trust)
            imported = self.bundles.setdefault(manifest.bundle, Imported(manifest.content, manifest.parts))
            imported.signed_by, imported.parts = by, manifest.parts
            if path not in imported.paths:
                imported.paths.append(path)
            lacking = _Lacking(self._whereabouts, manifest.content)
            self._check_room(manifest, lacking)
            for member, data in part.members():
                counted = _counted(data, self._progress)
                if lacking.has(member.piece) and not self._staging.has(member):
                    self._staging.keep(member, counted)
                else:
                    for _ in counted:
                        pass

    def _check_room(self, manifest: Manifest, lacking: _Lacking) -> None:
        wanted = sum(
            one.piece.size for one in manifest.members if lacking.has(one.piece) and not self._staging.has(one)
        )
        free = max(0, shutil.disk_usage(self._staging.folder).free - _SPARE_BYTES)
        if wanted > free:
            raise StorageError(f"{self._into}: {wanted:,} bytes come, and {free:,} are free; make room for them first")

    def _place(self) -> bool:
        """Place all runs that can be; return whether some were refused over what lay here before this import.

        A run may wait for one of another bundle, in whatever order they came: it is tried again for as long as helps.
        """
        placing = Placing(self._staging, self._whereabouts, [one.content for one in self.bundles.values()])
        is_in_the_way = False
        left = [(one, run) for one in self.bundles.values() for run in one.content.runs]
        for imported in self.bundles.values():
            imported.done.clear()
            imported.refused.clear()
        while True:
            outcomes = [(imported, run, self._place_run(placing, imported, run)) for imported, run in left]
            is_in_the_way |= any(isinstance(how, BadPieces) and how.were_there for *_, how in outcomes)
            waiting = [(imported, run) for imported, run, how in outcomes if isinstance(how, Waits)]
            if len(waiting) in (0, len(left)):
                break
            left = waiting
        placing.settle()
        return is_in_the_way

    def _place_run(self, placing: Placing, imported: Imported, run: BundledRun) -> RunstoreError | None:
        """Place a run, and note what became of it; return what kept it back."""
        before = placing.new_bytes, placing.new_files
        imported.waiting.pop(run.path, None)
        try:
            for log in run.logs:
                refuse_other_form(log, imported.content.partial, self._whereabouts.others(log))
            placing.place(run, imported.content.id, imported.content.previous)
        except Waits as error:
            imported.waiting[run.path] = str(error)
            return error
        except (WrongBundle, InTheWay) as error:
            imported.refused[run.path] = str(error)
            return error
        imported.done.append(run)
        imported.new_bytes += placing.new_bytes - before[0]
        imported.new_files += placing.new_files - before[1]
        return None

    def _take_up_waiting(self) -> list[Imported]:
        """Go on with bundles of which a run waits since an earlier import; return those that are not trusted now."""
        others: list[Imported] = []
        for data in self._staging.waiting():
            with contextlib.suppress(RunstoreError, KeyError, TypeError, ValueError):
                imported = _waiting_of(parse_json(data))
                bundle, by = imported.content.id, imported.signed_by
                is_trusted = not self._trust.keys or (by and by.verify in {key.verify for key in self._trust.keys})
                self._were_waiting.add(bundle)
                if is_trusted:
                    self.bundles[bundle] = imported
                else:
                    others.append(imported)
        return others

    def _keep_waiting(self) -> None:
        for bundle, imported in self.bundles.items():
            if imported.waiting:
                self._staging.keep_waiting(bundle, canonical(_waiting_as_json(imported)))
            elif bundle in self._were_waiting:
                self._staging.keep_waiting(bundle, None)


class _Lacking:
    """Which pieces of a bundle are not here."""

    def __init__(self, whereabouts: Whereabouts, content: Content) -> None:
        self._ends: dict[str, int] = {}
        self._blobs: set[str] = set()
        for log in (log for run in content.runs for log in run.logs):
            path = whereabouts.place_of(log)
            self._ends[log.log_id] = whereabouts.size_of(path)
            self._blobs.update(
                file.sha256 for file in log.files if not whereabouts.has(path.parent / file.folder / file.path, file)
            )

    def has(self, piece: Piece) -> bool:
        """Return whether a piece is wanted."""
        return piece.digest in self._blobs if piece.kind == "blobs" else piece.end > self._ends[piece.digest]


def _waiting_as_json(imported: Imported) -> dict[str, Any]:
    key = imported.signed_by
    return {
        "content": imported.content.as_json(),
        "parts": imported.parts,
        "signed_by": None if key is None else [key.verify.hex(), key.name],
        "waiting": imported.waiting,
    }


def _waiting_of(body: Any) -> Imported:
    by = body["signed_by"]
    key = None if by is None else PublicKey(bytes.fromhex(by[0]), b"", by[1])
    return Imported(content_of(body["content"]), body["parts"], key, waiting=dict(body["waiting"]))


def _counted(data: Iterable[bytes], progress: Callable[[int], None]) -> Iterable[bytes]:
    for some in data:
        yield some
        progress(len(some))

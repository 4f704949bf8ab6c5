"""Import what appears in a folder, and leave receipts there: the outside of a link that carries both ways.

No thread here: whoever calls `look` again and again decides how often. A part is taken once it has not changed from one
look to the next: who copies or syncs it may write it bit by bit. One that is wrong is taken again when it changes, and
one of which a hub has not proven all is taken again at each look.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from runstore.errors import StorageError
from runstore.syncd.bundles.arrivals import Arrival, Stamp, arrivals_file, load_arrivals, save_arrivals
from runstore.syncd.bundles.forwarding import Forwarding
from runstore.syncd.bundles.importing import Import, Imported
from runstore.syncd.bundles.keys import SecretKey
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.bundles.receipt import SUFFIX as RECEIPT_SUFFIX
from runstore.syncd.bundles.sealed import SUFFIX as SEALED_SUFFIX
from runstore.syncd.bundles.staging import FOLDER

_ENDINGS = (".tar.zst", f".tar.zst{SEALED_SUFFIX}")


@dataclass
class Taken:
    """What a look has brought: bundles by their ids, the receipts that were written, and what was wrong with parts.

    Of the bundles `unproven` a hub does not hold all yet.
    """

    importer: str = ""
    bundles: dict[str, Imported] = field(default_factory=dict)
    receipts: dict[str, Path] = field(default_factory=dict)
    errors: dict[Path, str] = field(default_factory=dict)
    unproven: set[str] = field(default_factory=set)

    @property
    def parts(self) -> int:
        """How many parts were read."""
        return sum(len(one.paths) for one in self.bundles.values())


class Mirror:
    """Imports from `folder` into the folder of runs `into`, and, with `forwarding`, from there into a hub."""

    def __init__(
        self,
        folder: Path,
        into: Path,
        trust: Trust,
        key: SecretKey | None = None,
        forwarding: Forwarding | None = None,
    ) -> None:
        self._folder, self._into, self._trust, self._key, self._forwarding = folder, into, trust, key, forwarding
        self._file = arrivals_file(folder, into)
        self._kept = load_arrivals(self._file)
        self._kept.try_again()
        self._seen: dict[str, Stamp] = {}

    def try_again(self) -> None:
        """Take parts again of which something was wrong, though they have not changed: something else has."""
        self._kept.try_again()

    def look(self, progress: Callable[[int], None] = lambda size: None) -> Taken:
        """Import the parts that are new and whole; `progress` gets the bytes as they are read.

        Raises StorageError where the folder, or the disk, refuses, and as forwarding does; then the next look goes on.
        """
        there = self._present()
        if self._kept.importer not in (None, self._importer()):
            self._kept.taken.clear()  # somebody has deleted what had come
        taken = self._kept.taken
        new = [name for name, stamp in there.items() if self._seen.get(name) == stamp and taken.get(name) != stamp]
        self._seen = there
        self._kept.forget_gone(there)
        self._bring_receipts()
        if not new:
            return Taken()
        if self._forwarding is not None:
            self._forwarding.check()
        done = self._taken(new, progress)
        self._note(new, there, done)
        return done

    def _taken(self, new: list[str], progress: Callable[[int], None]) -> Taken:
        with Import(self._into, self._trust, progress) as importing:
            is_first = not self._kept.taken
            paths = [self._folder / name for name in new]
            importing.take([path for path in paths if not (is_first and self._has_receipt(path, importing.importer))])
            unproven = self._forwarding.forward(importing) if self._forwarding is not None else set()
            receipts = importing.write_receipts(self._folder, self._key)
            if self._forwarding is not None:
                self._forwarding.clean()
            return Taken(importing.importer, importing.bundles, receipts, dict(importing.errors), unproven)

    def _note(self, new: list[str], there: dict[str, Stamp], done: Taken) -> None:
        """Keep what became of the parts and bundles. Raises StorageError; then they are read once more."""
        again = {path.name for bundle in done.unproven for path in done.bundles[bundle].paths}
        self._kept.taken |= {name: there[name] for name in new if name not in again}
        self._kept.errors |= {path.name: sentence for path, sentence in done.errors.items()}
        for name in {path.name for one in done.bundles.values() for path in one.paths} - {p.name for p in done.errors}:
            self._kept.errors.pop(name, None)
        for bundle, one in done.bundles.items():
            names = [path.name for path in one.paths]
            receipt = str(done.receipts.get(bundle, ""))
            arrival = Arrival(time.time(), len(one.content.runs), len(one.done), one.waiting, one.refused)
            arrival.new_bytes, arrival.new_files, arrival.parts = one.new_bytes, one.new_files, names
            arrival.receipt = receipt
            self._kept.note(bundle, arrival)
        self._kept.importer = self._importer()
        save_arrivals(self._file, self._kept)

    def _bring_receipts(self) -> None:
        """Lay receipts there that could not be written: the stick was read-only, or full, or gone."""
        for arrival in self._kept.bundles.values():
            left = Path(arrival.receipt)
            if arrival.receipt and left.parent != self._folder:
                fresh = self._folder / f".{left.name}.fresh"
                try:
                    fresh.unlink(missing_ok=True)
                    with fresh.open("xb") as file:  # which follows no link that somebody laid there
                        file.write(left.read_bytes())
                    os.replace(fresh, self._folder / left.name)
                except OSError:
                    with contextlib.suppress(OSError):
                        fresh.unlink()
                    if left.exists():
                        continue
                arrival.receipt = str(self._folder / left.name)  # or somebody has carried it
                save_arrivals(self._file, self._kept)

    def _present(self) -> dict[str, Stamp]:
        """Return what may be parts, by name. Raises StorageError where the folder can't be listed."""
        if not self._folder.is_dir():
            raise StorageError(f"{self._folder}: is not there; mount it, or make it, and it goes on")
        try:
            names = sorted(path.name for path in self._folder.iterdir())
        except OSError as error:
            raise StorageError(f"{self._folder}: can't be read ({error.strerror}); is its disk still there?") from error
        stamps = {name: _stamp(self._folder / name) for name in names if name.endswith(_ENDINGS) and name[0] != "."}
        return {name: stamp for name, stamp in stamps.items() if stamp is not None}  # others were taken away meanwhile

    def _importer(self) -> Stamp | None:
        """Return the stamp of what says who imports."""
        return _stamp(self._into / FOLDER / "importer.json")

    def _has_receipt(self, path: Path, importer: str) -> bool:
        """Return whether a receipt of ours lies there that is younger than a part: what an earlier process took in."""
        bundle = path.name.partition(".")[0]
        try:
            receipt = (self._folder / f"{bundle}-{importer[:8]}{RECEIPT_SUFFIX}").stat()
            return receipt.st_mtime_ns > path.stat().st_mtime_ns
        except OSError:
            return False


def _stamp(path: Path) -> Stamp | None:
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_size, now.st_mtime_ns

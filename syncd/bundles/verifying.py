"""Read parts of bundles whole, and compare every byte with what their manifests say; writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runstore.errors import RunstoreError
from runstore.syncd.bundles.keys import PublicKey
from runstore.syncd.bundles.manifest import Manifest, Piece, WrongBundle, whole_pieces
from runstore.syncd.bundles.opening import Trust, checked_signature, opened_part
from runstore.syncd.bundles.part import PartReader
from runstore.syncd.bundles.proving import Check


@dataclass
class Verified:
    """What is to be said of one part; `error` is "" where it is intact, `manifest` None where it could not be read."""

    path: Path
    manifest: Manifest | None = None
    signed_by: PublicKey | None = None
    error: str = ""


@dataclass
class _Whole:
    """A log or file that is cut into pieces: up to where they were read, in order, and what compares them."""

    size: int
    check: Check
    reached: int = 0


class Verification:
    """The verification of some parts; what is cut into pieces is compared as a whole where these come in order."""

    def __init__(self, trust: Trust, progress: Callable[[int], None] = lambda size: None) -> None:
        """`progress` gets the bytes of content as they are read."""
        self._trust, self._progress = trust, progress
        self._cut: dict[tuple[str, str, str], _Whole] = {}  # by bundle, kind and digest
        self._parts: dict[str, set[int]] = {}

    def take(self, path: Path) -> Verified:
        """Read a part; what is wrong is told, not raised."""
        found = Verified(path)
        try:
            with opened_part(path, self._trust.secret) as part:
                found.manifest = part.manifest
                found.signed_by = checked_signature(part, self._trust)
                self._parts.setdefault(part.manifest.bundle, set()).add(part.manifest.part)
                self._read(part)
        except RunstoreError as error:
            found.error = str(error)
        return found

    def missing(self, manifest: Manifest) -> list[int]:
        """Return which parts of a bundle were not among those that were read."""
        return sorted(set(range(1, manifest.parts + 1)) - self._parts.get(manifest.bundle, set()))

    def _read(self, part: PartReader) -> None:
        whole = whole_pieces(part.manifest.content)
        proofs = {(piece.kind, piece.digest): (piece.size, proof) for piece, proof in whole.items()}
        for member, data in part.members():
            piece = member.piece
            cut = None if piece in whole else self._whole_of(part.manifest.bundle, piece, proofs)
            for some in data:
                self._progress(len(some))
                if cut is not None:
                    cut.check.update(some)
            if cut is not None:
                cut.reached = piece.end
                if cut.reached == cut.size and not cut.check.holds():
                    what = f"the parts of {piece.kind}/{piece.digest}"
                    raise WrongBundle(f"{part.path}: {what} come to other bytes than the bundle says")

    def _whole_of(self, bundle: str, piece: Piece, proofs: dict[tuple[str, str], tuple[int, str]]) -> _Whole | None:
        """Return what a piece is the next one of; None where others should have come before, or nothing proves it."""
        key = bundle, piece.kind, piece.digest
        if not piece.start and key[1:] in proofs:
            size, proof = proofs[key[1:]]
            self._cut[key] = _Whole(size, Check(proof))
        found = self._cut.get(key)
        return found if found is not None and found.reached == piece.start else None

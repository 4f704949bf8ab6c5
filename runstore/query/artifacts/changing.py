"""Write what changes of an artifact that was logged: one more record, in the log of the run that goes on, or beside
that of the run that logged it.

All that can be changed of it is in a Move, which `core.versions` folds with the others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from runstore.core.moves import Move, move_record
from runstore.errors import ArtifactNotFound
from runstore.index.indexer import Indexer
from runstore.query.artifacts.claims import Claim
from runstore.query.artifacts.registry import Registry
from runstore.query.stored.edits import write_beside

Append = Callable[[bytes], object]  # to the log of the run that goes on


def record_move(move: Move, index: Path | None = None, append: Append | None = None, digest: str = "") -> Claim:
    """Write a change, after all that is known of its collection; return what was claimed for it there.

    With a `digest`, the move makes content of this digest a version of the collection, which gets the claimed number.
    It goes to `append`, or else beside the log of the run that logged the artifact. Raises ArtifactNotFound where that
    log is not known here, StorageError where nothing can be written, IndexUnusable.
    """
    with contextlib.closing(Indexer(index)) as indexer:
        known = Registry(indexer)
        known.catch_up()
        with known.claiming(move.collection, digest) as claim:
            said = replace(move, made_ns=claim.made_ns, version=claim.number if digest else None)
            if append is not None:
                append(move_record(said))
            else:
                indexer.catch_up(_written_beside(known, said))
        return claim


def _written_beside(known: Registry, move: Move) -> Path:
    version = known.by_client_id(move.client_id)
    if version is None:
        raise ArtifactNotFound(f"artifact {move.collection.name}: the log of the run that logged it is gone from here")
    return write_beside(move_record(move), version.run, move.made_ns, [version.path])

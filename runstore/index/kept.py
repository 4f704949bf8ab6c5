"""What counts of a log when its run was set back, or forked, to a step before the log's last one.

The log is folded a second time, without what came later; how far that has come is kept in the table `kept`, so that
each byte is read once for each step to which somebody went back.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from runstore.core.logfold import LogFold
from runstore.core.stitch import Piece
from runstore.errors import LogError, NotFound
from runstore.index.decoding.columns import BlockDecoder, fold_until
from runstore.index.placing import lifted, steps_of_log
from runstore.runlog import codec
from runstore.runlog.live import LiveReader


def counting_fold(connection: sqlite3.Connection, piece: Piece) -> LogFold:
    """Return the fold of the records that count of one log of a run. Inside a transaction: it may write `kept`.

    Where the log has to be read and is away, that is the fold of all its records.
    """
    before = None if piece.below is None else _first_superseded(connection, piece, piece.below)
    if before is not None:
        fold = _fold_before(connection, piece.log, before)
        if fold is not None:
            return fold
    (state,) = connection.execute("SELECT state FROM logs WHERE id = ?", (piece.log,)).fetchone()
    fold = LogFold()
    fold.restore(json.loads(state)["fold"])
    return fold


def _first_superseded(connection: sqlite3.Connection, piece: Piece, below: int) -> int | None:
    """Return the step, as the log says it, from which its rows don't count; None where all do."""
    if piece.after is None:
        (last_step,) = connection.execute("SELECT last_step FROM logs WHERE id = ?", (piece.log,)).fetchone()
        return below if below <= last_step else None
    steps = steps_of_log(connection, piece.log)
    superseded = steps[lifted(steps, piece.after) >= below]
    return int(superseded[0]) if len(superseded) else None


def _fold_before(connection: sqlite3.Connection, log: int, before: int) -> LogFold | None:
    path, log_id, indexed = connection.execute("SELECT path, log_id, indexed FROM logs WHERE id = ?", (log,)).fetchone()
    fold, offset = LogFold(before=before), 0
    kept = connection.execute("SELECT indexed, state FROM kept WHERE log = ? AND before = ?", (log, before)).fetchone()
    if kept is not None:
        offset = kept[0]
        fold.restore(json.loads(kept[1]))
    if offset < indexed:
        if not _read(fold, Path(path), log_id, offset, indexed):
            return None
        state = json.dumps(fold.state())
        connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", (log, before, indexed, state))
    return fold


def _read(fold: LogFold, path: Path, log_id: str | None, offset: int, end: int) -> bool:
    """Take in the records from `offset` to `end`; return whether they were there."""
    try:
        identity = codec.log_identity(path)
        if (identity and identity.log_id) != log_id:
            return False  # another log lies there now, and will be indexed
        with LiveReader(path, offset) as reader:
            fold_until(reader, end, fold, BlockDecoder())
            return reader.offset == end
    except (OSError, LogError, NotFound):
        return False

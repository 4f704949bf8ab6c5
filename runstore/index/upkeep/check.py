"""Compare the index with the logs: each is indexed anew, beside it, and all that both say is compared."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from runstore.errors import LogError, NotFound
from runstore.index.indexer import Indexer
from runstore.index.upkeep.compare import contents, differences

# A log that grows while it is looked at is looked at again, so often at most.
_ROUNDS = 5


@dataclass(frozen=True)
class Checked:
    """What a check found: `differing` are logs and runs, by path, with what is not the same."""

    logs: int
    differing: dict[str, list[str]]
    left_out: list[str]  # logs that can't be compared: they are gone, or grow too quickly
    damage: list[str]  # what SQLite says of the file


def check(path: Path, progress: Callable[[int], None] | None = None) -> Checked:
    """Compare the index at `path`, brought up to date first, with its logs; changes nothing else.

    Costs as much as a rebuild, and as much space for its time, in the folder of the index. `progress` is told the bytes
    of each piece of log.
    """
    with closing(Indexer(path)) as indexer, _folder_for(indexer) as folder:
        indexer.catch_up_known()
        damage = [said for (said,) in indexer.connection.execute("PRAGMA quick_check(5)") if said != "ok"]
        with closing(Indexer(Path(folder) / "index.db")) as fresh:
            for log in _logs(indexer):
                _catch_up(fresh, log, progress)
            left_out = _bring_level(indexer, fresh)
            differing = differences(contents(indexer.connection), contents(fresh.connection))
            logs = len(_logs(indexer))
    if left_out:  # of runs it can't be said then whether they differ for that reason alone
        differing = {owner: tables for owner, tables in differing.items() if owner.startswith("/")}
    differing = {owner: tables for owner, tables in differing.items() if owner not in left_out}
    return Checked(logs, differing, left_out, damage)


def _folder_for(indexer: Indexer) -> tempfile.TemporaryDirectory[str]:
    place = None if indexer.connection.read_only else indexer.path.parent
    return tempfile.TemporaryDirectory(prefix="check-", dir=place)


def _logs(indexer: Indexer) -> list[Path]:
    return [Path(path) for (path,) in indexer.connection.execute("SELECT path FROM logs ORDER BY path")]


def _catch_up(indexer: Indexer, log: Path, progress: Callable[[int], None] | None = None) -> None:
    with contextlib.suppress(NotFound, LogError):  # then it differs, which is what is asked
        indexer.catch_up(log, progress)


def _bring_level(indexer: Indexer, fresh: Indexer) -> list[str]:
    """Let both read each log equally far; return those where that can't be had."""
    uneven: list[Path] = []
    for _ in range(_ROUNDS):
        uneven = [log for log in _logs(indexer) if indexer.reached(log) != fresh.reached(log)]
        for log in uneven:
            _catch_up(indexer, log)
            _catch_up(fresh, log)
    return [str(log) for log in uneven if indexer.reached(log) != fresh.reached(log)]

"""Find out which run logs may have changed, at the cost of one look at each file and folder that is known.

A log has changed if its size or its time is not what it was when all of it had been read; whether its run has ended
makes no difference, since a look costs less than a mistake. A new log shows in the times of the folder in which it
was made: a folder that is as it was when it was last listed has the same entries, and is not listed again.

Two things make that safe. A folder's times are remembered only when they were some seconds old as it was listed,
since a file system's clock ticks slowly and what comes in the same tick would not show; and only when every log in it
is in the index, so that a file that is no log yet is looked at again. And where the times could be set back by whoever
copies a tree (rsync, tar), the time of the last change of the folder's own entry (ctime) can't be.

Nothing is written here but what `remember` is told.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR

from runstore.index.absence import Absence
from runstore.paths import is_inside_run, is_log_name, is_text

# Times of folders count to the second on some file systems, and a server's clock may be a little behind ours.
SETTLED_NS = 10_000_000_000

Stamp = tuple[int, int]  # mtime_ns and ctime_ns
NEVER = (0, 0)  # of a folder that is to be listed every time


@dataclass
class Changes:
    """What a look at the file system found. Paths are resolved."""

    logs: list[Path] = field(default_factory=list)  # in order of path: new ones, and those that are not as they were
    gone: list[Path] = field(default_factory=list)  # known logs where there is nothing any more
    listed: dict[str, Listing] = field(default_factory=dict)  # by path: folders of which there is news to remember
    left: list[str] = field(default_factory=list)  # folders that were remembered, and are none any more


@dataclass
class Listing:
    """One folder as it was listed: its times before that, the run logs in it, and the folders to be looked into."""

    stamp: Stamp
    logs: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)
    by_link: bool = False  # a log lies elsewhere, and may come and go without a trace here


Skips = Callable[[str], bool]


def changes(
    connection: sqlite3.Connection,
    places: Iterable[Path],
    everything: bool = False,
    skips: Skips | None = None,
    are_certain: bool = False,
) -> Changes:
    """Return what changed at or below `places`; with `everything`, of all other logs that the index knows as well.

    Places must exist. A log that is not found is `gone` only if no sign says that a file system is away, see
    absence.py: what that held stays known. Places that `are_certain` were seen to be what they were, and whatever is
    not found in them is gone. Nothing is said of what `skips` names.
    """
    found = Changes()
    skips = skips or _skips_nothing
    looked_at = _without_those_below_others((place.resolve() for place in places), skips)
    absence = Absence(Path(root) for (root,) in connection.execute("SELECT path FROM roots"))

    def is_gone(path: str, mtime_ns: int) -> bool:
        is_looked_through = any(is_below(path, place) for place in looked_at)
        return (are_certain and is_looked_through) or absence.is_certain(Path(path), mtime_ns, is_looked_through)

    known = _look_at_logs(connection, [] if everything else looked_at, found, skips, is_gone)
    new: set[str] = set()
    for place in looked_at:
        if place.is_dir():
            new.update(log for log in _look_at_folders(connection, str(place), found, skips) if log not in known)
        elif str(place) not in known:
            new.add(str(place))
    if everything:  # what an index knew that this one replaces
        before = {path for (path,) in connection.execute("SELECT path FROM to_index")}
        new.update(path for path in before - known if os.path.exists(path))
    found.logs = sorted({*found.logs, *map(Path, new)}, key=str)
    return found


def remember(connection: sqlite3.Connection, found: Changes) -> None:
    """Note which folders need not be listed again until they change; the caller's transaction makes it whole.

    To be called when the logs of `found` are in the index.
    """
    known = {path for (path,) in connection.execute("SELECT path FROM logs")}
    connection.executemany("DELETE FROM folders WHERE path = ?", [(folder,) for folder in found.left])
    connection.executemany(
        "INSERT OR REPLACE INTO folders (path, mtime_ns, ctime_ns) VALUES (?, ?, ?)",
        [
            (folder, *(listing.stamp if known.issuperset(listing.logs) else NEVER))
            for folder, listing in found.listed.items()
            if is_text(folder)
        ],
    )


def is_below(path: str, place: Path) -> bool:
    """Return whether `path` is `place`, or lies below it."""
    return path == str(place) or path.startswith(_front(place))


def _skips_nothing(path: str) -> bool:
    del path
    return False


def _without_those_below_others(places: Iterable[Path], skips: Skips) -> list[Path]:
    """Return the places without those that are come by from another one."""
    kept: list[Path] = []
    for place in sorted(set(places), key=lambda place: len(place.parts)):
        above = next((above for above in kept if is_below(str(place), above)), None)
        if above is None or any(skips(str(folder)) for folder in place.parents if is_below(str(folder), above)):
            kept.append(place)
    return kept


def _look_at_logs(
    connection: sqlite3.Connection,
    places: Sequence[Path],
    found: Changes,
    skips: Skips,
    is_gone: Callable[[str, int], bool],
) -> set[str]:
    """Compare the logs that are known below `places`, of none: all, with their files, and return their paths.

    `is_gone` is asked of a path where nothing is, and when that was last written.
    """
    known = set()
    stat = os.stat
    for path, size, mtime_ns in _rows(connection, "SELECT path, size, mtime_ns FROM logs", places):
        known.add(path)
        if skips(path):
            continue
        try:
            status = stat(path)
        except (FileNotFoundError, NotADirectoryError):
            if is_gone(path, mtime_ns):
                found.gone.append(Path(path))
            continue
        except OSError:  # whoever reads it says why that can't be done
            found.logs.append(Path(path))
            continue
        if status.st_size != size or status.st_mtime_ns != mtime_ns:
            found.logs.append(Path(path))
    return known


def _look_at_folders(connection: sqlite3.Connection, root: str, found: Changes, skips: Skips) -> Iterator[str]:
    """List the folders at or below `root` that are new or have changed; yield the paths of all logs in them."""
    known, unlisted = _known_folders(connection, root, found)
    settled_before = time.time_ns() - SETTLED_NS
    while unlisted:
        folder = unlisted.pop()
        if skips(folder):
            continue
        listing = _listing(folder)
        if listing is None:  # with all in it: what is still there is seen through a link
            found.left += [path for path in known if is_below(path, Path(folder))]
            unlisted = [path for path in unlisted if not is_below(path, Path(folder))]
            continue
        unlisted += [below for below in listing.below if below not in known]
        yield from (log for log in listing.logs if not skips(log))
        left_out = any(map(skips, (*listing.below, *listing.logs)))  # which may not be so the next time
        if left_out or max(listing.stamp) >= settled_before or not all(map(is_text, listing.below)):
            listing.stamp = NEVER
        if known.get(folder) != listing.stamp:
            found.listed[folder] = listing


def _known_folders(connection: sqlite3.Connection, root: str, found: Changes) -> tuple[dict[str, Stamp], list[str]]:
    """Return the remembered folders at or below `root`, and which are to be listed; in that list parents are last."""
    known: dict[str, Stamp] = {}
    unlisted = []
    lstat = os.lstat
    for path, mtime_ns, ctime_ns in _rows(connection, "SELECT path, mtime_ns, ctime_ns FROM folders", [Path(root)]):
        known[path] = (mtime_ns, ctime_ns)
        try:
            status = lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            found.left.append(path)
            continue
        except OSError:
            unlisted.append(path)
            continue
        if status.st_mtime_ns != mtime_ns or status.st_ctime_ns != ctime_ns:
            unlisted.append(path)
    if root not in known:
        unlisted.append(root)
    unlisted.sort(key=len, reverse=True)
    return known, unlisted


def _listing(folder: str) -> Listing | None:
    """Return what is in a folder, where it is one; links to other folders are not."""
    listing = Listing(NEVER)
    try:
        status = os.lstat(folder)  # before its entries: what comes later must make it look new the next time
        if not S_ISDIR(status.st_mode):
            return None
        with os.scandir(folder) as entries:
            for entry in entries:
                _note(listing, folder, entry)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # no permission, as a rule: that may change, and would not show in the folder above
        return Listing(NEVER)
    if not listing.by_link:
        listing.stamp = (status.st_mtime_ns, status.st_ctime_ns)
    return listing


def _note(listing: Listing, folder: str, entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        if not entry.name.startswith(".") and not is_inside_run(folder, entry.name):
            listing.below.append(entry.path)
    elif is_log_name(entry.name) and not entry.is_dir():
        if entry.is_symlink():
            listing.by_link = True
            listing.logs.append(os.path.realpath(entry.path))
        else:
            listing.logs.append(entry.path)


def _rows(connection: sqlite3.Connection, query: str, places: Sequence[Path]) -> list[tuple[str, int, int]]:
    """Return the rows of a query whose `path` is at or below any of these places; of none: all rows."""
    arguments: list[str | int] = []
    for place in places:
        arguments += [str(place), len(_front(place)), _front(place)]
    where = " WHERE " + " OR ".join(["path = ? OR substr(path, 1, ?) = ?"] * len(places)) if places else ""
    return connection.execute(query + where, arguments).fetchall()


def _front(place: Path) -> str:
    """Return what the path of everything below `place` begins with."""
    return f"{str(place).rstrip('/')}/"

"""Copy the files of an artifact to a folder, several at once, each checked by its digest while it is copied."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from runstore.core.manifest import ManifestEntry
from runstore.errors import NotFound
from runstore.sdk.artifacts.landing import DownloadRefused, WrongBytes, clear_stale, copy, has_digest
from runstore.sdk.artifacts.stored import StoredEntry, algorithm_of

_AT_ONCE = 8  # files; more make no disk faster
# So much is worth a bar to look at; what is less is done before anybody could read it.
_LONG_BYTES = 200 << 20
_LONG_FILES = 5000

Progress = Callable[[int], object]  # is told each file's size


class BytesMissing(NotFound, FileNotFoundError):
    """The bytes of an artifact's file are nowhere where they could be. A FileNotFoundError too."""

    def __str__(self) -> str:
        return str(self.args[0])


def download(entries: Sequence[ManifestEntry], root: Path, name: str, allow_missing: bool = False) -> None:
    """Make these entries of artifact `name` files below `root`; what else is there stays.

    A file that is there already, with the right bytes, is left as it is. Raises DownloadRefused, BytesMissing and
    WrongBytes, naming the file; nothing but whole files is left then. With `allow_missing`, references whose targets
    are gone are left out.
    """
    folders = {root / os.path.dirname(entry.path) for entry in entries}
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadRefused.by(error, root) from error
    for folder in folders:
        clear_stale(folder)
    with _bar(entries, name) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            waiting = {pool.submit(_one, entry, root, name, allow_missing, progress) for entry in entries}
            done, _ = wait(waiting, return_when=FIRST_EXCEPTION)
            for one in done:
                one.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def download_entry(entry: ManifestEntry, root: Path, name: str) -> str:
    """Make one entry of artifact `name` a file below `root`, and return its path. Raises what `download` raises."""
    target = root / entry.path
    clear_stale(target.parent)
    download_to(entry, target, name=name)
    return str(target)


def download_to(entry: ManifestEntry, target: Path, hops: int = 0, name: str = "") -> None:
    """Make `target` the file of an entry, unless it is that already; `hops` is over how many references it was come."""
    if entry.ref is not None:
        from runstore.sdk.artifacts.fetchedreferences import bring

        bring(entry, target, hops)
        return
    algorithm = algorithm_of(entry)
    if entry.size in (None, _size(target)) and has_digest(target, entry.digest, algorithm):
        return
    if os.path.isdir(target):  # Path.is_dir raises for names that are too long
        raise DownloadRefused(f"{target}: is a folder, where {entry.path} of artifact {name} was to be written")
    wrong: Exception | None = None
    for place in places_of(entry):
        try:
            copy(place, target, entry.digest, algorithm)
            return
        except DownloadRefused:
            raise
        except (WrongBytes, OSError) as error:  # written to since, or gone: another place may have them
            wrong = wrong or error
    if isinstance(wrong, WrongBytes):
        raise WrongBytes(f"artifact {name}: {entry.path} can't be had: {wrong}") from wrong
    raise BytesMissing(_nowhere(entry, name)) from wrong


def places_of(entry: ManifestEntry) -> Iterator[Path]:
    """Yield the files that should hold an entry's bytes, the nearest first."""
    from runstore.query.artifacts import fetching

    known = (entry.run_directory, entry.other_directories) if isinstance(entry, StoredEntry) else ("", ())
    wanted = fetching.Wanted(entry.digest, entry.size, entry.local_path or "", known[0], algorithm_of(entry), known[1])
    return fetching.places_of(wanted)


def _one(entry: ManifestEntry, root: Path, name: str, allow_missing: bool, progress: Progress) -> None:
    try:
        download_to(entry, root / entry.path, name=name)
    except FileNotFoundError:
        if not allow_missing or entry.ref is None:
            raise
    progress(entry.size or 0)


def _nowhere(entry: ManifestEntry, name: str) -> str:
    where = entry.run_directory if isinstance(entry, StoredEntry) and entry.run_directory else None
    looked = f"in {where}/blobs, in those of runs that logged the same" if where else f"at {entry.local_path}"
    return (
        f"artifact {name}: the bytes of {entry.path} are gone ({entry.size or 0:,} bytes, digest {entry.digest}); they"
        f" were looked for {looked}, in this machine's cache and on the hub, where one is set. What the log says of"
        " them is intact"
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


@contextmanager
def _bar(entries: Sequence[ManifestEntry], name: str) -> Iterator[Progress]:
    """Yield what shows the progress of a long download on a terminal, and else nothing."""
    total = sum(entry.size or 0 for entry in entries)
    if not sys.stderr.isatty() or (total < _LONG_BYTES and len(entries) < _LONG_FILES):
        yield lambda size: None
        return
    import threading

    import click

    lock = threading.Lock()
    with click.progressbar(length=total + len(entries), label=f"downloading {name}", file=sys.stderr) as bar:

        def advance(size: int) -> None:
            with lock:
                bar.update(size + 1)

        yield advance

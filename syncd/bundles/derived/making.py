"""Make what a redacted bundle holds: logs derived from the chosen ones, in a folder of our own, and files that leave.

Whole runs only: a receipt of what was derived proves nothing of the originals, so there is nothing to go on from. The
originals are only read. Afterwards all that is to leave is searched for the words that must not.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runstore.errors import LogError, StorageError, UsageError
from runstore.paths import home_folder, is_edit_log_name
from runstore.runlog import codec
from runstore.runlog.process import ProcessName
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import Derived
from runstore.syncd.bundles.derived.beside import Beside, as_entry
from runstore.syncd.bundles.derived.finding import Finder, Found
from runstore.syncd.bundles.derived.leftovers import REFUSE, settle
from runstore.syncd.bundles.derived.records import Redactor
from runstore.syncd.bundles.derived.redaction import Redaction
from runstore.syncd.bundles.derived.writing import write_derived
from runstore.syncd.bundles.gathering import Gathered, Source, gather
from runstore.syncd.bundles.manifest import BundledLog
from runstore.syncd.delivery import Ready
from runstore.syncd.outgoing import lies_beside
from runstore.syncd.stamps import names_its_digest, stamp_of

_FRONT = "derived-"
_LOCK = "lock"


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a folder for derived logs, which is gone afterwards; removes those of processes that were killed."""
    home = home_folder()
    for left in home.glob(f"{_FRONT}*"):
        with contextlib.suppress(OSError), (left / _LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_FRONT, dir=home))
    try:
        with (folder / _LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class _One:
    """A derived log, and the one that it is of."""

    original: Ready
    derived: Ready
    beside: Beside


def derive(
    ready: Iterable[Ready],
    redaction: Redaction,
    scratch: Path,
    progress: Callable[[int], None] = lambda size: None,
    if_found: str = REFUSE,
) -> Gathered:
    """Return what is to be carried: logs derived from these, and what leaves of the files beside them.

    `scratch` must stay until the bundle is written. Raises UsageError where a run is still recorded, or an id of one
    is made of what must not leave; StillThere, as `if_found` says, where a file is; StorageError where something can't
    be read, or written to `scratch`.
    """
    chosen = _each_once(ready)
    _refuse_live(chosen)
    finder = Finder(redaction)
    try:
        for what in chosen:
            finder.look(what.log)
        _refuse_ids(chosen, finder.found)
        made = [_derived(what, redaction, finder.found, scratch, at) for at, what in enumerate(chosen)]
        gathered = gather([one.derived for one in made], progress=progress)
        gathered.partial = _in_words(redaction)
        _add_files(gathered, made, progress)
        if redaction.rewrites:
            settle(gathered, {one.derived.log: one.original.log for one in made}, finder.found, if_found)
    except OSError as error:
        raise StorageError(f"{error.filename or scratch}: {error.strerror or error}; nothing was written") from error
    return gathered


def _each_once(ready: Iterable[Ready]) -> list[Ready]:
    """Return the logs in an order of their own; of copies of one the longest."""
    found: dict[str, Ready] = {}
    for what in sorted(ready, key=lambda one: (one.entity, one.project, one.run, one.log_id, -one.end, str(one.log))):
        found.setdefault(what.log_id, what)
    return list(found.values())


def _refuse_live(chosen: Sequence[Ready]) -> None:
    for what in chosen:
        if is_edit_log_name(what.log.name) or what.has_ended:
            continue
        if what.is_live or _process_lives(what.log):
            raise UsageError(
                f"{what.run} is still recorded ({what.log}): only whole runs can be redacted. Choose others, with a"
                " filter such as state:finished, or wait until it is done"
            )


def _process_lives(log: Path) -> bool:
    """Return whether the process that began a log is known to be there: it may write seldom."""
    for framed in LogReader(log):
        record = codec.decode(framed.payload)
        if record is None or not record.HasField("header"):
            return False
        origin = record.header.origin
        process = ProcessName(origin.host, origin.boot_id, origin.pid, origin.pid_started_ticks)
        return bool(origin.writer) and process.is_alive() is True
    return False


def _refuse_ids(chosen: Sequence[Ready], found: Found) -> None:
    for what in chosen:
        if found.words.count(what.run.encode()):
            raise UsageError(f"the id of the run {what.run} holds what is to be redacted, and can't be another one")


def _derived(what: Ready, redaction: Redaction, found: Found, scratch: Path, number: int) -> _One:
    words = found.words
    folder = _folder(scratch, number, words.replaced(what.log.parent.name), what.log.name)
    lying = Beside(what.log, redaction, found, scratch / "beside" / str(number))
    redactor = Redactor(redaction, words, lying.leaves, lying.listed)
    log = folder / what.log.name
    of = Derived(log_id=what.log_id, size=what.end, left_out=redaction.names)
    records = write_derived(what.log, what.end, log, redactor, of)
    identity = codec.log_identity(log)
    if identity is None:
        raise LogError(f"{what.log}: shows no run in what may leave of it; it can't be redacted")
    derived = replace(
        what,
        log=log,
        log_id=identity.log_id,
        end=log.stat().st_size,
        records=records,
        entity=words.replaced(what.entity),
        project=words.replaced(what.project),
    )
    return _One(what, derived, lying)


def _folder(scratch: Path, number: int, name: str, log: str) -> Path:
    """Return a folder of this name, as few as can be: logs of one run directory share it, unless names meet."""
    folder = scratch / "runs" / name
    if (folder / log).exists():
        folder = scratch / "others" / str(number) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _add_files(gathered: Gathered, made: Sequence[_One], progress: Callable[[int], None]) -> None:
    """Give each derived log in what is gathered the files that leave with it."""
    by_id = {one.derived.log_id: one for one in made}

    def with_files(log: BundledLog) -> BundledLog:
        one = by_id[log.log_id]
        if not lies_beside(one.original.log, one.original.end):
            return log
        entries = {}
        for leaving in one.beside.files(gathered.notes):
            stamp = stamp_of(leaving.source, leaving.source.stat().st_mtime_ns)
            progress(stamp.size)
            entry = as_entry(leaving, stamp.size, stamp.sha256)
            if names_its_digest(entry.folder, entry.path) and entry.path != entry.sha256:
                gathered.notes.append(
                    f"{leaving.source}: is damaged: its bytes are not those that its name says; left out"
                )
                continue
            if (entry.folder, entry.path) in entries:
                gathered.notes.append(
                    f"{leaving.source}: another file has its name without what must not leave; left out"
                )
                continue
            entries[entry.folder, entry.path] = entry
            gathered.sources["blobs", stamp.sha256] = Source(leaving.source, stamp)
        return replace(log, files=tuple(entries.values()))

    gathered.runs = [replace(run, logs=tuple(map(with_files, run.logs))) for run in gathered.runs]


def _in_words(redaction: Redaction) -> str:
    redacted = [name for name in redaction.names if name != "media"]
    said = ["without media"] if redaction.without_media else []
    return "; ".join([*said, *([f"without {', '.join(redacted)}"] if redacted else [])])

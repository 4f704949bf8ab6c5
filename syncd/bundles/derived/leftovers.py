"""Words that must not leave, in what is to leave all the same: files of the user, and bytes of artifacts.

Nobody rewrites these: an artifact's bytes are what its digest says, and a file that reads otherwise than its user wrote
it is worth less than none. So they are searched, once everything else is made, and who makes the bundle says what
becomes of those that hold such a word. Values of config that were taken out are looked for as well.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runstore.errors import Error
from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from runstore.syncd.bundles.derived.finding import Found
from runstore.syncd.bundles.derived.records import texts_in
from runstore.syncd.bundles.gathering import Gathered
from runstore.syncd.bundles.manifest import BundledLog

REFUSE, OMIT, ALLOW = CHOICES = ("refuse", "omit", "allow")
_READ_BYTES = 1 << 20
_OVERLAP_BYTES = 256  # a word that lies across two pieces is found in the second
_GZIP = b"\x1f\x8b"
_MOST_TOLD = 5
_LONGEST_WORD = 60


class StillThere(Error):
    """Something that was to be redacted stands where it can't be: nothing was written."""


@dataclass(frozen=True)
class _Leftover:
    """A file, or a log that is made of one, and which words it holds."""

    kind: str
    digest: str
    place: str
    words: str

    @property
    def sentence(self) -> str:
        return f"{self.place}: still holds {self.words}"


def settle(gathered: Gathered, originals: Mapping[Path, Path], found: Found, choice: str = REFUSE) -> None:
    """Search what was gathered, and refuse, leave out or allow what holds a word; what was done is in its notes.

    `originals` are the logs that derived ones are made of. Raises StillThere, which names the first few.
    """
    left = list(_leftovers(gathered, originals, found))
    refused = [one for one in left if choice == REFUSE or (choice == OMIT and one.kind == "logs")]
    if refused:
        raise StillThere(_refusal(refused, choice))
    if choice == OMIT:
        _omit(gathered, {one.digest for one in left})
        gathered.notes += [f"{one.place}: was left out, since it holds {one.words}" for one in left]
    else:
        gathered.notes += [f"{one.sentence}; look at it before it leaves" for one in left]


def _refusal(refused: list[_Leftover], choice: str) -> str:
    said = "; ".join(one.sentence for one in refused[:_MOST_TOLD])
    more = f"; so do {len(refused) - _MOST_TOLD:,} more" if len(refused) > _MOST_TOLD else ""
    files = "--if-found omit leaves out files that do, " if choice == REFUSE else "leave these runs out; "
    return f"{said}{more}. Nothing was written: {files}--if-found allow lets them leave; --dry-run --list shows all"


def _omit(gathered: Gathered, digests: set[str]) -> None:
    def without(log: BundledLog) -> BundledLog:
        return replace(log, files=tuple(file for file in log.files if file.sha256 not in digests))

    gathered.runs = [replace(run, logs=tuple(map(without, run.logs))) for run in gathered.runs]
    for digest in digests:
        gathered.sources.pop(("blobs", digest), None)


def _leftovers(gathered: Gathered, originals: Mapping[Path, Path], found: Found) -> Iterator[_Leftover]:
    for (kind, digest), source in gathered.sources.items():
        counts = _counts(_pieces(source.path), found)
        original = originals.get(source.path)
        if counts and original is not None:  # what was found may be none: a log is numbers and checksums as well
            counts = _counts(_texts(source.path), found)
        if counts:
            words = ", ".join(f"{word!r:.{_LONGEST_WORD}}" for word in sorted(counts)[:_MOST_TOLD])
            place = f"what is made of {original}" if original else str(source.path)
            yield _Leftover(kind, digest, place, words + ", ..." * (len(counts) > _MOST_TOLD))


def _counts(pieces: Iterable[bytes], found: Found) -> Counter[str]:
    counts: Counter[str] = Counter()
    for some in pieces:
        counts += found.words.count(some) + found.suspects.count(some)
    return counts


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces that overlap; one that is compressed by gzip, or written in UTF-16, as what it says."""
    with path.open("rb") as file:
        front = file.read(2)
    if front == _GZIP:
        with contextlib.suppress(gzip.BadGzipFile, EOFError, zlib.error), gzip.open(path) as file:
            yield from _overlapping(file.read1)
    if front in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        with path.open(encoding="utf-16", errors="replace") as text:
            yield from _overlapping(lambda size: text.read(size).encode("utf-8", "replace"))
    with path.open("rb") as file:
        yield from _overlapping(file.read)


def _overlapping(read: Callable[[int], bytes]) -> Iterator[bytes]:
    before = b""
    while some := read(_READ_BYTES):
        yield before + some
        before = some[-_OVERLAP_BYTES:]


def _texts(log: Path) -> Iterator[bytes]:
    """Yield all texts in the records of a log."""
    for framed in LogReader(log):
        record = codec.decode(framed.payload)
        for text in texts_in(record) if record is not None else ():
            yield text.encode("utf-8", "replace")

"""Read a manifest that comes from a stranger: everything is checked, and what is unknown is refused. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeVar

import orjson

from runstore.core.segments import Mark
from runstore.errors import UsageError
from runstore.paths import is_edit_log_name, is_log_name
from runstore.syncd.bundles.manifest import (
    FORMAT,
    MOST_ENTRIES,
    MOST_MANIFEST_BYTES,
    MOST_MEMBER_BYTES,
    MOST_PARTS,
    BundledLog,
    BundledRun,
    Content,
    Manifest,
    Member,
    Piece,
    WrongBundle,
    whole_pieces,
)
from runstore.syncd.remotes.base import FileEntry
from runstore.syncd.untrusted import check_digest, check_folder, check_path, check_size

# What 500,000 entries, each with a member, come to: JSON that has more of them is not even parsed, for as Python's
# objects it takes many times the memory that it takes as text.
_MOST_OBJECTS, _MOST_VALUES = 6 * MOST_ENTRIES, 16_000_000
MOST_NAME_BYTES = 255  # of a file or folder, as file systems have it
_MOST_STEPS = 100  # from the run directory to a file
_MOST_PATH_BYTES = 3000  # of these together: with the folder of runs before it, 4,096 are what a system call takes
_MEMBER = re.compile(r"(logs|blobs)/([0-9a-f]{64})/(\d{1,19})-(\d{1,19})")

T = TypeVar("T")


def parse(data: bytes) -> Manifest:
    """Return the manifest in these bytes. Raises WrongBundle, saying what is wrong with it."""
    body = parse_json(data)
    try:
        found = _manifest(body)
    except UsageError as error:
        raise WrongBundle(f"the manifest is wrong: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise WrongBundle(f"the manifest lacks something, or has another form ({error!r:.100})") from error
    if body["bundle"] != found.bundle:
        raise WrongBundle("the manifest bears the id of another content")
    if found.encoded() != data:
        raise WrongBundle("the manifest says more than this runstore knows, or is not in the form that it has")
    return found


def parse_json(data: bytes) -> Any:
    """Return what a JSON text of strangers says; raises WrongBundle for none, and for far too much of it."""
    if is_too_much(data):
        raise WrongBundle(f"it names more than {MOST_ENTRIES:,} logs and files, which no bundle of runstore does")
    try:
        return orjson.loads(data)
    except ValueError:
        raise WrongBundle("it holds no JSON where that belongs") from None


def is_too_much(data: bytes) -> bool:
    """Return whether JSON is longer, or has more in it, than anybody is asked to read."""
    objects = data.count(b"{")
    values = objects + data.count(b",") + data.count(b"[")
    return len(data) > MOST_MANIFEST_BYTES or objects > _MOST_OBJECTS or values > _MOST_VALUES


def content_of(body: Any) -> Content:
    """Return the content that `as_json` wrote. Raises WrongBundle and UsageError, or what a wrong form brings about."""
    previous, partial = _text(body["previous"]), _text(body["partial"])
    runs = _list(body["runs"], _run)
    logs = [log for run in runs for log in run.logs]
    if sum(1 + len(log.files) for log in logs) > MOST_ENTRIES:
        raise WrongBundle(f"the manifest names more than {MOST_ENTRIES:,} logs and files")
    if len({log.log_id for log in logs}) < len(logs):
        raise WrongBundle("the manifest names a log twice")
    return Content(runs, previous and check_digest(previous), partial)


def parse_piece(name: str) -> Piece:
    """Return the piece that a member's name means. Raises WrongBundle for any other name."""
    found = _MEMBER.fullmatch(name)
    if found:
        piece = Piece(found[1], found[2], int(found[3]), int(found[4]))
        if 0 <= piece.size <= MOST_MEMBER_BYTES and piece.name == name:
            return piece
    raise WrongBundle(f"{name!r:.200} is no name of what can be in a bundle")


def check_inside(path: object) -> str:
    """Return `path` if a file in a run directory can have it. Raises UsageError otherwise."""
    text = check_path(path)
    names = text.split("/")
    if len(names) > _MOST_STEPS:
        raise UsageError(f"{text[:80]!r}... lies in more than {_MOST_STEPS} folders")
    if len(text.encode()) > _MOST_PATH_BYTES:
        raise UsageError(f"{text[:80]!r}... is longer than {_MOST_PATH_BYTES:,} bytes")
    if any(len(name.encode()) > MOST_NAME_BYTES for name in names):
        raise UsageError(f"{text[:80]!r}... has a longer name than a file can have")
    return text


def _manifest(body: Any) -> Manifest:
    if body["format"] != FORMAT:
        raise WrongBundle(
            f"it is of format {body['format']!r:.20}, and this runstore reads format {FORMAT}; install a newer runstore"
        )
    part, parts = _count(body["part"]), _count(body["parts"])
    if not 1 <= part <= parts:
        raise WrongBundle(f"the manifest says that it is part {part} of {parts}")
    content = content_of(body["content"])
    proven = whole_pieces(content)
    members = _list(body["members"], lambda one: _member(one, proven))
    _check_pieces([member.piece for member in members], content)
    return Manifest(content, part, parts, members)


def _member(body: Any, proven: Mapping[Piece, str]) -> Member:
    piece = parse_piece(_text(body["name"]))
    return Member(piece, proven[piece] if piece in proven else check_digest(body["sha256"]))


def _check_pieces(pieces: list[Piece], content: Content) -> None:
    """Raise WrongBundle unless pieces are in order, of what the content speaks of, and no byte is in two of them.

    So the members of a part never come to more than the content says, whatever they are.
    """
    ranges = _ranges(content)
    for piece in pieces:
        start, end = ranges.get((piece.kind, piece.digest), (0, -1))
        if not start <= piece.start <= piece.end <= end or (piece.start == piece.end and start < end):
            raise WrongBundle(f"the manifest names {piece.name}, of which it doesn't speak otherwise")
    for one, other in pairwise(pieces):
        is_same = (one.kind, one.digest) == (other.kind, other.digest)
        if one >= other or (is_same and other.start < one.end):
            raise WrongBundle(f"the manifest names {other.name} twice, or not in its place")


def _ranges(content: Content) -> dict[tuple[str, str], tuple[int, int]]:
    """Return which bytes there are of each log and file. Raises WrongBundle where that is said in two ways."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for run in content.runs:
        for log in run.logs:
            found["logs", log.log_id] = (log.before.size, log.mark.size)
            for file in log.files:
                if found.setdefault(("blobs", file.sha256), (0, file.size)) != (0, file.size):
                    raise WrongBundle(f"the manifest has two sizes for the file {file.sha256}")
    return found


def _run(body: Any) -> BundledRun:
    logs = _list(body["logs"], _log)
    return BundledRun(_text(body["entity"]), _text(body["project"]), _text(body["run_id"]), logs)


def _log(body: Any) -> BundledLog:
    log = BundledLog(
        log_id=check_digest(body["log_id"]),
        folder=_one_name(body["folder"]),
        name=_one_name(body["name"]),
        before=_mark(body["before"]),
        mark=_mark(body["mark"]),
        records=check_size(body["records"]),
        files=_list(body["files"], _file),
        changed_at=check_size(body["changed_at"]),
    )
    if not (is_log_name(log.name) or is_edit_log_name(log.name)):
        raise WrongBundle(f"{log.name!r:.200} is no name of a log")
    if not log.before.size <= log.mark.size or not log.mark.size:
        raise WrongBundle(f"log {log.name!r:.200} ends before it begins")
    _check_paths(log)
    return log


def _check_paths(log: BundledLog) -> None:
    """Raise WrongBundle where two files of a log could not lie beside each other."""
    paths = {f"{file.folder}/{file.path}" for file in log.files}
    if len(paths) < len(log.files):
        raise WrongBundle(f"the manifest names a file of {log.folder!r:.200} twice")
    for path in paths:
        above = path.rpartition("/")[0]
        while above:
            if above in paths:
                raise WrongBundle(f"the manifest has {above!r:.200} both as a file and as a folder")
            above = above.rpartition("/")[0]


def _file(body: Any) -> FileEntry:
    size, sha256 = check_size(body["size"]), check_digest(body["sha256"])
    return FileEntry(check_inside(body["path"]), size, sha256, check_folder(_text(body["folder"])))


def _mark(body: Any) -> Mark:
    return Mark(check_size(body["size"]), check_digest(body["chain"]), check_digest(body["open_digest"]))


def _one_name(value: object) -> str:
    """Return a name of one folder or file. Raises UsageError for a path, a hidden name, and one that is too long."""
    name = check_inside(value)
    if "/" in name or name.startswith("."):
        raise UsageError(f"{name[:80]!r} is not the name of one file")
    return name


def _list(value: object, made: Callable[[Any], T]) -> tuple[T, ...]:
    if not isinstance(value, list):
        raise WrongBundle("the manifest has something else where a list belongs")
    return tuple(map(made, value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise WrongBundle(f"the manifest has {value!r:.80} where a text belongs")
    return value


def _count(value: object) -> int:
    count = check_size(value)
    if count > MOST_PARTS:
        raise WrongBundle(f"the manifest counts to {count:,}, and no bundle of runstore has that many parts")
    return count

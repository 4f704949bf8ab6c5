"""Where the bytes of versions are: on this machine, only at a hub, or nowhere; and whether they are what was logged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runstore.core.artifactname import ArtifactName
from runstore.core.identity import RunPath
from runstore.core.manifest import ALGORITHM_KEY, MD5
from runstore.errors import CommError
from runstore.index.artifacts.manifestfile import ManifestMissing
from runstore.query.artifacts.elsewhere import files_elsewhere
from runstore.query.artifacts.fetching import Wanted, places_here
from runstore.query.artifacts.registry import Entry, Registry, Version

HERE, HUB, LOST, REFERENCE = "here", "hub", "lost", "reference"
DAMAGED = "damaged"

Progress = Callable[[int], object]  # is told the size of what was read


@dataclass(frozen=True)
class Whereabouts:
    """One entry of a version: `state` is here, hub, lost, reference or damaged (all bytes that are here are others).

    `place` is the file on this machine, None where there is none; `note` is why it could not be found out more.
    """

    entry: Entry
    state: str
    place: Path | None = None
    note: str = ""


def whereabouts(known: Registry, version: Version) -> list[Whereabouts]:
    """Return where each entry of a version is, in order of path; no bytes are read, files of the right size count.

    The hubs that the user has named are asked only if something is not here.
    """
    try:
        entries = known.entries(version)
    except ManifestMissing as error:
        return [_unlisted(version, error)]
    directories = known.directories_with(version)
    return _completed(version, [_whereabouts(entry, next(_places(entry, directories), None)) for entry in entries])


def whereabouts_here(known: Registry, version: Version, entries: Sequence[Entry]) -> list[Whereabouts]:
    """Return where these entries of a version are on this machine; no hub is asked: what is not here is `lost`."""
    directories = known.directories_with(version)
    return [_whereabouts(entry, next(_places(entry, directories), None)) for entry in entries]


def whereabouts_unknown(entries: Sequence[Entry]) -> list[Whereabouts]:
    """Return the same of entries whose logs are from other machines: no path that these name is looked at."""
    return [_whereabouts(entry, None) for entry in entries]


def run_of_log(known: Registry, log: Path) -> RunPath | None:
    """Return the run that a log is of, beside which lie the bytes of what it names; None where it was forgotten."""
    query = "SELECT r.entity, r.project, r.run_id FROM logs AS l JOIN runs AS r ON r.id = l.run WHERE l.path = ?"
    found = known.connection.execute(query, (str(log),)).fetchone()
    return None if found is None else RunPath(*found)


def checked(
    known: Registry, version: Version, seen: dict[tuple[object, ...], bool], progress: Progress
) -> list[Whereabouts]:
    """Return the same, with the digests of all bytes that are here compared with the manifest.

    `seen` is what was found out of files before, which are read once, however many versions hold them.
    """
    try:
        entries = known.entries(version)
    except ManifestMissing as error:
        return [_unlisted(version, error)]
    found, directories = [], known.directories_with(version)
    for entry in entries:
        whole = next((place for place in _places(entry, directories) if _is_whole(place, entry, seen)), None)
        there = next(_places(entry, directories), None)
        if whole is None and there is not None:
            found.append(Whereabouts(entry, DAMAGED, there))
        else:
            found.append(_whereabouts(entry, whole))
        progress(entry.size)
    return _completed(version, found)


def counted(found: Sequence[Whereabouts]) -> dict[str, dict[str, int]]:
    """Return by state how many entries there are, and how many bytes; states that none is in are left out."""
    counts: dict[str, dict[str, int]] = {}
    for each in found:
        count = counts.setdefault(each.state, {"count": 0, "bytes": 0})
        count["count"] += 1
        count["bytes"] += each.entry.size
    return counts


def _unlisted(version: Version, error: ManifestMissing) -> Whereabouts:
    """Return what stands for all files of a version, where what they are is not known any more."""
    return Whereabouts(Entry("*", version.digest, 0, "", "", {}, version.path), LOST, None, str(error))


def _whereabouts(entry: Entry, place: Path | None) -> Whereabouts:
    if entry.ref:
        return Whereabouts(entry, REFERENCE)
    return Whereabouts(entry, LOST if place is None else HERE, place)


def _places(entry: Entry, directories: tuple[str, ...]) -> Iterator[Path]:
    if not entry.ref:
        algorithm, directory = str(entry.extra.get(ALGORITHM_KEY, MD5)), str(entry.log.parent)
        wanted = Wanted(entry.digest, entry.size, entry.local_path, directory, algorithm, directories)
        yield from places_here(wanted)


def _is_whole(place: Path, entry: Entry, seen: dict[tuple[object, ...], bool]) -> bool:
    """Return whether a file has the bytes of an entry, reading it unless it was read before, under any name."""
    from runstore.sdk.artifacts.landing import has_digest

    try:
        status = place.stat()
    except OSError:  # gone meanwhile
        return False
    key = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, entry.digest
    if key not in seen:
        seen[key] = has_digest(place, entry.digest, str(entry.extra.get(ALGORITHM_KEY, MD5)))
    return seen[key]


def _completed(version: Version, found: list[Whereabouts]) -> list[Whereabouts]:
    """Return the same, where of what is lost here a hub has said whether it has it."""
    if not any(each.state in (LOST, DAMAGED) for each in found):
        return found
    name = ArtifactName(*version.collection, f"v{version.number}")
    try:
        held, why = files_elsewhere(name, version.digest), ""
    except CommError as error:
        held, why = set(), str(error)
    return [_known_elsewhere(each, held, why) if each.state in (LOST, DAMAGED) else each for each in found]


def _known_elsewhere(each: Whereabouts, held: set[str], why: str) -> Whereabouts:
    if each.entry.path in held and each.state == LOST:
        return Whereabouts(each.entry, HUB)
    at_hub = "a hub has its bytes" if each.entry.path in held else why
    return Whereabouts(each.entry, each.state, each.place, at_hub)

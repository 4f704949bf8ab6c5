"""Which number each version of a collection has, and where its aliases point: a fold of what logs say. Pure.

Whoever logs an artifact claims the number above all that it knows, so numbers don't change when older logs turn up
later, and that of a version that is gone means no other. Of two claims of one number the earlier keeps it, by the time
of the move, then by client id; the other version, and those of tools that claim nothing, get the lowest numbers that
nobody claims, in order of time. Equal content is one version, whoever logs it; what is logged again after it was
removed is a new one. So the same logs give the same numbers, in whatever order they are read.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from runstore.core.moves import Move

LATEST = "latest"
# Claims above it are damage that no checksum saw: nobody has so many versions, and what is above must have a number.
HIGHEST_CLAIM = 1 << 40


@dataclass(frozen=True)
class Entrance:
    """An artifact that was logged into a collection, or linked to it: its content, and the number it claimed.

    `aliases` are those that it was logged with by tools that make no moves.
    """

    made_ns: int
    client_id: str
    digest: str
    claim: int | None = None
    aliases: tuple[str, ...] = ()

    @property
    def valid_claim(self) -> int | None:
        """The number that it claims, where that can be one."""
        return self.claim if self.claim is not None and 0 <= self.claim <= HIGHEST_CLAIM else None


@dataclass(eq=False)
class Version:
    """One content, from when it first entered the collection: `first` is the artifact that brought it."""

    first: Entrance
    number: int = -1
    removed: bool = False


@dataclass
class Numbering:
    """The versions of one collection by number, those that were removed among them.

    `numbers` are by client id, of all artifacts that are a version now; `aliases` are numbers by alias. `entered` says
    which version each artifact became, as it entered.
    """

    versions: dict[int, Version] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    entered: dict[Entrance, Version] = field(default_factory=dict)


@dataclass(frozen=True)
class _Change:
    """What is said of the aliases of a version, or that it enters or is removed, in order of time."""

    version: Version
    aliases: Sequence[str] = ()
    dropped: Sequence[str] = ()
    enters: bool = False
    removed: bool = False


def numbered(entrances: Iterable[Entrance], moves: Iterable[Move] = ()) -> Numbering:
    """Return the versions that artifacts make, and where moves of that collection leave the aliases.

    A move of an artifact that did not enter before changes nothing: its record is lost, or in a log that isn't here.
    Copies of one log say the same twice, which changes nothing either.
    """
    entered: dict[Entrance, Version] = {}
    holders: dict[str, Version] = {}  # by client id, the version that it became last
    changes = list(_changes(entrances, moves, entered, holders))
    versions = [change.version for change in changes if change.enters]
    _give_numbers(versions, entered)
    made = Numbering({version.number: version for version in sorted(versions, key=attrgetter("number"))})
    made.entered = entered
    made.numbers = {client_id: held.number for client_id, held in holders.items() if not held.removed}
    _point(made.aliases, changes)
    return made


def _changes(
    entrances: Iterable[Entrance],
    moves: Iterable[Move],
    entered: dict[Entrance, Version],
    holders: dict[str, Version],
) -> Iterator[_Change]:
    """Yield what happens to versions, in order of time; note which version each artifact became, and became last."""
    standing: dict[str, Version] = {}  # by digest
    for said in in_order(entrances, moves):
        if isinstance(said, Entrance):
            version = standing.get(said.digest)
            is_new = version is None
            version = version or standing.setdefault(said.digest, Version(said))
            entered.setdefault(said, version)
            holders[said.client_id] = version
            yield _Change(version, said.aliases, enters=is_new)
            continue
        held = holders.get(said.client_id)
        if held is None or held.removed:
            continue
        if said.removed:
            held.removed = True
            del standing[held.first.digest]
        yield _Change(held, said.aliases, said.dropped, removed=said.removed)


def in_order(entrances: Iterable[Entrance], moves: Iterable[Move]) -> list[Entrance | Move]:
    """Return all in order of time; of one time that of an artifact before what is done with it."""
    ordered: list[tuple[tuple[object, ...], Entrance | Move]] = []
    for entrance in entrances:
        key = (entrance.made_ns, entrance.client_id, 0, entrance.digest, entrance.claim or 0, entrance.aliases)
        ordered.append((key, entrance))
    for move in moves:
        ordered.append(((move.made_ns, move.client_id, 1, move.removed, move.aliases, move.dropped), move))
    ordered.sort(key=lambda pair: pair[0])
    return [said for _, said in ordered]


def _give_numbers(versions: Iterable[Version], entered: dict[Entrance, Version]) -> None:
    """Give each version the first number that was claimed for it, or else one that nobody claims."""
    claimed: set[int] = set()
    decided: set[Version] = set()
    for entrance, version in entered.items():  # in order of time
        number = entrance.valid_claim
        if number is None or version in decided:
            continue
        decided.add(version)
        if number not in claimed:
            version.number = number
            claimed.add(number)
    free = 0
    for version in versions:  # in order of time
        if version.number < 0:
            while free in claimed:
                free += 1
            version.number = free
            free += 1


def _point(aliases: dict[str, int], changes: Iterable[_Change]) -> None:
    """Let aliases point where the last that was said of them lets them point.

    When the version is removed that is `latest`, the one of the highest number is.
    """
    pointing: dict[int, set[str]] = {}
    highest: list[int] = []  # a heap of numbers, negative; of removed versions too, until they come up
    gone: set[int] = set()
    for change in changes:
        number = change.version.number
        if change.enters:
            heapq.heappush(highest, -number)
        if change.removed:
            gone.add(number)
            was_latest = aliases.get(LATEST) == number
            for alias in pointing.pop(number, ()):
                del aliases[alias]
            while highest and -highest[0] in gone:
                heapq.heappop(highest)
            if was_latest and highest:
                _let_point(aliases, pointing, LATEST, -highest[0])
            continue
        for alias in change.aliases:
            _let_point(aliases, pointing, alias, number)
        for alias in change.dropped:
            if aliases.get(alias) == number:
                del aliases[alias]
                pointing[number].discard(alias)


def _let_point(aliases: dict[str, int], pointing: dict[int, set[str]], alias: str, number: int) -> None:
    pointing.get(aliases.get(alias, -1), set()).discard(alias)
    aliases[alias] = number
    pointing.setdefault(number, set()).add(alias)

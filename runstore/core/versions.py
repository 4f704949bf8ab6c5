"""Which number each version of a collection has, and where its aliases point: a fold of what logs say. Pure.

Whoever logs an artifact claims the lowest number that it knows to be free, so numbers don't change when older logs turn
up later. Of two claims of one number the earlier keeps it, by the time of the move, then by client id; the other
version, and those of tools that claim nothing, get the lowest numbers that nobody claims, in order of time. Equal
content is one version, whoever logs it. So the same logs give the same numbers, in whatever order they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runstore.core.moves import Move

LATEST = "latest"


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


@dataclass
class Numbering:
    """The versions of one collection. `client_ids` are those of the artifacts that were first with their content."""

    client_ids: dict[int, str] = field(default_factory=dict)  # by number
    numbers: dict[str, int] = field(default_factory=dict)  # by client id, of all artifacts with the same content
    aliases: dict[str, int] = field(default_factory=dict)  # number by alias


def numbered(entrances: Iterable[Entrance], moves: Iterable[Move] = ()) -> Numbering:
    """Return the versions that artifacts make, and where moves of that collection leave the aliases.

    A move of an artifact that did not enter changes nothing: its record is lost, or in a log that isn't here.
    """
    firsts = list(_firsts(entrances))
    made = Numbering()
    for number, (first, others) in _numbers(firsts):
        made.client_ids[number] = first.client_id
        made.numbers.update({entrance.client_id: number for entrance in others})
    made.client_ids = dict(sorted(made.client_ids.items()))
    moves = sorted(moves, key=lambda move: (move.made_ns, move.client_id))
    _point(made, firsts, moves)
    _remove(made, moves)
    return made


def _firsts(entrances: Iterable[Entrance]) -> Iterator[tuple[Entrance, list[Entrance]]]:
    """Yield, for each content, the artifact that was first with it, and all that have it, in order of time."""
    by_digest: dict[str, list[Entrance]] = {}
    for entrance in sorted(entrances, key=lambda found: (found.made_ns, found.client_id)):
        by_digest.setdefault(entrance.digest, []).append(entrance)
    for same in by_digest.values():
        yield same[0], same


def _numbers(
    firsts: list[tuple[Entrance, list[Entrance]]],
) -> Iterator[tuple[int, tuple[Entrance, list[Entrance]]]]:
    claimed: dict[int, tuple[Entrance, list[Entrance]]] = {}
    unnumbered = []
    for content in firsts:  # in order of time
        claim = content[0].claim
        if claim is None or claim in claimed:
            unnumbered.append(content)
        else:
            claimed[claim] = content
    yield from claimed.items()
    number = 0
    for content in unnumbered:
        while number in claimed:
            number += 1
        yield number, content
        number += 1


def _point(made: Numbering, firsts: list[tuple[Entrance, list[Entrance]]], moves: list[Move]) -> None:
    """Let aliases point where the last that was said of them lets them point."""
    said = [(move.made_ns, move.client_id, move.aliases, move.dropped) for move in moves]
    said += [
        (entrance.made_ns, entrance.client_id, entrance.aliases, ())
        for _, same in firsts
        for entrance in same
        if entrance.aliases
    ]
    for _, client_id, aliases, dropped in sorted(said, key=lambda found: found[:2]):
        number = made.numbers.get(client_id)
        if number is None:
            continue
        made.aliases.update(dict.fromkeys(aliases, number))
        for alias in dropped:
            if made.aliases.get(alias) == number:
                del made.aliases[alias]


def _remove(made: Numbering, moves: list[Move]) -> None:
    """Take out the versions that were removed after they last entered; `latest` falls back to the one before."""
    for move in moves:
        number = made.numbers.get(move.client_id)
        if number is None or not move.removed:
            continue
        made.client_ids.pop(number, None)
        made.numbers = {client_id: at for client_id, at in made.numbers.items() if at != number}
        was_latest = made.aliases.get(LATEST) == number
        made.aliases = {alias: at for alias, at in made.aliases.items() if at != number}
        if was_latest and made.client_ids:
            made.aliases[LATEST] = max(made.client_ids)

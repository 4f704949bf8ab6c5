"""Numbers and aliases of versions follow from what is said alone: not from the order in which it turns up."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runstore.core.moves import CollectionPath, Move
from runstore.core.versions import Entrance, Numbering, numbered

HERE = CollectionPath("", "p", "model")
TIMES = st.integers(1, 30)
CLIENT_IDS = st.sampled_from("abcdefgh")
ALIASES = st.lists(st.sampled_from(["latest", "best", "prod"]), max_size=2, unique=True).map(tuple)
CLAIMS = st.one_of(st.none(), st.integers(0, 5))

entrances = st.builds(Entrance, TIMES, CLIENT_IDS, st.sampled_from(["d1", "d2", "d3", "d4"]), CLAIMS, ALIASES)
moves = st.builds(
    Move,
    TIMES,
    CLIENT_IDS,
    st.just(HERE),
    aliases=ALIASES,
    dropped=ALIASES,
    removed=st.sampled_from([False, False, False, True]),
)


def move(at: int, client_id: str, **more: Any) -> Move:
    return Move(at, client_id, HERE, **more)


def logged(at: int, client_id: str, digest: str | None = None, claim: int | None = None) -> Entrance:
    return Entrance(at, client_id, digest or f"digest of {client_id}", claim)


def said(made: Numbering) -> tuple[Any, ...]:
    versions = {number: (version.first, version.removed) for number, version in made.versions.items()}
    return versions, made.numbers, made.aliases


@given(st.lists(entrances, max_size=12), st.lists(moves, max_size=12), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same(came: list[Entrance], moved: list[Move], order: random.Random) -> None:
    before = said(numbered(came, moved))
    order.shuffle(came)
    order.shuffle(moved)
    assert said(numbered(came, moved)) == before
    assert said(numbered(came + came, moved + moved)) == before  # copies of a log


@given(st.lists(entrances, max_size=12), st.lists(moves, max_size=12))
def test_every_version_has_a_number_and_aliases_point_to_what_is_there(came: list[Entrance], moved: list[Move]) -> None:
    made = numbered(came, moved)
    there = {number for number, version in made.versions.items() if not version.removed}
    assert {version.number for version in made.versions.values()} == made.versions.keys()
    assert {*made.aliases.values(), *made.numbers.values()} <= there
    standing = [made.versions[number].first.digest for number in there]
    assert len(set(standing)) == len(standing)


@given(st.lists(st.tuples(TIMES, st.booleans()), max_size=12), st.randoms(use_true_random=False))
def test_claims_of_those_that_knew_all_before_are_kept(times: list[tuple[int, bool]], order: random.Random) -> None:
    came, made = list[Entrance](), list[int]()
    for place, (_, claims) in enumerate(times):
        number = max(numbered(came).versions, default=-1) + 1
        came.append(logged(place, f"c{place}", claim=number if claims else None))
        made.append(number)
    order.shuffle(came)
    numbers = numbered(came).numbers
    assert [numbers[f"c{place}"] for place in range(len(times))] == made


def test_numbers_have_no_gaps_where_nothing_is_claimed() -> None:
    assert numbered([logged(3, "c"), logged(1, "a"), logged(2, "b")]).numbers == {"a": 0, "b": 1, "c": 2}


def test_of_two_claims_the_earlier_keeps_the_number_and_the_other_gets_the_next_free_one() -> None:
    made = numbered([logged(2, "b", claim=0), logged(1, "a", claim=0), logged(3, "c", claim=1)])
    assert made.numbers == {"a": 0, "b": 2, "c": 1}


def test_equal_content_is_one_version_with_the_aliases_of_both() -> None:
    came = [logged(1, "a", "same", 0), logged(2, "b", "same", 0)]
    made = numbered(came, [move(1, "a", aliases=("latest",)), move(2, "b", aliases=("latest", "best"))])
    assert made.numbers == {"a": 0, "b": 0}
    assert made.aliases == {"latest": 0, "best": 0}
    assert made.versions[0].first.client_id == "a"


def test_what_was_removed_keeps_its_number_and_enters_again_as_a_new_version() -> None:
    came = [logged(1, "a", "same", 0), logged(2, "b", claim=1), logged(5, "c", "same", 2)]
    moved = [move(1, "a", aliases=("latest",)), move(2, "b", aliases=("latest",)), move(4, "a", removed=True)]
    made = numbered(came, moved)
    assert made.numbers == {"b": 1, "c": 2}
    assert [version.removed for version in made.versions.values()] == [True, False, False]


def test_latest_falls_back_when_its_version_is_removed_and_other_aliases_go() -> None:
    came = [logged(1, "a"), logged(2, "b"), logged(3, "c")]
    moved = [move(at, client_id, aliases=("latest", "best")) for at, client_id in ((1, "a"), (2, "b"), (3, "c"))]
    made = numbered(came, [*moved, move(4, "c", removed=True)])
    assert made.aliases == {"latest": 1}


def test_a_move_without_its_artifact_changes_nothing() -> None:
    made = numbered([logged(2, "b", claim=0)], [move(1, "killed", version=0, aliases=("latest",))])
    assert (made.numbers, made.aliases) == ({"b": 0}, {})


def test_a_claim_that_is_damage_is_none() -> None:
    assert numbered([logged(1, "a", claim=-3), logged(2, "b", claim=1 << 62)]).numbers == {"a": 0, "b": 1}


def test_an_alias_is_dropped_only_from_where_it_points() -> None:
    came = [logged(1, "a"), logged(2, "b")]
    moved = [move(1, "a", aliases=("best",)), move(2, "b", aliases=("best",)), move(3, "a", dropped=("best",))]
    assert numbered(came, moved).aliases == {"best": 1}
    assert numbered(came, [*moved, move(4, "b", dropped=("best",))]).aliases == {}

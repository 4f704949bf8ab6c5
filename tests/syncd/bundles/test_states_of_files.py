"""Files that are changed when their run's log is done: whatever bundle comes last, the latest state stays."""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.syncd.bundles.sites import Inside, Outside, StockRun, contents, finished_run, scratch

SECOND = 1_000_000_000


def put(run: StockRun, name: str, data: str, at: int) -> None:
    """Write a file, so many seconds after the run ended."""
    run.put(name, data.encode())
    when = (2_000_000_000 + at) * SECOND
    os.utime(run.log.parent / "files" / name, ns=(when, when))


def test_of_full_bundles_in_any_order_the_latest_state_stays(inside: Inside, tmp_path: Path) -> None:
    run = finished_run(inside.runs)
    parts: list[Path] = []
    for at, data in enumerate(("one", "two", "one", "three")):  # "one" was there before, and is newer than "two"
        put(run, "notes.txt", data, at)
        parts += inside.bundle().parts
    assert len({part.name for part in parts}) == len(parts)
    for number, order in enumerate(itertools.permutations(parts)):
        outside = Outside(tmp_path / f"outside{number}")
        for part in order:
            outside.take_all([part])
        assert contents(outside.runs) == contents(inside.runs), order


def test_a_state_that_came_twice_is_as_new_as_the_later_one(inside: Inside, outside: Outside) -> None:
    run = finished_run(inside.runs)
    bundles = []
    for at, data in enumerate(("one", "two", "one")):
        put(run, "notes.txt", data, at)
        bundles.append(inside.bundle())
    for at in (0, 2, 1):
        outside.take_all(bundles[at].parts)
    assert contents(outside.runs) == contents(inside.runs)


def test_a_state_that_came_twice_while_the_log_grew_is_as_new_as_the_later_one(
    inside: Inside, outside: Outside
) -> None:
    run = StockRun(inside.runs, "r1")
    bundles = []
    for data in ("one", "two", "one"):
        run.grow(3)
        run.put("notes.txt", data.encode())
        bundles.append(inside.bundle())
    for at in (0, 2, 1):
        outside.take_all(bundles[at].parts)
    assert contents(outside.runs) == contents(inside.runs)
    run.finish()


def test_what_goes_on_from_what_is_here_is_newer_whatever_the_clock_says(inside: Inside, outside: Outside) -> None:
    run = finished_run(inside.runs)
    put(run, "notes.txt", "one", 10)
    (receipt,) = outside.take_all(inside.bundle().parts)
    inside.take_receipt(receipt)
    put(run, "notes.txt", "restored", -10)
    outside.take_all(inside.bundle(since="").parts)
    assert contents(outside.runs) == contents(inside.runs)


def test_the_same_files_with_the_same_times_give_the_same_bytes(inside: Inside, tmp_path: Path) -> None:
    run = finished_run(inside.runs)
    put(run, "notes.txt", "one", 0)
    first = inside.bundle().parts[0].read_bytes()
    put(run, "notes.txt", "two", 1)
    assert inside.bundle().parts[0].read_bytes() != first
    put(run, "notes.txt", "one", 0)
    assert inside.bundle().parts[0].read_bytes() == first


changes = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["1", "2", "3"]), st.integers(0, 3)), max_size=4)


@given(changes=changes, chance=st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_whatever_was_changed_and_carried_in_whatever_order(
    changes: list[tuple[str, str, int]], chance: random.Random
) -> None:
    with scratch() as folder:
        inside, outside = Inside(folder / "inside"), Outside(folder / "outside")
        run = StockRun(inside.runs, "r1")
        run.grow(1)
        parts = list(inside.bundle().parts)
        for at, (name, data, rows) in enumerate(changes):
            if rows > 1:
                run.grow(rows)
            put(run, name, f"{data}", at)
            parts += inside.bundle().parts
        for part in [*chance.sample(parts, len(parts)), chance.choice(parts)]:
            outside.take_all([part])
        assert contents(outside.runs) == contents(inside.runs)
        run.finish()

"""Points are written behind those that are there, in chunks that do not become too many."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from runstore.index.chunks.series import CHUNK_POINTS, Number
from runstore.index.chunks.tails import SMALL_POINTS, SeriesTail, Tails
from runstore.index.database import open_index
from tests.index.writing import points


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_index(tmp_path / "i.db")
    columns = "path, indexed, size, mtime_ns, records, lost_bytes, undecodable, missing, kind, started_at"
    columns += ", starting_step, last_step, rows, open_row, state"
    connection.execute(f"INSERT INTO logs ({columns}) VALUES ('log', 0, 0, 0, 0, 0, 0, 0, '', 0, 0, 0, 0, 0, '')")
    yield connection
    connection.close()


def shapes(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    return connection.execute("SELECT n, form FROM chunks ORDER BY series, place").fetchall()


def test_what_is_written_joins_only_a_small_chunk(connection: sqlite3.Connection) -> None:
    tails = Tails(connection)
    for n in (SMALL_POINTS - 1, SMALL_POINTS, SMALL_POINTS, 1, 1):
        tails.of("a").extend(list(range(n)), [0.5] * n)
        tails.write(1)
    assert [n for n, _ in shapes(connection)] == [2 * SMALL_POINTS - 1, SMALL_POINTS, 2]


def test_chunks_become_full_ones_when_they_hold_enough(connection: sqlite3.Connection) -> None:
    tails = Tails(connection)
    for n in (100, 3000, 900, 200, 9000):
        tails.of("a").extend(np.arange(n), np.arange(n) / 7)
        tails.write(1, seal=n == 200)
    # 100 + 3000 + 900 + 200 and 104 that are left; then 104 + 9000.
    assert shapes(connection) == [(CHUNK_POINTS, "dz"), (CHUNK_POINTS, "d"), (CHUNK_POINTS, "d"), (912, "d")]
    found = points(connection)["log", "history", "a"]
    assert found == [(step, step / 7) for n in (100, 3000, 900, 200, 9000) for step in range(n)]


@pytest.mark.parametrize("seed", range(4))
def test_points_of_all_kinds_in_any_pieces_are_the_same(seed: int, connection: sqlite3.Connection) -> None:
    source = random.Random(seed)
    expected: list[tuple[int, Number]] = []
    tails = Tails(connection)
    for _ in range(60):
        steps = [source.randrange(10**6) for _ in range(source.choice((1, 30, 400, 5000)))]
        kind = source.choice(("single", "floats", "integers", "mixed"))
        values: list[Number] = [source.random() if kind != "integers" else source.randrange(2**62) for _ in steps]
        if kind == "mixed":
            values = [source.choice((value, source.randrange(9))) for value in values]
        if kind == "single":
            for step, value in zip(steps, values, strict=True):
                tails.of("a").add(step, value)
        else:
            tails.of("a").extend(steps, values if kind == "mixed" else np.array(values))
        expected += zip(steps, values, strict=True)
        if source.random() < 0.5:
            tails.write(1, seal=source.random() < 0.5)
        if source.random() < 0.2:
            tails.forget_stored()
    tails.write(1)
    tails.write(1)
    assert repr(points(connection)["log", "history", "a"]) == repr(expected)
    assert sum(n < CHUNK_POINTS for n, _ in shapes(connection)) <= CHUNK_POINTS // SMALL_POINTS


def test_streams_of_one_key_are_kept_apart(connection: sqlite3.Connection) -> None:
    tails = Tails(connection)
    tails.of("cpu").add(1, 2)
    tails.of("cpu", "system").add(1000, 3.5)
    tails.write(1)
    assert points(connection) == {("log", "history", "cpu"): [(1, 2)], ("log", "system", "cpu"): [(1000, 3.5)]}


def test_a_tail_gives_its_points_away_once() -> None:
    tail = SeriesTail()
    tail.add(1, 2.5)
    tail.extend(np.array([2, 3]), np.array([7, 8]))
    tail.add(4, 1)
    assert len(tail) == 4
    assert [(list(steps), list(values)) for steps, values in tail.take()] == [
        ([1], [2.5]),
        ([2, 3], [7, 8]),
        ([4], [1]),
    ]
    assert len(tail) == 0
    assert tail.take() == []

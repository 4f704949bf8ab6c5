"""Sealed chunks are large ones, few of them, and hold the same points in the same order."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from runstore.index.chunks.sealing import Transaction, seal
from runstore.index.chunks.series import CHUNK_POINTS, SEALED_POINTS
from runstore.index.chunks.tails import Tails
from runstore.index.indexer import Indexer
from tests.index.writing import points, write_log


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    indexer = Indexer(tmp_path / "i.db")
    indexer.catch_up(write_log(tmp_path / "logs", []))
    yield indexer.connection
    indexer.close()


def transaction_of(connection: sqlite3.Connection) -> Transaction:
    @contextmanager
    def transaction() -> Iterator[sqlite3.Connection]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        finally:
            connection.execute("COMMIT")

    return transaction


def grown(connection: sqlite3.Connection, first: int, n: int) -> None:
    """Write n more points, a thousand at a time, so that some chunks are not full."""
    tails = Tails(connection)
    for at in range(first, first + n, 1000):
        steps = np.arange(at, min(at + 1000, first + n))
        tails.of("a").extend(steps, np.sqrt(steps))
        tails.write(1)


def sizes(connection: sqlite3.Connection) -> list[int]:
    found = connection.execute("SELECT n, form FROM chunks ORDER BY series, place").fetchall()
    assert {form for _, form in found} == {"dz"}
    return [n for n, _ in found]


def test_a_series_of_many_chunks_is_sealed_into_few(connection: sqlite3.Connection) -> None:
    n = 70 * CHUNK_POINTS + 5  # more than are sealed at once
    grown(connection, 0, n)
    before = points(connection)
    assert seal(transaction_of(connection), 1, math.inf)
    assert sizes(connection) == [SEALED_POINTS] * (n // SEALED_POINTS) + [n % SEALED_POINTS]
    assert points(connection) == before


def test_what_a_sealed_log_gains_is_sealed_together_with_its_end(connection: sqlite3.Connection) -> None:
    n = 0
    for more in (SEALED_POINTS + CHUNK_POINTS + 9, 10, 2 * CHUNK_POINTS, SEALED_POINTS):
        grown(connection, n, more)
        n += more
        assert seal(transaction_of(connection), 1, math.inf)
        assert sizes(connection) == [SEALED_POINTS] * (n // SEALED_POINTS) + [n % SEALED_POINTS]
    ((_, stored),) = points(connection).items()
    assert stored == [(step, math.sqrt(step)) for step in range(n)]


def test_chunks_that_were_sealed_small_are_merged_when_their_log_grows(connection: sqlite3.Connection) -> None:
    tails = Tails(connection)
    for n in (3000, 2000):  # these are packed as soon as they fill a chunk together
        tails.of("a").extend(np.arange(n), np.arange(n) / 3)
        tails.write(1, seal=True)
    before = points(connection)
    assert seal(transaction_of(connection), 1, math.inf)
    assert sizes(connection) == [5000]
    assert points(connection) == before


def test_sealing_that_has_no_time_left_goes_on_when_asked_again(connection: sqlite3.Connection) -> None:
    grown(connection, 0, CHUNK_POINTS)
    assert not seal(transaction_of(connection), 1, -math.inf)
    assert seal(transaction_of(connection), 1, math.inf)
    assert sizes(connection) == [CHUNK_POINTS]
    assert connection.execute("SELECT sealed FROM logs").fetchone() == (1,)

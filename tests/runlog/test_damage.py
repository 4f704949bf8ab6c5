"""Of a damaged log exactly those records are read that a slow and independent reader can prove to be intact."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runstore.errors import FutureLogVersion, NotALog
from runstore.index.indexer import Indexer
from runstore.runlog.framing import FILE_HEADER, MAGIC
from runstore.runlog.live import LiveReader
from runstore.runlog.reader import LogReader
from runstore.runlog.repair import repair
from runstore.runlog.verify import verify
from tests.index.writing import log_path
from tests.runlog.damage import DAMAGES, Damage, whole_log
from tests.runlog.reference_reader import is_log, provable

SEEDS = range(12)


def read_closed(log: Path) -> list[bytes]:
    return [framed.payload for framed in LogReader(log)]


def read_live(log: Path) -> list[bytes]:
    with LiveReader(log) as reader:
        found = []
        while (framed := reader.next()) is not None:
            found.append(framed.payload)
        return found


def read_live_at_speed(log: Path) -> list[bytes]:
    with LiveReader(log) as reader:
        found: list[bytes] = []
        before = -1
        while reader.offset > before:
            before = reader.offset
            found += reader.next_many(before + 20_000)
        return found


READERS = (read_closed, read_live, read_live_at_speed)


def check_readers(log: Path, data: bytes) -> None:
    log.write_bytes(data)
    if data[:6] == MAGIC and len(data) > 6 and data[6]:
        for read in READERS:
            with pytest.raises(FutureLogVersion):
                read(log)
        return
    if not is_log(data) and not FILE_HEADER.startswith(data):
        with pytest.raises(NotALog):
            read_closed(log)
        for read in (read_live, read_live_at_speed):  # they wait where the first record may not be all there yet
            with contextlib.suppress(NotALog):
                assert read(log) == []
        return
    expected = provable(data)
    for read in READERS:
        assert read(log) == expected, read
    verdict = verify(log)
    assert verdict.records + verdict.undecodable == len(expected)
    # No byte is forgotten: what is not in a record, nor between two of them as padding, is listed.
    places = [place for framed in LogReader(log) for place in (framed.start, framed.end)]
    lost = [place for hole in verdict.holes for place in (hole.lost.start, hole.lost.end)]
    assert sorted(lost) == lost
    assert max([7, *places, *lost]) + 7 > len(data)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_every_reader_recovers_what_can_be_proven(damage: Damage, tmp_path: Path) -> None:
    for seed in SEEDS:
        check_readers(log_path(tmp_path), damage(whole_log(), random.Random(seed)))


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_the_index_and_a_repaired_log_hold_every_record_that_can_be_proven(damage: Damage, tmp_path: Path) -> None:
    for seed in SEEDS[:3]:
        log = log_path(tmp_path, str(seed))
        log.write_bytes(damage(whole_log(), random.Random(seed)))
        expected = provable(log.read_bytes())
        indexer = Indexer(tmp_path / "i.db")
        indexer.catch_up(log)
        (counted,) = indexer.connection.execute("SELECT records + undecodable FROM logs WHERE path = ?", (str(log),))
        indexer.close()
        assert counted == (len(expected),)
        new = repair(log, tmp_path / f"{seed}.wandb")
        written = read_closed(new.log)
        made = {"kept": 0, "moved": 0, "made": 1}[new.run_record]
        assert len(written) == new.records
        assert len(expected) - new.verdict.undecodable - new.copies_left_out == len(written) - made
        assert set(written) - set(expected) <= set(written[:2])  # a run record that was made
        assert verify(new.log).damaged_bytes == 0


def test_cut_at_every_byte_of_the_last_records_the_ones_before_are_read(tmp_path: Path) -> None:
    data = whole_log(5, 60)
    for size in [*range(40), *range(len(data) - 400, len(data))]:
        check_readers(log_path(tmp_path), data[:size])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(st.sampled_from(DAMAGES), st.integers(0, 1 << 32)), min_size=1, max_size=4
    ),
    records=st.sampled_from((0, 3, 60, 400)),
)  # fmt: skip
def test_whatever_comes_together_every_reader_recovers_what_can_be_proven(
    changes: list[tuple[Damage, int]], records: int, tmp_path: Path
) -> None:
    data = whole_log(3, records)
    for damage, seed in changes:
        if len(data) > 70_000 or damage.__name__ not in ("blocks_reordered", "block_repeated"):  # they need blocks
            data = damage(data, random.Random(seed)) or data
    check_readers(log_path(tmp_path), data)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=60), max_size=20), seed=st.integers(0, 1 << 32))
def test_bytes_of_any_kind_between_those_of_a_log_are_no_records(
    pieces: list[bytes], seed: int, tmp_path: Path
) -> None:
    source = random.Random(seed)
    data = whole_log(4, 30)
    for piece in pieces:
        at = source.randrange(len(data))
        data = data[:at] + piece + data[at + source.randrange(50) :]
    check_readers(log_path(tmp_path), data)

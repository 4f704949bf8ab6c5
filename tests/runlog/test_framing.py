"""Framing and deframing: any records come back the same, and damage costs what it must and no more."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstore.errors import FutureLogVersion, NotALog
from runstore.runlog.framing import BLOCK_BYTES, FILE_HEADER, Deframer, Framed, Lost, Why, frame
from tests.runlog.plain_reader import plain_read


def log_of(payloads: list[bytes]) -> bytes:
    data = bytearray(FILE_HEADER)
    for payload in payloads:
        data += frame(payload, len(data))
    return bytes(data)


def deframe(data: bytes, pieces: list[int] | None = None, offset: int = 0) -> tuple[list[Framed], list[Lost]]:
    deframer = Deframer("test", offset)
    records: list[Framed] = []
    lost: list[Lost] = []
    at = offset
    for size in [*(pieces or []), len(data)]:
        deframer.feed(data[at : at + size])
        at = min(len(data), at + size)
        drain(deframer, records, lost)
    deframer.end()
    drain(deframer, records, lost)
    return records, lost


def drain(deframer: Deframer, records: list[Framed], lost: list[Lost]) -> None:
    while (event := deframer.next()) is not None:
        if isinstance(event, Framed):
            records.append(event)
        else:
            lost.append(event)


# Sizes that put the end of a record on every place around a block's edge.
edge_sizes = st.one_of(
    st.integers(0, 300),
    st.integers(BLOCK_BYTES - 40, BLOCK_BYTES + 10),
    st.integers(2 * BLOCK_BYTES - 40, 2 * BLOCK_BYTES + 10),
    st.integers(0, 4 * BLOCK_BYTES),
)


@st.composite
def some_records(draw: st.DrawFn) -> list[bytes]:
    sizes = draw(st.lists(edge_sizes, max_size=8))
    source = random.Random(draw(st.integers(0, 2**32)))
    return [source.randbytes(size) for size in sizes]


@settings(max_examples=300, deadline=None)
@given(some_records(), st.lists(st.integers(1, 70_000), max_size=10))
def test_records_of_any_size_read_back_the_same_in_any_pieces(payloads: list[bytes], pieces: list[int]) -> None:
    data = log_of(payloads)
    assert plain_read(data) == payloads
    records, lost = deframe(data, pieces)
    assert [r.payload for r in records] == payloads
    assert lost == []


@pytest.mark.parametrize("room", range(12))
def test_record_after_one_that_leaves_few_bytes_in_the_block(room: int) -> None:
    first = bytes(BLOCK_BYTES - len(FILE_HEADER) - 7 - room)
    payloads = [first, b"second", b""]
    data = log_of(payloads)
    assert plain_read(data) == payloads
    assert [r.payload for r in deframe(data)[0]] == payloads


def test_reading_goes_on_from_any_record_boundary() -> None:
    payloads = [bytes([n]) * (n * 1777 % 50_000) for n in range(30)]
    data = log_of(payloads)
    whole, _ = deframe(data)
    for n, record in enumerate(whole):
        rest, lost = deframe(data, offset=record.start)
        assert [r.payload for r in rest] == payloads[n:]
        assert lost == []


SMALL = [b"run", b"a" * 300, b"", b"row" * 20, b"b" * (BLOCK_BYTES + 500), b"tail" * 10, b"exit"]


def test_truncated_at_every_byte_keeps_each_whole_record_and_invents_none() -> None:
    data = log_of(SMALL)
    whole, _ = deframe(data)
    for size in range(len(data)):
        records, lost = deframe(data[:size])
        assert records == [r for r in whole if r.end <= size], size
        covered = sum(r.end - r.start for r in records) + sum(x.size for x in lost)
        assert all(x.why is Why.TORN for x in lost)
        assert 0 <= size - covered <= len(FILE_HEADER) + 6, size  # all but file header and padding is accounted for


def test_every_flipped_byte_loses_its_own_record_only_or_the_rest_of_its_block() -> None:
    # Every byte of a log of small records and one that spans blocks; two patterns, one of them a single bit.
    payloads = [b"run", b"a" * 90, b"", b"row" * 20, b"b" * (BLOCK_BYTES + 100), b"tail" * 10, b"exit"]
    data = log_of(payloads)
    whole, _ = deframe(data)
    chunk_lengths = places_of_lengths(data)
    for place in range(len(data)):
        for pattern in (0xFF, 1 << place % 8):
            flipped = bytearray(data)
            flipped[place] ^= pattern
            check_flip(bytes(flipped), place, whole, chunk_lengths)


def places_of_lengths(data: bytes) -> set[int]:
    places, at = set(), len(FILE_HEADER)
    while at < len(data):
        if BLOCK_BYTES - at % BLOCK_BYTES < 7:
            at += BLOCK_BYTES - at % BLOCK_BYTES
            continue
        places |= {at + 4, at + 5}
        at += 7 + int.from_bytes(data[at + 4 : at + 6], "little")
    return places


def check_flip(data: bytes, place: int, whole: list[Framed], chunk_lengths: set[int]) -> None:
    if place == len(FILE_HEADER) - 1:
        with pytest.raises(FutureLogVersion, match="upgrade|Upgrade"):
            deframe(data)
        return
    records, lost = deframe(data)
    assert all(r in whole for r in records), "a record was invented"
    missing = [r for r in whole if r not in records]
    if place < len(FILE_HEADER):
        assert missing == []
        assert [x.why for x in lost] == [Why.HEADER]
    elif place in chunk_lengths:
        block_end = place + BLOCK_BYTES - place % BLOCK_BYTES
        hit = next(r for r in whole if r.start <= place < r.end)
        assert all(hit.start <= r.start < block_end for r in missing)
    else:
        assert missing == [r for r in whole if r.start <= place < r.end]
    assert all(any(x.start <= r.start and r.end <= x.end for x in lost) for r in missing), "a loss was not counted"


def test_live_reading_of_a_damaged_log_finds_what_a_closed_reader_finds() -> None:
    source = random.Random(7)
    payloads = [source.randbytes(source.choice((20, 200, 5000, 40_000))) for _ in range(60)]
    data = bytearray(log_of(payloads))
    for _ in range(40):
        data[source.randrange(7, len(data))] ^= 1 << source.randrange(8)
    at_once, _ = deframe(bytes(data))
    in_pieces, _ = deframe(bytes(data), [source.randrange(1, 3000) for _ in range(2000)])
    assert at_once == in_pieces
    assert 0 < len(at_once) < len(payloads)


def test_a_zeroed_block_loses_the_records_it_touched_and_is_counted() -> None:
    payloads = [bytes([65 + n % 26]) * 3000 for n in range(40)]
    data = bytearray(log_of(payloads))
    data[BLOCK_BYTES : 2 * BLOCK_BYTES] = bytes(BLOCK_BYTES)
    records, lost = deframe(bytes(data))
    whole, _ = deframe(log_of(payloads))
    untouched = [r for r in whole if r.end <= BLOCK_BYTES or r.start >= 2 * BLOCK_BYTES]
    assert records == untouched
    assert sum(x.size for x in lost) >= BLOCK_BYTES


def test_a_torn_tail_waits_and_is_whole_once_its_last_byte_arrives() -> None:
    data = log_of([b"first", b"x" * 100_000])
    deframer = Deframer("test")
    deframer.feed(data[:-1])
    first = deframer.next()
    assert isinstance(first, Framed)
    assert first.payload == b"first"
    assert deframer.next() is None
    assert deframer.offset == first.end
    deframer.feed(data[-1:])
    second = deframer.next()
    assert isinstance(second, Framed)
    assert second.payload == b"x" * 100_000
    assert deframer.offset == len(data)


@pytest.mark.parametrize("data", [b"PNG....", b"{}", b"x" * 100, b"SQLite format 3\0" * 5000])
def test_something_else_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(NotALog, match="test: is not a run log"):
        deframe(data)


def test_an_empty_file_has_no_records_and_no_damage() -> None:
    assert deframe(b"") == ([], [])
    assert deframe(FILE_HEADER) == ([], [])

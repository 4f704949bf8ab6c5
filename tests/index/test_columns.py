"""Blocks of rows are what their records say one by one, or they are no blocks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstore.core.logfold import RowBlock
from runstore.index.columns import MAX_ROWS, MIN_ROWS, BlockDecoder, Shape
from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import HistoryItem, Record
from tests.index.writing import indexed, items, log_path, mixed_bodies, pending, row, run, write

values = st.floats() | st.integers(-(2**65), 2**65) | st.sampled_from([1e22, -0.0, 0, 5e-324, 2**63, -(2**63), 2**64])
nearly = ["-0", "-0.0", "1E5", "1e-7", "18446744073709551616", "01", "1,2", "1]", "[1", "1.", ".5", "+1", "1e400", "-"]
nearly += ["1e5.0", "0x10", "NaN", "-Infinity", "null", "true", '"1"', "1 ", " 1", "", "9" * 40]


INTERESTING = b"\x0a\x12\x82\x01\x080-9,.]"  # bytes that stand in a record


def payloads_of(bodies: list[bytes], first: int = 1) -> list[bytes]:
    return [wire.numbered(num, body) for num, body in enumerate(bodies, first)]


def same_as_one_by_one(payloads: list[bytes]) -> int:
    """Assert that the block at the beginning of `payloads` says what they say; return its length."""
    shape = Shape.of(payloads[0])
    block = shape.decode(payloads) if shape is not None else None
    if block is None:
        return 0
    for place, num in enumerate(block.nums):
        record = codec.decode(payloads[place])
        assert record is not None
        assert record.num == num
        one = codec.row_of(record.history)
        assert repr({key: column[place] for key, column in block.columns.items()}) == repr(one)
        assert block.steps[place] == codec.step_of(record.history, one)
    assert all(len(column) == len(block.steps) for column in block.columns.values())
    return len(block.steps)


@settings(deadline=None)
@given(st.lists(st.tuples(values, values), min_size=1, max_size=12), st.integers(0, 2**62), st.integers(1, 2**40))
def test_numbers_of_every_kind(rows: list[tuple[Any, Any]], step: int, num: int) -> None:
    same_as_one_by_one(payloads_of([row(step + n, {"a": a, "b/é": b}) for n, (a, b) in enumerate(rows)], num))


@settings(deadline=None)
@given(st.lists(st.sampled_from(nearly), min_size=1, max_size=4))
def test_text_that_is_nearly_a_number(some: list[str]) -> None:
    def body(text: str) -> bytes:
        record = Record()
        for key, value in (("a", text), ("b", "0.5"), ("_step", "7")):
            record.history.item.append(HistoryItem(nested_key=[key], value_json=value))
        record.history.step.num = 7
        return codec.encode(record)

    same_as_one_by_one(payloads_of([body("1.5"), *map(body, some)]))


def test_all_rows_of_our_writer_are_one_block() -> None:
    source = random.Random(1)
    rows = [row(n * 3, {"a": source.gauss(0, 1e9), "b": n, "c": -1e-300, "d": 1e22}) for n in range(500)]
    assert same_as_one_by_one(payloads_of(rows, 100)) == 500


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32))
def test_no_changed_byte_makes_another_row(seed: int) -> None:
    source = random.Random(seed)
    payloads = payloads_of([row(n, {"loss": source.random(), "n": n}) for n in range(3)], 120)
    for _ in range(20):
        which = source.randrange(1, 3)
        changed = bytearray(payloads[which])
        for _ in range(source.choice((1, 1, 2))):
            changed[source.randrange(len(changed))] = source.choice(INTERESTING + bytes([source.randrange(256)]))
        same_as_one_by_one([payloads[0], *payloads[1:which], bytes(changed), *payloads[which + 1 :]])
        cut = source.randrange(len(changed))
        same_as_one_by_one([payloads[0], payloads[which][:cut], payloads[2]])
        same_as_one_by_one([payloads[0], payloads[which] + bytes(changed[:cut]), payloads[2]])


@pytest.mark.parametrize(
    "other",
    [
        row(1, {"b": 1.0, "a": 1.0}),
        row(1, {"a": 1.0}),
        row(1, {"a": 1.0, "b": 1.0, "c": 1.0}),
        row(1, {"a": 1.0, "b": float("nan")}),
        row(1, {"a": 1.0, "b": None}),
        row(1, {"a": 1.0, ("b", "c"): 1.0}),
        row(1, {"a": 1.0, "b": 2**63}),
        wire.RowEncoder(typed=True).plain({"a": 1.0, "b": 2.0, "_step": 3}),
        wire.history(items({"a": 1.0, "b": 1.0}), 1),
        pending(1, {"a": 1.0, "b": 1.0}),
        codec.encode(Record(summary={})),
        run(),
        b"",
    ],
)
def test_a_block_ends_where_a_record_is_different(other: bytes | list[bytes] | None) -> None:
    assert other is not None
    body = other if isinstance(other, bytes) else wire.history(other, 3)
    rows = [row(n, {"a": float(n), "b": 0.5}) for n in range(4)]
    assert same_as_one_by_one(payloads_of([*rows, body, *rows])) == 4


def test_rows_with_a_step_that_is_no_integer_are_no_block() -> None:
    assert (
        same_as_one_by_one(payloads_of([wire.history(items({"a": 1.0, "_step": step}), 1) for step in (1, 2.0)])) == 0
    )


@pytest.mark.parametrize(
    "first",
    [
        wire.history(items({"a": 1.0}), 1),
        row(1, {"a" * 200: 1.0}),
        row(1, {("a", "b"): 1.0}),
        wire.history([*items({"a": 1.0, "_step": 1}), wire.item("a", 2.0)], 1),
        run(),
        b"\xff",
    ],
)
def test_records_that_begin_no_block(first: bytes) -> None:
    assert same_as_one_by_one(payloads_of([first] * 3)) == 0


def walk(decoder: BlockDecoder, payloads: list[bytes]) -> Iterator[int]:
    at = 0
    while at < len(payloads):
        block = decoder.block(payloads, at)
        yield len(block.steps) if block is not None else 1
        at += len(block.steps) if block is not None else 1


def test_long_stretches_are_found_again_after_what_interrupts_them() -> None:
    rows = [row(n, {"a": 0.5}) for n in range(5000)]
    for n in range(100, 5000, 200):
        rows[n] = row(n, {"a": 0.5, "val": 1.5})
    sizes = list(walk(BlockDecoder(), payloads_of(rows)))
    assert sum(sizes) == 5000
    assert sum(size for size in sizes if size > 1) > 0.8 * 5000


def test_where_no_two_rows_are_alike_hardly_any_time_is_spent_on_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(n, {"a": 0.5} if n % 2 else {"b": 0.5}) for n in range(4000)]
    tries: list[int] = []
    decode = Shape.decode

    def counted(shape: Shape, window: list[bytes]) -> RowBlock | None:
        tries.append(len(window))
        return decode(shape, window)

    monkeypatch.setattr(Shape, "decode", counted)
    assert set(walk(BlockDecoder(), payloads_of(rows))) == {1}
    assert sum(tries) < 4000 / 4
    assert max(tries) == MIN_ROWS < MAX_ROWS


def as_stock_writes(body: bytes, source: random.Random) -> bytes:
    record = Record.FromString(body)
    shuffled = list(record.history.item)
    source.shuffle(shuffled)
    del record.history.item[:]
    record.history.item.extend(shuffled)
    return codec.encode(record)


@pytest.mark.parametrize("seed", range(6))
def test_an_index_made_in_blocks_and_one_made_record_by_record_are_the_same(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random.Random(seed)
    bodies = [run(), *mixed_bodies(seed, 1500)]
    if seed % 3 == 1:
        bodies = [as_stock_writes(body, source) if body[:1] == b"\x12" else body for body in bodies]
    log = write(log_path(tmp_path), bodies)
    if seed % 3 == 2:
        data = bytearray(log.read_bytes())
        for _ in range(5):
            data[source.randrange(7, len(data))] ^= 0xFF
        log.write_bytes(data)
    in_blocks = indexed(tmp_path / "blocks.db", log)
    monkeypatch.setattr(BlockDecoder, "block", lambda self, payloads, at: None)
    assert indexed(tmp_path / "single.db", log) == in_blocks

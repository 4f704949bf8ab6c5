"""Blocks of records are what their records say one by one, or they are no blocks."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runstore.core.keys import dotted
from runstore.core.logfold import LogFold, Row
from runstore.core.rowblock import RowBlock
from runstore.index.decoding import columns as columns_module
from runstore.index.decoding import strided
from runstore.index.decoding.columns import BlockDecoder
from runstore.index.decoding.items import Envelopes
from runstore.runlog import codec, wire
from runstore.runlog.payloads import Payloads
from runstore.runlog.record_pb2 import HistoryItem, HistoryRecord, Record, SummaryItem
from tests.index.writing import indexed, items, log_path, metric, mixed_bodies, pending, row, run, summary, write

NEARLY = ["-0", "-0.0", "1E5", "1e-7", "18446744073709551616", "01", "1,2", "1]", "[1", "1.", ".5", "+1", "1e400", "-"]
NEARLY += ["1e5.0", "0x10", "NaN", "-Infinity", "null", "true", '"1"', "1 ", " 1", "", "9" * 40, "5,[6", "7],8", '1,"2']
NEARLY += ['3",4', "1" * 200, '"text"', '{"a":1}', "{}", "[1,2]", "\x00", "é", '"' + "long " * 300 + '"']
INTERESTING = b"\x0a\x12\x1a\x82\x01\x080-9,.]\x31\x28"  # bytes that stand in a record

numbers = st.floats() | st.integers(-(2**65), 2**65) | st.sampled_from([1e22, -0.0, 0, 5e-324, 2**63, -(2**63), 2**64])
texts = numbers.map(wire.dumps) | st.sampled_from(NEARLY)
paths = st.sampled_from([["a"], ["b"], ["_step"], ["_timestamp"], ["loss/train"], ["é" * 9], ["long" * 40], [""], []])
paths |= st.sampled_from([["n", "x"], ["n", "y"], ["n"], ["n", "x", "y"], ["n.x"], ["a", "min"], [*"abcdefgh"] * 3])


@st.composite
def history_items(draw: st.DrawFn) -> HistoryItem:
    path = draw(paths)
    item = HistoryItem(key=path[0]) if len(path) == 1 and draw(st.booleans()) else HistoryItem(nested_key=path)
    kind = draw(st.sampled_from(["json"] * 6 + ["number", "integer", "boolean", "text", "none", "both", "nothing"]))
    if kind in ("json", "both"):
        item.value_json = draw(texts)
    if kind in ("number", "both"):
        item.number = draw(st.floats())
    elif kind == "integer":
        item.integer = draw(st.integers(-(2**63), 2**63 - 1))
    elif kind in ("boolean", "text", "none"):
        setattr(item, kind, {"boolean": True, "text": "some", "none": 0}[kind])
    return item


@st.composite
def records(draw: st.DrawFn) -> Record:
    kind = draw(st.sampled_from(["history"] * 6 + ["summary"] * 3 + ["pending", "metric", "output", "empty"]))
    record = Record(num=draw(st.integers(0, 40)))
    if kind in ("history", "pending"):
        history = HistoryRecord(item=draw(st.lists(history_items(), max_size=6)))
        if draw(st.booleans()):
            history.step.num = draw(st.integers(-3, 2**62) | st.integers(0, 9))
        if kind == "history":
            record.history.CopyFrom(history)
        else:
            record.footer.pending.CopyFrom(history)
    elif kind == "summary":
        for path in draw(st.lists(paths, max_size=5)):
            record.summary.update.append(SummaryItem(nested_key=path, value_json=draw(texts)))
        if draw(st.integers(0, 4)) == 0:
            record.summary.remove.append(SummaryItem(nested_key=draw(paths)))
        record.summary.derived = draw(st.integers(0, 4)) == 0
    elif kind == "metric":
        record.MergeFrom(
            Record.FromString(metric(draw(st.sampled_from("ab*n")), draw(st.sampled_from(["min", "none"]))))
        )
    elif kind == "output":
        record.output_raw.line = "line"
    return record


class Told:
    """What folding records says: the fold's state, the points of every series, and the other values, in order."""

    def __init__(
        self,
        records: Sequence[bytes],
        decoder: BlockDecoder | None,
        before: int | None = None,
        in_blocks: bool = True,
    ) -> None:
        self.series: dict[str, list[tuple[int, str]]] = {}
        self.others: list[tuple[int, str, str]] = []
        self.blocks: list[int] = []
        fold = LogFold(self._on_row, before=before)
        payloads, at = Payloads.of(records), 0
        while at < len(payloads):
            block = None
            if decoder is not None and in_blocks and fold.pending is None:
                block = decoder.block(payloads, at)
            if decoder is None:
                fold.apply(payloads[at])
            elif block is None:
                decoder.fold_one(payloads[at], fold)
            else:
                fold.apply_rows(block)
                self._on_block(block)
                self.blocks.append(len(block.nums))
            at += 1 if block is None else len(block.nums)
        self.state = json.dumps(fold.state())

    def _on_row(self, step: int, values: Row) -> None:
        for key, value in values.items():
            if type(value) is float or (type(value) is int and -(2**63) <= value < 2**63):
                self.series.setdefault(dotted(key), []).append((step, repr(value)))
            else:
                self.others.append((step, dotted(key), repr(value)))

    def _on_block(self, block: RowBlock) -> None:
        for column in block.columns:
            rows = range(len(block.steps)) if column.rows is None else column.rows.tolist()
            for at, (_, value) in zip(rows, column.pairs(), strict=True):
                self.series.setdefault(dotted(column.key), []).append((int(block.steps[at]), repr(value)))
        self.others += [(int(block.steps[odd.row]), dotted(odd.key), repr(odd.value)) for odd in block.odd]


@pytest.fixture(scope="module", autouse=True)
def _blocks_of_two_records() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns_module, "MIN_RECORDS", 2)
        yield


def same_as_one_by_one(payloads: Sequence[bytes]) -> list[int]:
    """Assert that blocks say what the records say; return the sizes of the blocks."""
    single, in_blocks, taught = Told(payloads, None), Told(payloads, BlockDecoder()), BlockDecoder()
    for _ in range(2):
        taught._shapes.learn(payloads[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strided, "MIN_ROWS", 2)
        of_one_size = Told(payloads, BlockDecoder())
    for other in (in_blocks, of_one_size, Told(payloads, taught, in_blocks=False)):
        assert other.series == single.series
        assert other.others == single.others
        assert other.state == single.state
    return in_blocks.blocks


def payloads_of(bodies: Sequence[bytes], first: int = 1) -> list[bytes]:
    return [wire.numbered(num, body) for num, body in enumerate(bodies, first)]


@settings(deadline=None, max_examples=400)
@given(st.lists(records(), min_size=2, max_size=12))
def test_records_of_every_kind(some: list[Record]) -> None:
    same_as_one_by_one([record.SerializeToString(deterministic=True) for record in some])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(history_items(), max_size=4), min_size=2, max_size=8), st.data())
def test_rows_and_what_stock_tools_write_between_them(rows: list[list[HistoryItem]], data: st.DataObject) -> None:
    said: list[bytes] = []
    for number, values in enumerate(rows):
        history = HistoryRecord(item=values)
        history.step.num = number
        said.append(Record(history=history).SerializeToString())
        update = [SummaryItem(nested_key=item.nested_key, value_json=item.value_json) for item in values]
        if data.draw(st.booleans()):
            said.append(Record(summary={"update": data.draw(st.permutations(update))}).SerializeToString())
    same_as_one_by_one(payloads_of(said))


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=12), st.integers(0, 2**62), st.integers(1, 2**40))
def test_numbers_of_every_kind(rows: list[tuple[Any, Any]], step: int, num: int) -> None:
    said = [row(step + n, {"a": a, "b/é": b}) for n, (a, b) in enumerate(rows)]
    assert same_as_one_by_one(payloads_of(said, num)) == [len(rows)]


@settings(deadline=None)
@given(st.integers(0, 12), st.lists(records(), min_size=2, max_size=8))
def test_a_run_set_back_has_of_a_block_what_it_has_of_its_records(before: int, some: list[Record]) -> None:
    said = [Record(num=n, history={"step": {"num": n}}) for n in range(1, 5)]
    payloads = [record.SerializeToString() for record in [*said, *some]]
    in_blocks, single = Told(payloads, BlockDecoder(), before), Told(payloads, None, before)
    assert in_blocks.state == single.state


@pytest.mark.parametrize("typed", [False, True])
def test_all_rows_of_our_writer_are_one_block(typed: bool) -> None:
    source, encoder = random.Random(1), wire.RowEncoder(typed)
    said = []
    for n in range(500):
        values = {"a": source.gauss(0, 1e9), "b": n - 250, "c": -1e-300, "d": 1e22, "_step": n * 3}
        said.append(wire.history(encoder.plain(values) or [], n * 3))
    assert same_as_one_by_one(payloads_of(said, 100)) == [500]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.sampled_from([0, -1, 63, 64, -64, 2**31, -(2**63), 2**63 - 1]) | st.floats(), min_size=1, max_size=4),
    st.lists(st.integers(0, 2**70), min_size=2, max_size=8),
    st.sampled_from([1, 120, 2**14 - 3]),
)
def test_typed_rows_of_one_size_and_of_any(like: list[int | float], seeds: list[int], num: int) -> None:
    encoder, said = wire.RowEncoder(typed=True), []
    for step, seed in enumerate(seeds, num):
        source = random.Random(seed)
        values: dict[wire.Key, Any] = {"_step": step} if seed % 2 else {}
        for place, value in enumerate(like):  # mostly of the same size as that one
            other = source.choice([value, -value, value + 1]) if source.random() < 0.9 else 0.5
            values[f"k{place}"] = other if type(other) is float or -(2**63) <= other < 2**63 else value
        said.append(wire.history(encoder.plain(values) or [], source.choice([0, 1, step])))
    same_as_one_by_one(payloads_of(said, num))


@pytest.mark.parametrize("typed", [False, True])
def test_rows_unlike_those_before_them_are_found_out(typed: bool) -> None:
    encoder = wire.RowEncoder(typed)
    others: list[dict[wire.Key, Any]] = [{"a": 0.25}, {"a": 0.25, "b": 2.5}, {"a": 0.25, "b": 2**40}]
    others += [{"aa": 0.25, "b": 2}, {"b": 2, "a": 0.25}, {"a": 2, "b": 0.25}]
    like: dict[wire.Key, Any] = {"a": 0.75, "b": 1}
    for other in others:
        values = [like] * 4 + [other] + [like] * 4
        said = [wire.history(encoder.plain(row) or [], step) for step, row in enumerate(values, 1)]
        same_as_one_by_one(payloads_of(said))


def test_many_rows_of_one_size_are_one_block_that_is_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, steps = wire.RowEncoder(typed=True), range(7000, 9000)  # from 8,192 on, an integer needs a third byte
    said = [wire.history(encoder.plain({"a": n / 7, "_step": n}) or [], n) for n in steps]
    told = Told(payloads_of(said, 7000), None)
    monkeypatch.setattr(BlockDecoder, "_decode", None)
    in_blocks = Told(payloads_of(said, 7000), BlockDecoder())
    assert in_blocks.blocks == [1192, 808]
    assert (in_blocks.series, in_blocks.state) == (told.series, told.state)


def test_rows_of_different_keys_in_any_order_are_one_block() -> None:
    source = random.Random(2)
    said = []
    for n in range(200):
        values: dict[wire.Key, Any] = {("n", "x"): n, "text": "t" * n, **{f"k{i}": source.random() for i in range(8)}}
        if n % 7 == 0:
            values["val/loss"] = float("nan")
        keys = list(values)
        source.shuffle(keys)
        said += [row(n, {key: values[key] for key in keys}), summary({"k0": n, "k1": "text"})]
    assert same_as_one_by_one(payloads_of(said)) == [400]


def test_an_item_that_names_its_key_twice_is_of_the_last_one() -> None:
    item = b"\n\x04loss\n\x01b0\x01"  # and has a field that nobody knows instead of a value
    for record in (b"\x1a", b"\x12"):
        body = b"\n" + bytes([len(item)]) + item
        odd = b"\x08\x7b" + record + bytes([len(body)]) + body
        same_as_one_by_one([*payloads_of([row(n, {"loss": 0.5}) for n in range(3)], 120), odd])


@settings(deadline=None, max_examples=80)
@example(8388607, True)
@given(st.integers(0, 2**32), st.booleans())
def test_no_changed_byte_makes_another_row(seed: int, typed: bool) -> None:
    source, encoder = random.Random(seed), wire.RowEncoder(typed)
    rows = [{"loss": source.random(), "n": n, "_step": n} for n in range(3)]
    payloads = payloads_of([wire.history(encoder.plain(values) or [], 1) for values in rows], 120)
    payloads.append(wire.numbered(123, summary({"loss": 0.5})))
    for _ in range(20):
        which = source.randrange(4)
        changed = bytearray(payloads[which])
        for _ in range(source.choice((1, 1, 2))):
            changed[source.randrange(len(changed))] = source.choice(INTERESTING + bytes([source.randrange(256)]))
        same_as_one_by_one([*payloads[:which], bytes(changed), *payloads[which + 1 :]])
        cut = source.randrange(len(changed))
        same_as_one_by_one([payloads[0], payloads[which][:cut], payloads[2]])
        same_as_one_by_one([payloads[0], payloads[which] + bytes(changed[:cut]), payloads[2]])


@pytest.mark.parametrize(
    "other",
    [
        wire.history([*items({"a": 1.0, "_step": 1}), wire.item("a", 2.0)], 1),
        row(1, {"a" * 2000: 1.0}),
        pending(1, {"a": 1.0, "b": 1.0}),
        summary(remove=["a"]),
        summary({"a": 1}, derived=True),
        run(),
        b"",
        b"\xff\xff",
    ],
)
def test_a_record_that_fits_no_block_is_decoded_between_two_blocks(other: bytes) -> None:
    rows = [row(n, {"a": float(n), "b": 0.5, ("n", "x"): 1}) for n in range(8)]
    assert same_as_one_by_one(payloads_of([*rows[:4], other, *rows[4:]])) in ([4, 4], [4, 3])


def printed(line: str, seconds: int = 0) -> bytes:
    return codec.encode(Record(output_raw={"line": line, "timestamp": {"seconds": seconds}}))


def test_what_was_printed_between_rows_does_not_part_them() -> None:
    rows = [row(n, {"a": float(n), "_timestamp": 1e9 + n}) for n in range(9)]
    said = [printed("first"), *rows[:3], printed("a\n", 2 * 10**9), printed("b\n"), *rows[3:], printed("last")]
    payloads = payloads_of(said)
    assert same_as_one_by_one(payloads) == [11]
    missing = [payload for number, payload in enumerate(payloads) if number not in (2, 4, 8)]
    assert same_as_one_by_one(missing) == [8]


def test_what_was_printed_reaches_the_console_in_order() -> None:
    said = [body for n in range(1, 5) for body in (row(n, {"a": n}), printed(f"{n}"))]
    heard: list[str] = []
    fold = LogFold(on_console=lambda piece: heard.append(piece.text))
    block = BlockDecoder().block(Payloads.of(payloads_of([*said, row(5, {"a": 5})])), 0)
    assert block is not None
    fold.apply_rows(block)
    assert heard == ["1", "2", "3", "4"]


def test_what_stock_tools_say_beside_output_does_not_part_rows() -> None:
    rows = [row(n, {"a": 0.5}) for n in range(8)]
    of_stream = b"\xc2\x0c\x05\x0a\x03run"
    told = [of_stream + printed("x"), printed("y"), printed("z") + of_stream]
    assert same_as_one_by_one(payloads_of([*rows[:4], *told, *rows[4:]])) == [11]


@pytest.mark.parametrize(
    "odd",
    [
        printed("x").replace(b"x", b"\xff"),  # no text
        printed("x") + row(9, {"a": 1.5}),  # a row after all: the last of them counts
        printed("x") + b"\x08\x7f",  # another number
        printed("x") + b"\xff",
        b"\xc2\x0c\xff" + printed("x"),
        b"\xc2\x0c\x03\x0a\x01" + printed("x"),
    ],
)
def test_what_only_looks_like_output_is_decoded_by_itself(odd: bytes) -> None:
    rows = [row(n, {"a": 0.5}) for n in range(8)]
    assert same_as_one_by_one(payloads_of([*rows[:4], odd, *rows[4:]])) == [4, 4]


def test_two_keys_of_one_series_keep_the_order_of_their_points() -> None:
    same_as_one_by_one(payloads_of([row(n, {("n", "x"): 1.0, "n.x": 2.0}) for n in range(8)]))


def test_single_rows_of_known_shapes_never_see_protobuf(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [row(n, {"a": float(n), ("n", "x"): n} if n % 3 else {"b": 0.5}) for n in range(200)]
    folded: list[bytes] = []
    apply = LogFold.apply

    def noted(fold: LogFold, payload: bytes) -> None:
        folded.append(payload)
        apply(fold, payload)

    monkeypatch.setattr(LogFold, "apply", noted)
    Told(payloads_of(said), BlockDecoder(), in_blocks=False)
    assert len(folded) < 20


def test_where_every_second_record_fits_no_block_it_is_looked_at_twice_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [wire.item("a", 1.0), wire.item("a", 2.0)]
    said = [row(n, {"a": 0.5}) if n % 20 else wire.history(twice, n) for n in range(2000)]
    looked: list[int] = []
    decode = BlockDecoder._decode

    def counted(decoder: BlockDecoder, found: Envelopes, first: int, stop: int) -> Any:
        looked.append(stop - first)
        return decode(decoder, found, first, stop)

    monkeypatch.setattr(BlockDecoder, "_decode", counted)
    Told(payloads_of(said), BlockDecoder())
    assert sum(looked) < 2.1 * 2000


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

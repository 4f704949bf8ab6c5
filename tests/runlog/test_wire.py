"""The hand-made encoding says exactly what protobuf's own code reads."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore.runlog import codec, wire

finite = st.floats(allow_nan=False, allow_infinity=False)
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
plain_rows = st.dictionaries(keys, finite | st.integers(-(2**63), 2**63 - 1), max_size=30)


def read(body: bytes) -> tuple[dict[wire.Key, Any], int]:
    record = codec.decode(wire.numbered(3, body))
    assert record is not None
    assert record.num == 3
    return codec.row_of(record.history), record.history.step.num


@pytest.mark.parametrize("typed", [False, True])
@given(rows=st.lists(plain_rows, max_size=4), step=st.integers(0, 2**62))
def test_plain_rows_come_back_exactly(typed: bool, rows: list[dict[str, Any]], step: int) -> None:
    encoder = wire.RowEncoder(typed)
    for row in rows:
        items = encoder.plain(row)
        assert items is not None
        back, back_step = read(wire.history(items, step))
        assert back == row
        assert [type(v) for v in back.values()] == [type(v) for v in row.values()]
        assert back_step == step


numbers = finite | st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize("typed", [False, True])
@given(
    names=st.lists(keys, min_size=3, max_size=3, unique=True),
    rows=st.lists(st.tuples(numbers, numbers, numbers), max_size=4),
    step=st.integers(0, 2**62),
)
def test_rows_of_one_shape_are_those_that_are_made_one_by_one(
    typed: bool, names: list[str], rows: list[tuple[float | int, ...]], step: int
) -> None:
    encoder = wire.RowEncoder(typed)
    shape = encoder.shape(names)
    for values in rows:
        assert shape.record([*values[1:], "text"], step) is None
        items = encoder.plain(dict(zip(names, values, strict=True)))
        assert items is not None
        assert shape.record([*values], step) == wire.history(items, step)


def test_values_of_other_keys_are_never_taken_for_a_rows() -> None:
    shape = wire.RowEncoder().shape(["a", "b"])
    for values in ([1.0], [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match="size"):
            shape.record([*values], 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**63 + 1, 2**70, "text", None, [1.5], True, {"a": 1}])
def test_anything_else_is_left_to_the_slow_path(value: object) -> None:
    encoder = wire.RowEncoder()
    # orjson holds unsigned 64-bit integers as well; they are plain digits either way.
    if value != 2**63 + 1:
        assert encoder.plain({"a": 1.0, "b": value}) is None
    (back,) = read(wire.history([wire.item(("b", "c"), value)], 0))[0].items()
    assert back[0] == ("b", "c")
    assert repr(back[1]) == repr(float(2**70) if value == 2**70 else value)


def test_infinitely_large_integers_become_infinite() -> None:
    assert wire.dumps(10**400) == "Infinity"
    assert wire.dumps(-(10**400)) == "-Infinity"


def test_a_pending_row_rides_in_a_footer() -> None:
    record = codec.decode(wire.pending([wire.item("a", 1)], 4))
    assert record is not None
    assert record.WhichOneof("record_type") == "footer"
    assert codec.row_of(record.footer.pending) == {"a": 1}
    assert record.footer.pending.step.num == 4


def test_lone_surrogates_do_not_spoil_the_record() -> None:
    row, _ = read(wire.history([wire.item("\ud800", "\udfff")], 1))
    assert row == {"?": "?"}


@given(st.binary(max_size=200))
def test_decoding_anything_never_raises(payload: bytes) -> None:
    codec.decode(payload)

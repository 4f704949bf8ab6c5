"""Values of records: whatever a tool wrote, what is read can be stored anywhere."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore.runlog import codec

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5)
trees = st.recursive(
    scalars, lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=3), below, max_size=4)
)


@given(trees, st.booleans())
def test_what_json_wrote_is_read_exactly(tree: Any, ascii_only: bool) -> None:
    text = json.dumps(tree, ensure_ascii=ascii_only)
    whole = codec.loads(text)
    if "\\ud" not in text:
        assert repr(whole) == repr(tree)
    json.dumps(whole, ensure_ascii=False).encode()


@given(st.integers() | st.integers(2**63, 2**66) | st.integers(-(2**66), -(2**62)))
def test_integers_beyond_64_bits_are_the_nearest_floats(number: int) -> None:
    read = codec.loads(str(number))
    assert repr(read) == repr(number if -(2**63) <= number < 2**64 else float(number))


@given(st.text("0123456789.eE+-", max_size=12))
def test_numbers_are_read_as_python_reads_them(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = text
    assert repr(codec.loads(text)) == repr(expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", math.nan),
        ("[1,-Infinity,null]", [1, -math.inf, None]),
        ("1e400", math.inf),
        ("9" * 400, math.inf),
        ("9" * 5000, "9" * 5000),
        ("-0", 0),
        ("no json", "no json"),
        ("", ""),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('{"\\ud800": ["\\udfff"]}', {"?": ["?"]}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ("[" * 100 + "]" * 100, None),
        ("[" * 101 + "]" * 101, "[" * 101 + "]" * 101),
        ("[" * 100_000, "[" * 100_000),
        ("[" + "[]," * 300 + "[]]", [[]] * 301),
    ],
)
def test_odd_text(text: str, value: Any) -> None:
    assert repr(codec.loads(text)) == repr(value if value is not None else json.loads(text))

"""JSON for SQLite: exact for ours, and strictly JSON for everybody else."""

from __future__ import annotations

import json
import math
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore.index.jsontext import from_columns, to_columns

texts = st.text(max_size=5) | st.sampled_from(
    ["Infinity", "NaN", "inf", "-inf", "inf~", "\0inf", "\0-inf", '"inf"', "9e999"]
)
leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts
trees = st.recursive(
    leaves, lambda below: st.lists(below, max_size=4) | st.dictionaries(texts, below, max_size=4), max_leaves=20
)


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@given(trees)
def test_any_tree_comes_back_exactly_from_strict_json(tree: Any) -> None:
    text, nan_paths = to_columns(tree)
    json.loads(text, parse_constant=no_constant)
    assert repr(from_columns(text, nan_paths)) == repr(tree)


@pytest.mark.parametrize(
    "tree",
    [
        {"a": math.inf, "b": "Infinity", "c": "inf", "-inf": -math.inf, "inf~": [math.inf, "\0inf"]},
        math.nan,
        [math.nan, {"x": [math.nan, None]}],
        {"": {"": math.nan}},
    ],
)
def test_what_looks_like_a_mark_and_is_none(tree: Any) -> None:
    assert repr(from_columns(*to_columns(tree))) == repr(tree)


def test_deep_nesting() -> None:
    tree: Any = math.nan
    for n in range(200):
        tree = [tree, math.inf] if n % 2 else {"a": tree}
    assert repr(from_columns(*to_columns(tree))) == repr(tree)


def test_sqlite_reads_an_infinity_as_one() -> None:
    text, _ = to_columns({"a": math.inf})
    assert sqlite3.connect(":memory:").execute("SELECT json_extract(?, '$.a')", (text,)).fetchone() == (math.inf,)

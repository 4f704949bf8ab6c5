"""Nested and flat are two forms of the same values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore.core.identity import RunPath, parse_run_path
from runstore.core.keys import Key, dotted, drop, flatten, key_of, path_of, put, unflatten
from runstore.errors import NotFound

names = st.text("ab._", min_size=1, max_size=3)
leaves = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
trees = st.dictionaries(
    names, st.recursive(leaves, lambda below: st.dictionaries(names, below, max_size=3)), max_size=4
)


@given(trees)
def test_nested_values_come_back_from_flat(tree: dict[str, Any]) -> None:
    flat = flatten(tree)
    assert unflatten(flat) == tree
    assert all(not isinstance(value, dict) or value == {} for value in flat.values())
    assert all(key_of(path_of(key)) == key for key in flat)


def test_a_key_with_a_dot_is_not_two_keys() -> None:
    assert flatten({"a.b": 1, "a": {"b": 2}}) == {"a.b": 1, ("a", "b"): 2}
    assert dotted("a.b") == dotted(("a", "b")) == "a.b"


def test_where_one_leaf_lies_below_another_the_later_wins() -> None:
    flat: dict[Key, Any] = {"a": 1, ("a", "b"): 2, ("c", "d"): 3, "c": 4}
    assert unflatten(flat) == {"a": {"b": 2}, "c": 4}


def test_building_a_tree_changes_no_empty_dict_of_the_leaves() -> None:
    flat: dict[Key, Any] = {"a": {}, ("a", "b"): 2}
    assert unflatten(flat) == {"a": {"b": 2}}
    assert flat["a"] == {}


def test_putting_and_dropping_below_what_is_no_dict() -> None:
    tree: dict[str, Any] = {"a": 1}
    drop(tree, ("a", "b"))
    drop(tree, ("x", "y", "z"))
    assert tree == {"a": 1}
    put(tree, ("a", "b", "c"), 2)
    assert tree == {"a": {"b": {"c": 2}}}
    drop(tree, ("a", "b"))
    assert tree == {"a": {}}


@pytest.mark.parametrize(
    ("text", "parts"),
    [("r", (None, None, "r")), ("p/r", (None, "p", "r")), ("e/p/r", ("e", "p", "r")), ("/e/p/r/", ("e", "p", "r"))],
)
def test_run_paths(text: str, parts: tuple[str | None, str | None, str]) -> None:
    assert parse_run_path(text) == parts


@pytest.mark.parametrize("text", ["", "/", "a//b", "a/b/c/d"])
def test_what_is_no_run_path_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(NotFound, match="is no run path"):
        parse_run_path(text)


def test_a_run_without_an_entity_is_named_without_it() -> None:
    assert str(RunPath("", "p", "r")) == "p/r"

"""Tables that were logged, put together and put in order, whatever is in their cells."""

from __future__ import annotations

import math

import pytest

from runstore.errors import UsageError
from runstore.query.media import tables
from runstore.query.media.tables import NotATable, Table, joined, parsed, stacked, table_of


def test_cells_of_mixed_types_are_sorted_numbers_first() -> None:
    table = Table(["a"], [["b"], [2], [None], ["A"], [True], [math.nan], [[1]], [-1.5]])
    assert [table.rows[number][0] for number in table.order(column="a")][:6] == [-1.5, True, 2, [1], "A", "b"]


def test_equal_cells_keep_the_order_of_the_rows_in_both_directions() -> None:
    table = Table(["a", "b"], [[1, "x"], [1, "y"], [0, "z"]])
    assert list(table.order(column="a")) == [2, 0, 1]
    assert list(table.order(column="a", descending=True)) == [0, 1, 2]


def test_columns_with_blanks_in_their_names_are_asked_by_quotes() -> None:
    table = Table(["two words", "b"], [[1, "x"], [5, "y"]])
    assert list(table.order('"two words">2')) == [1]
    assert list(table.order('"x"')) == [0]


def test_what_looks_like_a_condition_on_no_column_is_a_word() -> None:
    assert list(Table(["a"], [["http://x"], ["y"]]).order("http://x")) == [0]


def test_an_order_is_remembered_and_few_are() -> None:
    table = Table(["a"], [[number] for number in range(10)])
    assert table.order("a>3") is table.order("a>3")
    for number in range(10):
        table.order(f"a>{number}")
    assert len(table._orders) == tables._MOST_ORDERS_KEPT


def test_columns_of_one_name_are_told_apart() -> None:
    table = table_of({"columns": ["a", "a", 3], "data": [[1, 2, 3, 4], [1]]})
    assert table.columns == ["a", "a #2", "3"]
    assert table.rows == [[1, 2, 3], [1, None, None]]


def test_kinds_of_columns_that_may_be_empty_are_known() -> None:
    kind = {"wb_type": "union", "params": {"allowed_types": [{"wb_type": "none"}, {"wb_type": "timestamp"}]}}
    said = {"columns": ["a", "b"], "data": [], "column_types": {"params": {"type_map": {"a": kind, "b": 5}}}}
    assert table_of(said).kinds == {"a": "timestamp"}


def test_parts_with_other_columns_are_stacked_under_all_of_them() -> None:
    both = stacked([Table(["a"], [[1]]), Table(["b", "a"], [[2, 3]])])
    assert (both.columns, both.rows) == (["a", "b"], [[1, None], [3, 2]])


def test_a_join_of_keys_that_are_not_unique_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_JOINED_ROWS", 50)
    table = Table(["a"], [["same"]] * 10)
    with pytest.raises(NotATable, match="not unique"):
        joined(table, table, ("a", "a"))


@pytest.mark.parametrize("data", [b"", b"[1", b"\x80\x03", b"[" * 100_000])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="no JSON"):
        parsed(data)


def test_a_table_of_more_cells_than_there_is_memory_for_is_refused() -> None:
    """A few bytes of JSON for each row, which leaves out all its cells."""
    for columns, rows in ((100_000, 1_000), (200_000, 0)):
        with pytest.raises(NotATable, match=r"more than the [\d,]+ (cells )?shown"):
            table_of({"columns": [""] * columns, "data": [[]] * rows})
    wide = [Table([f"{side}{number}" for number in range(60_000)], [[]] * 400) for side in "ab"]
    with pytest.raises(NotATable, match="more than"):
        stacked(wide)
    keyed = [Table(["k", *table.columns], [["x"]] * 400) for table in wide]
    with pytest.raises(NotATable, match="more than"):
        joined(keyed[0], keyed[1], ("k", "k"))


def test_many_columns_of_one_name_are_told_apart_at_once() -> None:
    assert table_of({"columns": ["", "a", *[""] * 50_000], "data": []}).columns[-1] == " #50001"


def test_what_is_said_of_columns_may_be_anything() -> None:
    said: list[object] = [[1], {"type_map": []}, {"type_map": {"a": {"wb_type": "union", "params": [1]}}}, None]
    for params in said:
        assert table_of({"columns": ["a"], "data": [[1]], "column_types": {"params": params}}).kinds == {}
    deep: object = []
    for _ in range(300):
        deep = [deep]
    assert list(Table(["a"], [[deep], ["x"]]).order("x")) == [1]

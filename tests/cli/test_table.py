"""Tables for people: columns stay straight whatever is in them."""

from __future__ import annotations

import time

import pytest

from runstore.cli.table import aligned


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    table = aligned([("a", 1, "x"), ("long name", 22, "")], ("NAME", "N", ""))
    assert table.splitlines() == ["NAME       N", "a          1   x", "long name  22"]


def test_without_rows_there_is_the_header() -> None:
    assert aligned([], ("A", "B")) == "A  B"


@pytest.mark.parametrize(("text", "columns"), [("日本語", 6), ("🚀", 2), ("e\u0301te\u0301", 3), ("ärger", 5)])
def test_wide_and_combining_characters_are_counted_as_a_terminal_shows_them(text: str, columns: int) -> None:
    table = aligned([(text, "|"), ("x" * 8, "|")], ("A", "B"))
    assert table.splitlines()[1] == text + " " * (8 - columns) + "  |"


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[31mred", "tab\tbed", "sep\u2028arated"])
def test_a_cell_that_would_break_the_table_is_one_line_of_text(text: str) -> None:
    lines = aligned([(text, "end")], ("A", "B")).splitlines()
    assert len(lines) == 2
    assert lines[1].endswith("  end")
    assert lines[1].isprintable()


def test_a_row_of_another_length_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        aligned([("only one",)], ("A", "B"))


def test_ten_thousand_rows_take_no_time_to_speak_of() -> None:
    rows = [(f"id{number}", "a name", "project", number) for number in range(10_000)]
    began = time.thread_time()  # of this process others may take some
    assert len(aligned(rows, ("A", "B", "C", "D")).splitlines()) == 10_001
    assert time.thread_time() - began < 2  # instead of minutes, with each row looking at all others

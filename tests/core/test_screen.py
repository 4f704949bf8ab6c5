"""What a terminal shows of rows that are drawn again, and the shortest way there."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore.core.screen import ROWS_KEPT, Screen, moves

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
BARS = "outer 0%\n\rinner 0%\x1b[A\router 5%\n\rinner 9%\x1b[A"


def picture(screen: Screen) -> list[str]:
    """Return the text that can be seen, without blank ends and colours (which may be said twice)."""
    rows = [_COLOUR.sub("", screen._text(screen._first + n)).rstrip() for n in range(len(screen._rows))]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def shown(*texts: str) -> list[str]:
    screen = Screen()
    for text in texts:
        screen.feed(text)
    return picture(screen)


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("\r10%\r20%\n", ["20%"]),
        (BARS, ["outer 5%", "inner 9%"]),
        ("a\nb\nc\x1b[2AX\n", ["aX", "b", "c"]),
        ("a\nb\x1b[1A\x1b[2K\rnew\n", ["new", "b"]),
        ("abc\nd\x1b[AX\n", ["aXc", "d"]),
        ("a\nb\nc\x1b[2F\x1b[J!", ["!"]),
        ("abc\n\x1b[F\x1b[CX\x1b[E.", ["aXc", "."]),
        ("a\x1b[5Bb", ["ab"]),
        ("\x1b[9Atop", ["top"]),
        ("left\x1b[3DEF\x1b[10G.", ["lEFt     ."]),
    ],
)
def test_rows(written: str, seen: list[str]) -> None:
    assert shown(written) == seen
    assert shown(*written) == seen


@pytest.mark.parametrize("text", ["plain\n", "a\nb", "win\r\ndows\r\n", "\x1b[1;31mred\x1b[0m\n"])
def test_text_that_only_adds(text: str) -> None:
    assert not moves(text)


@pytest.mark.parametrize("text", ["\r1%", "a\rb", "a\r", "\x08", "\x1b[A", "\x1b", "\x1b[3", "\x1b[K", "\x1b]0;t\x07"])
def test_text_that_does_more(text: str) -> None:
    assert moves(text)


def test_a_bar_is_redrawn_as_its_last_state() -> None:
    screen = Screen()
    for percent in range(50):
        screen.feed(f"\r{percent}%")
    assert screen.redraw() == "49%"
    screen.feed("\r50%\r51%")
    assert screen.redraw() == "\r51%"
    screen.feed(" ...")
    assert screen.redraw() == " ..."
    assert screen.redraw() == ""
    assert screen.at_end


def test_rows_that_did_not_change_are_not_drawn_again() -> None:
    screen = Screen()
    screen.feed(BARS)
    screen.redraw()
    screen.feed("\n\rinner 10%\x1b[A")
    assert screen.redraw().count("inner") == 1
    screen.feed("\n\rinner 11%\x1b[A")
    assert "outer" not in screen.redraw().removesuffix("outer 5%")


def test_plain_text_that_was_added_can_be_drawn_over() -> None:
    screen, other = Screen(), Screen()
    screen.add("one\ntwo\n")
    other.feed("one\ntwo\n")
    screen.feed("\x1b[2A\rONE")
    other.feed(screen.redraw())
    assert picture(other) == picture(screen) == ["ONE", "two"]


def test_only_so_many_rows_are_kept() -> None:
    screen = Screen()
    for n in range(10_000):
        screen.add(f"{n}\n")
        assert len(screen._rows) <= 2 * ROWS_KEPT + 1
    screen.feed(f"\x1b[{ROWS_KEPT // 2}A\rhere")
    assert picture(screen)[-ROWS_KEPT // 2] == "here"
    assert picture(screen)[-1] == "9999"


MOVES = [f"\x1b[{end}" for end in ("A", "2A", "B", "K", "2K", "J", "E", "F", "C", "2D", "3G", "31m", "0m", "")]
PIECES = st.sampled_from([*"ab.A", "xyz", "\n", "\n", "\r", "\x08", *MOVES])


@given(st.lists(st.lists(PIECES, max_size=8).map("".join), max_size=12))
def test_going_by_the_redraws_another_terminal_shows_the_same(texts: list[str]) -> None:
    screen, other = Screen(), Screen()
    for text in texts:
        screen.feed(text)
        other.feed(screen.redraw())
        other.redraw()
        assert picture(other) == picture(screen)

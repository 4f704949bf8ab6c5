"""What a person saw on the terminal, however the writes were cut."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstore.core.terminal import MAX_LINE_CHARACTERS, TerminalLine


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("\n\n", ["", ""]),
        ("10%\r20%\r100%\n", ["100%"]),
        ("100%\r5%\n", ["5%0%"]),
        ("windows\r\n", ["windows"]),
        ("a\x08b\n", ["b"]),
        ("\x08\x08a\n", ["a"]),
        ("long line\r\x1b[Kshort\n", ["short"]),
        ("long line\r\x1b[0Kshort\n", ["short"]),
        ("abc\x1b[2Kd\n", ["   d"]),
        ("\x1b[31mred\x1b[0m\n", ["\x1b[31mred\x1b[0m"]),
        ("\x1b[31mred\x1b[0m\rRED\n", ["\x1b[0mRED"]),
        ("\x1b[2Aup\x1b[?25l\n", ["up"]),
        ("\x1b]0;title\x07text\n", ["text"]),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", ["link"]),
        ("\x1b]0;never ended\n", []),
        ("\x1bx\n", ["x"]),
        ("\x1b[1\x1b[2mb\n", ["[1\x1b[2mb"]),
    ],
)
def test_lines(written: str, seen: list[str]) -> None:
    assert TerminalLine().feed(written) == seen


def test_an_escape_sequence_cut_in_two_writes_is_one() -> None:
    line = TerminalLine()
    assert line.feed("\x1b") == []
    assert line.feed("[3") == []
    assert line.feed("1mred\x1b]0;ti") == []
    assert line.feed("tle\x1b") == []
    assert line.feed("\\!\n") == ["\x1b[31mred!"]


pieces = st.sampled_from(
    [
        *"ab \n\r\x08\x1b[]mK;?12\x07\\",
        "\x1b[31m",
        "\x1b[0m",
        "\x1b[K",
        "\x1b[2K",
        "\x1b]0;t\x07",
        "\x1b]0;" + "x" * 4090,
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(pieces, max_size=40).map("".join), st.lists(st.integers(0, 60), max_size=8))
def test_the_same_lines_in_any_pieces_and_over_any_restart(text: str, cuts: list[int]) -> None:
    whole = TerminalLine()
    expected = whole.feed(text)
    line, seen, at = TerminalLine(), list[str](), 0
    for cut in [*sorted(cuts), len(text)]:
        seen += line.feed(text[at : max(at, cut)])
        at = max(at, cut)
        line = TerminalLine(*json.loads(json.dumps(line.state())))
    assert (seen, line.text) == (expected, whole.text)


def test_a_sequence_that_never_ends_is_given_up_at_the_same_place_in_any_pieces() -> None:
    text = "\x1b]0;" + "x" * 5000 + "\x07\n"
    line, seen = TerminalLine(), list[str]()
    for character in text:
        seen += line.feed(character)
    assert seen == TerminalLine().feed(text)
    assert len(seen[0]) > 4000


def test_a_program_that_never_ends_its_line_fills_neither_memory_nor_time() -> None:
    line = TerminalLine()
    began = time.process_time()
    for _ in range(3):
        line.feed("x" * MAX_LINE_CHARACTERS)
    for _ in range(30_000):
        line.feed("yz")
        line.feed("\x1b[1m")
    (seen,) = line.feed("\n")
    assert seen.startswith("x" * MAX_LINE_CHARACTERS)
    assert len(seen) < MAX_LINE_CHARACTERS + 2000
    assert time.process_time() - began < 5

"""The last rows that a program wrote to its terminal, some of which it goes back to.

Nested progress bars and live tables move the cursor up and write rows anew, ten times a second. A Screen keeps the
rows that can still be reached so, and tells, whenever it is asked, the shortest text that brings a terminal from the
picture at the last asking to the present one: what was overwritten in between is in neither.

Rows have numbers that never change, counted from the first that was written. Placing the cursor absolutely, as
programs do that own the whole terminal, is left out, and so is wrapping at the right edge.
"""

from __future__ import annotations

import re

from runstore.core.terminal import TerminalLine

# No terminal lets a program go up beyond its top; few are higher than this.
ROWS_KEPT = 100
# What text must be free of to be shown as it is: all controls but line feeds and colours.
_MOVING = re.compile(r"\r(?!\n)|\r\Z|\x08|\x1b(?!\[[0-9;]{0,99}m)")
_ACROSS = re.compile(r"\n|\x1b\[(\d{0,4})([ABEFJ])")  # up, down, to the beginning of a row below or above, erase below
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]{0,99}[ -/]{0,9}|\][^\x07\x1b]{0,4096}\x1b?)?\Z")


def moves(text: str) -> bool:
    """Return whether `text` does more to a terminal than to add to its end."""
    return _MOVING.search(text) is not None


class Screen:
    """The picture of one stream; `feed` draws, `redraw` tells what to draw elsewhere."""

    def __init__(self) -> None:
        self._rows: list[str | TerminalLine] = [""]
        self._first = 0  # the number of _rows[0]
        self._at = 0  # the row of the cursor
        self._column: int | None = None  # of the cursor; None at the row's end
        self._unfinished = ""
        self._before: dict[int, str] = {}  # the rows drawn on since the last redraw, as they were
        self._shown_rows = 1
        self._shown_at: tuple[int, int | None] = (0, None)

    @property
    def grew(self) -> bool:
        """Whether there are more rows than at the last redraw."""
        return self._first + len(self._rows) > self._shown_rows

    @property
    def at_end(self) -> bool:
        """Whether the next text goes behind all that was written, and nothing waits to be redrawn."""
        last = self._first + len(self._rows) - 1
        return self._at == last and self._column is None and not self._unfinished and not self._before

    def add(self, text: str) -> None:
        """Take in text that does not move, where the screen is `at_end`, as drawn here and elsewhere."""
        lines = text.split("\n")
        self._rows[-1] = self._text(self._at) + lines[0]
        self._rows += lines[1:]
        self._at += len(lines) - 1
        self._is_shown()

    def feed(self, text: str) -> None:
        """Draw what was written."""
        text, self._unfinished = self._unfinished + text, ""
        cut = _UNFINISHED.search(text)
        if cut is not None:
            text, self._unfinished = text[: cut.start()], cut[0]
        at = 0
        for across in _ACROSS.finditer(text):
            self._write(text[at : across.start()])
            self._go(across[2] or "\n", int(across[1] or 1) if across[2] != "J" else int(across[1] or 0))
            at = across.end()
        self._write(text[at:])

    def redraw(self) -> str:
        """Return what brings a terminal from the last redraw's picture to this one; "" where they are the same."""
        drawn: list[str] = []
        for number in sorted(self._before):
            before, text = self._before[number], self._text(number)
            if text == before:
                continue
            drawn.append(self._across(number))
            if text.startswith(before) and self._shown_at == (number, None):
                drawn.append(text[len(before) :])
            else:
                longer = len(text) >= len(before) and "\x1b" not in before + text  # colours take no room
                drawn.append(f"\r{text}" + ("" if longer else "\x1b[K"))
            self._shown_at = number, None
        drawn.append(self._across(self._at))
        if self._shown_at[1] != self._column:
            row = self._row(self._at)
            cells = list(row) if isinstance(row, str) else row.cells
            drawn.append("\r" + "".join(cells[: self._column]))
        self._before.clear()
        self._is_shown()
        return "".join(drawn)

    def _is_shown(self) -> None:
        if len(self._rows) > 2 * ROWS_KEPT:
            gone = min(len(self._rows) - ROWS_KEPT, self._at - self._first)
            del self._rows[:gone]
            self._first += gone
        self._shown_rows = self._first + len(self._rows)
        self._shown_at = self._at, self._column

    def _across(self, number: int) -> str:
        """Return what moves a terminal's cursor to a row, and say that it is there, anywhere in it."""
        by = number - self._shown_at[0]
        if by:
            self._shown_at = number, None if by > 0 and not self._text(number) else -1
        return "\n" * by if by >= 0 else f"\x1b[{-by}A"

    def _row(self, number: int) -> str | TerminalLine:
        return self._rows[number - self._first]

    def _text(self, number: int) -> str:
        row = self._row(number)
        return row if isinstance(row, str) else row.text

    def _line(self, number: int) -> TerminalLine:
        """Return a row to be drawn on."""
        line = self._row(number)
        self._before.setdefault(number, self._text(number))
        if isinstance(line, str):
            text, line = line, TerminalLine()
            line.feed(text)
            self._rows[number - self._first] = line
        return line

    def _write(self, text: str) -> None:
        if not text:
            return
        line = self._line(self._at)
        line.cursor = len(line.cells) if self._column is None else self._column
        line.feed(text)
        self._column = None if line.cursor == len(line.cells) else line.cursor

    def _go(self, how: str, count: int) -> None:
        last = self._first + len(self._rows) - 1
        if how == "\n":
            if self._at == last:
                self._rows.append("")
            self._at += 1
            self._column = 0 if self._text(self._at) else None
        elif how == "J":
            if count == 0:
                self._erase_below(last)
        else:
            line = self._line(self._at)
            column = (len(line.cells) if self._column is None else self._column) if how in "AB" else 0
            colour, line.colour = line.colour, ""
            self._at = max(self._first, self._at - count) if how in "AF" else min(last, self._at + count)
            line = self._line(self._at)
            line.colour += colour
            self._column = None if column == len(line.cells) else column

    def _erase_below(self, last: int) -> None:
        line = self._line(self._at)
        if self._column is not None:
            del line.cells[self._column :]
            self._column = None if self._column == len(line.cells) else self._column
        for number in range(self._at + 1, last + 1):
            self._line(number).cells = []

"""Fold what a program wrote to its terminal into the lines that a person saw.

A carriage return goes back to the line's beginning and what follows writes over it, so a progress bar that was drawn
a thousand times is one line. Backspace, moves within the line and "erase to the end of the line" are obeyed; colours
stay in the text; other escape sequences, which move the cursor to other lines, are left out (see screen.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

# Colours (..m) stay with the text; ESC [ K erases; every other control sequence or OSC string is dropped.
# The lengths are bounded, so that a sequence which never ends is given up, at the same place however it arrives.
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]{0,99}[ -/]{0,9}[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|[@-Z\\-_])")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]{0,99}[ -/]{0,9}|\][^\x07\x1b]{0,4096}\x1b?)?\Z")
_ALONG = re.compile(r"\x1b\[(\d{0,6})([CDG])")  # right, left, to the column
_SPECIAL = re.compile(r"[\n\r\x08\x1b]")
# A program that never ends its line must not fill the memory.
MAX_LINE_CHARACTERS = 100_000
MAX_COLOUR_CHARACTERS = 1_000


@dataclass
class TerminalLine:
    """The line that one stream is writing: its characters with the colours before them, and the cursor."""

    cells: list[str] = field(default_factory=list)
    cursor: int = 0
    colour: str = ""  # colour sequences that belong to the next character
    unfinished: str = ""  # the beginning of an escape sequence whose end was not written yet

    def feed(self, text: str) -> list[str]:
        """Take in what was written; return the lines that this ended, without their line feeds."""
        if self.plain and not _SPECIAL.search(text.removesuffix("\n")):  # nearly every line
            self._write(text.removesuffix("\n"))
            return [self._end()] if text.endswith("\n") else []
        text, self.unfinished = self.unfinished + text, ""
        lines: list[str] = []
        at = 0
        while at < len(text):
            special = _SPECIAL.search(text, at)
            stop = special.start() if special else len(text)
            self._write(text[at:stop])
            if special is None:
                break
            at = self._obey(text, stop, lines)
        return lines

    @property
    def plain(self) -> bool:
        """Whether the cursor is at the end of the line and nothing waits."""
        return self.cursor == len(self.cells) and not self.colour and not self.unfinished

    @property
    def text(self) -> str:
        """The line as it stands."""
        return "".join(self.cells) + self.colour

    def state(self) -> list[Any]:
        """Return what makes this line again: `TerminalLine(*state)`."""
        return [list(self.cells), self.cursor, self.colour, self.unfinished]

    def _write(self, text: str) -> None:
        if not text:
            return
        cells = list(text)
        if self.colour:
            cells[0] = self.colour + cells[0]
            self.colour = ""
        if self.cursor > len(self.cells):  # the cursor was moved to the right of all that was written
            self.cells += " " * (self.cursor - len(self.cells))
        self.cells[self.cursor : self.cursor + len(cells)] = cells
        self.cursor += len(cells)
        if len(self.cells) > MAX_LINE_CHARACTERS:
            del self.cells[MAX_LINE_CHARACTERS:]
            self.cursor = min(self.cursor, MAX_LINE_CHARACTERS)

    def _obey(self, text: str, at: int, lines: list[str]) -> int:
        """Obey the control character or sequence at `at`; return the place behind it."""
        control = text[at]
        if control == "\n":
            lines.append(self._end())
        elif control == "\r":
            self.cursor = 0
        elif control == "\x08":
            self.cursor = max(0, self.cursor - 1)
        elif _UNFINISHED.match(text, at):
            self.unfinished = text[at:]
            return len(text)
        else:
            sequence = _ESCAPE.match(text, at)
            if sequence is None:
                return at + 1
            self._obey_sequence(sequence[0])
            return sequence.end()
        return at + 1

    def _obey_sequence(self, sequence: str) -> None:
        if sequence.endswith("m"):
            self.colour += sequence if len(self.colour) < MAX_COLOUR_CHARACTERS else ""
        elif sequence in ("\x1b[K", "\x1b[0K"):
            del self.cells[self.cursor :]
        elif sequence == "\x1b[2K":
            self.cells = [" "] * self.cursor
        elif move := _ALONG.fullmatch(sequence):
            count = int(move[1] or 1)
            to = count - 1 if move[2] == "G" else self.cursor + (count if move[2] == "C" else -count)
            self.cursor = min(max(0, to), MAX_LINE_CHARACTERS)

    def _end(self) -> str:
        line = self.text
        self.cells, self.cursor, self.colour = [], 0, ""
        return line

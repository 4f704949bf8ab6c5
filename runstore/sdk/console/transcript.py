"""What is recorded of one stream: every line, and of lines that are still being drawn, now and then the state.

A line is recorded when it ends. Text without an end (a progress bar, "loading ...") is recorded when the program
flushes it, as a terminal shows it then, but at most once a second, and ever more seldom the longer the line stays
unfinished: a bar that runs for a day leaves some hundred records, not a million. What was drawn over in between is
left out; the last state never is. Going by the records, a terminal ends with the same picture.

Stock tools record each piece that is written, intermediate states and all.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from runstore.core.screen import Screen, moves

LEAST_SECONDS = 1.0  # between two records of an unfinished line
PART_OF_AGE = 1 / 60  # and this part of the time for which nothing but unfinished lines came
MAX_HELD_CHARACTERS = 4096  # of text without an end
PIECES_BETWEEN_LOOKS = 8  # at the clock: a `print` writes several


class Transcript:
    """Take in what one stream writes; call `record` with the text to keep. One caller at a time."""

    def __init__(self, record: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._record = record
        self._clock = clock
        self._screen = Screen()
        self._held: list[str] = []  # text that does not move, and is not drawn on the screen yet
        self._held_size = 0
        self._drawing = False  # the program moves the cursor: the screen knows what is to be seen
        self._changed = False  # on the screen, since the last record
        self._held_since: float | None = None
        self._unfinished_since: float | None = None
        self._recorded_at = float("-inf")

    @property
    def holds(self) -> bool:
        """Whether something is not recorded yet."""
        return self._changed or bool(self._held)

    def write(self, text: str) -> None:
        """Take in a piece, and record it if it ends a line."""
        if not text:
            return
        if not self._drawing and (text.isprintable() or not moves(text)):
            self._held.append(text)
            self._held_size += len(text)
            whole = "\n" in text or self._held_size > MAX_HELD_CHARACTERS
            if not whole and len(self._held) % PIECES_BETWEEN_LOOKS != 1:
                return
        else:
            if self._held:
                self._screen.feed(self._take_held())
            self._screen.feed(text)
            self._drawing = self._changed = True
            whole = self._screen.grew
        if whole:
            self.settle()
        else:
            self._wait()

    def flush(self) -> None:
        """Record what is held, unless something unfinished was recorded a moment ago."""
        if self.holds and self._is_due(self._recorded_at):
            self.settle()

    def settle(self) -> None:
        """Record all that is held."""
        if not self.holds:
            return
        text = self._screen.redraw() if self._drawing else self._take_held()
        if self._drawing:
            self._drawing = not self._screen.at_end
        else:
            self._screen.add(text)
        self._changed = False
        self._held_since = None
        self._recorded_at = self._clock()
        if text.endswith("\n"):
            self._unfinished_since = None
        if text:
            self._record(text)

    def _take_held(self) -> str:
        text = "".join(self._held)
        self._held, self._held_size = [], 0
        return text

    def _wait(self) -> None:
        """Record text that its program never flushes, when it is due."""
        now = self._clock()
        if self._unfinished_since is None:
            self._unfinished_since = now
        if self._held_since is None:
            self._held_since = now
        elif self._is_due(max(self._held_since, self._recorded_at)):
            self.settle()

    def _is_due(self, since: float) -> bool:
        now = self._clock()
        age = 0.0 if self._unfinished_since is None else now - self._unfinished_since
        return now - since >= max(LEAST_SECONDS, age * PART_OF_AGE)

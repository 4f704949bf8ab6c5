"""What is longer than a server takes: one line would keep all others back, so something short stands in its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from runstore.syncd.runwise.content.snapshot import ConsoleText

# Around the text of a console's line: its time, and, where lines are objects, quotes and names.
_AROUND_BYTES = 200
_BYTES_OF_CHARACTER = 6  # at most, once it is in a JSON text


def size_of(line: str) -> int:
    """Return how many bytes a line has."""
    return len(line) if line.isascii() else len(line.encode("utf-8", "surrogatepass"))


def rows_within(rows: Sequence[str], most_bytes: int, left: list[str]) -> Sequence[str]:
    """Return rows of which none has more bytes than that: one that had keeps its step alone, and `left` says so."""
    if all(len(row) * 4 <= most_bytes or size_of(row) <= most_bytes for row in rows):
        return rows
    fitting = list(rows)
    for place, row in enumerate(rows):
        if size_of(row) > most_bytes:
            step = json.loads(row)["_step"]
            fitting[place] = json.dumps({"_step": step})
            left.append(f"the row of step {step:,} has {size_of(row):,} bytes, more than the server takes in one")
    return fitting


def texts_within(texts: Sequence[ConsoleText], most_bytes: int, left: list[str]) -> Sequence[ConsoleText]:
    """Return lines of a console of which none has more bytes than that: of one that had the beginning."""
    most = (most_bytes - _AROUND_BYTES) // _BYTES_OF_CHARACTER
    if all(len(one.text) <= most for one in texts):
        return texts
    left += [
        f"a line of {len(one.text):,} characters that the program printed is more than the server takes in one"
        for one in texts
        if len(one.text) > most
    ]
    return [replace(one, text=one.text[:most]) for one in texts]

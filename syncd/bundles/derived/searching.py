"""Make regular expressions of many words: what is looked at of a text does not grow with how many there are. No I/O.

An alternation of words is tried word by word at each letter of a text: a bundle of runs of 1,000 machines took minutes.
Here words share what they begin with, so that one letter leads to few of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import groupby

# Letters that words share, one group in the other: what is behind is tried one by one, and so are groups of two.
_DEEPEST = 8
_FEW = 2


def pattern_of(words: Iterable[str]) -> str:
    """Return an expression that matches each of these words, where several do the longest first; "(?!)" for none."""
    found = sorted(set(words))
    return _below(found, 0) if found else "(?!)"


def _below(words: Collection[str], depth: int) -> str:
    """Return what matches the rest, from `depth` on, of words in order that are the same up to there."""
    rests = [word[depth:] for word in words]
    if len(rests) <= _FEW or depth == _DEEPEST:
        return _one_of(re.escape(rest) for rest in sorted(rests, key=len, reverse=True))
    ends_here = "" in rests
    longer = [word for word in words if len(word) > depth]
    groups = [
        re.escape(letter) + _below(list(group), depth + 1)
        for letter, group in groupby(longer, key=lambda word: word[depth])
    ]
    return f"(?:{'|'.join(groups)})?" if ends_here else _one_of(groups)


def _one_of(choices: Iterable[str]) -> str:
    found = list(choices)
    return found[0] if len(found) == 1 else f"(?:{'|'.join(found)})"

"""Columns of numbers as JSON that is short, and packs well: as many digits as a chart can show.

A column is `[exponent, digits, text]`. The text has, of n numbers, n characters that say how large each is, then the
first digits of all; the other digits are a number in base 32, whose first places of all numbers follow, then the second
ones, and so on. Neighbours of a metric mostly begin alike, so that all but the last places come to little once they are
packed; and nothing stands between numbers. As a JSON array the same takes up to twice the bytes.

    characters   ' ' no finite number; '!' zero; from '#' on: '#' + 2 * k + (1 if negative), of a number whose first
                 digit stands at 10 ** (exponent - k)
    places       of `digits` - 1 decimal digits as many as it takes, each one of 0-9 and a-v
    example      [1, 3, "#%!" + "210" + "110" + "2i0"] is 23.4, 1.50, 0: '#' is tens, '%' ones, "12" in base 32 is 34
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

# More than the pixels that a chart is high, of the smallest value as of the largest one.
DIGITS = 4
_MOST_DIGITS = 15
_NOTHING, _ZERO, _FIRST = ord(" "), ord("!"), ord("#")
_BITS = 5
_SIGNS = np.frombuffer(b"0123456789abcdefghijklmnopqrstuv", np.uint8)
_MOST_SMALLER = (ord("~") - _FIRST - 1) // 2

Column = tuple[int, int, str]


def digits_for(columns: Sequence[npt.NDArray[Any]], least: int = DIGITS) -> int:
    """Return how many significant digits it takes, `least` or more, to tell values apart that lie closely together."""
    finite = [column[np.isfinite(column)] for column in columns]
    low = min((float(column.min()) for column in finite if len(column)), default=0.0)
    high = max((float(column.max()) for column in finite if len(column)), default=0.0)
    spread, largest = high / 2 - low / 2, max(abs(low), abs(high)) / 2
    if spread <= 0:
        return _MOST_DIGITS if largest else least
    # One digit less than the first ones promise is enough where values are up to three times as large as their spread.
    return min(_MOST_DIGITS, least + max(0, math.ceil(math.log10(largest / spread) - 0.5)))


def column(values: npt.NDArray[Any], digits: int = DIGITS) -> Column:
    """Return numbers, rounded to so many significant digits, as a column."""
    floats = values.astype(np.float64)
    size = np.abs(floats)
    known = np.isfinite(size) & (size > 0)
    if not known.any():
        return (
            0,
            digits,
            _text(np.where(np.isfinite(size), _ZERO, _NOTHING), np.zeros((1 + _places(digits), len(size)), np.int64)),
        )
    exponents, mantissas = _parts(np.where(known, size, 1.0), digits)
    highest = int(exponents[known].max())
    smaller = highest - exponents
    known &= smaller <= _MOST_SMALLER
    signs = _FIRST + 2 * smaller + (floats < 0)
    kinds = np.where(known, signs, np.where(np.isfinite(size), _ZERO, _NOTHING))
    first, rest = np.divmod(np.where(known, mantissas, 0), 10 ** (digits - 1))
    shifts = _BITS * np.arange(_places(digits) - 1, -1, -1, dtype=np.int64)
    return highest, digits, _text(kinds, np.vstack([first, rest >> shifts[:, None] & (1 << _BITS) - 1]))


def _places(digits: int) -> int:
    """Return how many places in base 32 it takes for all digits but the first."""
    return -(-int(10 ** (digits - 1) - 1).bit_length() // _BITS)


def _parts(size: npt.NDArray[np.float64], digits: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return of numbers above zero the place of their first digit, and all their digits as one integer."""
    exponents = np.floor(np.log10(size)).astype(np.int64)
    # In two steps: powers of ten reach from -323 to 308, and to bring 1e-320 up takes more than that.
    scaled = size / 10.0 ** (exponents / 2) / 10.0 ** (exponents - exponents / 2) * 10.0 ** (digits - 1)
    mantissas = np.rint(scaled).astype(np.int64)
    over = mantissas >= 10**digits
    return exponents + over, np.where(over, mantissas // 10, mantissas)


def _text(kinds: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> str:
    return (kinds.astype(np.uint8).tobytes() + _SIGNS[places].tobytes()).decode("ascii")


def shortened(values: npt.NDArray[Any], digits: int) -> orjson.Fragment:
    """Return a few numbers as a JSON array; NaN and infinities are null."""
    listed: list[float] = values.tolist()
    if not len(listed):
        return orjson.Fragment(b"[]")
    text = (f"%.{digits}g," * len(listed)) % tuple(listed)
    return orjson.Fragment(f"[{re.sub(r'-?(nan|inf)', 'null', text)[:-1]}]".encode())


def steps_between(numbers: npt.NDArray[np.int64]) -> list[int]:
    """Return rising integers as the first one and the distance of each of the others from the one before."""
    return np.diff(numbers, prepend=np.int64(0)).tolist()  # type: ignore[no-any-return]


def run_lengths(numbers: npt.NDArray[np.int64]) -> list[int]:
    """Return numbers, many of them as those before, as pairs: a number, and how many times it is there."""
    return list(chain.from_iterable((value, len(list(same))) for value, same in groupby(numbers.tolist())))

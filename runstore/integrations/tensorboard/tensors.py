"""Tensors as event files have them: TensorProto { dtype = 1, tensor_shape = 2, tensor_content = 4, ... }."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from runstore.runlog.fields import Fields, content, contents, fields, integer

if TYPE_CHECKING:
    import numpy.typing as npt

# dtype -> numpy's name of it, and the repeated field that has the numbers where `tensor_content` has not.
_NUMBERS = {
    1: ("<f4", 5), 2: ("<f8", 6), 3: ("<i4", 7), 4: ("u1", 7), 5: ("<i2", 7), 6: ("i1", 7), 9: ("<i8", 10),
    10: ("?", 11), 17: ("<u2", 7), 19: ("<f2", 13), 22: ("<u4", 16), 23: ("<u8", 17),
}  # fmt: skip
_FIXED = (5, 6)  # fields of 4 and 8 bytes an item; the others are varints
_HALF = 19  # its numbers stand as the bits of 16
_STRINGS = 8


def strings(data: bytes) -> list[bytes]:
    """Return the strings of a tensor of strings, whatever its shape."""
    return contents(fields(data), _STRINGS)


def array(data: bytes) -> npt.NDArray[Any] | None:
    """Return a tensor of numbers as an array; None for one of another kind, or whose size does not fit its shape."""
    import numpy as np

    message = fields(data)
    if integer(message, 1) not in _NUMBERS:
        return None
    shape = [integer(fields(dimension), 1) for dimension in contents(fields(content(message, 2)), 2)]
    size = math.prod(shape)
    numbers = _numbers(message, *_NUMBERS[integer(message, 1)])
    if len(numbers) == 1 and size > 1:  # one number stands for all
        numbers = np.repeat(numbers, size)
    return numbers.reshape(shape) if len(numbers) == size else None


def _numbers(message: Fields, dtype: str, field: int) -> npt.NDArray[Any]:
    import numpy as np

    raw = content(message, 4)
    if raw:
        return np.frombuffer(raw, dtype)
    if field in _FIXED:
        return np.frombuffer(b"".join(contents(message, field)), dtype)
    found = _varints(message, field)
    if integer(message, 1) == _HALF:
        return np.array(found, "<u2").view("<f2")
    return np.array(found, np.int64).astype(dtype)


def _varints(message: Fields, field: int) -> list[int]:
    """Return a repeated field of varints, packed or not."""
    found: list[int] = []
    for value in message.get(field, []):
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            number = shift = 0
            while True:
                byte = value[at]
                number |= (byte & 0x7F) << shift
                at, shift = at + 1, shift + 7
                if byte < 0x80 or at >= len(value):
                    break
            found.append(number - (1 << 64) if number >> 63 else number)
    return found

"""Descriptors 0, 1 and 2 belong to the program, even where it has closed them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

LAST_STANDARD = 2


@contextmanager
def none_of_the_standard() -> Iterator[None]:
    """See to it that what is opened within gets no number under which programs print."""
    held = [os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)]
    while held[-1] <= LAST_STANDARD:
        held.append(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    try:
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)

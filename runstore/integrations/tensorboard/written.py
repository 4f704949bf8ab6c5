"""What a writer of event files was given: so that the end of a run knows what is still to come.

Writers hand events to a thread of their own, and the flush of some does not wait for it.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import Any


class Written:
    """How much one writer was given. Its file begins with a record of its own."""

    def __init__(self) -> None:
        self._events = 0
        self._writer: weakref.ref[Any] | None = None

    @property
    def records(self) -> int:
        """How many records its file is to have; 0 where nobody counts."""
        return 0 if self._writer is None else 1 + self._events

    def count(self, writer: Any) -> None:
        """Count what this writer is given from now on."""
        add = writer.add_event
        self._writer = weakref.ref(writer)

        def add_event(*args: Any, **kwargs: Any) -> None:
            add(*args, **kwargs)
            self._events += 1

        writer.add_event = add_event

    def flush(self) -> None:
        """Have the writer bring to its file what it can."""
        writer = self._writer() if self._writer is not None else None
        if writer is not None:
            with contextlib.suppress(OSError, ValueError):  # it is closed
                writer.flush()

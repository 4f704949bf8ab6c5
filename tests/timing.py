"""Time in tests: waiting for what others do, and no longer than they take; and a clock that stands still."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 60.0
"""For what takes a moment on a machine that has nothing else to do: many times that, since it may be busy."""

PROMPT_SECONDS = 20.0
"""For what must not wait for something that hangs, which takes a minute and more; a busy machine needs some of it."""

HANGS_SECONDS = 600.0
"""For programs that have much to do: whoever takes longer hangs."""


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def eventually(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS, every: float = 0.05) -> Any:
    """Return the first true value of `condition`; fails after some patience.

    A condition that starts a process is asked less often: whoever it waits for shall have the processor half the time.
    """
    deadline = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        if value := condition():
            return value
        now = time.monotonic()
        assert now < deadline, f"this never came true: {condition}"
        time.sleep(max(every, now - asked))

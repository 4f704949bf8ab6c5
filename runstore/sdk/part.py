"""Parts: what a run does beside its rows, such as capturing the console or sampling the machine.

Each is made at its first use, by `Recorder.part`, and ended with the run. So a program pays for what it uses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder


class Part:
    """One thing that a run does beside its rows."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def thread(self, work: Callable[[], None], name: str, otherwise: str) -> threading.Thread | None:
        """Return a thread that has begun to `work`; None where none can be had: then `otherwise` is said."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads for this user, or the interpreter is ending
            self.recorder.warn(f"{otherwise} ({error})")
            return None
        return thread

    def stop(self) -> None:
        """End with the run, writing what is still to be written. Called once, while records can still be appended."""

    def forked(self) -> None:
        """In a forked child: no thread or lock of the parent's is alive; what it was doing, the parent finishes."""

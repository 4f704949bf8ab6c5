"""Parts: what a run does beside its rows, such as capturing the console or sampling the machine.

Each is made at its first use, by `Recorder.part`, and ended with the run. So a program pays for what it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder


class Part:
    """One thing that a run does beside its rows."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def stop(self) -> None:
        """End with the run, writing what is still to be written. Called once, while records can still be appended."""

    def forked(self) -> None:
        """In a forked child: no thread or lock of the parent's is alive; what it was doing, the parent finishes."""

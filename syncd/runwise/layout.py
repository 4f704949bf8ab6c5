"""Where the lines of a run's logs stand in the streams of a server: each log behind those that were begun before it.

Logs of processes that write at the same time are the exception: their lines stand as they come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runstore.syncd.runwise.content.snapshot import LogPart
from runstore.syncd.runwise.progress import STREAMS, LogProgress

_AT_THE_SAME_TIME = ("rank", "successor")


class Layout:
    """The parts of a run, in order, with the progress of each, by the place of the log."""

    def __init__(self, parts: Sequence[LogPart], progress: Mapping[int, LogProgress]) -> None:
        self._parts, self._progress = parts, progress

    def end(self, stream: str) -> int:
        """Return the line behind the last of a stream."""
        return max((max(one.base.get(stream, 0), one.end(stream)) for one in self._progress.values()), default=0)

    def after(self, part: LogPart) -> int | None:
        """Return behind which step the rows of a log stand, wherever they say; None: where they say.

        Rows that were lifted at the server take steps that their log does not know of: what comes later comes behind.
        """
        if part.kind in _AT_THE_SAME_TIME:
            return part.after
        before = [one for one in self._parts[: self._parts.index(part)] if one.kind not in _AT_THE_SAME_TIME]
        steps = [self._base, part.after, *(self._progress[one.place].last_step for one in before)]
        return max((step for step in steps if step is not None and step >= 0), default=None)

    def cut_at(self) -> int | None:
        """Return the step, at the server, from which on rows don't count any more; None where all do."""
        cuts = [part for part in self._parts if part.below is not None and self._own_step(part) >= part.below]
        if not cuts:
            return None
        if self._base is None and all(self._own_step(part) == self._progress[part.place].last_step for part in cuts):
            return min(part.below for part in cuts if part.below is not None)
        return 1 if self._base is None else self._base + 1  # where rows were lifted, all of ours go anew

    @property
    def _base(self) -> int | None:
        """The last step that the server held before any of it came from here; None where it held nothing."""
        return max((one.base["step"] for one in self._progress.values() if "step" in one.base), default=None)

    def _own_step(self, part: LogPart) -> int:
        """Return the step of the last row that was sent of a log, as the log has it."""
        one = self._progress[part.place]
        own: int = one.position.get("own", one.last_step)
        return own

    def moved(self) -> Sequence[LogPart]:
        """Return the logs that have to be sent again since their rows stand elsewhere by now, with all behind them."""
        for place, part in enumerate(self._parts):
            one = self._progress[part.place]
            if one.lines and one.after != self.after(part):
                return self._parts[place:]
        return ()

    def settle(self, part: LogPart) -> None:
        """Note where the rows of a log stand; those before it are told by then."""
        one = self._progress[part.place]
        one.after, one.below = self.after(part), part.below

    def in_the_way(self, part: LogPart) -> Sequence[LogPart]:
        """Return the logs that have to be sent again behind new lines of `part`, since theirs stand there now."""
        if part.kind in _AT_THE_SAME_TIME:
            return ()
        behind = self._parts[self._parts.index(part) + 1 :]
        in_order = [later for later in behind if later.kind not in _AT_THE_SAME_TIME]
        is_any = any(self._progress[later.place].first(stream) is not None for later in in_order for stream in STREAMS)
        return behind if is_any else ()

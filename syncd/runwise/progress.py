"""How far one log is at a target that takes runs: which lines there are its own, and where reading goes on.

Kept in the log's receipt. It is what makes a delivery incremental; that no row is there twice follows from the line
numbers alone: what is sent again, because this was not kept any more, is written over itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from runstore.syncd.remotes.runs import CONSOLE, EVENTS, HISTORY, ServerRun

STREAMS = (HISTORY, EVENTS, CONSOLE)
Segments = list[list[int]]  # [first line, count]


@dataclass
class LogProgress:
    """What was acknowledged of one log; all of JSON's types.

    `lines` has by stream the segments of lines that are made of this log: one, unless several processes of a run write
    at the same time. `position` is where the walk through the log goes on, `last_step` the step of its last row there.
    `base` is what the server held of the run before any of it came from here, by stream and "step".
    """

    storage_id: str = ""
    entity: str = ""
    project: str = ""
    after: int | None = None
    below: int | None = None
    position: dict[str, Any] = field(default_factory=dict)
    head: dict[str, Any] = field(default_factory=dict)  # what the log says of its process, as far as `position`
    lines: dict[str, Segments] = field(default_factory=dict)
    last_step: int = -1
    base: dict[str, int] = field(default_factory=dict)
    artifacts: list[int] = field(default_factory=list)  # offsets of the records that announce them
    artifacts_done: list[int] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # what the target does not take, a sentence each
    alerts_passed: int = 0  # up to `position`
    alerts_sent: int = 0
    described: str = ""  # digest of what the server was told that the run is
    summed_up: str = ""  # digest of the summary
    is_preempting: bool = False  # and the server knows
    ended: str = ""  # digest of what the server was told of the end

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> LogProgress:
        """Return what a receipt keeps; of another version only what is still known, of a damaged one nothing."""
        none = cls()
        known = {one.name: kept[one.name] for one in fields(cls) if one.name in kept}
        fits = all(_fits(value, getattr(none, name)) for name, value in known.items())
        fits = fits and all(map(_is_segments, known.get("lines", {}).values()))
        return cls(**known) if fits else none

    def as_json(self) -> dict[str, Any]:
        """Return what is kept in a receipt: the fields that say something."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) not in ("", None, [], {})}

    def first(self, stream: str) -> int | None:
        """Return the first of the lines that are its own; None where there is none."""
        segments = self.lines.get(stream)
        return segments[0][0] if segments else None

    def end(self, stream: str) -> int:
        """Return the line behind the last that is its own; 0 where there is none."""
        segments = self.lines.get(stream)
        return sum(segments[-1]) if segments else 0

    def count(self, stream: str) -> int:
        """Return how many lines are its own."""
        return sum(count for _, count in self.lines.get(stream, ()))

    def add(self, stream: str, first: int, count: int) -> None:
        """Note that `count` lines from `first` on are its own."""
        segments = self.lines.setdefault(stream, [])
        if segments and sum(segments[-1]) == first:
            segments[-1][1] += count
        elif count:
            segments.append([first, count])

    def is_of(self, run: ServerRun) -> None:
        """Note which run of the server's it is."""
        self.storage_id, self.entity, self.project = run.storage_id, run.entity, run.project

    def begin_anew(self) -> None:
        """Forget which lines are its own, so that they are sent again; what was made known once stays so."""
        self.position, self.lines, self.left = {}, {}, []
        self.last_step, self.alerts_passed = -1, 0

    def forget(self) -> None:
        """Forget all that the server knew, since it does not know it any more; alerts were read, and stay sent."""
        sent = self.alerts_sent
        self.__init__()  # type: ignore[misc]
        self.alerts_sent = sent


def _fits(value: Any, default: Any) -> bool:
    """Return whether a value is of the kind of its field; those that may be None are steps."""
    return isinstance(value, int if default is None else type(default))


def _is_segments(segments: Any) -> bool:
    match segments:
        case list():
            return all(isinstance(one, list) and [type(n) for n in one] == [int, int] for one in segments)
    return False

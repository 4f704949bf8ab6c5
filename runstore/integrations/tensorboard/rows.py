"""Rows of a run from an event file: the values of one step, as long as no other step comes between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runstore.integrations.tensorboard.events import Event, Value


@dataclass
class Row:
    """The values of one step, by tag; the last one of a tag counts. `time` is that of the last event."""

    step: int
    time: float = 0.0
    values: dict[str, Value] = field(default_factory=dict)


class Rows:
    """Gathers events into rows. The last row stays open, since the next event may add to it."""

    def __init__(self) -> None:
        self._open: Row | None = None

    def finished_by(self, events: Iterable[Event]) -> Iterator[Row]:
        """Take events in, and yield the rows that can't get any more."""
        for event in events:
            if self._open is None or self._open.step != event.step:
                yield from self.rest()
                self._open = Row(event.step)
            self._open.time = event.time
            self._open.values |= {value.tag: value for value in event.values}

    def rest(self) -> Iterator[Row]:
        """Yield the open row, if there is one: nothing more will come."""
        row, self._open = self._open, None
        if row is not None:
            yield row

"""History: rows of metrics, one a step, by W&B's rules of steps.

`log(data)` makes a row at the current step and moves on to the next. `log(data, step=n)` and `commit=False` leave the
row open, so that later calls for the same step add to it; it is finished when another step begins, a later call
commits, or the run ends. An open row is in the log at once all the same, in a footer record, so that a kill does not
take it. A step that lies behind is kept, in a row of its own: W&B would drop it.
"""

from __future__ import annotations

import functools
import operator
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from runstore.core.keys import Key, flatten, key_of, path_of
from runstore.core.summary import SummaryFold
from runstore.errors import UsageError
from runstore.runlog import wire
from runstore.sdk.values import plain, with_plain_numbers

# Puts the JSON that stands for images, tables and the like into a row: (data, step) -> data.
WithMedia = Callable[[Mapping[str, Any], int], Mapping[str, Any]]

_OWN = {"_timestamp": None, "_runtime": None, "_step": None}  # what each row has besides, in this order
_STEPS = range(-(1 << 63), 1 << 63)  # what a log and an index can hold


class History:
    """The rows of one run, as one process writes them. Safe to call from many threads.

    `append` takes an encoded record, under `mutex` as everything here; `summary` is the fold that rows go into;
    `started` is in seconds since the epoch.
    """

    def __init__(
        self,
        append: Callable[[bytes], None],
        mutex: threading.RLock,
        summary: SummaryFold,
        *,
        started: float,
        step: int,
        typed: bool,
        warn: Callable[[str], None],
        with_media: WithMedia = lambda data, step: data,
        strict: bool = False,
    ) -> None:
        self.step = step
        self.mutex = mutex
        self._summary = summary
        self._append = append
        self._started = started
        self._typed = typed
        self._encoder = wire.RowEncoder(typed)
        self._names: set[str] = set()  # keys that were seen to be clean text, and need no second look
        self._shape: wire.RowShape | None = None  # of the last row that was written quickly
        self._shape_names: list[str] = []  # its keys, without _OWN
        # A streak: rows of one shape, of which the summary needs the last one only, and takes it in when it is over.
        self._streak: wire.RowShape | None = None
        self._latest: list[Any] | None = None
        self._items: dict[Key, bytes] = {}  # of the open row, encoded
        self._values: dict[Key, Any] = {}
        self._open_step = step
        self._with_media = with_media
        self._strict = strict
        self._last: dict[str, tuple[Key, Any]] = {}  # of each step metric that others are drawn against, what came last
        self._warn = warn
        self._warned_order = False
        self._steps_refused = ""  # why steps that are given don't count, where rows come from elsewhere as well
        self._given_step: int | None = None  # the last one of those
        self._busy = False
        self._interrupting: deque[tuple[dict[str, Any], int | None, bool | None, float]] = deque()

    def log(self, data: Mapping[str, Any], step: int | None, commit: bool | None, now: float) -> None:
        """Log one row, or add to the open one, at the time `now`. When this returns, the operating system has it."""
        with self.mutex:
            if self._busy:  # a signal handler or finalizer interrupts a call of this thread, which will do it then
                self._interrupting.append((dict(data), step, commit, now))
                return
            self._busy = True
            try:
                if step is not None and self._steps_refused:
                    step, commit = self._without_step(step, commit)
                if step is not None or commit is False or self._items or not self._log_quickly(data, now):
                    self._log_slowly(data, step, commit, now)
            finally:
                self._busy = False
                if self._interrupting:
                    self._log_what_waits()

    def _log_quickly(self, data: Mapping[str, Any], now: float) -> bool:
        """Write a row of plain numbers under known keys; return False, with nothing done, for any other."""
        row = {**data}  # a copy: another thread may be changing it
        shape = self._streak
        if shape is None or [*row] != self._shape_names:
            shape = self._shape_for(row)
            if shape is None:
                return False
        step = self.step
        values = [*row.values(), now, now - self._started, step]
        record = shape.record(values, step)
        if record is None and with_plain_numbers(row):
            values[: len(row)] = row.values()
            record = shape.record(values, step)
        if record is None:
            return False
        self._append(record)
        if shape is self._streak:
            self._latest = values
        else:
            self._summary.apply_plain_row(dict(zip(shape.keys, values, strict=True)))
        self.step = step + 1
        return True

    def _shape_for(self, row: dict[Any, Any]) -> wire.RowShape | None:
        """Return the shape of a row, with which a streak may begin; None for one that has to be looked through.

        Adds the step metrics that the row lacks.
        """
        self._settle()
        known = self._names.issuperset(row)
        definitions = self._summary.definitions
        if (definitions.by_name or definitions.by_glob) and with_plain_numbers(row):
            self._add_step_metrics(row, _OWN)
        names = [*row]
        if names != self._shape_names or self._shape is None:
            if not known or not names or tuple in map(type, names):  # one that lies inside a dict
                return None
            self._shape_names, self._shape = names, self._encoder.shape([*names, *_OWN])
        if self._summary.takes_plainly(self._shape.keys):
            self._streak = self._shape
        return self._shape

    @property
    def summary(self) -> SummaryFold:
        """The fold of all finished rows."""
        self._settle()
        return self._summary

    def _settle(self) -> None:
        """End the streak: have the summary take in its last row."""
        with self.mutex:
            was_busy, self._busy = self._busy, True
            try:
                if self._streak is not None and self._latest is not None:
                    self._summary.apply_plain_row(dict(zip(self._streak.keys, self._latest, strict=True)))
                self._streak = self._latest = None
            finally:
                self._busy = was_busy
                if not was_busy:
                    self._log_what_waits()

    def _log_what_waits(self) -> None:
        while self._interrupting:
            self.log(*self._interrupting.popleft())

    def refuse_steps(self, why: str) -> None:
        """From now on, number the rows here, whatever steps the program gives; say `why` when it gives one."""
        self._steps_refused = why

    @property
    def has_open_row(self) -> bool:
        """Whether later calls may add to the row that was logged last."""
        return bool(self._items)

    def go_on_behind(self, step: int, summary: SummaryFold) -> None:
        """Go on behind what another log of the run says: rows up to `step`, and their summary."""
        with self.mutex:
            self.step = max(self.step, step + 1)
            self._summary = self.summary.followed_by(summary)
            self._last.clear()

    def flush(self) -> None:
        """Finish the open row, if there is one."""
        with self.mutex:
            while self._interrupting:  # the run ends inside the interrupted call, which can't do it any more
                self._log_slowly(*self._interrupting.popleft())
            if self._items:
                self._commit()

    def current_summary(self) -> SummaryFold:
        """Return the summary with the open row in it; not a copy where none is open."""
        with self.mutex:
            if not self._values:
                return self.summary
            fold = self.summary.copy()
            fold.apply_row(self._values)
            return fold

    def forked(self, mutex: threading.RLock) -> None:
        """In a forked child: the open row is the parent's to finish; a thread of its may have been anywhere."""
        self.mutex = mutex
        self._encoder = wire.RowEncoder(self._typed)
        self._items, self._values = {}, {}
        self._busy = False
        self._interrupting.clear()

    def _log_slowly(self, data: Mapping[str, Any], step: int | None, commit: bool | None, now: float) -> None:
        if step is not None:
            step = _as_step(step)
            if step < self.step:
                self._log_behind(data, step, now)
                return
            if step > self.step:
                self.flush()
                self.step = step
        commit = step is None if commit is None else commit
        if data:
            self._add(data, now, stays_open=not commit)
        elif commit and not self._items:
            self._add({}, now, stays_open=False)  # a row of its own, without values
        if commit:
            self._commit()

    def _without_step(self, step: int, commit: bool | None) -> tuple[None, bool]:
        """Return what `log` is to do in the place of a step: add to the open row, which another step has begun anew."""
        self._warn(self._steps_refused)
        step = _as_step(step)
        if step != self._given_step:
            self.flush()
            self._given_step = step
        return None, bool(commit)

    def _add(self, data: Mapping[str, Any], now: float, stays_open: bool) -> None:
        """Merge `data` into the open row."""
        if not self._items:
            self._open_step = self.step
        values, items = self._encoded(data, now, self.step, self._values)
        if stays_open:
            self._append(wire.pending(items.values(), self._open_step))
        self._values.update(values)
        self._items.update(items)

    def _commit(self) -> None:
        """Write the open row as a whole."""
        self._append(wire.history(self._items.values(), self._open_step))
        self.summary.apply_row(self._values)
        self._items, self._values = {}, {}
        self.step = self._open_step + 1

    def _log_behind(self, data: Mapping[str, Any], step: int, now: float) -> None:
        """Write a row for a step that lies behind, beside the open row."""
        latest = self.step if self._items else self.step - 1
        if self._strict:
            raise UsageError(f"step {step} lies behind step {latest}, and the setting `strict` allows no such row")
        if not self._warned_order:
            self._warned_order = True
            self._warn(f"step {step} was logged after step {latest}; such rows are kept, W&B would drop them")
        values, items = self._encoded(data, now, step, {})
        self._append(wire.history(items.values(), step % (1 << 64)))  # a negative one in two's complement
        self.summary.apply_row(values)

    def _add_step_metrics(self, row: dict[Any, Any], open_row: Mapping[Any, Any]) -> None:
        """Add the step metrics that a row lacks, with their last values (0 before the first, as stock tools have it).

        `row` is what is added to `open_row`. What is no number is never filled in.
        """
        definitions = self.summary.definitions
        for name in definitions.missing_steps((*row, *open_row)):
            key, value = self._last.get(name) or self._before(name)
            row[key] = value
        for name in definitions.step_metrics:
            for key in _keys_named(name):
                if type(row.get(key)) in (int, float):
                    self._last[name] = key, row[key]

    def _before(self, name: str) -> tuple[Key, Any]:
        """Return the key and the last value that earlier rows and logs of the run show for a step metric."""
        for key in _keys_named(name):
            first, *inner = path_of(key)
            try:
                value = functools.reduce(operator.getitem, inner, self.summary.get(first))
            except (KeyError, TypeError):  # it isn't there, or no dict is where one would have to be
                continue
            if type(value) in (int, float):
                return key, value
        return name, 0

    def _encoded(
        self, data: Mapping[str, Any], now: float, step: int, open_row: Mapping[Key, Any]
    ) -> tuple[dict[Key, Any], dict[Key, bytes]]:
        """Return the values that `data` adds to a row, and its encoded items, by Key."""
        tree = plain(self._with_media(data, step))
        if not isinstance(tree, dict):  # a mapping that fails when its items are asked for
            self._warn(f"a row could not be read and is recorded without its values: {tree}")
            tree = {}
        values = flatten(tree)
        self._names.update(key for key in data if type(key) is str and key in values and key not in _OWN)
        if type(values.get("_timestamp")) not in (int, float):
            values["_timestamp"] = now
        values["_runtime"] = now - self._started
        values["_step"] = step
        if self.summary.definitions:
            self._add_step_metrics(values, open_row)
        numbers: dict[Key, object] = {k: v for k, v in values.items() if type(v) is float or type(v) is int}
        quick = self._encoder.plain(numbers)
        items: dict[Key, bytes] = dict(zip(numbers, quick, strict=True)) if quick is not None else {}
        return values, {key: items.get(key) or wire.item(key, value) for key, value in values.items()}


def _as_step(step: Any) -> int:
    """Return a step as an integer; raises UsageError for what is none of 64 bits."""
    try:
        number = operator.index(step)
    except TypeError:
        try:
            number = int(float(step))
            whole = number == float(step)
        except (TypeError, ValueError, OverflowError):
            whole = False
        if not whole:
            raise UsageError(f"step {step!r} can't be recorded: a step is an integer") from None
    if number not in _STEPS:
        raise UsageError(f"step {number} can't be recorded: a step is an integer of 64 bits")
    return number


@functools.cache
def _keys_named(name: str) -> tuple[Key, ...]:
    """Return the keys that a metric's name in a definition can mean: itself, and a value inside nested dicts."""
    return (name, key_of(name.split("."))) if "." in name else (name,)

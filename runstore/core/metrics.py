"""Metric definitions: what `define_metric` said about a metric, or about all that match a glob."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runstore.core.keys import Key, dotted
from runstore.runlog.record_pb2 import MetricRecord

AGGREGATES = ("min", "max", "mean", "best", "last", "first")
GOALS = {"minimize": MetricRecord.GOAL_MINIMIZE, "maximize": MetricRecord.GOAL_MAXIMIZE}

# Programs log rows of a few kinds; one that makes new keys for ever should not fill the memory.
MAX_REMEMBERED_ROWS = 1000


@dataclass(frozen=True)
class Definition:
    """How one metric is summarised and charted.

    `aggregates` are the names under which the summary keeps a value, such as ("min", "last"); empty means that the
    last value is kept plainly. `silent` keeps the metric out of the summary. With `step_sync`, a row with this
    metric and without its `step_metric` gets the last value of that.
    """

    aggregates: tuple[str, ...] = ()
    silent: bool = False
    step_metric: str = ""
    hidden: bool = False
    maximize: bool | None = None
    step_sync: bool = False

    @classmethod
    def of(cls, record: MetricRecord) -> Definition:
        """Return the definition that a metric record holds."""
        goal = {MetricRecord.GOAL_MINIMIZE: False, MetricRecord.GOAL_MAXIMIZE: True}
        return cls(
            aggregates=tuple(name for name in AGGREGATES if getattr(record.summary, name)),
            silent=record.summary.none,
            step_metric=record.step_metric,
            hidden=record.options.hidden,
            maximize=goal.get(record.goal),
            step_sync=record.options.step_sync,
        )

    def followed_by(self, later: Definition) -> Definition:
        """Return both taken together: what the later one leaves open stays."""
        return Definition(
            aggregates=tuple(n for n in AGGREGATES if n in self.aggregates or n in later.aggregates),
            silent=self.silent or later.silent,
            step_metric=later.step_metric or self.step_metric,
            hidden=self.hidden or later.hidden,
            maximize=self.maximize if later.maximize is None else later.maximize,
            step_sync=self.step_sync or later.step_sync,
        )


class Definitions:
    """All definitions of a run: by name, and by glob for names without their own."""

    def __init__(self) -> None:
        self.by_name: dict[str, Definition] = {}
        self.by_glob: dict[str, Definition] = {}
        self._found: dict[str, Definition | None] = {}
        self._step_metrics: frozenset[str] | None = None
        self._missing: dict[tuple[Key, ...], list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self.by_name or self.by_glob)

    def apply(self, record: MetricRecord) -> None:
        """Take a metric record in: it adds to what was said of the name or glob, or, if it says so, replaces that."""
        name = unescaped(record.glob_name or record.name)
        some = self.by_glob if record.glob_name else self.by_name
        if name:
            earlier = None if record.control.overwrite else some.get(name)
            definition = Definition.of(record)
            some[name] = earlier.followed_by(definition) if earlier else definition
        self._forget()

    def update(self, later: Definitions) -> None:
        """Take in the definitions of the run's next log, which says all that still counts."""
        self.by_name.update(later.by_name)
        self.by_glob.update(later.by_glob)
        self._forget()

    def of(self, name: str) -> Definition | None:
        """Return the definition for a metric's name, or None; the first matching glob counts."""
        if name not in self._found:
            found = self.by_name.get(name)
            if found is None and not name.startswith("_"):
                found = next((d for glob, d in self.by_glob.items() if _matches(name, glob)), None)
            self._found[name] = found
        return self._found[name]

    @property
    def step_metrics(self) -> frozenset[str]:
        """The metrics whose last values rows may get."""
        if self._step_metrics is None:
            both = (*self.by_name.values(), *self.by_glob.values())
            self._step_metrics = frozenset(d.step_metric for d in both if d.step_sync)
        return self._step_metrics

    def _forget(self) -> None:
        self._found.clear()
        self._step_metrics = None
        self._missing.clear()

    def missing_steps(self, keys: tuple[Key, ...]) -> list[str]:
        """Return the step metrics that a row of these keys lacks and should show, theirs included."""
        if keys not in self._missing:
            if len(self._missing) >= MAX_REMEMBERED_ROWS:
                self._missing.clear()
            self._missing[keys] = self._find_missing(keys)
        return self._missing[keys]

    def _find_missing(self, keys: tuple[Key, ...]) -> list[str]:
        present = {dotted(key) for key in keys}
        missing: list[str] = []
        waiting = [dotted(key) for key in keys]
        while waiting:
            definition = self.of(waiting.pop())
            if definition is not None and definition.step_sync and definition.step_metric not in present:
                present.add(definition.step_metric)
                missing.append(definition.step_metric)
                waiting.append(definition.step_metric)
        return missing

    def records(self) -> list[MetricRecord]:
        """Return the records that say all of this anew, for a log that goes on where others end."""
        named = [_record(definition, name=name) for name, definition in self.by_name.items()]
        return named + [_record(definition, glob_name=glob) for glob, definition in self.by_glob.items()]


def unescaped(name: str) -> str:
    """Return the name of a metric that W&B's tools wrote so: they put a backslash before a dot inside a key."""
    return name.replace("\\.", ".")


def _matches(name: str, glob: str) -> bool:
    """Return whether a glob covers a metric: a * counts at its end only, and no other character means anything else."""
    return name.startswith(glob[:-1]) if glob.endswith("*") else name == glob


def _record(definition: Definition, **name: str) -> MetricRecord:
    goal = {None: MetricRecord.GOAL_UNSET, False: MetricRecord.GOAL_MINIMIZE, True: MetricRecord.GOAL_MAXIMIZE}
    summary: dict[str, Any] = dict.fromkeys(definition.aggregates, True)
    if definition.silent:
        summary["none"] = True
    return MetricRecord(
        **name,  # type: ignore[arg-type]
        step_metric=definition.step_metric,
        options={"step_sync": definition.step_sync, "hidden": definition.hidden, "defined": True},
        summary=summary or None,
        goal=goal[definition.maximize],
    )

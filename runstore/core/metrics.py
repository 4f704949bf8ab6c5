"""Metric definitions: what `define_metric` said about a metric, or about all that match a glob."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from runstore.runlog.record_pb2 import MetricRecord

AGGREGATES = ("min", "max", "mean", "best", "last", "first")


@dataclass(frozen=True)
class Definition:
    """How one metric is summarised and charted.

    `aggregates` are the names under which the summary keeps a value, such as ("min", "last"); empty means that the
    last value is kept plainly. `silent` keeps the metric out of the summary.
    """

    aggregates: tuple[str, ...] = ()
    silent: bool = False
    step_metric: str = ""
    hidden: bool = False
    minimize: bool = True

    @classmethod
    def of(cls, record: MetricRecord) -> Definition:
        """Return the definition that a metric record holds."""
        return cls(
            aggregates=tuple(name for name in AGGREGATES if getattr(record.summary, name)),
            silent=record.summary.none,
            step_metric=record.step_metric,
            hidden=record.options.hidden,
            minimize=record.goal != MetricRecord.GOAL_MAXIMIZE,
        )


class Definitions:
    """All definitions of a run: by name, and by glob for names without their own."""

    def __init__(self) -> None:
        self.by_name: dict[str, Definition] = {}
        self.by_glob: dict[str, Definition] = {}
        self._found: dict[str, Definition | None] = {}

    def __bool__(self) -> bool:
        return bool(self.by_name or self.by_glob)

    def apply(self, record: MetricRecord) -> None:
        """Take a metric record in; a later one for the same name or glob replaces the earlier."""
        if record.glob_name:
            self.by_glob[record.glob_name] = Definition.of(record)
        elif record.name:
            self.by_name[record.name] = Definition.of(record)
        self._found.clear()

    def of(self, name: str) -> Definition | None:
        """Return the definition for a metric's name, or None; the first matching glob counts."""
        if name not in self._found:
            found = self.by_name.get(name)
            if found is None and not name.startswith("_"):
                found = next((d for glob, d in self.by_glob.items() if fnmatch.fnmatchcase(name, glob)), None)
            self._found[name] = found
        return self._found[name]

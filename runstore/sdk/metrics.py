"""`define_metric`: check what a program says of a metric, record it, and apply it to the rows that follow."""

from __future__ import annotations

from dataclasses import dataclass

from runstore.core.metrics import GOALS
from runstore.errors import UsageError
from runstore.runlog import codec
from runstore.runlog.record_pb2 import MetricRecord, Record
from runstore.sdk.recorder import Recorder

_SUMMARIES = ("min", "max", "mean", "best", "last", "first", "copy", "none")


@dataclass(frozen=True)
class Metric:
    """What one call of `define_metric` said."""

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: tuple[str, ...] | None = None
    goal: str | None = None


def define(
    recorder: Recorder,
    name: str,
    step_metric: str | Metric | None,
    step_sync: bool | None,
    hidden: bool | None,
    summary: str | None,
    overwrite: bool | None,
    goal: str | None,
) -> Metric:
    """Record a definition and return it; see Run.define_metric."""
    step_metric = step_metric.name if isinstance(step_metric, Metric) else step_metric
    _check_types(str, name=name, step_metric=step_metric, summary=summary, goal=goal)
    _check_types(bool, step_sync=step_sync, hidden=hidden, overwrite=overwrite)
    if not name or "*" in name[:-1]:
        raise UsageError(f"define_metric({name!r}): a name is not empty, and has a * at its end only")
    if goal is not None and goal not in GOALS:
        raise UsageError(f"define_metric(goal={goal!r}): it is minimize or maximize")
    metric = Metric(
        name=name,
        step_metric=step_metric,
        step_sync=step_metric is not None if step_sync is None else step_sync,
        hidden=hidden,
        summary=_summaries(summary),
        goal=goal,
    )
    record = Record(metric=_record(metric, bool(overwrite)))
    with recorder.history.mutex:
        recorder.append(codec.encode(record))
        recorder.history.summary.definitions.apply(record.metric)
    return metric


def _record(metric: Metric, overwrite: bool) -> MetricRecord:
    record = MetricRecord(step_metric=metric.step_metric or "")
    record.options.defined = True
    if metric.name.endswith("*"):
        record.glob_name = metric.name
    else:
        record.name = metric.name
    if metric.step_sync:
        record.options.step_sync = True
    if metric.hidden:
        record.options.hidden = True
    for kind in metric.summary or ():
        setattr(record.summary, kind, True)
    if metric.goal:
        record.goal = GOALS[metric.goal]
    if overwrite:
        record.control.overwrite = True
    return record


def _summaries(summary: str | None) -> tuple[str, ...] | None:
    if not summary:
        return None
    kinds = tuple(kind.strip().lower() for kind in summary.split(","))
    unknown = [kind for kind in kinds if kind not in _SUMMARIES]
    if unknown:
        raise UsageError(f"define_metric(summary={summary!r}): {unknown[0]!r} is none of {', '.join(_SUMMARIES)}")
    return kinds


def _check_types(kind: type, **arguments: object) -> None:
    for name, value in arguments.items():
        if value is not None and not isinstance(value, kind):
            raise UsageError(f"define_metric({name}={value!r}): it is a {kind.__name__}, not {type(value).__name__}")

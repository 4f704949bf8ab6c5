"""Messages that a program sends beside its metrics: alerts, the notice of a preemption, lines for the console log.

Each function returns the encoded record. They go out when the run is delivered; nothing is sent from here.
"""

from __future__ import annotations

import math
from datetime import timedelta
from enum import Enum

from runstore.errors import UsageError
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Record
from runstore.sdk.values import storable

LEAST_WAIT = timedelta(minutes=1)  # between two alerts of one title, where the program does not say


class AlertLevel(Enum):
    """How urgent an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def alert_record(
    title: str,
    text: str,
    level: str | AlertLevel | None = None,
    wait_duration: int | float | timedelta | None = None,
) -> bytes:
    """Return the record of an alert; see Run.alert.

    Raises UsageError for a level that there is not, for a title or text that is no text, and for a `wait_duration`
    that is no length of time.
    """
    for name, value in (("title", title), ("text", text)):
        if not isinstance(value, str):
            raise UsageError(f"an alert's {name} must be a str, not {type(value).__name__}")
    record = Record()
    alert = record.alert
    alert.title, alert.text = storable(title), storable(text)
    alert.level, alert.wait_duration = _level(level).value, _milliseconds(wait_duration)
    return codec.encode(record)


def preempting_record() -> bytes:
    """Return the record that says that the process is about to be stopped; see Run.mark_preempting."""
    return codec.encode(Record(preempting={}))


def logger_record(text: str) -> bytes:
    """Return the record of text that goes to the console log alone, with the line's end that it may lack."""
    record = Record()
    record.output_logger.line = storable(text if text.endswith("\n") else text + "\n")
    return codec.encode(record)


def _level(level: str | AlertLevel | None) -> AlertLevel:
    if isinstance(level, AlertLevel):
        return level
    # Stock takes upper case only; a program that alerts because it fails should not fail by the alert.
    known = AlertLevel.__members__.get(str(level or "INFO").upper())
    if known is None:
        raise UsageError(f"there is no alert level {level!r}; it is INFO, WARN or ERROR")
    return known


def _milliseconds(wait: int | float | timedelta | None) -> int:
    wait = wait or LEAST_WAIT  # 0 as well, as in stock
    if isinstance(wait, timedelta):
        wait = wait.total_seconds()
    if not isinstance(wait, (int, float)):
        raise UsageError(f"wait_duration must be seconds or a datetime.timedelta, not {type(wait).__name__}")
    if not math.isfinite(wait) or abs(wait) > timedelta.max.total_seconds():
        raise UsageError(f"wait_duration={wait!r} is no length of time")
    return int(wait * 1000)

"""Alerts, the notice of a preemption and lines for the console log, as stock tools write them."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runstore.errors import SettingsError, UsageError
from runstore.runlog import codec
from runstore.runlog.record_pb2 import AlertRecord
from runstore.sdk.messages import AlertLevel, alert_record, logger_record
from tests.sdk.reading import begin, fold, only_log, records


def alert(*arguments: Any, **named: Any) -> AlertRecord:
    record = codec.decode(alert_record(*arguments, **named))
    assert record is not None
    return record.alert


def test_an_alert_has_stocks_defaults() -> None:
    found = alert("title", "text")
    assert (found.title, found.text, found.level, found.wait_duration) == ("title", "text", "INFO", 60_000)


@pytest.mark.parametrize(
    ("level", "recorded"),
    [
        (None, "INFO"),
        ("", "INFO"),
        ("WARN", "WARN"),
        ("error", "ERROR"),
        (AlertLevel.WARN, "WARN"),
        (AlertLevel.ERROR, "ERROR"),
    ],
)
def test_levels(level: str | AlertLevel | None, recorded: str) -> None:
    assert alert("a", "b", level).level == recorded


@pytest.mark.parametrize(
    ("wait", "milliseconds"),
    [
        (None, 60_000),
        (0, 60_000),
        (2, 2000),
        (0.0015, 1),
        (True, 1000),
        (-5, -5000),
        (timedelta(hours=1, milliseconds=1), 3_600_001),
        (timedelta(0), 60_000),
    ],
)
def test_the_least_wait_is_recorded_in_milliseconds(wait: float | timedelta | None, milliseconds: int) -> None:
    assert alert("a", "b", wait_duration=wait).wait_duration == milliseconds


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"level": "FATAL"}, "level 'FATAL'"),
        ({"level": 3}, "level 3"),
        ({"wait_duration": "5"}, "not str"),
        ({"wait_duration": float("nan")}, "nan"),
        ({"wait_duration": float("inf")}, "inf"),
        ({"wait_duration": 1e300}, "1e\\+300"),
        ({"title": None}, "title must be a str"),
        ({"text": b"bytes"}, "text must be a str"),
    ],
)
def test_an_alert_that_cant_be_meant_so_is_refused_in_one_sentence(named: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        alert_record(**{"title": "a", "text": "b", **named})


def test_text_that_no_record_can_hold_is_recorded_with_question_marks() -> None:
    found = alert("a \udc80", "\ud800 b")
    assert (found.title, found.text) == ("a ?", "? b")


@pytest.mark.parametrize(("text", "line"), [("a\nb", "a\nb\n"), ("a\n", "a\n"), ("", "\n"), ("\udc80", "?\n")])
def test_text_for_the_console_log_is_one_record_that_ends_its_line(text: str, line: str) -> None:
    record = codec.decode(logger_record(text))
    assert record is not None
    assert record.output_logger.line == line


def test_a_run_records_its_messages_in_order(folder: Path) -> None:
    run = begin()
    run.alert("stuck", "loss is NaN", level="warn", wait_duration=timedelta(minutes=5))
    run.write_logs("from a logger")
    run.mark_preempting()
    run.finish()
    with pytest.raises(UsageError):
        run.alert("too", "late")
    with pytest.raises(UsageError):
        run.mark_preempting()
    kinds = [record.WhichOneof("record_type") for record in records(only_log(folder))]
    assert [kind for kind in kinds if kind in ("alert", "output_logger", "preempting")] == [
        "alert",
        "output_logger",
        "preempting",
    ]
    assert fold(only_log(folder)).facts.preempting


def test_lines_for_the_log_of_a_finished_run_are_ignored_as_stock_does(folder: Path) -> None:
    run = begin()
    run.finish()
    run.write_logs("too late")
    assert not any(record.HasField("output_logger") for record in records(only_log(folder)))


def test_loggers_are_heard_while_the_run_goes_on(folder: Path) -> None:
    logger = logging.getLogger("tests.heard")
    run = begin(project="p", settings={"capture_loggers": {"tests.heard": "warning"}})
    logger.error("epoch %d diverged", 3)
    logger.info("too low")
    run.finish()
    logger.error("after the end")
    assert logger.handlers == []
    assert [r.output_logger.line for r in records(only_log(folder)) if r.HasField("output_logger")] == [
        "epoch 3 diverged\n"
    ]


def test_a_level_that_logging_does_not_know_is_refused(folder: Path) -> None:
    with pytest.raises(SettingsError, match="capture_loggers: 'loud'"):
        begin(project="p", settings={"capture_loggers": {"x": "loud"}})

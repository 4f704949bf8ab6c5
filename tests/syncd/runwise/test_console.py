"""Lines of a console as servers take them: with their own time, whatever that is."""

from __future__ import annotations

import json

import pytest

from runstore.syncd.runwise.content.console import as_lines
from runstore.syncd.runwise.content.snapshot import ConsoleText


def test_lines_say_when_and_whether_they_are_errors() -> None:
    texts = [ConsoleText(0.25, "stdout", "one"), ConsoleText(86_400.0, "stderr", 'two "quoted"')]
    assert as_lines(texts, is_structured=False) == [
        "1970-01-01T00:00:00.250000 one",
        'ERROR 1970-01-02T00:00:00.000000 two "quoted"',
    ]
    assert [json.loads(line) for line in as_lines(texts, is_structured=True)] == [
        {"ts": "1970-01-01T00:00:00.250000", "content": "one"},
        {"level": "error", "ts": "1970-01-02T00:00:00.000000", "content": 'two "quoted"'},
    ]


@pytest.mark.parametrize("time", [1e15, 2.0**53 + 1, 2.0**63, -1.0, float("nan")])
def test_a_time_that_no_calendar_has_keeps_no_line_back(time: float) -> None:
    (line,) = as_lines([ConsoleText(time, "stdout", "text")], is_structured=False)
    assert line == "1970-01-01T00:00:00.000000 text"

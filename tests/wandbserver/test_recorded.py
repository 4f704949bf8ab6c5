"""The record of a run keeps file streams as a server does: by line number, as they came."""

from __future__ import annotations

import pytest

from tests.wandbserver.recorded import RecordedRun, console_text


def test_content_overwrites_from_its_offset_and_gaps_are_kept() -> None:
    run = RecordedRun("tester", "equipment", "k3v9q2")
    run.apply_push({"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"i":0}', '{"i":1}', '{"i":2}']}}})
    run.apply_push({"files": {"wandb-history.jsonl": {"offset": 1, "content": ['{"i":NaN}']}}})
    run.apply_push({"files": {"wandb-history.jsonl": {"offset": 4, "content": ['{"i":4}']}}})
    assert run.overwritten == [("wandb-history.jsonl", 1)]
    assert run.gaps == [("wandb-history.jsonl", 4)]
    assert [str(row["i"]) for row in run.history] == ["0", "nan", "2", "4"]
    assert run.lines["wandb-history.jsonl"][3] == ""


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("2026-11-21T01:42:28.307764 text", "text"),
        ("ERROR 2026-11-21T01:42:28.307764 text\n", "text"),
        ("2026-11-21T01:42:28.307764 ", ""),
        ("2026-11-21T01:42:28.307764   indented", "  indented"),
        ("no time", "no time"),
    ],
)
def test_console_text_is_the_line_without_its_frame(line: str, text: str) -> None:
    assert console_text(line) == text

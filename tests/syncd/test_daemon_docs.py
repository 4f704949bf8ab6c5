"""docs/daemon.md names every state of a log at a target, and every figure of the daemon."""

from __future__ import annotations

import re
from pathlib import Path

from runstore.syncd import metrics
from runstore.syncd.standing import STATES
from tests.syncd.test_metrics import STATUS

TEXT = (Path(__file__).parents[2] / "docs" / "daemon.md").read_text(encoding="utf-8")


def test_every_state_is_explained() -> None:
    table = TEXT[TEXT.index("| state at a target |") :].partition("\n\n")[0]
    explained = [name for line in table.splitlines()[2:] for name in re.findall(r"`([\w ]+)`", line.split("|")[1])]
    assert sorted(explained) == sorted(STATES)


def test_every_figure_is_named() -> None:
    printed = re.findall(r"^# TYPE (\w+)", metrics.text(STATUS), re.MULTILINE)
    assert sorted(set(re.findall(r"`(runstore_\w+)", TEXT))) == sorted(printed)

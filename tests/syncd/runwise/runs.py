"""Runs as snapshots have them, for tests that need none of it but what they name."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from runstore.core.metrics import Definitions
from runstore.syncd.runwise.content.snapshot import RunSnapshot

_EMPTY: dict[str, Any] = {"str": "", "float": 0.0, "bool": False, "Mapping[str, Any]": {}}


def run_of(**known: Any) -> RunSnapshot:
    """Return a run that has what is given here; all else is empty."""
    empty = {field.name: _EMPTY.get(str(field.type), ()) for field in fields(RunSnapshot)}
    said = {"run_id": "r1", "state": "finished", "definitions": Definitions(), "exit_code": 0, "branch": None}
    return RunSnapshot(**{**empty, **said, **known})

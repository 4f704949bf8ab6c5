"""Runs for a table know only what it shows, and say of that what whole runs say."""

from __future__ import annotations

from pathlib import Path

from runstore.core.filters import parse_filter
from runstore.query.api import Api
from tests.index.writing import exit_record, pending, plain_rows, summary, write_log

SHOWN = ("id", "name", "project", "state", "created_at", "last_step")


def index(folder: Path) -> Api:
    write_log(folder, [*plain_rows(range(3)), exit_record(0)], "a", "r1")
    write_log(folder, [*plain_rows(range(5)), exit_record(3)], "b", "r2", started=2000.0)
    write_log(folder, [pending(7, {"loss": float("nan")}), summary({"best": float("inf")})], "c", "r3", started=3000.0)
    api = Api(folder / "i.db", refresh=False)
    assert api.catch_up_below(folder / "wandb") == []
    return api


def test_brief_runs_say_what_whole_ones_say(tmp_path: Path) -> None:
    api = index(tmp_path)
    for text in ("", "project:p", "summary.loss<2 state:finished"):
        whole, brief = (api.select(parse_filter(text), brief=answer) for answer in (False, True))
        assert [[run.fields.value(name) for name in SHOWN] for run in brief] == [
            [run.fields.value(name) for name in SHOWN] for run in whole
        ]
        assert repr([run.fields.tree("summary") for run in brief]) == repr(
            [run.fields.tree("summary") for run in whole]
        )
    assert len(api.select(brief=True)) == 3
    api.close()

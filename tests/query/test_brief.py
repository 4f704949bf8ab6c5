"""Runs for a table know only what it shows, and say of that what whole runs say."""

from __future__ import annotations

import os
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


def test_one_query_tells_the_logs_of_all_runs_that_have_not_ended(tmp_path: Path) -> None:
    for number in range(12):
        name = f"r{number}"
        write_log(tmp_path, plain_rows(range(3)), "a", name, started=1000.0 + number)
        write_log(tmp_path, plain_rows(range(3, 5)), "b", name, kind="resume", started=1500.0, starting_step=3)
    write_log(tmp_path, [exit_record()], "a", "ended", started=2000.0)
    os.utime(tmp_path / "wandb" / "offline-run-20240101_b-r3" / "run-r3.wandb")  # that one was just written
    for log in (tmp_path / "wandb").glob("*/*.wandb"):
        if "b-r3" not in str(log):
            os.utime(log, (1000.0, 1000.0))
    api = Api(tmp_path / "i.db", refresh=False)
    assert api.catch_up_below(tmp_path / "wandb") == []
    statements: list[str] = []
    api._indexer.connection.set_trace_callback(statements.append)
    states = {run.id: run.state for run in api.select(brief=True)}
    assert len([statement for statement in statements if "FROM logs" in statement]) == 1
    api._indexer.connection.set_trace_callback(None)
    assert states == {run.id: run.state for run in api.runs()}
    assert [run.logs for run in api.select()] == [run.logs for run in api.runs()]
    assert [run.id for run in api.select(brief=True, limit=11) if len(run.logs) != 2] == []
    assert len(set(states.values())) > 1
    api.close()

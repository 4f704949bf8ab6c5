"""Runs in brief say what whole runs say."""

from __future__ import annotations

import os
from pathlib import Path

from runstore.core.filters import parse_filter, parse_order
from runstore.query.api import Api
from runstore.query.listing import brief
from tests.index.writing import exit_record, pending, plain_rows, summary, write_log


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
        for order in ((), parse_order("-last_step"), parse_order("-summary.loss,name")):
            for limit in (None, 0, 2):
                whole = api.select(parse_filter(text), order, limit)
                # repr: NaN is among the values, which equals nothing
                assert repr(api.brief(parse_filter(text), order, limit)) == repr(brief(whole))
    assert [run.state for run in api.brief()] == ["finished", "failed", "running"]
    assert [run.id for run in api.brief(below=[tmp_path / "wandb" / "offline-run-20240101_b-r2"])] == ["r2"]
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
    states = {run.id: run.state for run in api.brief()}
    assert len([statement for statement in statements if "FROM logs" in statement]) == 1
    assert states == {run.id: run.state for run in api.select()}
    assert len([statement for statement in statements if "FROM logs" in statement]) == 2
    api._indexer.connection.set_trace_callback(None)
    assert states == {run.id: run.state for run in api.runs()}
    assert [run.logs for run in api.select()] == [run.logs for run in api.runs()]
    assert [run.id for run in api.select(limit=11) if len(run.logs) != 2] == []
    assert len(set(states.values())) > 1
    api.close()

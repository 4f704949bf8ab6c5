"""The index in SQL: every point as a row, as the Api has it."""

from __future__ import annotations

import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from runstore.errors import NotFound
from runstore.index.database import index_path
from runstore.query.api import Api
from runstore.query.sql.connecting import SqlConnection, connect
from runstore.query.sql.views import VIEWS
from tests.index.writing import (
    config,
    exit_record,
    header,
    log_path,
    mixed_bodies,
    output,
    pending,
    plain_rows,
    row,
    run,
    write,
    write_log,
)
from tests.timing import PATIENCE_SECONDS, eventually

Ask = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Ask what is in the logs now."""
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    opened: list[SqlConnection] = []

    def answer(query: str, *arguments: object) -> list[tuple[object, ...]]:
        if not opened:
            opened.append(connect())
        return opened[0].execute(query, arguments).fetchall()

    yield answer
    for connection in opened:
        connection.close()


def test_points_are_those_of_the_history(ask: Ask, tmp_path: Path) -> None:
    write_log(
        tmp_path, [row(0, {"loss": 0.5, ("val", "acc"): 1}), row(7, {"loss": math.inf}), row(9, {"loss": math.nan})]
    )
    assert ask("SELECT run, key, step, value, project, entity FROM points WHERE key = 'loss'") == [
        ("r1", "loss", 0, 0.5, "p", ""),
        ("r1", "loss", 7, math.inf, "p", ""),
        ("r1", "loss", 9, None, "p", ""),
    ]
    assert ask("SELECT step, value, typeof(value) FROM points WHERE key = 'val.acc'") == [(0, 1, "integer")]


def test_what_was_set_back_or_logged_twice_is_not_in_points(ask: Ask, tmp_path: Path) -> None:
    write_log(tmp_path, [*plain_rows(range(10), ("loss",)), row(3, {"loss": 33.0})])
    write_log(tmp_path, [row(6, {"loss": 6.5})], "b", kind="resume", started=2000.0, starting_step=6)
    assert ask("SELECT count(*), max(step) FROM points WHERE key = 'loss'") == [(7, 6)]
    assert ask("SELECT value FROM points WHERE key = 'loss' AND step IN (3, 6)") == [(33.0,), (6.5,)]


@pytest.mark.parametrize("seed", range(6))
def test_every_value_of_random_logs_is_there_as_the_api_has_it(ask: Ask, tmp_path: Path, seed: int) -> None:
    kinds = ["start", *random.Random(seed).choices(["resume", "rank", "successor", "rewind"], k=2)]
    for place, kind in enumerate(kinds):
        bodies = list(mixed_bodies(10 * seed + place, 300))
        write_log(tmp_path, bodies, str(place), kind=kind, started=1000.0 + place, starting_step=100 * place)
    found = Api()
    rows = list(found.run("r1").scan_history())
    found.close()
    shown: dict[Any, Any] = {(step, key): value for step, key, value in ask("SELECT step, key, value FROM history")}
    expected = {(row["_step"], key): value for row in rows for key, value in row.items() if key != "_step"}
    assert shown.keys() == expected.keys()
    numbers = {at: value for at, value in expected.items() if is_storable(value)}
    assert {at: shown[at] for at in numbers} == numbers
    points: dict[Any, Any] = {(step, key): value for step, key, value in ask("SELECT step, key, value FROM points")}
    # Integers among floats are floats there.
    assert {at: float(points[at]) for at in numbers} == {at: float(value) for at, value in numbers.items()}


def is_storable(value: Any) -> bool:
    """Whether SQLite has this value as a number."""
    return (type(value) is float and value == value) or (type(value) is int and -(2**63) <= value < 2**63)


def test_values_that_are_no_numbers_are_in_history(ask: Ask, tmp_path: Path) -> None:
    write_log(tmp_path, [row(0, {"t": "é", "l": [1, math.nan], "b": True, "n": None, "i": 2**62 + 1, "far": 2**70})])
    rows: list[Any] = ask("SELECT key, value FROM history WHERE key NOT LIKE '\\_%' ESCAPE '\\'")
    found: dict[Any, Any] = dict(rows)
    assert found == {"t": "é", "l": '[1, "NaN"]', "b": 1, "n": None, "i": 2**62 + 1, "far": 2.0**70}


def test_an_open_row_and_what_comes_later_is_seen(ask: Ask, tmp_path: Path) -> None:
    write_log(tmp_path, [row(0, {"a": 1.0}), pending(1, {"a": 2.0, "new": 3.0})])
    assert ask("SELECT key, step, value FROM points WHERE step = 1") == [("a", 1, 2.0), ("new", 1, 3.0)]
    write_log(tmp_path, [row(1, {"a": 4.0}), *plain_rows(range(2, 50), ("a",))], "b", kind="rank", started=2000.0)
    Api().close()
    assert ask("SELECT count(*) FROM points WHERE key = 'a'") == [(50,)]
    assert ask("SELECT value FROM points WHERE key = 'a' AND step = 1") == [(4.0,)]


def test_config_and_summary_are_rows_of_keys(ask: Ask, tmp_path: Path) -> None:
    write_log(
        tmp_path, [config({"lr": 0.1, "net": {"depth": 3, "sizes": [1, 2]}, "_wandb": {"x": 1}}), row(0, {"a": 5})]
    )
    assert ask("SELECT key, value FROM config ORDER BY key") == [("lr", 0.1), ("net.depth", 3), ("net.sizes", "[1, 2]")]
    assert ask("SELECT value FROM summary WHERE run = 'r1' AND key = 'a'") == [(5,)]


def test_runs_have_a_state_and_times_that_dates_are_made_of(ask: Ask, tmp_path: Path) -> None:
    write_log(tmp_path, [config({"lr": 0.1}), *plain_rows(range(3)), exit_record(3)])
    assert ask("SELECT run, state, exit_code, last_step, date(created_at), config FROM runs") == [
        ("r1", "failed", 3, 2, "1970-01-01", '{"lr":0.1}')
    ]


def test_times_are_to_the_millisecond_those_of_the_api(ask: Ask, tmp_path: Path) -> None:
    for number in range(20):
        started = 1_800_000_000 + number * 0.00037
        write_log(tmp_path, [], name=str(number), run_id="r1", started=started)
        with closing(Api()) as api:
            assert [(run.created_at,) for run in api.runs()] == ask("SELECT created_at FROM runs")
        log_path(tmp_path, str(number)).unlink()


def test_a_question_about_many_metrics_takes_as_long_for_each(ask: Ask, tmp_path: Path) -> None:
    write_log(tmp_path, [row(0, {f"k{n}": n for n in range(16_000)})])
    began = time.process_time()
    assert ask("SELECT count(*) FROM points WHERE key <> '_runtime' AND key <> '_timestamp'") == [(16_000,)]
    assert time.process_time() - began < 6  # 1 s; 10 s where each metric looks at all before it


def test_views_are_joined_by_run_and_step(ask: Ask, tmp_path: Path) -> None:
    write_log(tmp_path, [config({"lr": 0.5}), *(row(n, {"a": n, "b": 2 * n}) for n in range(20_000))])
    before = time.process_time()
    joined = ask(
        "SELECT count(*), sum(a.value * b.value), min(config.value) FROM points AS a JOIN points AS b USING (run, step)"
        " JOIN config USING (run) WHERE a.key = 'a' AND b.key = 'b' AND config.key = 'lr'"
    )
    assert joined == [(20_000, 2 * sum(n * n for n in range(20_000)), 0.5)]
    assert time.process_time() - before < 30  # 1 s; row by row it would be 400 M function calls, over a minute


def test_copies_of_a_log_count_once(ask: Ask, tmp_path: Path) -> None:
    path = write_log(tmp_path, [*plain_rows(range(5), ("a",)), output("hello\n")])
    copy = log_path(tmp_path / "wandb" / "elsewhere")
    copy.write_bytes(path.read_bytes())
    assert ask("SELECT text, stream FROM console") == [("hello", "stdout")]
    assert ask("SELECT count(*) FROM points WHERE key = 'a'") == [(5,)]
    assert ask("SELECT sum(counts), count(*) FROM logs") == [(1, 2)]


def test_every_view_can_be_read_and_tables_are_behind_them(ask: Ask, tmp_path: Path) -> None:
    write_log(tmp_path, plain_rows(range(3)))
    for view in VIEWS:
        ask(f"SELECT * FROM {view}")
        assert ask("SELECT name FROM pragma_table_info(?)", view)[0] == ("run",)
    assert ask("SELECT sum(n) FROM main.chunks JOIN main.series ON series = series.id WHERE key = 'loss'") == [(3,)]


def test_the_index_is_not_written(ask: Ask, tmp_path: Path) -> None:
    write_log(tmp_path, plain_rows(range(3)))
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        ask("DELETE FROM main.runs")
    ask("CREATE TEMP TABLE mine AS SELECT * FROM points")  # of their own they may
    assert ask("SELECT count(*) FROM mine WHERE key = 'loss'") == [(3,)]


def test_row_factories_of_the_connection_do_not_matter(ask: Ask, tmp_path: Path) -> None:
    write_log(tmp_path, plain_rows(range(3)))
    connection = connect()
    connection.row_factory = sqlite3.Row
    assert connection.execute("SELECT max(step) AS last FROM points").fetchone()["last"] == 2
    connection.close()


def test_an_index_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no index"):
        connect(tmp_path / "none.db", refresh=False)


def test_more_metrics_than_sql_can_count_are_refused_with_a_sentence(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(tmp_path, plain_rows(range(3)))
    monkeypatch.setattr("runstore.query.sql.series.PAGE", 1)
    connection = connect()
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("SELECT * FROM points").fetchall()
    assert "4 metrics" in str(connection.failure)
    connection.close()


def test_a_series_longer_than_a_page_is_whole(ask: Ask, tmp_path: Path) -> None:
    write(log_path(tmp_path), [header(), run(), *plain_rows(range(0, 140_000, 2), ("a",))])
    assert ask("SELECT count(*), count(DISTINCT step), max(step) FROM points WHERE key = 'a'") == [
        (70_000, 70_000, 139_998)
    ]


def holds_open(pid: int, path: Path) -> bool:
    return str(path) in [file.path for file in psutil.Process(pid).open_files()]


def cpu_seconds(pid: int) -> float:
    return psutil.Process(pid).cpu_times().user


def test_ctrl_c_ends_a_query(ask: Ask, tmp_path: Path) -> None:
    write_log(tmp_path, plain_rows(range(100)))
    ask("SELECT 1")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n JOIN points"
    process = subprocess.Popen(
        [sys.executable, "-m", "runstore", "sql", endless],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually(lambda: holds_open(process.pid, index_path()))
    begun = cpu_seconds(process.pid)
    eventually(lambda: cpu_seconds(process.pid) > begun + 0.5)  # any other query would have its answer by now
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert said.strip() == "Aborted!"
    assert index_path().exists()

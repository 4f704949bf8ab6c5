"""`runstore index`, and what commands and the daemon say and do when the index is in trouble."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Bench
from tests.index.writing import exit_record, plain_rows, write_log
from tests.timing import eventually


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    for number in range(3):
        write_log(tmp_path, [*plain_rows(range(200), seed=number), exit_record()], f"{number}", f"r{number}")
    return bench


def index_of(bench: Bench) -> Path:
    return bench.folder / "home" / "index.db"


def execute(index: Path, statement: str) -> None:
    with closing(sqlite3.connect(index)) as connection:
        connection.execute(statement)
        connection.commit()


def damage(index: Path) -> None:
    """Overwrite the first page of the table of chunks, which nobody reads who opens the index."""
    with closing(sqlite3.connect(index)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'chunks'").fetchone()
    data = bytearray(index.read_bytes())
    data[4096 * (page - 1) : 4096 * page] = b"\xab" * 4096
    index.write_bytes(data)


def test_an_index_is_shown_checked_and_rebuilt(bench: Bench) -> None:
    bench.runstore("runs", "list", "wandb")
    info = bench.json("index", "info")
    assert (info["runs"], info["logs"], info["points"], info["lost_bytes"]) == (3, 3, 3 * 200 * 4, 0)
    assert f"{'runs:':16}3" in bench.runstore("index", "info").stdout
    before = bench.json("index", "check")
    assert (before["same"], before["logs"], before["differing"]) == (True, 3, {})
    execute(index_of(bench), "DELETE FROM chunks")
    after = bench.json("index", "check", code=1)
    assert (after["same"], [*after["differing"].values()]) == (False, [["points"]] * 3)
    shown = bench.runstore("index", "check", "--quiet", code=1)
    assert len(shown.stdout.splitlines()) == 3
    assert shown.stdout.startswith("differs: /")
    assert "build it anew: runstore index rebuild" in shown.stderr
    assert bench.json("index", "rebuild") == {"path": str(index_of(bench)), "logs": 3, "unreadable": []}
    said = bench.runstore("index", "check")
    assert said.stdout == f"{index_of(bench)}: says what its 3 logs say\n"
    assert "built anew from 3 logs" in bench.runstore("index", "rebuild").stdout


def test_a_damaged_index_costs_a_command_nothing_but_time(bench: Bench) -> None:
    runs = bench.json("runs", "list", "wandb")
    rows = bench.json("runs", "history", "r1")
    damage(index_of(bench))
    done = bench.runstore("runs", "history", "r1", "--json")
    assert done.stderr.count("\n") == 1
    assert "the index is damaged" in done.stderr
    assert bench.json("runs", "history", "r1") == rows
    assert bench.json("runs", "list") == runs
    index_of(bench).write_bytes(b"no database" * 1000)
    done = bench.runstore("runs", "list", "--json")
    assert "the index was damaged" in done.stderr
    assert bench.runstore("runs", "list", "wandb", "--json").stderr == ""


def test_an_older_index_is_said_once_and_built_anew(bench: Bench) -> None:
    runs = bench.json("runs", "list", "wandb")
    execute(index_of(bench), "PRAGMA user_version = 1")
    done = bench.runstore("runs", "list", "--json")
    assert done.stderr.startswith(f"runstore: {index_of(bench)}: was made by an older runstore (schema 1); it is built")
    assert done.stderr.count("\n") == 1
    assert bench.json("runs", "list") == runs


def test_a_newer_index_is_refused_with_what_to_do(bench: Bench) -> None:
    bench.runstore("runs", "list", "wandb")
    execute(index_of(bench), "PRAGMA user_version = 99")
    for command in (("runs", "list"), ("index", "rebuild"), ("index", "info")):
        said = bench.sentence(*command, code=6)
        assert "was made by a newer runstore (schema 99" in said
        assert "upgrade runstore, or set RUNSTORE_HOME" in said


def looked(bench: Bench) -> Callable[[], Any]:
    """Return what returns the daemon's status once it has all three logs in its index."""

    def status() -> Any:
        found = bench.json("daemon", "status")
        return found if sum(log["indexed_bytes"] > 0 for log in found["logs"]) == 3 else None

    return status


def test_the_daemon_goes_on_while_the_index_is_rebuilt_and_after_it_was_damaged(bench: Bench) -> None:
    with bench.daemon():
        eventually(looked(bench))
        runs = bench.json("runs", "list")
        bench.runstore("index", "rebuild")
        assert bench.json("index", "check")["same"]
        damage(index_of(bench))
        bench.runstore("runs", "history", "r1")
        write_log(bench.folder, [*plain_rows(range(10)), exit_record()], "late", "late")
        eventually(lambda: "late" in str(bench.json("daemon", "status")["logs"]))
        eventually(lambda: logs_in(index_of(bench)) == 4)
        assert [run for run in bench.json("runs", "list") if run["id"] != "late"] == runs
        assert bench.json("index", "check")["same"]


def logs_in(index: Path) -> int | None:
    """Return how many logs an index has; None while there is none, and while it is made anew."""
    with (
        contextlib.suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"{index.as_uri()}?mode=ro", uri=True)) as connection,
    ):
        return int(connection.execute("SELECT count(*) FROM logs").fetchone()[0])
    return None


def test_a_hub_whose_index_is_damaged_builds_it_anew(bench: Bench) -> None:
    with bench.hub():
        bench.json("sync", "wandb")
        runs = eventually(
            lambda: [found for found in [bench.json("runs", "list", "--remote", "lab")] if len(found) == 3]
        )
    damage(bench.folder / "hub" / "index.db")
    with bench.hub():
        write_log(bench.folder, [*plain_rows(range(10)), exit_record()], "late", "late")
        bench.json("sync", "wandb")

        def all_four() -> Any:
            listed = bench.runstore("runs", "list", "--remote", "lab", "--json", code=0).stdout
            return listed if listed.count('"id"') == 4 else None

        eventually(all_four)
        assert len(runs[0]) == 3

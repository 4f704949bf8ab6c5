"""What a run is when its delivery begins: read from the index, in one piece."""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from runstore.index.indexer import Indexer
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Origin, Record
from runstore.syncd.runwise.content.snapshot import RunSnapshot, console_lines, snapshot
from tests.index.writing import config, exit_record, header, log_path, metric, output, pending, plain_rows, row, run

from tests.index.writing import summary, write, write_log  # isort: skip

Snap: TypeAlias = Callable[..., RunSnapshot]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(Indexer(tmp_path / "index.db")) as indexer:
        yield indexer.connection


@pytest.fixture
def snap(tmp_path: Path) -> Iterator[Snap]:
    """Return what indexes all logs and returns a run, with the connection."""
    with closing(Indexer(tmp_path / "index.db")) as indexer:

        def taken(run_id: str = "r1", project: str = "p", entity: str = "") -> RunSnapshot:
            indexer.catch_up_below(tmp_path)
            found = snapshot(indexer.connection, entity, project, run_id)
            assert found is not None
            return found

        yield taken


def stock_run(run_id: str = "r1", seconds: int = 1000, **more: Any) -> list[bytes]:
    start: dict[str, Any] = {"start_time": {"seconds": seconds}}
    return [codec.encode(Record(header={"version_info": {"producer": "0.31.0"}})), run(run_id, **start, **more)]


def test_run_is_described_by_all_of_its_logs(snap: Snap, tmp_path: Path) -> None:
    about: dict[str, Any] = {"display_name": "name", "notes": "notes", "tags": ["b", "a"], "run_group": "g"}
    about |= {"job_type": "j", "sweep_id": "s", "git": {"commit": "c", "remote_url": "u"}, "host": "h"}
    bodies = [config({"lr": 0.1, "nan": math.nan, "_wandb": {"visualize": {"x": 1}}}), *plain_rows(range(3))]
    write(log_path(tmp_path), [header(), run(**about), *bodies, exit_record(4)])
    found = snap()
    assert (found.entity, found.project, found.run_id) == ("", "p", "r1")
    assert (found.name, found.notes, found.tags, found.group) == ("name", "notes", ("b", "a"), "g")
    assert (found.job_type, found.sweep_id, found.git_commit, found.git_remote) == ("j", "s", "c", "u")
    assert (found.config["lr"], found.tools_config) == (0.1, {"visualize": {"x": 1}})
    assert math.isnan(found.config["nan"])
    assert "_wandb" not in found.config
    assert (found.exit_code, found.state, found.runtime, found.is_over) == (4, "failed", 60, True)
    assert found.summary == {
        "loss": pytest.approx(found.summary["loss"]), "acc": found.summary["acc"], "_timestamp": 1002.0,
        "_runtime": 2.0, "_step": 2, "_wandb": {"runtime": 60},
    }  # fmt: skip


def test_parts_are_the_logs_as_far_as_the_index_has_them(snap: Snap, tmp_path: Path) -> None:
    first = write_log(tmp_path, [*plain_rows(range(10)), exit_record(1)])
    second = write_log(tmp_path, plain_rows(range(5, 8)), "b", kind="resume", started=2000.0, starting_step=5)
    found = snap()
    assert [(part.log, part.kind, part.end, part.records, part.below) for part in found.parts] == [
        (first, "start", first.stat().st_size, 13, 5),
        (second, "resume", second.stat().st_size, 5, None),
    ]
    assert [part.has_ended for part in found.parts] == [True, False]
    assert len({part.log_id for part in found.parts}) == 2


def test_logs_of_stock_tools_go_on_behind_those_before_them(snap: Snap, tmp_path: Path) -> None:
    write(log_path(tmp_path), [*stock_run(resume=True), *plain_rows(range(4)), exit_record()])
    write(log_path(tmp_path, "b"), [*stock_run(seconds=2000, resume=True), *plain_rows(range(3)), exit_record()])
    found = snap()
    assert [part.after for part in found.parts] == [None, 3]
    assert found.is_resuming
    assert found.summary["_step"] == 6  # where the server has the last row


def test_run_that_begins_here_does_not_say_that_it_goes_on(snap: Snap, tmp_path: Path) -> None:
    write_log(tmp_path, plain_rows(range(4)))
    write(log_path(tmp_path, "b"), [header("resume", 2000.0, 4), run(resume=True), *plain_rows(range(4, 6))])
    assert not snap().is_resuming


def test_fork_has_its_own_rows_alone(snap: Snap, tmp_path: Path) -> None:
    write_log(tmp_path, plain_rows(range(10)))
    fork = run("fork", branch_point={"run": "r1", "value": 3, "metric": "_step"})
    write(log_path(tmp_path, "f", "fork"), [header(started=2000.0, starting_step=4), fork, row(4, {"x": 1})])
    found = snap("fork")
    assert found.branch == ("r1", 3)
    assert [part.log.name for part in found.parts] == ["run-fork.wandb"]


def test_entity_and_project_that_were_not_given_are_empty(snap: Snap, tmp_path: Path) -> None:
    write(log_path(tmp_path), [header(), run(project=""), *plain_rows(range(2))])
    assert (snap(project="").project, snap(project="uncategorized").project) == ("", "")


def test_run_that_nobody_knows_is_none(connection: sqlite3.Connection) -> None:
    assert snapshot(connection, "", "p", "unknown") is None


@pytest.mark.parametrize("inside", [False, True])
def test_transactions_are_left_as_they_were(inside: bool, connection: sqlite3.Connection) -> None:
    if inside:
        connection.execute("BEGIN")
    snapshot(connection, "", "p", "unknown")
    assert connection.in_transaction == inside


def test_definitions_are_those_of_all_logs(snap: Snap, tmp_path: Path) -> None:
    write_log(tmp_path, [metric("acc", "max"), metric("val/*", "min"), *plain_rows(range(2))])
    write_log(tmp_path, [metric("acc", "min"), *plain_rows(range(2, 4))], "b", kind="resume", starting_step=2)
    found = snap().definitions
    assert (found.by_name["acc"].aggregates, list(found.by_glob)) == (("min",), ["val/*"])


def test_what_is_none_is_not_in_the_summary(snap: Snap, tmp_path: Path) -> None:
    write_log(tmp_path, [row(0, {"x": 1}), summary({"none": None, "tree": {"none": None, "y": 2}}), exit_record()])
    found = snap().summary
    assert (found["tree"], "none" in found) == ({"y": 2}, False)


def test_runtime_that_stock_tools_kept_in_the_summary_stays(snap: Snap, tmp_path: Path) -> None:
    write_log(tmp_path, [row(0, {"x": 1}), summary({"_wandb": {"runtime": 12}}), exit_record()])
    assert snap().summary["_wandb"] == {"runtime": 12}


def test_run_that_was_killed_took_as_long_as_its_log_shows(snap: Snap, tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(31)))
    os.utime(log, (2000.0, 2000.0))
    found = snap()
    assert (found.state, found.is_over, found.exit_code) == ("crashed", True, None)
    assert found.summary["_wandb"] == {"runtime": 30}


def test_console_lines_are_those_of_the_index_and_what_was_not_ended(tmp_path: Path) -> None:
    write_log(tmp_path, [output("one\ntwo\n"), output("10%\r20%"), *plain_rows(range(2))])
    with closing(Indexer(tmp_path / "index.db")) as indexer:
        indexer.catch_up_below(tmp_path)
        found = snapshot(indexer.connection, "", "p", "r1")
        assert found is not None
        (part,) = found.parts
        lines = {
            (start, with_open): [line.text for line in console_lines(indexer.connection, part, start, with_open)]
            for start in range(5)
            for with_open in (False, True)
        }
        first, *_, last = console_lines(indexer.connection, part, 0, True)
    assert (first.time, first.stream, last.time) == (1500.0, "stdout", 1500.0)
    assert [lines[start, False] for start in range(5)] == [["one", "two"], ["two"], [], [], []]
    assert [lines[start, True] for start in range(5)] == [["one", "two", "20%"], ["two", "20%"], ["20%"], [], []]


def test_edit_logs_are_those_that_are_about_the_run(snap: Snap, tmp_path: Path) -> None:
    write_log(tmp_path, plain_rows(range(2)))
    edits = log_path(tmp_path).with_name("run-r1.edits.rslog")
    origin = Origin(writer="runstore", kind=Origin.EDIT, started_ns=int(3e12))
    change = {"made_ns": int(3e12), "project": "p", "run_id": "r1", "name": "renamed"}
    write(edits, [codec.encode(Record(header={"origin": origin})), codec.encode(Record(footer={"edit": change}))])
    found = snap()
    assert found.name == "renamed"
    assert [(log.log, log.end, log.records) for log in found.edit_logs] == [(edits, edits.stat().st_size, 2)]
    assert [part.log for part in found.parts] == [log_path(tmp_path)]


def test_open_row_counts_for_the_summary_and_damage_is_told(snap: Snap, tmp_path: Path) -> None:
    log = write_log(tmp_path, [*plain_rows(range(300)), pending(300, {"x": 1})])
    data = bytearray(log.read_bytes())
    data[5_000] ^= 1
    log.write_bytes(data)
    found = snap()
    assert (found.summary["x"], found.summary["_step"]) == (1, 300)
    (part,) = found.parts
    assert part.lost_bytes > 0
    assert part.missing == 1

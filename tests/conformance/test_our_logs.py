"""What we write, stock `wandb sync` delivers: the very rows, summary, config, console lines and exit code.

The runs are written by programs of their own, as a user's are, and delivered to a recording server.
"""

from __future__ import annotations

import copy
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.core.keys import unflatten
from runstore.query.api import Api
from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from tests.conformance import stock
from tests.conformance.shared import console_of, flat_rows, indexed_below, made_once, plain, without_clock
from tests.timing import HANGS_SECONDS
from tests.wandbserver.recorded import JsonObject, RecordedRun
from tests.wandbserver.server import RecordingServer

NEWEST, *OLDER = stock.STOCK_VERSIONS
PROJECT = "ours"

CORE = r"""
import sys
import runstore

run = runstore.init(project="ours", id="core", name="first name", notes="a note\nof two lines", tags=["b", "a", "ü"],
                    group="the group", job_type="train",
                    config={"lr": 0.1, "model": {"depth": 2, "widths": [8, 16], "opt": {"name": "adam"}}, "none": None,
                            "big": 2**53 + 1, "flag": True, "text": "züge 🚂"})
run.config.update({"late": {"added": True}})
run.config["item"] = [1, {"x": 2.5}]
run.config.update({"lr": 0.2}, allow_val_change=True)
print("to stdout")
print("to stderr", file=sys.stderr)
for percent in range(101):
    sys.stdout.write(f"\rprogress {percent}%")
    sys.stdout.flush()
print()
print("a part", end="")
print(" and its end")
print("ünïcode")
print("  indented")
for i in range(100):
    run.log({"loss": 1 / (i + 1), "i": i})
run.summary["best"] = 7
run.finish(exit_code=4)
"""

MORE = r"""
import runstore

run = runstore.init(project="ours", id="explicit")
for i in range(10):
    run.log({"a": i}, step=3 * i)
    run.log({"b": i / 3}, step=3 * i)
    run.log({"a": -i}, step=3 * i)
run.log({"end": 1}, step=40)
run.finish()

run = runstore.init(project="ours", id="behind")
run.log({"a": 0}, step=10)
run.log({"a": 1}, step=4)
run.log({"a": 2}, step=20)
run.finish()

run = runstore.init(project="ours", id="uncommitted")
run.log({"x": 1}, commit=False)
run.log({"y": 2}, commit=False)
run.log({"z": 3})
run.log({"x": 4})
run.log({"x": 5}, step=7, commit=True)
run.log({"x": 6}, commit=False)
run.finish()

run = runstore.init(project="ours", id="special")
run.log({"nan": float("nan"), "inf": float("inf"), "negative": float("-inf")})
run.log({"none": None, "list": [1, 2.5, "x", None], "flag": True, "empty": [], "nans": [float("nan"), 1]})
run.log({"big": 2**62, "small": -(2**62), "huge": 1.7976931348623157e308, "tiny": 5e-324, "third": 1 / 3, "e21": 1e21})
run.log({"nested": {"i": 1, "deep": {"x": 0.1, "word": "text"}}, "word": "text"})
run.log({"a.b": 1, "c/d": 2, "ü": 3, 'q"uote': 4, "日本": {"鍵": 5}, "x" * 300: 6})
run.log({"long": "x" * 50_000, "wide": 'ü"\n' * 20_000})
run.finish()

run = runstore.init(project="ours", id="byhand")
run.log({"loss": 1.0, "acc": 0.5, "tree": {"a": 1}})
run.summary["loss"] = -1.0
run.summary.update({"best": 7, "deep": {"a": 1, "b": {"c": 2}}, "nan": float("nan"), "gone": 1})
del run.summary["gone"]
run.log({"acc": 0.75, "tree": {"b": 2}})
run.summary["after"] = "text"
run.finish()

run = runstore.init(project="ours", id="onerow")
run.log({"only": 1.5})
run.finish()

run = runstore.init(project="ours", id="empty")
run.finish()
"""

RAISES = """
import runstore

run = runstore.init(project="ours", id="raised")
run.log({"loss": 1})

def broken():
    raise ValueError("it broke: ü")

broken()
"""

RAISES_INSIDE_WITH = """
import runstore

with runstore.init(project="ours", id="raised-within") as run:
    run.log({"loss": 1})
    raise ValueError("it broke")
"""

EXITS = """
import sys
import runstore

run = runstore.init(project="ours", id="exited")
run.log({"loss": 1}, step=5)
sys.exit(3)
"""

KILLED = """
import os, signal
import runstore

run = runstore.init(project="ours", id="killed", name="first name", config={"lr": 1, "both": {"a": 1}})
print("before the kill")
run.summary["by hand"] = 5
for i in range(5):
    run.log({"loss": 10 - i, "first": i})
run.log({"loss": 5}, step=7)
run.log({"open": 1}, step=8)
os.kill(os.getpid(), signal.SIGKILL)
"""

RESUMED = """
import runstore

run = runstore.init(project="ours", id="killed", resume="allow", config={"both": {"b": 2}, "again": True})
print("after the kill")
assert run.resumed and run.step == 9, run.step
for i in range(3):
    run.log({"loss": i, "second": i})
run.finish()
"""

FORKED = """
import os
import runstore

run = runstore.init(project="ours", id="forked")
run.log({"parent": 0})
run.log({"parent": 1})
child = os.fork()
if child == 0:
    run.log({"child": 0})
    run.log({"child": 1}, step=10)
    run.finish()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
run.log({"parent": 2})
run.finish()
"""

SINGLE = ("core", "explicit", "behind", "uncommitted", "special", "byhand", "onerow", "empty")
ENDED_BY_FORCE = ("raised", "raised-within", "exited")


@dataclass(frozen=True)
class Delivered:
    """Runs of ours in `folder`, and what a server has of each."""

    folder: Path
    runs: dict[str, RecordedRun]
    killed: RecordedRun  # as it was before the resumed log came
    errors: list[str]

    def logs(self, run_id: str) -> list[Path]:
        """Logs of a run in the order in which they were begun."""
        return sorted(self.folder.glob(f"wandb/offline-run-*/run-{run_id}.wandb"))

    def logged(self, run_id: str) -> list[JsonObject]:
        """The finished rows in the logs of a run, nested, in order."""
        rows = []
        for log in self.logs(run_id):
            for framed in LogReader(log):
                record = codec.decode(framed.payload)
                if record is not None and record.HasField("history"):
                    rows.append(unflatten(codec.row_of(record.history)))
        return rows


def _write(source: str, folder: Path, exit_code: int = 0) -> None:
    """Run a program of ours in `folder`, knowing nothing of who runs the tests."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(Path(runstore.__file__).parent.parent),
        "RUNSTORE_HOME": str(folder / "home"),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", source],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )
    assert done.returncode == exit_code, done.stderr


def _make(folder: Path) -> Delivered:
    for source in (CORE, MORE):
        _write(source, folder)
    for source, exit_code in (
        (RAISES, 1),
        (RAISES_INSIDE_WITH, 1),
        (EXITS, 3),
        (KILLED, -9),
        (RESUMED, 0),
        (FORKED, 0),
    ):
        _write(source, folder, exit_code)
    delivered = Delivered(folder, {}, RecordedRun("", "", ""), [])
    single = [str(log.parent) for run_id in SINGLE + ENDED_BY_FORCE for log in delivered.logs(run_id)]
    killed, resumed = (log.parent for log in delivered.logs("killed"))
    with RecordingServer() as server:
        stock.sync(NEWEST, killed, server.url, single)
        before = copy.deepcopy(server.run("killed"))
        stock.sync(NEWEST, resumed, server.url)
        for log in delivered.logs("forked"):
            stock.sync(NEWEST, log.parent, server.url)
        runs = {run.run_id: run for run in server.runs}
        errors = server.errors + server.unknown_operations
    return Delivered(folder, runs, before, errors)


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """All runs, delivered by the newest stock version."""
    return made_once(tmp_path_factory, "ours", _make)


@pytest.fixture
def api(delivered: Delivered, tmp_path: Path) -> Iterator[Api]:
    """An index of these runs."""
    with closing(indexed_below(delivered.folder, tmp_path / "index.db")) as api:
        yield api


def _rows(run: RecordedRun) -> list[JsonObject]:
    return [plain(row) for row in without_clock(run.history)]


def _summary(run: RecordedRun) -> JsonObject:
    clock = ("_timestamp", "_runtime", "_wandb")
    summary: JsonObject = plain({key: value for key, value in run.summary.items() if key not in clock})
    return summary


def test_every_log_is_marked_as_synced_and_no_request_was_strange(delivered: Delivered) -> None:
    run_dirs = list(delivered.folder.glob("wandb/offline-run-*"))
    assert len(run_dirs) == len(SINGLE) + len(ENDED_BY_FORCE) + 4
    assert [run_dir.name for run_dir in run_dirs if not stock.synced_mark(run_dir).exists()] == []
    assert delivered.errors == []
    for run in delivered.runs.values():
        assert (run.entity, run.project) == ("tester", PROJECT)
        assert (run.overwritten, run.gaps) == ([], []), run.run_id


@pytest.mark.parametrize("run_id", [*SINGLE, *ENDED_BY_FORCE, "killed"])
def test_rows_arrive_as_they_are_in_the_log(delivered: Delivered, run_id: str) -> None:
    logged, arrived = delivered.logged(run_id), delivered.runs[run_id].history
    if run_id == "behind":  # stock never sends a step that does not rise
        logged, arrived = [[{**row, "_step": 0} for row in rows] for rows in (logged, arrived)]
    assert plain(arrived) == plain(logged)
    for row in arrived:
        assert 0 <= row["_runtime"] < HANGS_SECONDS
        assert row["_timestamp"] > 1_700_000_000


@pytest.mark.parametrize("run_id", [*SINGLE, *ENDED_BY_FORCE, "killed"])
def test_server_and_index_say_the_same_of_a_run(delivered: Delivered, api: Api, run_id: str) -> None:
    at_server, stored = delivered.runs[run_id], api.run(run_id)
    assert stored.config == at_server.config
    assert stored.exit_code == at_server.exit_code
    summary = {key: value for key, value in at_server.summary.items() if key != "_wandb"}
    assert plain(stored.summary) == plain(summary)
    if run_id in SINGLE + ENDED_BY_FORCE and run_id != "behind":
        assert [plain(row) for row in stored.scan_history()] == flat_rows(at_server.history)
    for stream in ("stdout", "stderr"):
        assert [line["text"] for line in stored.console() if line["stream"] == stream] == console_of(at_server, stream)


def _assert_core(run: RecordedRun) -> None:
    assert (run.display_name, run.notes, run.tags) == ("first name", "a note\nof two lines", ["b", "a", "ü"])
    assert (run.group, run.job_type) == ("the group", "train")
    assert run.config == {
        "lr": 0.2, "model": {"depth": 2, "widths": [8, 16], "opt": {"name": "adam"}}, "none": None, "big": 2**53 + 1,
        "flag": True, "text": "züge 🚂", "late": {"added": True}, "item": [1, {"x": 2.5}],
    }  # fmt: skip
    assert _rows(run) == [{"_step": i, "loss": 1 / (i + 1), "i": i} for i in range(100)]
    assert _summary(run) == {"_step": 99, "loss": 1 / 100, "i": 99, "best": 7}
    assert console_of(run, "stdout") == ["to stdout", "progress 100%", "a part and its end", "ünïcode", "  indented"]
    assert console_of(run, "stderr") == ["to stderr"]
    assert (run.exit_code, run.complete) == (4, True)
    assert (run.overwritten, run.gaps) == ([], [])


def test_run_arrives_whole(delivered: Delivered) -> None:
    _assert_core(delivered.runs["core"])


@pytest.mark.parametrize("version", OLDER)
def test_older_stock_delivers_a_run_whole(version: str, tmp_path: Path) -> None:
    _write(CORE, tmp_path)
    (run_dir,) = tmp_path.glob("wandb/offline-run-*")
    with RecordingServer() as server:
        synced = stock.sync(version, run_dir, server.url)
    assert stock.synced_mark(run_dir).exists(), synced.stderr
    _assert_core(server.run("core"))
    assert (server.errors, server.unknown_operations) == ([], [])


def test_files_that_stock_makes_at_delivery_are_there(delivered: Delivered) -> None:
    files = delivered.runs["core"].files
    assert {"config.yaml", "output.log", "wandb-metadata.json", "wandb-summary.json"} <= set(files)
    assert files["output.log"].decode().splitlines()[0] == "to stdout"
    assert b'"python"' in files["wandb-metadata.json"]


def test_calls_for_one_step_arrive_as_one_row(delivered: Delivered) -> None:
    run = delivered.runs["explicit"]
    assert _rows(run) == [{"_step": 3 * i, "a": -i, "b": i / 3} for i in range(10)] + [{"_step": 40, "end": 1}]
    assert _summary(run) == {"_step": 40, "a": -9, "b": 3, "end": 1}


def test_row_for_an_earlier_step_arrives_all_the_same(delivered: Delivered) -> None:
    rows = _rows(delivered.runs["behind"])
    assert sorted(row["a"] for row in rows) == [0, 1, 2]
    steps = [row["_step"] for row in rows]
    assert steps == sorted(set(steps))


def test_uncommitted_calls_join_the_next_row(delivered: Delivered) -> None:
    assert _rows(delivered.runs["uncommitted"]) == [
        {"_step": 0, "x": 1, "y": 2, "z": 3}, {"_step": 1, "x": 4}, {"_step": 7, "x": 5}, {"_step": 8, "x": 6},
    ]  # fmt: skip


def test_values_of_every_kind_arrive_exactly(delivered: Delivered) -> None:
    rows = _rows(delivered.runs["special"])
    assert rows == [
        {"_step": 0, "nan": "NaN", "inf": math.inf, "negative": -math.inf},
        {"_step": 1, "none": None, "list": [1, 2.5, "x", None], "flag": "true", "empty": [], "nans": ["NaN", 1]},
        {
            "_step": 2, "big": 2**62, "small": -(2**62), "huge": 1.7976931348623157e308, "tiny": 5e-324,
            "third": 1 / 3, "e21": 1e21,
        },
        {"_step": 3, "nested": {"i": 1, "deep": {"x": 0.1, "word": "text"}}, "word": "text"},
        {"_step": 4, "a.b": 1, "c/d": 2, "ü": 3, 'q"uote': 4, "日本": {"鍵": 5}, "x" * 300: 6},
        {"_step": 5, "long": "x" * 50_000, "wide": 'ü"\n' * 20_000},
    ]  # fmt: skip


def test_summary_by_hand_stands_until_a_row_sets_it_again(delivered: Delivered) -> None:
    assert _summary(delivered.runs["byhand"]) == {
        "_step": 1, "loss": -1, "acc": 0.75, "tree": {"a": 1, "b": 2}, "best": 7, "deep": {"a": 1, "b": {"c": 2}},
        "nan": "NaN", "after": "text",
    }  # fmt: skip


def test_run_of_one_row_and_run_of_none_arrive(delivered: Delivered) -> None:
    one, none = delivered.runs["onerow"], delivered.runs["empty"]
    assert _rows(one) == [{"_step": 0, "only": 1.5}]
    assert (none.history, _summary(none)) == ([], {})
    assert (one.exit_code, one.complete, none.exit_code, none.complete) == (0, True, 0, True)


@pytest.mark.parametrize(
    ("run_id", "last_line"), [("raised", "ValueError: it broke: ü"), ("raised-within", "ValueError: it broke")]
)
def test_exception_arrives_as_exit_code_1_and_its_traceback(delivered: Delivered, run_id: str, last_line: str) -> None:
    run = delivered.runs[run_id]
    lines = console_of(run, "stderr")
    assert (lines[0], lines[-1]) == ("Traceback (most recent call last):", last_line)
    assert (run.exit_code, run.complete) == (1, True)
    assert _rows(run) == [{"_step": 0, "loss": 1}]


def test_exit_status_arrives_and_the_open_row_with_it(delivered: Delivered) -> None:
    run = delivered.runs["exited"]
    assert (run.exit_code, run.complete) == (3, True)
    assert _rows(run) == [{"_step": 5, "loss": 1}]


FINISHED_BEFORE_THE_KILL: list[dict[str, Any]] = [
    *({"_step": i, "loss": 10 - i, "first": i} for i in range(5)),
    {"_step": 7, "loss": 5},
]


def test_killed_run_arrives_with_every_row_that_was_finished(delivered: Delivered) -> None:
    """A row that was open at the kill is in a footer record, which stock does not read; nothing else may miss."""
    run = delivered.killed
    assert [row for row in _rows(run) if row["_step"] < 8] == FINISHED_BEFORE_THE_KILL
    assert console_of(run, "stdout") == ["before the kill"]
    assert run.exit_code == 1
    assert run.summary["by hand"] == 5


def test_resumed_run_is_added_behind_the_killed_one(delivered: Delivered) -> None:
    run = delivered.runs["killed"]
    rows = [row for row in _rows(run) if row["_step"] != 8]
    assert rows == FINISHED_BEFORE_THE_KILL + [{"_step": 9 + i, "loss": i, "second": i} for i in range(3)]
    assert _summary(run) == {"_step": 11, "by hand": 5, "first": 4, "open": 1, "loss": 2, "second": 2}
    assert run.config == {"lr": 1, "both": {"b": 2}, "again": True}
    assert (run.display_name, run.exit_code) == ("first name", 0)
    assert console_of(run, "stdout") == ["before the kill", "after the kill"]
    assert (run.overwritten, run.gaps) == ([], [])


def test_rows_of_a_forked_child_are_added_to_its_parents(delivered: Delivered) -> None:
    run = delivered.runs["forked"]
    assert len(delivered.logs("forked")) == 2
    # The child's first row was logged for step 2, which the parent's third row has taken at the server.
    assert _rows(run) == [
        {"_step": 0, "parent": 0}, {"_step": 1, "parent": 1}, {"_step": 2, "parent": 2},
        {"_step": 3, "child": 0}, {"_step": 10, "child": 1},
    ]  # fmt: skip


def test_forked_child_leaves_its_parents_outcome_alone(delivered: Delivered) -> None:
    run = delivered.runs["forked"]
    assert run.exit_code == 0
    summary = _summary(run)
    assert {"parent", "child"} <= set(summary), summary

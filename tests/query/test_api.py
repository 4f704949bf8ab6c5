"""Ask for runs and their history."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.errors import NotFound, UsageError
from runstore.query.api import Api
from runstore.query.history import sampled
from runstore.query.state import CRASHED, FAILED, FINISHED, RUNNING, state_of
from runstore.runlog.process import ProcessName
from tests.index.writing import (
    config,
    exit_record,
    header,
    log_path,
    output,
    plain_rows,
    row,
    run,
    summary,
    write,
    write_log,
)


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Six runs: in two projects, of two entities, two of them of one name."""
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    for n, (entity, project, run_id, name) in enumerate(
        [
            ("", "vision", "aaaa1111", "first"),
            ("", "vision", "bbbb2222", "second"),
            ("team", "vision", "cccc3333", "first"),
            ("team", "speech", "dddd4444", "third"),
            ("", "speech", "aaaa1111", "fourth"),
            ("team", "speech", "eeee5555", "dddd4444"),
        ]
    ):
        named = run(run_id, project, entity, display_name=name)
        path = log_path(tmp_path, f"{n}", run_id)
        write(path, [header(started=1000.0 + n), named, *plain_rows(range(n)), exit_record(n)])
    api = Api()
    yield api
    api.close()


def ids(api: Api, path: str | None = None, order: str = "+created_at") -> list[str]:
    return [f"{run.entity}/{run.project}/{run.id}" for run in api.runs(path, order)]


def test_runs_of_all_of_a_project_and_of_an_entity(api: Api) -> None:
    assert len(ids(api)) == 6
    assert ids(api, "vision") == ["/vision/aaaa1111", "/vision/bbbb2222", "team/vision/cccc3333"]
    assert ids(api, "team/speech") == ["team/speech/dddd4444", "team/speech/eeee5555"]
    assert ids(api, "nothing") == []


def test_runs_in_order(api: Api) -> None:
    assert ids(api, "vision", "-created_at") == ids(api, "vision")[::-1]
    assert [run.name for run in api.runs("speech", "+name")] == ["dddd4444", "fourth", "third"]
    with pytest.raises(UsageError, match=r"'color'; by created_at, heartbeat_at, name, id"):
        api.runs(order="-color")


def test_runs_below_paths(api: Api, tmp_path: Path) -> None:
    place = tmp_path / "wandb"
    assert len(api.runs(below=[place])) == 6
    one = place / "offline-run-20240101_1-bbbb2222"
    assert [run.id for run in api.runs(below=[one])] == ["bbbb2222"]
    assert [run.id for run in api.runs(below=[one / "run-bbbb2222.wandb", place / "off"])] == ["bbbb2222"]
    assert api.runs(below=[]) == []


def test_a_run_by_path_id_or_name(api: Api) -> None:
    assert api.run("team/vision/cccc3333").name == "first"
    assert api.run("bbbb2222").name == "second"
    assert api.run("speech/aaaa1111").name == "fourth"
    assert api.run("third").id == "dddd4444"
    assert api.run("dddd4444").name == "third"  # an id counts more than a name
    assert api.run("bbbb2222").path == ["vision", "bbbb2222"]


@pytest.mark.parametrize(("path", "choices"), [("aaaa1111", 2), ("first", 2), ("vision/first", 2)])
def test_a_name_that_fits_several_runs_names_them(api: Api, path: str, choices: int) -> None:
    with pytest.raises(UsageError, match=f"fits {choices} runs: .*vision/aaaa1111.*write more of the path"):
        api.run(path)


def test_a_run_that_is_not_there_names_those_that_are_near(api: Api) -> None:
    with pytest.raises(NotFound, match=r"no run 'bbbb2223'; there is bbbb2222: "):
        api.run("bbbb2223")
    with pytest.raises(NotFound, match=r"there is eeee5555, aaaa1111, dddd4444"):
        api.run("zzz")
    with pytest.raises(NotFound, match="is no run path"):
        api.run("a/b/c/d")


def test_where_no_run_is_known_it_is_said_how_to_name_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no run is known: .*runstore runs list PATH"):
        Api(tmp_path / "i.db", refresh=False).run("any")


def test_what_has_grown_shows_after_a_refresh(api: Api, tmp_path: Path) -> None:
    write(log_path(tmp_path, "x", "new"), [run("new", "vision"), *plain_rows(range(3))])
    assert len(ids(api, "vision")) == 3
    api.refresh()
    assert api.run("new").lastHistoryStep == 2


def test_all_that_a_run_says_of_itself(tmp_path: Path) -> None:
    named = run(display_name="n", notes="some", tags=["a", "é"], run_group="g", job_type="train")
    bodies = [header(), named, config({"_wandb": {}, "lr": math.nan}), summary({"_wandb": 1, "best": math.inf})]
    write(log_path(tmp_path), [*bodies, row(5, {"a": 1}), output("hello\n"), exit_record(2)])
    api = Api(tmp_path / "i.db", refresh=False)
    api._indexer.catch_up_below(tmp_path)
    found = api.run("r1")
    assert (found.name, found.notes, found.tags, found.group, found.job_type) == ("n", "some", ["a", "é"], "g", "train")
    assert (found.entity, found.project, found.state, found.exit_code) == ("", "p", "failed", 2)
    assert (found.created_at, found.heartbeat_at) == ("1970-01-01T00:16:40.000Z", "1970-01-01T00:25:00.000Z")
    assert repr(found.config) == "{'lr': nan}"
    assert found.summary["best"] == math.inf
    assert found.keys == ["_runtime", "_timestamp", "a"]
    assert [line["text"] for line in found.console()] == ["hello"]
    assert repr(found) == "<StoredRun p/r1 (failed)>"
    assert found.as_json()["last_step"] == 5


# ---- history


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Api]:
    rows = [row(n, {"a": n / 2} if n % 3 else {"a": n / 2, "b": "text", ("c", "d"): [n]}) for n in range(100)]
    write_log(tmp_path, rows)
    api = Api(tmp_path / "i.db", refresh=False)
    api._indexer.catch_up_below(tmp_path)
    yield api
    api.close()


def test_scanning_gives_every_row_in_order_of_step(found: Api) -> None:
    rows = list(found.run("r1").scan_history())
    assert [r["_step"] for r in rows] == list(range(100))
    assert rows[3] == {"_step": 3, "a": 1.5, "b": "text", "c.d": [3], "_timestamp": 1003.0, "_runtime": 3.0}


def test_scanning_some_keys_gives_the_rows_that_have_all_of_them(found: Api) -> None:
    run = found.run("r1")
    first, second, *_ = run.scan_history(keys=["a", "c.d"])
    assert (first, second) == ({"_step": 0, "a": 0.0, "c.d": [0]}, {"_step": 3, "a": 1.5, "c.d": [3]})
    assert list(run.scan_history(keys=["a", "nothing"])) == []


def test_scanning_from_one_step_up_to_another(found: Api) -> None:
    run = found.run("r1")
    assert [r["_step"] for r in run.scan_history(min_step=97)] == [97, 98, 99]
    assert [r["_step"] for r in run.scan_history(min_step=5, max_step=8, page_size=1)] == [5, 6, 7]
    assert [r["_step"] for r in run.scan_history(keys=["b"], max_step=4)] == [0, 3]


def test_history_is_thinned_evenly_with_the_first_and_the_last_row(found: Api) -> None:
    run = found.run("r1")
    assert [r["_step"] for r in run.history(samples=4, pandas=False)] == [0, 33, 66, 99]
    assert len(run.history(pandas=False)) == 100
    rows = run.history(keys=["b"], x_axis="a", pandas=False, samples=2)
    assert rows == [{"_step": 0, "b": "text", "a": 0.0}, {"_step": 99, "b": "text", "a": 49.5}]


@pytest.mark.parametrize(
    ("samples", "steps"), [(0, []), (1, [9]), (2, [0, 9]), (3, [0, 4, 9]), (10, list(range(10))), (99, list(range(10)))]
)
def test_sampling(samples: int, steps: list[int]) -> None:
    rows = [{"_step": n} for n in range(10)]
    assert [r["_step"] for r in sampled(rows, samples)] == steps


def test_rows_of_one_step_are_one_row_and_the_later_value_counts(tmp_path: Path) -> None:
    write_log(tmp_path, [row(1, {"a": 1, "b": 1}), row(2, {"a": 2}), row(1, {"a": 3})])
    api = Api(tmp_path / "i.db", refresh=False)
    api._indexer.catch_up_below(tmp_path)
    rows = api.run("r1").scan_history(keys=["a"])
    assert list(rows) == [{"_step": 1, "a": 3}, {"_step": 2, "a": 2}]


# ---- state


def test_the_state_of_a_run(tmp_path: Path) -> None:
    here = ProcessName.of_this_process()
    away = ProcessName("another", "boot", 1, 1)
    gone = ProcessName(here.host, here.boot_id, 2**22 + 1, 1)
    log = tmp_path / "log"
    log.write_bytes(b"")
    grown = log.stat().st_mtime
    assert state_of(0, gone, 0, [], 1e9) == FINISHED
    assert state_of(1, here, 0, [], 1e9) == FAILED
    assert state_of(None, here, 0, [], 1e9) == RUNNING
    assert state_of(None, gone, 1e9, [], 1e9) == CRASHED
    assert state_of(None, away, 1e9 - 100, [], 1e9) == RUNNING
    assert state_of(None, away, 1e9 - 1000, [str(tmp_path / "nowhere")], 1e9) == CRASHED
    assert state_of(None, away, 0, [str(log)], grown + 10) == RUNNING


TRAINING = """
import os, signal, sys
import runstore
runstore.init(project="p", id="killed", dir=sys.argv[1], config={"lr": 0.1, "nested": {"a": [1, None]}})
for n in range(200):
    runstore.log({"loss": 1 / (n + 1), "n": n, "text": "x"} if n % 50 == 0 else {"loss": 1 / (n + 1), "n": n})
runstore.log({"open": float("nan"), "nested": {"x": 1}}, commit=False)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_all_that_a_killed_process_logged_is_there(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", TRAINING, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    api = Api(tmp_path / "i.db", refresh=False)
    api._indexer.catch_up_below(tmp_path)
    run = api.run("killed")
    rows = list(run.scan_history())
    assert [(r["_step"], r["n"], r["loss"]) for r in rows[:-1]] == [(n, n, 1 / (n + 1)) for n in range(200)]
    assert [r.get("text") for r in rows[::50]] == ["x", "x", "x", "x", None]
    assert (rows[-1]["_step"], rows[-1]["nested.x"], math.isnan(rows[-1]["open"])) == (200, 1, True)
    assert run.config == {"lr": 0.1, "nested": {"a": [1, None]}}
    assert (run.state, run.exit_code, run.lastHistoryStep, run.summary["n"]) == ("crashed", None, 200, 199)

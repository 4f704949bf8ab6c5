"""Ask for runs and their history."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.errors import NotFound, UsageError
from runstore.query.api import Api
from runstore.query.points.history import sampled
from runstore.query.stored.run import StoredRun
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
    return [f"{run.entity}/{run.project}/{run.id}" for run in api.runs(path, order=order)]


def test_runs_of_all_of_a_project_and_of_an_entity(api: Api) -> None:
    assert len(ids(api)) == 6
    assert ids(api, "vision") == ["/vision/aaaa1111", "/vision/bbbb2222", "team/vision/cccc3333"]
    assert ids(api, "team/speech") == ["team/speech/dddd4444", "team/speech/eeee5555"]
    assert ids(api, "nothing") == []


def test_runs_in_order(api: Api) -> None:
    assert ids(api, "vision", "-created_at") == ids(api, "vision")[::-1]
    assert [run.name for run in api.runs("speech", order="+name")] == ["dddd4444", "fourth", "third"]
    with pytest.raises(UsageError, match=r"no field 'color'; they have .*name.*config.KEY and summary.KEY"):
        api.runs(order="-color")


def test_runs_below_paths(api: Api, tmp_path: Path) -> None:
    place = tmp_path / "wandb"
    assert len(api.runs(below=[place])) == 6
    one = place / "offline-run-20240101_1-bbbb2222"
    assert [run.id for run in api.runs(below=[one])] == ["bbbb2222"]
    assert [run.id for run in api.runs(below=[one / "run-bbbb2222.wandb", place / "off"])] == ["bbbb2222"]
    assert list(api.runs(below=[])) == []


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


# ---- of real processes


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


# ---- filters, orders and pages


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Api]:
    """Twelve runs r00 to r11 whose loss falls and whose lr is one of three; the last has neither."""
    for n in range(12):
        named = run(
            f"r{n:02}", "p", "team", display_name=f"run {n}", tags=["even"] if n % 2 == 0 else ["odd", "tagged"]
        )
        values = [config({"lr": 10.0 ** -(n % 3), "opt": {"name": "adam" if n < 6 else "sgd"}})] if n < 11 else []
        rows = [row(0, {"loss": 12.0 - n})] if n < 11 else []
        path = log_path(tmp_path, f"{n:02}", f"r{n:02}")
        write(path, [header(started=1.7e9 + n), named, *values, *rows, exit_record(n % 2)])
    api = Api(tmp_path / "i.db", refresh=False)
    api.catch_up_below(tmp_path)
    yield api
    api.close()


def numbers(runs: Iterable[StoredRun]) -> list[int]:
    return [int(run.id[1:]) for run in runs]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"config.lr": 0.1}, [1, 4, 7, 10]),
        ({"config.lr.value": {"$lt": 0.05}}, [2, 5, 8]),
        ({"config.opt.name": "sgd", "state": "finished"}, [6, 8, 10]),
        ({"config.opt": {"name": "adam"}, "tags": "odd"}, [1, 3, 5]),
        ({"summary_metrics.loss": {"$gte": 2, "$lte": 4}}, [8, 9, 10]),
        ({"summary_metrics.loss": {"$exists": False}}, [11]),
        ({"tags": {"$in": ["tagged", "x"]}, "state": {"$ne": "failed"}}, []),
        ({"tags": {"$nin": ["odd"]}, "config.lr": {"$eq": 1.0}}, [0, 6]),
        ({"$or": [{"display_name": "run 3"}, {"name": "r07"}]}, [3, 7]),
        ({"$nor": [{"state": "finished"}, {"config.lr": {"$gt": 0.01}}]}, [5, 11]),
        ({"display_name": {"$regex": r"1\d$"}}, [10, 11]),
        ({"$and": [{"createdAt": {"$gte": "2023-11-14T22:13:29Z"}}, {"username": "team"}]}, [9, 10, 11]),
        ({"config.lr": {"$not": {"$gt": 0.05}}}, [2, 5, 8, 11]),
        ({"entity": "nobody"}, []),
    ],
)
def test_filters_of_wandbs_api_choose_runs(many: Api, filters: dict[str, Any], expected: list[int]) -> None:
    assert numbers(many.runs("team/p", filters)) == expected


def test_a_filter_or_order_that_there_is_not_is_refused_at_the_call(many: Api) -> None:
    with pytest.raises(UsageError, match="no field 'colour'"):
        many.runs("p", {"colour": "red"})
    with pytest.raises(UsageError, match=r"no operator '\$like'"):
        many.runs("p", {"group": {"$like": "x"}})
    with pytest.raises(UsageError, match="no regular expression"):
        many.runs("p", {"group": {"$regex": "("}})


def test_runs_are_ordered_by_config_and_summary_and_those_without_come_last(many: Api) -> None:
    assert numbers(many.runs("p", order="-created_at")) == list(range(11, -1, -1))
    assert numbers(many.runs("p", order="+summary_metrics.loss")) == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11]
    assert numbers(many.runs("p", order="-config.lr,-summary_metrics.loss")) == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]


def test_pages_are_loaded_when_they_are_reached(many: Api) -> None:
    runs = many.runs("p", per_page=5)
    assert (len(runs.objects), len(runs), runs.cursor) == (0, 12, None)
    assert runs[0].id == "r00"
    assert (len(runs.objects), runs.more) == (5, True)
    assert numbers(runs[4:6]) == [4, 5]
    assert len(runs.objects) == 10
    assert (runs[-1].id, runs.more, runs.cursor) == ("r11", False, "12")
    assert numbers(runs) == numbers(runs[:]) == list(range(12))
    assert runs[3] is runs[3]
    with pytest.raises(IndexError):
        runs[12]


def test_runs_can_be_iterated_within_one_another_and_stepped_through(many: Api) -> None:
    runs = many.runs("p", {"tags": "even"}, per_page=2)
    assert [(a.id, b.id) for a in runs for b in runs][6:8] == [("r02", "r00"), ("r02", "r02")]
    assert [next(runs).id, runs.next().id] == ["r00", "r02"]
    assert [run.id for run in [*runs]][-1] == "r10"
    assert not many.runs("nothing")


def test_runs_are_looked_up_at_the_first_use_and_stay(many: Api, tmp_path: Path) -> None:
    runs = many.runs("p", per_page=4)
    write(log_path(tmp_path, "12", "r12"), [header(started=1.8e9), run("r12", "p", "team"), exit_record()])
    many.catch_up_below(tmp_path)
    assert len(runs) == 13
    log_path(tmp_path, "12", "r12").unlink()
    many.catch_up_below(tmp_path)
    assert numbers(runs) == list(range(12))


def test_histories_of_all_runs_say_whose_they_are(many: Api) -> None:
    runs = many.runs("p", {"config.lr": 0.1})
    rows = runs.histories(keys=["loss"])
    assert rows[0] == {"_step": 0, "loss": 11.0, "run_id": "r01"}
    frame = runs.histories(format="pandas")
    assert list(frame.columns) == ["_runtime", "_step", "_timestamp", "loss", "run_id"]
    assert list(frame["run_id"]) == ["r01", "r04", "r07", "r10"]
    with pytest.raises(UsageError, match="no format 'csv'"):
        runs.histories(format="csv")


def test_projects(api: Api) -> None:
    projects = api.projects()
    assert [project.path for project in projects] == [["speech"], ["vision"], ["team", "speech"], ["team", "vision"]]
    assert [(project.name, project.run_count) for project in api.projects("team")] == [("speech", 2), ("vision", 1)]
    assert api.project("vision", "team").created_at == "1970-01-01T00:16:42.000Z"
    with pytest.raises(UsageError, match="vision, team/vision are of this name"):
        api.project("vision")
    with pytest.raises(NotFound, match="no project 'x'; there is speech"):
        api.project("x")


def test_the_api_of_programs_written_for_wandb_fills_in_entity_and_project(many: Api, tmp_path: Path) -> None:
    api = runstore.Api(
        {"entity": "team", "project": "p"}, timeout=9, api_key="x", index=tmp_path / "i.db", refresh=False
    )
    assert len(api.runs()) == len(api.runs("p")) == len(api.runs("team/p")) == 12
    assert len(api.runs("other")) == 0
    assert api.run("r03").id == api.run("p/r03").id == api.run("team/p/runs/r03").id == "r03"
    assert repr(api.from_path("team/p")) == "<Project team/p>"
    assert repr(api.from_path("team/p/r01")) == "<StoredRun team/p/r01 (failed)>"
    assert api.default_entity == "team"
    with pytest.raises(UsageError, match="which run"):
        api.run()
    api.close()


def test_a_run_that_is_waited_for_is_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runstore.query.stored.run.WAIT_SECONDS", 0.01)
    training = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import runstore, sys\nwith runstore.init(id='w', dir=sys.argv[1]): input()",
            str(tmp_path),
        ],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    api = Api(tmp_path / "i.db", refresh=False)
    while not [*api.runs()]:
        api.catch_up_below(tmp_path)
    found = api.run("w")
    assert found.state == "running"
    training.communicate(b"\n")
    found.wait_until_finished()
    assert (found.state, found.exit_code) == ("finished", 0)
    api.close()

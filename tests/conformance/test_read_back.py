"""Runs are read back through the Api as stock wrote them, and what we change of a run is nothing to stock's sync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runstore.paths import find_logs
from runstore.query.api import Api
from runstore.query.stored.run import StoredRun
from tests.conformance import stock
from tests.conformance.shared import indexed_below, made_once
from tests.index.writing import exit_record, header, log_path, plain_rows, run, write
from tests.wandbserver.server import RecordingServer

NEWEST = stock.STOCK_VERSIONS[0]

LOGGED = """
import logging, os, wandb

run = wandb.init(project="back", id="facts", config={"lr": 0.1, "opt": {"name": "adam"}}, tags=["a"])
os.makedirs("data/below", exist_ok=True)
for name in ("data/a.txt", "data/below/b.txt", "saved[1].txt"):
    with open(name, "w") as file:
        file.write(name)
artifact = wandb.Artifact("made", "dataset", description="of two files", metadata={"n": 1})
artifact.add_dir("data")
run.log_artifact(artifact, aliases=["best"])
run.save("saved[[]1].txt", policy="now")
run.log({"loss": 0.5, "table": wandb.Table(columns=["x"], data=[[1]])})
run.alert("watch out", "it fell", level="WARN")
run.finish()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def record(folder: Path) -> Path:
        done = stock.run_script(NEWEST, LOGGED, folder)
        assert done.returncode == 0, done.stderr
        return folder

    return made_once(tmp_path_factory, "read-back", record)


@pytest.fixture
def found(folder: Path, tmp_path: Path) -> Iterator[StoredRun]:
    with closing(indexed_below(folder, tmp_path / "index.db")) as api:
        yield api.run("facts")


def test_artifacts_of_a_stock_run(found: StoredRun) -> None:
    made, table = found.logged_artifacts()
    assert (made.name, made.type, made.description, made.metadata) == ("made:v0", "dataset", "of two files", {"n": 1})
    assert (sorted(made.aliases), made.size, made.file_count) == (["best", "latest"], 26, 2)
    assert [(file.name, file.size) for file in made.files()] == [("a.txt", 10), ("below/b.txt", 16)]
    assert (table.name, table.type) == ("run-facts-table:v0", "run_table")
    assert list(found.used_artifacts()) == []


def test_files_of_a_stock_run(found: StoredRun, tmp_path: Path) -> None:
    names = {file.name for file in found.files()}
    assert {"requirements.txt", "saved[1].txt"} <= names
    (media,) = found.files(pattern="media/table/%")
    assert media.name.endswith(".table.json")
    with found.file("saved[1].txt").download(str(tmp_path / "down")) as copy:
        assert copy.read() == "saved[1].txt"
    assert found.file("saved[1].txt").policy == "now"


def test_alerts_and_system_metrics_of_a_stock_run(found: StoredRun) -> None:
    (alert,) = found.alerts()
    assert (alert["title"], alert["text"], alert["level"]) == ("watch out", "it fell", "WARN")
    rows = found.history(stream="system", pandas=False)
    assert all(row["_timestamp"] > 1e9 for row in rows)
    assert {key for row in rows for key in row} - {"_timestamp", "_runtime"} == set(found.system_metrics)
    assert not any(key.startswith("system.") for key in found.keys)


def test_filters_of_stocks_api_find_a_stock_run(folder: Path, tmp_path: Path) -> None:
    with closing(indexed_below(folder, tmp_path / "index.db")) as api:
        filters = {"config.opt.name.value": "adam", "summary_metrics.loss": {"$lt": 1}, "tags": {"$in": ["a"]}}
        assert [run.id for run in api.runs("back", {**filters, "state": "finished"})] == ["facts"]
        assert len(api.runs("back", {"config.lr": {"$gt": 0.1}})) == 0


def test_stock_sync_delivers_an_edited_run_as_it_was_and_sees_no_edit_log(tmp_path: Path) -> None:
    log = write(log_path(tmp_path), [header(), run(display_name="first"), *plain_rows(range(3)), exit_record()])
    api = Api(tmp_path / "i.db", refresh=False)
    api.catch_up_below(tmp_path)
    edited = api.run("r1")
    edited.name = "edited"
    edited.update()
    api.close()
    assert [path.suffix for path in find_logs(log.parent)] == [".rslog", ".wandb"]
    before = {path: path.read_bytes() for path in find_logs(log.parent)}
    with RecordingServer() as server:
        done = stock.sync(NEWEST, log.parent, server.url)
    assert "ERROR" not in done.stderr
    (delivered,) = server.runs
    assert [row["_step"] for row in delivered.history] == [0, 1, 2]
    assert {path: path.read_bytes() for path in find_logs(log.parent)} == before

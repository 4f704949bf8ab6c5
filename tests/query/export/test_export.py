"""Runs as Parquet, CSV, JSON lines and TensorBoard files."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from runstore.errors import StorageError, UsageError
from runstore.query.api import Api
from runstore.query.export.delimited import Delimited
from runstore.query.export.exporting import expected_points, export
from runstore.query.export.formats import FORMATS
from runstore.query.export.windows import RunHistory
from runstore.query.stored.run import StoredRun
from tests.index.writing import config, exit_record, header, log_path, plain_rows, row, run, write, write_log
from tests.packages import install, run_with

TENSORBOARD_VERSION = "2.21.0"
ROWS: dict[int, dict[str, Any]] = {
    0: {"loss": 1.5, "epoch": 0, "note": 'a,"b"\n', "ok": True},
    3: {"loss": math.nan},
    4: {"loss": -math.inf, "epoch": 2**62 + 1, "odd": [1, {"x": None}]},
}


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    opened = Api()
    yield opened
    opened.close()


@pytest.fixture
def stored(api: Api, tmp_path: Path) -> StoredRun:
    bodies = [config({"lr": 0.1, "net": {"depth": 3}}), *(row(step, values) for step, values in ROWS.items())]
    write_log(tmp_path, [*bodies, exit_record()])
    api.refresh()
    return api.run("r1")


def test_csv_has_a_line_a_step_and_reads_back_exactly(stored: StoredRun, tmp_path: Path) -> None:
    done = export([stored], "csv", tmp_path / "out")
    (file,) = done.files
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["_step"] for row in rows] == ["0", "3", "4"]
    assert [row["loss"] for row in rows] == ["1.5", "NaN", "-Infinity"]
    assert [row["epoch"] for row in rows] == ["0", "", str(2**62 + 1)]
    assert [row["note"] for row in rows] == ['a,"b"\n', "", ""]
    assert rows[0]["ok"] == "true"
    assert rows[2]["odd"] == '[1, {"x": null}]'
    assert done.points == 14


def test_the_table_of_runs_has_config_and_summary_as_columns(stored: StoredRun, tmp_path: Path) -> None:
    done = export([stored], "csv", tmp_path / "out")
    with done.table.open(encoding="utf-8", newline="") as lines:
        (found,) = csv.DictReader(lines)
    assert (found["id"], found["state"], found["file"]) == ("r1", "finished", "r1.csv")
    assert (found["config.lr"], found["config.net.depth"], found["summary.loss"]) == ("0.1", "3", "-Infinity")


def test_json_lines_have_the_values_that_there_are(stored: StoredRun, tmp_path: Path) -> None:
    done = export([stored], "jsonl", tmp_path / "out", ["loss", "epoch", "odd", "ok"])
    assert [json.loads(line) for line in done.files[0].read_text().splitlines()] == [
        {"_step": 0, "loss": 1.5, "epoch": 0, "ok": True},
        {"_step": 3, "loss": "NaN"},
        {"_step": 4, "loss": "-Infinity", "epoch": 2**62 + 1, "odd": [1, {"x": None}]},
    ]
    (found,) = (json.loads(line) for line in done.table.read_text().splitlines())
    assert found["config"] == {"lr": 0.1, "net": {"depth": 3}}


def test_parquet_has_types_nulls_and_the_run_in_its_metadata(stored: StoredRun, tmp_path: Path) -> None:
    done = export([stored], "parquet", tmp_path / "out")
    table = pyarrow.parquet.read_table(done.files[0])
    assert str(table.schema.field("epoch").type) == "int64"
    assert table.column("epoch").to_pylist() == [0, None, 2**62 + 1]
    assert table.column("ok").to_pylist() == [True, None, None]
    assert json.loads(table.schema.metadata[b"runstore.run"])["config"]["lr"] == 0.1
    (found,) = pyarrow.parquet.read_table(done.table).to_pylist()
    assert (found["id"], found["config.net.depth"]) == ("r1", 3)


def test_tensorboard_itself_reads_the_events(api: Api, stored: StoredRun, tmp_path: Path) -> None:
    steps = [-3, 0, 1, 127, 128, 2**31, 2**40]
    write_log(tmp_path, [row(step, {"val/é" * 30: step / 2, "n": step}) for step in steps], "b", "r2")
    api.refresh()
    done = export([stored, api.run("r2")], "tensorboard", tmp_path / "out")
    script = """
        import json, sys
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        for folder in sys.argv[1:]:
            read = EventAccumulator(folder, size_guidance={"scalars": 0})
            read.Reload()
            tags = read.Tags()["scalars"]
            print(json.dumps({tag: [[e.step, e.wall_time, e.value] for e in read.Scalars(tag)] for tag in tags}))
    """
    site = install("tensorboard", TENSORBOARD_VERSION)
    first, second = map(json.loads, run_with(site, script, *map(str, done.files)).splitlines())
    assert first["epoch"] == [[0, 1000.0, 0.0], [4, 1004.0, 2.0**62]]
    assert first["loss"][0] == [0, 1000.0, 1.5]
    assert math.isnan(first["loss"][1][2])
    assert first["loss"][2] == [4, 1004.0, -math.inf]
    assert "note" not in first
    assert [(step, value) for step, _, value in second["n"]] == [(step, float(step)) for step in steps]
    assert [value for _, _, value in second["val/é" * 30]] == [step / 2 for step in steps]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_long_run_is_written_in_windows_to_the_same_rows(
    api: Api, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = [row(3 * n, {"a": n / 7, "b": n} if n % 5 else {"b": n, "t": "x" if n < 4000 else n}) for n in range(9000)]
    write_log(tmp_path, source)
    write_log(
        tmp_path, plain_rows(range(20_000, 20_500), ("b",)), "b", kind="rewind", started=9e4, starting_step=20_000
    )
    api.refresh()
    found = api.run("r1")
    uncut = export([found], form, tmp_path / "uncut").files[0]
    monkeypatch.setattr("runstore.query.export.windows.MOST_VALUES", 8_000)
    cut = export([found], form, tmp_path / "cut").files[0]
    windows = list(RunHistory(found.connection, found.place, None).windows())
    assert len(windows) > 3
    if form == "parquet":
        assert pyarrow.parquet.ParquetFile(cut).num_row_groups == len(windows)
        assert pyarrow.parquet.read_table(cut).equals(pyarrow.parquet.read_table(uncut))
    else:
        assert cut.read_bytes() == uncut.read_bytes()


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_runs_without_points_and_no_runs_at_all(api: Api, tmp_path: Path, form: str) -> None:
    write_log(tmp_path, [exit_record()])
    api.refresh()
    found = api.run("r1")
    assert export([found], form, tmp_path / "out").files[0].exists()
    assert export([found], form, tmp_path / "keys", ["nothing"]).points == 0
    assert export([], form, tmp_path / "none").table.exists()


def test_nothing_is_overwritten_unless_asked(stored: StoredRun, tmp_path: Path) -> None:
    export([stored], "csv", tmp_path / "out")
    (tmp_path / "out" / "runs.csv").write_text("mine")
    with pytest.raises(UsageError, match=r"runs\.csv and 1 more would be overwritten; nothing was written"):
        export([stored], "csv", tmp_path / "out")
    assert (tmp_path / "out" / "runs.csv").read_text() == "mine"
    export([stored], "csv", tmp_path / "out", force=True)
    assert "r1" in (tmp_path / "out" / "runs.csv").read_text()


def test_a_folder_of_events_is_replaced_whole(stored: StoredRun, tmp_path: Path) -> None:
    (folder,) = export([stored], "tensorboard", tmp_path / "out").files
    (folder / "events.out.tfevents.1.old").write_bytes(b"")
    export([stored], "tensorboard", tmp_path / "out", force=True)
    assert len(list(folder.iterdir())) == 1


def test_what_fails_in_the_middle_leaves_no_half_file(
    stored: StoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Delimited, path: Path, runs: Sequence[Mapping[str, Any]]) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Delimited, "write_table", full)
    with pytest.raises(StorageError, match="No space left"):
        export([stored], "csv", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["r1.csv"]


def test_names_of_files_are_safe_and_each_there_once(api: Api, tmp_path: Path) -> None:
    for place, (project, run_id) in enumerate(
        [("p", "a"), ("q", "a"), ("p", "runs"), ("p", "x/../y z"), ("p", "x/../y_z")]
    ):
        write(log_path(tmp_path, str(place), "any"), [header(), run(run_id, project), *plain_rows(range(2))])
    api.refresh()
    done = export(api.select(), "jsonl", tmp_path / "out")
    names = {file.name for file in done.files}
    assert names == {"p.a.jsonl", "q.a.jsonl", "p.runs.jsonl", "x_.._y_z.jsonl", "x_.._y_z~2.jsonl"}


def test_progress_reaches_what_was_expected(stored: StoredRun, tmp_path: Path) -> None:
    seen: list[int] = []
    done = export([stored], "csv", tmp_path / "out", progress=seen.append)
    assert sum(seen) == done.points == expected_points([stored], None)

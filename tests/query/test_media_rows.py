"""Rows of a history hold a table, picture or histogram as one dict under its key, whoever reads them."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runstore
from runstore.errors import NotFound
from runstore.query.api import Api
from runstore.query.export.exporting import export
from runstore.query.export.windows import RunHistory
from runstore.query.points.history import rows_of
from runstore.query.stored.run import StoredRun
from runstore.syncd.hub.indexed import IndexedRuns
from tests.index.writing import pending, row, write_log
from tests.query.test_stitching import Folder

TABLE = {"_type": "table-file", "path": "media/table/t.json", "ncols": 1}
HISTOGRAM = {"_type": "histogram", "bins": [0.0, 1.0], "values": [3]}
IMAGE = {
    "_type": "image-file",
    "width": 4,
    "boxes": {"v1.0": {"_type": "boxes2D", "path": "b.json"}},
    "masks": {"m": {"_type": "mask", "path": "m.png"}},
}


def leaves(key: str, value: Mapping[str, Any], *above: str) -> dict[tuple[str, ...], Any]:
    """Return a media value as it is logged: a value for each of its leaves."""
    found: dict[tuple[str, ...], Any] = {}
    for name, leaf in value.items():
        path = (*above, key, name)
        found |= leaves(name, leaf, *above, key) if isinstance(leaf, dict) else {path: leaf}
    return found


def without_times(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key not in ("_timestamp", "_runtime")} for one in found]


def rows(run: StoredRun, *keys: str) -> list[dict[str, Any]]:
    return without_times(list(run.scan_history(list(keys) or None)))


MIXED = [
    row(0, {"loss": 1.0, ("nest", "a"): 1, ("nest", "b", "c"): 2, **leaves("t", TABLE), **leaves("s/h", HISTOGRAM)}),
    row(1, {"loss": 0.5, "t": 7, **leaves("img", IMAGE), **leaves("img", HISTOGRAM, "nest")}),
    row(2, {"loss": 0.25, ("t", "path"): "no table"}),
    row(3, {**leaves("t", {**TABLE, "ncols": 2}), ("img", "boxes", "x"): 1, **leaves("m", IMAGE, "img", "masks")}),
]
AS_READ: list[dict[str, Any]] = [
    {"_step": 0, "loss": 1.0, "nest.a": 1, "nest.b.c": 2, "t": TABLE, "s/h": HISTOGRAM},
    {"_step": 1, "loss": 0.5, "t": 7, "img": IMAGE, "nest.img": HISTOGRAM},
    {"_step": 2, "loss": 0.25, "t.path": "no table"},
    {"_step": 3, "t": {**TABLE, "ncols": 2}, "img.boxes.x": 1, "img.masks.m": IMAGE},
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path, MIXED)


@pytest.fixture
def mixed(api: Api) -> StoredRun:
    return api.run("r1")


def test_media_are_one_dict_in_the_rows_where_they_have_a_type(mixed: StoredRun) -> None:
    assert rows(mixed) == AS_READ


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["t"], [(0, TABLE), (1, 7), (3, {**TABLE, "ncols": 2})]),
        (["loss", "t"], [(0, 1.0, TABLE), (1, 0.5, 7)]),
        (["s/h"], [(0, HISTOGRAM)]),
        (["nest.img"], [(1, HISTOGRAM)]),
        (["img"], [(1, IMAGE)]),
        (["img.masks.m"], [(1, IMAGE["masks"]["m"]), (3, IMAGE)]),  # type: ignore[index]
        (["t.path"], [(0, "media/table/t.json"), (2, "no table"), (3, "media/table/t.json")]),
        (["t.ncols", "t"], [(0, 1, TABLE), (3, 2, {**TABLE, "ncols": 2})]),
        (["nest"], []),
        (["nest.b.c"], [(0, 2)]),
        (["t", "nothing"], []),
    ],
)
def test_media_are_asked_for_by_their_keys(mixed: StoredRun, keys: list[str], expected: list[Any]) -> None:
    assert rows(mixed, *keys) == [dict(zip(["_step", *keys], values, strict=True)) for values in expected]


@pytest.mark.parametrize("window", [(0, 2), (1, None), (2, 3), (0, 1), (9, None)])
@pytest.mark.parametrize("keys", [None, ["t"], ["img.masks.m"]])
def test_a_window_of_steps_has_the_same_rows(
    mixed: StoredRun, keys: list[str] | None, window: tuple[int, int | None]
) -> None:
    low, high = window
    inside = [one for one in mixed.scan_history(keys) if low <= one["_step"] < (99 if high is None else high)]
    assert list(mixed.scan_history(keys, min_step=low, max_step=high)) == inside


def test_samples_and_frames_of_pandas_hold_the_dicts(api: Api, mixed: StoredRun) -> None:
    assert mixed.history(samples=2, keys=["t"], x_axis="loss", pandas=False) == [
        {"_step": 0, "t": TABLE, "loss": 1.0},
        {"_step": 1, "t": 7, "loss": 0.5},
    ]
    frame = mixed.history(keys=["img"])
    assert (list(frame["_step"]), list(frame["img"])) == ([1], [IMAGE])
    assert api.runs().histories(keys=["img"], format="polars")["img"][0]["masks"] == IMAGE["masks"]


def test_an_open_row_has_its_media_at_once(tmp_path: Path) -> None:
    write_log(tmp_path, [row(0, {"loss": 1.0}), pending(1, {**leaves("t", TABLE), "loss": 2.0})])
    with closing(Api(tmp_path / "i.db", refresh=False)) as api:
        api.catch_up_below(tmp_path)
        run = api.run("r1")
        assert rows(run, "t") == [{"_step": 1, "t": TABLE}]
        assert rows(run)[1] == {"_step": 1, "loss": 2.0, "t": TABLE}
        assert list(run.frame(["t"]).columns) == ["t._type", "t.ncols", "t.path"]


def test_a_run_without_media_costs_no_query_more(tmp_path: Path) -> None:
    write_log(tmp_path, [row(n, {"loss": float(n)}) for n in range(5)])
    asked: list[str] = []
    with closing(Api(tmp_path / "i.db", refresh=False)) as api:
        api.catch_up_below(tmp_path)
        connection: sqlite3.Connection = api.run("r1").connection
        connection.set_trace_callback(asked.append)
        rows_of(connection, 1)
        whole = len(asked)
        rows_of(connection, 1, ["loss"])
        assert len(asked) == 2 * whole
        connection.set_trace_callback(None)


# ---- of several logs


def test_of_several_logs_at_one_step_the_later_one_has_the_whole_value(tmp_path: Path) -> None:
    first, second = {**TABLE, "caption": "first"}, {**TABLE, "path": "second.json"}
    folder = Folder(tmp_path)
    with closing(folder.indexer):
        folder.log([row(n, leaves("t", first)) for n in range(3)])
        folder.log([row(1, leaves("t", second)), row(2, {"t": 5})], kind="rank")
        run = folder.run()
        assert rows(run) == rows(run, "t") == [{"_step": n, "t": value} for n, value in enumerate((first, second, 5))]
        assert list(folder.run().frame(["t"]).columns["t.caption"].objects()) == ["first", None, None]


def test_media_behind_the_step_that_a_run_was_set_back_to_are_gone(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with closing(folder.indexer):
        folder.log([row(n, leaves("t", {**TABLE, "ncols": n})) for n in range(4)])
        folder.log([row(2, {"a": 1})], kind="rewind", starting_step=2)
        folder.log([row(2, leaves("u", TABLE))], "fork", branch={"run": "r1", "value": 1, "metric": "_step"})
        tables = [{"_step": n, "t": {**TABLE, "ncols": n}} for n in range(2)]
        assert rows(folder.run()) == [*tables, {"_step": 2, "a": 1}]
        assert rows(folder.run(), "t") == tables
        assert rows(folder.run("fork"), "u") == [{"_step": 2, "u": TABLE}]


# ---- other readers


def test_json_lines_have_the_rows_of_the_api(mixed: StoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for most in (10**6, 1):  # in one window, and in as many as can be
        monkeypatch.setattr("runstore.query.export.windows.MOST_VALUES", most)
        done = export([mixed], "jsonl", tmp_path / f"{most}")
        lines = [json.loads(line) for line in done.files[0].read_text().splitlines()]
        assert lines == list(mixed.scan_history())
    (file,) = export([mixed], "jsonl", tmp_path / "keys", ["t", "loss"]).files
    wanted = {"_step", "loss", "t", "t.path"}
    expected = [{key: value for key, value in one.items() if key in wanted} for one in AS_READ]
    assert [json.loads(line) for line in file.read_text().splitlines()] == expected


def test_columns_have_a_media_value_leaf_by_leaf(mixed: StoredRun, tmp_path: Path) -> None:
    (file,) = export([mixed], "csv", tmp_path / "csv", ["s/h", "loss"]).files
    with file.open(encoding="utf-8", newline="") as lines:
        (first, *_) = csv.DictReader(lines)
    flat = {"s/h._type": "histogram", "s/h.bins": "[0.0, 1.0]", "s/h.values": "[3]"}
    assert first == {"_step": "0", **flat, "loss": "1.0"}
    frame = mixed.frame(["t", "loss"])
    assert list(frame.columns) == ["t", "t._type", "t.ncols", "t.path", "loss"]
    assert frame.columns["t.ncols"].objects() == [1, None, None, 2]
    assert {"img.boxes.v1.0.path", "nest.img.bins"} < set(mixed.frame().columns)
    assert RunHistory(mixed.connection, mixed.place, ["t.path"]).keys == ["t.path"]


def test_a_hub_answers_with_the_same_rows(mixed: StoredRun, tmp_path: Path) -> None:
    hub = IndexedRuns(tmp_path / "i.db")
    assert hub.history("r1", [], None) == list(mixed.scan_history())
    assert hub.history("r1", ["t"], 1) == list(mixed.scan_history(["t"]))[-1:]
    with pytest.raises(NotFound, match="no metric 'nest'"):
        hub.history("r1", ["nest"], None)


# ---- of real programs


def test_what_a_program_logs_comes_back_as_the_dict_that_stands_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    picture = np.zeros((4, 4, 3), np.uint8)
    with runstore.init(project="p", id="mine") as run:
        table = runstore.Table(columns=["a"], data=[[1]])
        masked = runstore.Image(picture, caption="c", masks={"a.b": {"mask_data": picture[:, :, 0]}})
        run.log({"loss": 1.0, "t": table, "section/img": masked, "many": [runstore.Image(picture)] * 2})
        run.log({"nest": {"h": runstore.Histogram([1, 2, 3], num_bins=3), "x": 1}})
    with closing(Api()) as api:
        found = api.run("mine")
        (first, second) = rows(found)
        (told,) = found.scan_history(["t", "section/img"])
    assert (first["t"]["_type"], first["t"]["nrows"]) == ("table-file", 1)
    assert (first["section/img"]["caption"], first["section/img"]["masks"]["a.b"]["_type"]) == ("c", "mask")
    assert (first["many"]["_type"], first["many"]["count"]) == ("images/separated", 2)
    assert told == {"_step": 0, "t": first["t"], "section/img": first["section/img"]}
    assert second == {"_step": 1, "nest.h": found.summary["nest"]["h"], "nest.x": 1}
    assert first["t"] == found.summary["t"]

"""Logged tables in pages: sorted, filtered and cut into pages by the server, with the media in their cells."""

from __future__ import annotations

import math
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

import runstore
from runstore.query.media.tables import Table, memory_of, table_of
from runstore.web.media import tablefiles
from tests.web.asking import Asking

COLUMNS = ["name", "score", "tag"]
ROWS = [["ann", 3.0, "x"], ["Bob", 1.5, "y"], ["cy", None, "x"], ["dee", 10, "=1+1"]]


def log_table(table: runstore.Table | None = None, key: str = "people") -> Path:
    """Log a table; return the folder `files` of the run."""
    with runstore.init(project="demo", id="one") as run:
        run.log({key: runstore.Table(COLUMNS, ROWS) if table is None else table})
        return Path(run.dir)


def large(values: int) -> bytes:
    return orjson.dumps({"columns": ["a", "b"], "data": [[n, str(n)] for n in range(values)]})


def page(asking: Asking, key: str = "people", **asked: Any) -> Any:
    return asking.post("/api/media/table", {"ref": "demo/one", "key": key, **asked})


def names(asking: Asking, **asked: Any) -> list[Any]:
    return [row[0] for row in page(asking, **asked)["rows"]]


def test_a_table_is_shown_with_its_columns_and_rows(asking: Asking) -> None:
    log_table()
    shown = page(asking)
    assert [column["name"] for column in shown["columns"]] == COLUMNS
    assert shown["columns"][1]["kind"] == "number"
    assert (shown["total"], shown["matching"], shown["rows"]) == (4, 4, ROWS)


def test_rows_are_sorted_by_a_column_with_empty_cells_last(asking: Asking) -> None:
    log_table()
    assert names(asking, sort="score") == ["Bob", "ann", "dee", "cy"]
    assert names(asking, sort="score", descending=True) == ["dee", "ann", "Bob", "cy"]
    assert names(asking, sort="name") == ["ann", "Bob", "cy", "dee"]
    assert "score" in asking.refusal(
        "/api/media/table", status=400, body={"ref": "demo/one", "key": "people", "sort": "none"}
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("BO", ["Bob"]),
        ("score>1.5", ["ann", "dee"]),
        ("score>=1.5 tag=x", ["ann"]),
        ("tag!=x", ["Bob", "dee"]),
        ("name:E", ["dee"]),
        ('tag:"=1+1"', ["dee"]),
        ("=1+1", ["dee"]),
        ("nothing", []),
    ],
)
def test_rows_are_filtered_by_words_and_by_conditions_on_columns(
    asking: Asking, words: str, expected: list[str]
) -> None:
    log_table()
    assert names(asking, filter=words) == expected


def test_a_comparison_that_cannot_be_says_so(asking: Asking) -> None:
    log_table()
    asked = {"ref": "demo/one", "key": "people", "filter": "score>much"}
    assert "'much'" in asking.refusal("/api/media/table", status=400, body=asked)


def test_only_a_page_travels(asking: Asking) -> None:
    log_table(runstore.Table(["n"], [[number] for number in range(9000)]))
    shown = page(asking, sort="n", descending=True, offset=8990, limit=5000)
    assert (shown["total"], shown["offset"], shown["numbers"]) == (9000, 8990, list(range(9, -1, -1)))
    assert len(page(asking, limit=5000)["rows"]) == 200
    assert page(asking, offset=10**6)["rows"] == []


def test_cells_with_media_are_shown_from_the_table_s_artifact(asking: Asking) -> None:
    image = runstore.Image(
        np.zeros((4, 4, 3), np.uint8),
        caption="black",
        masks={"m": {"mask_data": np.ones((4, 4), np.uint8), "class_labels": {1: "it"}}},
        boxes={
            "b": {
                "box_data": [{"position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 0.5}, "class_id": 1}],
                "class_labels": {1: "it"},
            }
        },
    )
    log_table(runstore.Table(["id", "image", "page"], [[1, image, runstore.Html("<p>x")]]))
    _, first, second = page(asking)["rows"][0]
    (shown,) = first["media"]["items"]
    assert (shown["caption"], shown["masks"][0]["classes"]) == ("black", {"1": "it"})
    assert shown["boxes"][0]["boxes"][0]["at"] == [0, 0, 1, 0.5]
    for address in (shown["src"], shown["masks"][0]["src"], second["media"]["items"][0]["src"]):
        assert asking.request("GET", f"/{address}", is_known=False).status_code == 200
    assert names(asking, filter="black") == [1]


def test_long_cells_are_cut_and_come_whole_when_asked_for(asking: Asking) -> None:
    log_table(runstore.Table(["text", "list"], [["word " * 200, list(range(300))]]))
    text, numbers = page(asking)["rows"][0]
    assert len(text["cut"]) == 300
    assert numbers["is_cut"]
    whole = {"ref": "demo/one", "key": "people", "row": 0, "column": "text"}
    assert asking.post("/api/media/cell", whole) == "word " * 200


def test_numbers_that_json_lacks_are_named(asking: Asking) -> None:
    log_table(runstore.Table(["a"], [[math.inf], [1.0], [2**60]]))
    assert [row[0] for row in page(asking)["rows"]] == [{"note": "Infinity"}, 1.0, str(2**60)]


def test_a_column_of_arrays_is_never_unpickled(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    log_table(runstore.Table(["a"], [[np.zeros((20, 20))]]))

    def refuse(*given: object, **named: object) -> object:
        raise AssertionError("nothing is unpickled")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(np, "load", refuse)
    assert page(asking)["rows"] == [[{"note": "array"}]]


def test_increments_of_a_table_are_shown_together(asking: Asking) -> None:
    table = runstore.Table(["n"], log_mode="INCREMENTAL")
    with runstore.init(project="demo", id="one") as run:
        for number in range(3):
            table.add_data(number)
            run.log({"people": table})
    assert names(asking) == [0, 1, 2]
    assert names(asking, step=1) == [0, 1]


def test_joined_tables_are_shown_side_by_side(asking: Asking) -> None:
    one = runstore.Table(["id", "a"], [["x", 1], ["y", 2]])
    other = runstore.Table(["id", "b"], [["y", 20], ["z", 30]])
    with runstore.init(project="demo", id="one") as run:
        artifact = runstore.Artifact("both", "tables")
        from runstore.sdk.media.joinedtable import JoinedTable

        joined = JoinedTable(one, other, "id")
        artifact.add(joined, "joined")
        run.log_artifact(artifact)
        run.log({"people": joined})
    shown = page(asking)
    assert [column["name"] for column in shown["columns"]] == ["id (1)", "a (1)", "id (2)", "b (2)"]
    assert shown["rows"] == [["x", 1, None, None], ["y", 2, "y", 20], [None, None, "z", 30]]


def test_a_table_whose_artifact_is_gone_is_shown_from_the_run(asking: Asking) -> None:
    files = log_table()
    for blob in (files.parent / "blobs").iterdir():
        blob.unlink()
    assert page(asking)["rows"] == ROWS
    for file in (files / "media" / "table").iterdir():
        file.unlink()
    asked = {"ref": "demo/one", "key": "people"}
    assert "not on this machine" in asking.refusal("/api/media/table", status=404, body=asked)


def test_a_table_that_is_too_large_is_left_to_be_downloaded(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    log_table()
    monkeypatch.setattr(tablefiles, "MOST_BYTES", 50)
    asked = {"ref": "demo/one", "key": "people"}
    assert "download" in asking.refusal("/api/media/table", status=400, body=asked)


def test_a_table_that_is_written_anew_is_read_anew(asking: Asking) -> None:
    with runstore.init(project="demo", id="one") as run:
        run.log({"people": {"_type": "table-file", "path": "media/table/a.json"}})
        file = Path(run.dir, "media", "table", "a.json")
    file.parent.mkdir(parents=True)
    for cell in ("first", "second one"):
        file.write_text(f'{{"columns": ["a"], "data": [["{cell}"], [NaN], []]}}')
        assert page(asking)["rows"] == [[cell], [{"note": "NaN"}], [None]]
    file.write_text("{}")
    asked = {"ref": "demo/one", "key": "people"}
    assert "no table" in asking.refusal("/api/media/table", status=400, body=asked)


def test_custom_charts_stand_in_the_place_of_their_tables(asking: Asking) -> None:
    table = runstore.Table(["x", "y", "c"], [[1, 2.0, "a"], [2, math.inf, "b"]])
    with runstore.init(project="demo", id="one") as run:
        run.log({"curve": runstore.plot.line(table, "x", "y", stroke="c", title="Curve"), "people": table})
    kinds = {one["key"]: one["kind"] for one in asking.post("/api/media", {"refs": ["demo/one"]})["keys"]}
    assert kinds == {"curve": "chart", "people": "table"}
    chart = asking.post("/api/media/chart", {"refs": ["demo/one"], "key": "curve"})
    assert (chart["definition"], chart["texts"]) == ("wandb/line/v0", {"title": "Curve"})
    assert chart["runs"]["demo/one"]["columns"] == {"x": [1, 2], "y": [2.0, None], "stroke": ["a", "b"]}
    assert page(asking, key="curve")["total"] == 2


def test_a_chart_s_points_are_bounded_over_all_runs(asking: Asking) -> None:
    rows = [[number, number] for number in range(9000)]
    for name in ("one", "two"):
        with runstore.init(project="demo", id=name) as run:
            run.log({"dots": runstore.plot.scatter(runstore.Table(["x", "y"], rows), "x", "y")})
    chart = asking.post("/api/media/chart", {"refs": ["demo/one", "demo/two"], "key": "dots"})
    assert [(run["rows"], run["of"]) for run in chart["runs"].values()] == [(5000, 9000)] * 2


def test_the_parts_of_a_partitioned_table_are_shown_as_one(asking: Asking, folder: Path) -> None:
    whole = folder / "whole.partitioned-table.json"
    whole.write_text('{"_type": "partitioned-table", "parts_path": "parts"}')
    with runstore.init(project="demo", id="one") as run:
        artifact = runstore.Artifact("parts", "tables")
        for number in range(3):
            artifact.add(runstore.Table(["n"], [[number]]), f"parts/{number}")
        artifact.add_file(str(whole))
        run.log_artifact(artifact)
        address = f"wandb-client-artifact://{artifact.client_id}/{whole.name}"
        run.log({"people": {"_type": "partitioned-table", "artifact_path": address}})
    assert names(asking) == [0, 1, 2]


def test_an_address_of_no_known_artifact_leads_to_nothing(asking: Asking) -> None:
    with runstore.init(project="demo", id="one") as run:
        run.log({"people": {"_type": "table-file", "artifact_path": "wandb-client-artifact://nobody/x.table.json"}})
        run.log({"odd": {"_type": "table-file", "artifact_path": ["/etc/passwd"]}})
    for key in ("people", "odd"):
        asked = {"ref": "demo/one", "key": key}
        assert "not on this machine" in asking.refusal("/api/media/table", status=404, body=asked)


def test_bytes_that_a_log_says_lie_outside_of_the_run_are_not_read(asking: Asking, folder: Path) -> None:
    """The log of an artifact names a place for each file; only what is in the run's own folder of blobs counts."""
    files = log_table()
    (blob,) = [path for path in (files.parent / "blobs").iterdir() if b'"ann"' in path.read_bytes()]
    elsewhere = folder / "elsewhere.json"
    blob.rename(elsewhere)
    blob.symlink_to(elsewhere)
    shown = page(asking)
    assert shown["columns"][0]["kind"] is None, "it is the table of the run, which has no kinds, not that of the link"


def test_a_step_before_the_first_table_has_nothing_and_is_no_error(asking: Asking) -> None:
    with runstore.init(project="demo", id="one") as run:
        run.log({"loss": 1.0}, step=0)
        run.log({"people": runstore.Table(COLUMNS, ROWS)}, step=3)
    assert page(asking, step=2) == {"nothing": "nothing was logged as people up to that step"}
    assert page(asking, step=4)["step"] == 3


def test_hostile_cells_are_shown_as_far_as_they_go(asking: Asking) -> None:
    folder = log_table()
    deep = "[" * 300 + "]" * 300
    kinds = '{"params": {"type_map": {"a": {"wb_type": "timestamp"}}}}'
    huge = "9" * 400
    text = f'{{"columns": ["a"], "data": [["\\ud800"], [{deep}], [{huge}], [NaN]], "column_types": {kinds}}}'
    for blob in (folder.parent / "blobs").iterdir():
        blob.unlink()
        blob.write_text(text)
    shown = page(asking)["rows"]
    assert shown[0] == ["?"]
    assert "…" in shown[1][0]["json"]
    assert shown[2] == [huge]
    assert page(asking, sort="a", filter="a>1")["matching"] == 1


@pytest.mark.parametrize("asked", [{"sort": [1]}, {"sort": {}}, {"step": 2**63}, {"step": 2**64 - 1}, {"step": 0.5}])
def test_what_no_page_asks_is_refused(asking: Asking, asked: dict[str, Any]) -> None:
    log_table()
    asking.refusal("/api/media/table", status=400, body={"ref": "demo/one", "key": "people", **asked})


def test_a_table_that_takes_too_much_memory_is_not_read(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    log_table()
    monkeypatch.setattr(tablefiles, "MOST_MEMORY", 100)
    refused = asking.refusal("/api/media/table", status=400, body={"ref": "demo/one", "key": "people"})
    assert "of memory, more than the" in refused
    assert ".table.json" in refused


def test_tables_that_were_read_are_let_go_before_there_is_too_much_of_them(tmp_path: Path) -> None:
    kept = tablefiles.TableFiles(most_memory=100)
    for number in range(3):
        kept.make_room(40)
        kept.keep((0, number, 0, 0), Table([], []), 40)
    assert [kept.known((0, number, 0, 0)) is None for number in range(3)] == [True, False, False]


def test_how_much_memory_a_table_takes_is_known_before_it_is_read() -> None:
    content = large(200_000)
    tracemalloc.start()
    table = table_of(orjson.loads(content))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table.rows) == 200_000
    assert 0.5 * peak < memory_of(content) < 3 * peak

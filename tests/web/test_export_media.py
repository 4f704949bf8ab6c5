"""Media and consoles in an exported file: what is in it, what is left out and said so, and what its policy allows."""

from __future__ import annotations

import base64
import io
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import runstore
from runstore.web import shell
from runstore.web.export import console, files, tables
from tests.web.asking import Asking
from tests.web.test_export_page import data_of, page_of

BLACK = np.zeros((4, 4, 3), np.uint8)


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for what is built of the front end."""
    static = tmp_path / "static"
    (static / "export").mkdir(parents=True)
    for name in ("page.js", "page.css", "stage.js", "molecules.js"):
        (static / "export" / name).write_text(f"/* {name} */")
    monkeypatch.setattr(shell, "STATIC", static)
    return static


def logged(*rows: dict[str, Any]) -> Path:
    """Log rows; return the folder of files of the run."""
    with runstore.init(project="demo", id="one") as run:
        for row in rows:
            run.log(row)
        return Path(run.dir)


def exported(asking: Asking) -> dict[str, Any]:
    return data_of(page_of(asking, "demo/one"))


def content(data: dict[str, Any], src: str) -> bytes:
    return base64.b64decode(data["media"]["files"][int(src.removeprefix("file-"))]["data"])


def test_a_run_without_media_has_none_and_needs_no_more_than_the_page(asking: Asking) -> None:
    logged({"loss": 1.0})
    page = page_of(asking, "demo/one")
    assert data_of(page)["media"] is None
    assert data_of(page)["nonce"] == ""
    assert "stage.js" not in page
    assert "nonce-" not in page


def test_values_are_those_of_the_last_step_with_their_files_once_each(asking: Asking) -> None:
    mask = {"seen": {"mask_data": np.ones((4, 4), np.uint8), "class_labels": {1: "cat"}}}
    files = logged({"picture": runstore.Image(BLACK + 9)}, {"picture": runstore.Image(BLACK, caption="b", masks=mask)})
    data = exported(asking)
    shown = data["media"]["values"]["picture"]["demo/one"]
    (item,) = shown["items"]
    assert (shown["kind"], shown["step"], item["caption"]) == ("images", 1, "b")
    assert content(data, item["src"]) == (files / "media/images" / item["name"]).read_bytes()
    assert content(data, item["masks"][0]["src"]).startswith(b"\x89PNG")
    assert [file["type"] for file in data["media"]["files"]] == ["image/png"] * 3
    assert data["media"]["earlier"]["picture"]["demo/one"][0]["step"] == 0


def test_some_earlier_steps_are_there_spread_over_the_run_and_the_others_are_counted(asking: Asking) -> None:
    logged(*({"picture": runstore.Image(BLACK + step), "loss": 1.0} for step in range(40)))
    data = exported(asking)
    earlier = data["media"]["earlier"]["picture"]["demo/one"]
    steps = [value["step"] for value in earlier]
    assert len(steps) == 16
    assert (steps[0], data["media"]["values"]["picture"]["demo/one"]["step"]) == (0, 39)
    assert {later - sooner for sooner, later in pairwise([*steps, 39])} == {2, 3}
    for value in earlier:
        pixels = Image.open(io.BytesIO(content(data, value["items"][0]["src"])))
        assert pixels.getpixel((0, 0)) == (value["step"],) * 3
    assert "23 earlier values of other media" in " ".join(data["left_out"])


def test_earlier_steps_have_the_room_that_last_ones_leave_and_are_there_in_full_or_not(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (7, 3, 20, 20, 3), np.uint8)
    rows = [{key: [runstore.Image(one) for one in noise[step, :2]] for key in ("a", "b")} for step in range(7)]
    folder = logged(*rows)
    size = sum(file.stat().st_size for file in folder.glob("media/images/a_6_*"))
    monkeypatch.setattr(files, "MOST_BYTES", int(size * 4.7))  # two for the last steps, and one earlier step of each
    data = exported(asking)
    earlier = data["media"]["earlier"]
    assert [[value["step"] for value in earlier[key]["demo/one"]] for key in ("a", "b")] == [[0], [0]]
    shown = [
        *earlier["a"]["demo/one"],
        *earlier["b"]["demo/one"],
        *(data["media"]["values"][key]["demo/one"] for key in "ab"),
    ]
    assert sorted(item["src"] for value in shown for item in value["items"]) == sorted(f"file-{n}" for n in range(8))
    assert len(data["media"]["files"]) == 8
    assert "10 earlier values of other media" in " ".join(data["left_out"])
    assert "media files not here" not in " ".join(data["left_out"])


def test_a_file_that_is_too_large_or_gone_is_counted_and_its_value_stays(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_FILE_BYTES", 200)
    rng = np.random.default_rng(3)
    folder = logged(
        {"large": runstore.Image(rng.integers(0, 255, (20, 20, 3), np.uint8)), "gone": runstore.Image(BLACK)}
    )
    for file in folder.glob("media/images/gone*"):
        file.unlink()
    data = exported(asking)
    assert [data["media"]["values"][key]["demo/one"]["items"][0]["src"] for key in ("gone", "large")] == [None, None]
    assert "2 media files not here, or above" in " ".join(data["left_out"])


def test_files_that_hold_scripts_are_bytes_and_nothing_else(asking: Asking) -> None:
    logged({"page": runstore.Html("<script>alert(1)</script>", inject=False)})
    page = page_of(asking, "demo/one")
    (file,) = data_of(page)["media"]["files"]
    assert file["type"] == "application/octet-stream"
    assert "alert(1)" not in page


def test_only_logged_pages_loosen_the_policy_by_a_nonce_that_changes(asking: Asking) -> None:
    logged({"page": runstore.Html("<p>hi", inject=False)})
    policies = [re.findall(r'content="(default-src[^"]*)"', page_of(asking, "demo/one"))[0] for _ in range(2)]
    scripts = re.findall(r"script-src ([^;]*);", policies[0])[0]
    assert "'nonce-" in scripts
    assert "unsafe" not in scripts
    assert policies[0] != policies[1]
    assert "http" not in policies[0]


@pytest.mark.parametrize(
    ("ending", "library", "other"), [("obj", "stage.js", "molecules.js"), ("pdb", "molecules.js", "stage.js")]
)
def test_what_draws_in_three_dimensions_comes_where_it_is_needed(
    asking: Asking, tmp_path: Path, ending: str, library: str, other: str
) -> None:
    file = tmp_path / f"thing.{ending}"
    file.write_text("v 0 0 0\n")
    logged({"thing": runstore.Object3D(str(file)) if ending == "obj" else runstore.Molecule(str(file))})
    page = page_of(asking, "demo/one")
    assert library in page
    assert other not in page


def test_histograms_are_heat_maps_and_the_last_one(asking: Asking) -> None:
    logged(*({"weights": runstore.Histogram(np.arange(10) + step)} for step in range(3)))
    media = exported(asking)["media"]
    assert media["heat"]["weights"]["demo/one"]["steps"] == [0, 1, 2]
    assert media["values"]["weights"]["demo/one"]["step"] == 2


def test_a_table_has_its_first_rows_with_the_pictures_in_them(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    rows = [[n, runstore.Image(BLACK + n), "x" * 500] for n in range(3)]
    logged({"rows": runstore.Table(["n", "picture", "text"], rows)})
    data = exported(asking)
    table = data["media"]["tables"]["rows"]["demo/one"]["null"]
    assert (table["all_rows"], len(table["rows"])) == (3, 2)
    assert table["rows"][1][2] == "x" * 500
    assert content(data, table["rows"][1][1]["media"]["items"][0]["src"]).startswith(b"\x89PNG")
    assert "of 1 table all but the first rows" in " ".join(data["left_out"])


def test_a_table_of_wide_rows_ends_where_there_is_no_more_room(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MOST_BYTES", 1_000)
    logged({"rows": runstore.Table(["text"], [["x" * 300] for _ in range(9)])})
    assert len(exported(asking)["media"]["tables"]["rows"]["demo/one"]["null"]["rows"]) == 3


def test_of_tables_in_a_list_each_is_there(asking: Asking) -> None:
    logged({"two": [runstore.Table(["n"], [[n]]) for n in range(2)]})
    found = exported(asking)["media"]["tables"]["two"]["demo/one"]
    assert [found[place]["rows"] for place in ("0", "1")] == [[[0]], [[1]]]


def test_a_chart_comes_with_its_columns_and_its_table(asking: Asking) -> None:
    points = runstore.Table(["x", "y"], [[n, n * n] for n in range(3)])
    logged({"line": runstore.plot.line(points, "x", "y", title="a line")})
    media = exported(asking)["media"]
    assert media["charts"]["line"]["runs"]["demo/one"]["columns"] == {"x": [0, 1, 2], "y": [0, 1, 4]}
    assert media["tables"]["line"]["demo/one"]["null"]["all_rows"] == 3


def test_what_is_not_drawn_is_named_by_its_kind(asking: Asking) -> None:
    logged({"figure": {"_type": "plotly-file", "path": "media/plotly/a.json"}, "odd": {"_type": "graph-file"}})
    data = exported(asking)
    assert data["media"]["keys"]["keys"] == []
    said = " ".join(data["left_out"])
    assert "figures of Plotly's" in said
    assert "media of other types" in said


def test_a_summary_says_numbers_and_texts_alone(asking: Asking) -> None:
    logged(
        {
            "loss": 1.0,
            "zero": 0,
            "deep": {"picture": runstore.Image(BLACK), "n": 2},
            "only": {"p": runstore.Image(BLACK)},
        }
    )
    (run,) = exported(asking)["runs"]
    assert run["summary"] == {"loss": 1.0, "zero": 0, "deep": {"n": 2}}


def test_media_are_nothing_in_which_runs_differ(asking: Asking) -> None:
    for shade in (1, 2):
        with runstore.init(project="demo", id=f"run{shade}") as run:
            run.log({"picture": runstore.Image(BLACK + shade), "rows": runstore.Table(["n"], [[shade]]), "loss": shade})
    found = data_of(page_of(asking, "demo/run1", "demo/run2"))["differences"]
    assert [one["key"] for one in found if one["section"] == "summary"] == ["loss"]


def test_a_console_is_there_by_logs_with_its_colours(asking: Asking) -> None:
    with runstore.init(project="demo", id="one"):
        print("\x1b[31mred\x1b[0m")
        print("plain")
    said = exported(asking)["consoles"]["demo/one"]
    (log,) = said["logs"]
    lines = said["lines"][str(log["log"])]
    assert (log["count"], said["missing"]) == (2, 0)
    assert lines["texts"] == ["\x1b[31mred\x1b[0m", "plain"]
    assert lines["times"][0] > 1e12 > lines["times"][1] >= 0


@pytest.mark.parametrize(("name", "most", "kept"), [("_MOST_LINES", 150, 150), ("_MOST_CHARACTERS", 1_200, 120)])
def test_of_a_long_console_the_last_lines_are_kept(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, name: str, most: int, kept: int
) -> None:
    monkeypatch.setattr(console, name, most)
    with runstore.init(project="demo", id="one"):
        for n in range(400):
            print(f"line {n:05}")
    data = exported(asking)
    said = data["consoles"]["demo/one"]
    (log,) = said["logs"]
    texts = said["lines"][str(log["log"])]["texts"]
    assert (len(texts), log["count"], said["missing"]) == (kept, kept, 400 - kept)
    assert (texts[0], texts[-1]) == (f"line {400 - kept:05}", "line 00399")
    assert "all but the last lines of the console" in data["left_out"]

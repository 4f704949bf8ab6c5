"""Media of runs: which keys, which steps, what is there, and that its bytes come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runstore
from tests.web.asking import Asking

LABELS = {0: "ground", 1: "car"}


def picture(shade: int = 0, size: int = 8) -> Any:
    return np.full((size, size, 3), shade, np.uint8)


def keys_of(asking: Asking, *refs: str) -> dict[str, tuple[str, list[int]]]:
    answer = asking.post("/api/media", {"refs": list(refs)})
    return {one["key"]: (one["kind"], one["runs"]) for one in answer["keys"]}


def value_at(asking: Asking, key: str, step: int | None = None, ref: str = "demo/one") -> Any:
    return asking.post("/api/media/at", {"refs": [ref], "key": key, "step": step})["values"][ref]


def bytes_at(asking: Asking, address: str) -> bytes:
    answer = asking.request("GET", f"/{address}", is_known=False)
    assert answer.status_code == 200, answer.text
    return answer.content


def test_keys_are_named_with_their_kind_and_the_runs_that_have_them(asking: Asking) -> None:
    for name in ("one", "two"):
        with runstore.init(project="demo", id=name) as run:
            run.log({"loss": 1.0, "a": {"picture": runstore.Image(picture())}})
            if name == "two":
                run.log({"counts": runstore.Histogram([1, 2, 3])})
                run.summary["best"] = runstore.Image(picture())
    assert keys_of(asking, "demo/one", "demo/two") == {
        "a.picture": ("images", [0, 1]),
        "best": ("images", [1]),
        "counts": ("histogram", [1]),
    }
    assert value_at(asking, "best", ref="demo/two")["step"] is None
    assert keys_of(asking, "demo/one", "demo/gone")["a.picture"] == ("images", [0])


def test_a_step_shows_the_last_value_at_or_before_it(asking: Asking) -> None:
    with runstore.init(project="demo", id="one") as run:
        for step in (3, 5, 9):
            run.log({"picture": runstore.Image(picture(step), caption=f"at {step}")}, step=step)
    assert asking.post("/api/media/steps", {"refs": ["demo/one"], "key": "picture"}) == {
        "steps": {"demo/one": [3, 2, 4]}
    }
    assert value_at(asking, "picture", 2) is None
    shown = value_at(asking, "picture", 8)
    assert (shown["step"], shown["items"][0]["caption"]) == (5, "at 5")
    assert value_at(asking, "picture")["step"] == 9
    assert bytes_at(asking, shown["items"][0]["src"]).startswith(b"\x89PNG")


def test_values_of_a_run_that_is_still_going_on_are_there(asking: Asking) -> None:
    with runstore.init(project="demo", id="one") as run:
        run.log({"counts": runstore.Histogram([1, 2, 3])}, commit=False)
        assert keys_of(asking, "demo/one") == {"counts": ("histogram", [0])}
        assert value_at(asking, "counts")["kind"] == "histogram"


def test_pictures_come_with_masks_and_boxes_as_fractions_and_the_names_of_classes(asking: Asking) -> None:
    pixels = {"position": {"middle": [4, 2], "width": 4, "height": 2}, "domain": "pixel", "class_id": 1}
    part = {"position": {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.4}, "class_id": 0, "box_caption": "<b>"}
    image = runstore.Image(
        picture(),
        masks={"truth": {"mask_data": np.ones((8, 8), np.uint8), "class_labels": LABELS}},
        boxes={"guess": {"box_data": [part, pixels], "class_labels": LABELS}},
    )
    with runstore.init(project="demo", id="one") as run:
        run.log({"deep": {"picture": image}})
    (shown,) = value_at(asking, "deep.picture")["items"]
    (mask,), (boxes,) = shown["masks"], shown["boxes"]
    assert mask["classes"] == boxes["classes"] == {"0": "ground", "1": "car"}
    assert [box["at"] for box in boxes["boxes"]] == [[0.1, 0.2, 0.5, 0.4], [0.25, 0.125, 0.75, 0.375]]
    assert boxes["boxes"][0]["caption"] == "<b>"
    assert bytes_at(asking, mask["src"]).startswith(b"\x89PNG")


def test_lists_of_media_are_shown_whole(asking: Asking) -> None:
    with runstore.init(project="demo", id="one") as run:
        run.log({"pictures": [runstore.Image(picture(shade), caption=str(shade)) for shade in range(3)]})
        run.log({"pages": [runstore.Html("<p>a"), runstore.Html("<p>b")]})
        run.log({"tables": [runstore.Table(["a"], [[1]]), runstore.Table(["b"], [[2]])]})
    assert [item["caption"] for item in value_at(asking, "pictures")["items"]] == ["0", "1", "2"]
    pages = value_at(asking, "pages")
    assert (pages["kind"], [bytes_at(asking, item["src"])[-4:] for item in pages["items"]]) == (
        "html",
        [b"<p>a", b"<p>b"],
    )
    assert [view["kind"] for view in value_at(asking, "tables")["views"]] == ["table", "table"]
    second = {"ref": "demo/one", "key": "tables", "place": 1}
    assert asking.post("/api/media/table", second)["rows"] == [[2]]


def test_a_fork_shows_what_it_has_of_the_run_it_was_forked_from(asking: Asking) -> None:
    with runstore.init(project="demo", id="one") as run:
        for step in range(4):
            run.log({"picture": runstore.Image(picture(step))})
    with runstore.init(project="demo", id="two", fork_from="one?_step=1") as run:
        run.log({"picture": runstore.Image(picture(200))})
    assert asking.post("/api/media/steps", {"refs": ["demo/two"], "key": "picture"})["steps"]["demo/two"] == [0, 1, 1]
    for step in (1, 2):
        (shown,) = value_at(asking, "picture", step, "demo/two")["items"]
        assert bytes_at(asking, shown["src"]).startswith(b"\x89PNG")


def test_html_is_answered_only_as_a_frame_without_an_origin(asking: Asking) -> None:
    with runstore.init(project="demo", id="one") as run:
        run.log({"page": runstore.Html("<script>alert(1)</script>")})
    (shown,) = value_at(asking, "page")["items"]
    answer = asking.request("GET", f"/{shown['src']}", is_known=False)
    assert "sandbox allow-scripts" in answer.headers["content-security-policy"]
    assert "allow-same-origin" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["../../../secret.txt", "/etc/passwd", "media/link.png", "media/../../secret.txt"])
def test_a_path_that_leads_out_of_the_run_shows_nothing(asking: Asking, folder: Path, path: str) -> None:
    """A log says where its files lie; whatever it says, no others are read: neither by address nor by the server."""
    (folder / "secret.txt").write_text('{"columns": ["a"], "data": [["secret"]]}')
    with runstore.init(project="demo", id="one") as run:
        run.log({"picture": {"_type": "image-file", "path": path}, "table": {"_type": "table-file", "path": path}})
        files = Path(run.dir)
    (files / "media").mkdir(exist_ok=True)
    (files / "media" / "link.png").symlink_to(folder / "secret.txt")
    (shown,) = value_at(asking, "picture")["items"]
    assert asking.request("GET", f"/{shown['src']}", is_known=False).status_code == 404
    assert "not on this machine" in asking.refusal(
        "/api/media/table", status=404, body={"ref": "demo/one", "key": "table"}
    )


def test_nonsense_in_a_log_is_shown_as_nothing(asking: Asking) -> None:
    values: dict[str, Any] = {
        "a": {"_type": "image-file", "path": 3, "masks": [1], "boxes": {"x": {"path": "nowhere"}, "y": 5}},
        "b": {"_type": "images/separated", "filenames": ["x.png", None, 4], "captions": "no list"},
        "c": {"_type": "histogram", "values": [1, "x"], "bins": [0, 1]},
        "d": {"_type": "of the future", "path": "x.bin"},
        "e": {"_type": "videos", "videos": "none"},
    }
    with runstore.init(project="demo", id="one") as run:
        run.log(values)
    assert {key: value_at(asking, key)["kind"] for key in values} == {
        "a": "images",
        "b": "images",
        "c": "histogram",
        "d": "other",
        "e": "video",
    }


def test_a_heat_map_has_all_counts_of_each_histogram_on_one_grid(asking: Asking) -> None:
    with runstore.init(project="demo", id="one") as run:
        for step in range(10):
            run.log({"counts": runstore.Histogram(np.linspace(step, step + 1, 500))})
    heat = asking.post("/api/media/histograms", {"refs": ["demo/one"], "key": "counts"})["maps"]["demo/one"]
    assert heat["steps"] == list(range(10))
    assert (heat["low"], heat["high"]) == (0, 10)
    shares = np.array(heat["shares"])
    assert np.allclose(shares.sum(axis=1) * heat["most"] / 1000, 500, rtol=0.02)
    assert [int(row.argmax()) // 6 for row in shares] == list(range(10)), "each step's values lie one further on"


def test_many_histograms_are_found_by_leaps_and_read_by_their_step(asking: Asking) -> None:
    with runstore.init(project="demo", id="one") as run:
        for step in range(400):
            run.log({f"layer{layer}": runstore.Histogram([step, step + 1.0], num_bins=2) for layer in range(5)})
    assert len(keys_of(asking, "demo/one")) == 5
    assert value_at(asking, "layer3", 250)["edges"][0] == 250
    heat = asking.post("/api/media/histograms", {"refs": ["demo/one"], "key": "layer3"})["maps"]["demo/one"]
    assert (heat["steps"][0], heat["steps"][-1], len(heat["steps"])) == (0, 399, 150)


def test_what_is_no_question_is_refused_in_a_sentence(asking: Asking) -> None:
    assert "refs" in asking.refusal("/api/media", status=400, body={"refs": "demo/one"})
    assert "100 at most" in asking.refusal("/api/media", status=400, body={"refs": ["x"] * 101})
    assert "step" in asking.refusal("/api/media/at", status=400, body={"refs": [], "key": "a", "step": "last"})
    assert "key" in asking.refusal("/api/media/at", status=400, body={"refs": []})


def test_the_frame_for_figures_has_no_origin_and_the_library_of_this_machine(asking: Asking, folder: Path) -> None:
    import plotly

    answer = asking.request("GET", "/frames/plotly.min.js", is_known=False)
    library = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    assert answer.content == library.read_bytes()
    policy = answer.headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy
    assert "connect-src" not in policy, "default-src 'none' holds for requests"
    for name in ("nothing.js", "index.html"):
        assert asking.request("GET", f"/frames/{name}").status_code == 404


def test_a_figure_is_there_for_the_frame(asking: Asking) -> None:
    import plotly.graph_objects as go

    with runstore.init(project="demo", id="one") as run:
        run.log({"figure": go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))})
    (shown,) = value_at(asking, "figure")["items"]
    assert json.loads(bytes_at(asking, shown["src"]))["data"][0]["type"] == "scatter"

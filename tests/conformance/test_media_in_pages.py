"""Media that stock tools logged are shown in the web pages, bytes and all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runstore.query.api import Api
from runstore.web.reading import Reader
from runstore.web.site import Site
from tests.conformance import stock
from tests.web.asking import Asking

STOCK = """
import numpy as np
import wandb
run = wandb.init(project="p", id="stock")
black = np.zeros((6, 8, 3), np.uint8)
names = {0: "ground", 1: "car"}
box = {"position": {"middle": [4, 3], "width": 4, "height": 2}, "domain": "pixel", "class_id": 1, "scores": {"p": 0.5}}
over = {
    "masks": {"truth": {"mask_data": np.ones((6, 8), np.uint8), "class_labels": names}},
    "boxes": {"guess": {"box_data": [box], "class_labels": names}},
}
table = wandb.Table(columns=["n", "image"])
for n in range(3):
    table.add_data(n, wandb.Image(black, caption=f"row {n}"))
run.log({
    "examples/one": wandb.Image(black, caption="alone", **over),
    "examples/many": [wandb.Image(black, caption=str(n), **over) for n in range(3)],
    "counts": wandb.Histogram(np.arange(100.0)),
    "page": wandb.Html("<p>x</p>"),
    "points": wandb.Object3D(np.zeros((4, 3))),
    "table": table,
})
lines = wandb.Table(columns=["x", "y"], data=[[0, 1], [1, 2]])
run.log({"curve": wandb.plot.line(lines, "x", "y", title="Curve")})
run.log({"wrong": wandb.plot.confusion_matrix(y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["a", "b"])})
run.finish()
"""
KINDS = {
    "examples/one": "images",
    "examples/many": "images",
    "counts": "histogram",
    "page": "html",
    "points": "object3d",
    "table": "table",
    "curve": "chart",
    "wrong": "chart",
}


def bytes_at(asking: Asking, address: str) -> bytes:
    answer = asking.request("GET", f"/{address}", is_known=False)
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize("version", stock.STOCK_VERSIONS[:2])  # older ones can't make masks with a Pillow of today
def test_media_of_stock_tools_are_shown(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = stock.run_script(version, STOCK, tmp_path)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Api().close()  # brings the bytes of artifacts in, too
    site = Site(Reader())
    try:
        check(Asking(site))
    finally:
        site.reader.close()


def check(asking: Asking) -> None:
    run = {"refs": ["p/stock"]}
    assert {one["key"]: one["kind"] for one in asking.post("/api/media", run)["keys"]} == KINDS

    def shown(key: str) -> Any:
        return asking.post("/api/media/at", {**run, "key": key})["values"]["p/stock"]

    (one,) = shown("examples/one")["items"]
    assert (one["caption"], one["masks"][0]["classes"]) == ("alone", {"0": "ground", "1": "car"})
    assert one["boxes"][0]["boxes"][0] == {"at": [0.25, 0.33333, 0.75, 0.66667], "id": 1, "scores": {"p": 0.5}}
    many = shown("examples/many")["items"]
    assert [(item["caption"], item["masks"][0]["name"]) for item in many] == [(str(n), "truth") for n in range(3)]
    for address in (one["src"], one["masks"][0]["src"], many[2]["src"]):
        assert bytes_at(asking, address).startswith(b"\x89PNG")
    assert sum(shown("counts")["counts"]) == 100
    assert b"<p>x</p>" in bytes_at(asking, shown("page")["items"][0]["src"])
    assert json.loads(bytes_at(asking, shown("points")["items"][0]["src"])) == [[0.0, 0.0, 0.0]] * 4
    table = asking.post("/api/media/table", {"ref": "p/stock", "key": "table", "sort": "n", "descending": True})
    number, cell = table["rows"][0]
    assert (number, cell["media"]["items"][0]["caption"]) == (2, "row 2")
    assert bytes_at(asking, cell["media"]["items"][0]["src"]).startswith(b"\x89PNG")
    curve = asking.post("/api/media/chart", {**run, "key": "curve"})
    assert (curve["definition"], curve["runs"]["p/stock"]["columns"]) == ("wandb/line/v0", {"x": [0, 1], "y": [1, 2]})
    wrong = asking.post("/api/media/chart", {**run, "key": "wrong"})
    assert wrong["runs"]["p/stock"]["columns"]["nPredictions"] == [1, 0, 1, 1]

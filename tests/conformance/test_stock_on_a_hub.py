"""What stock `wandb` recorded, on the pages of a hub: with the bytes that it left elsewhere, and with what is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.commands import Bench
from tests.conformance import stock
from tests.timing import PATIENCE_SECONDS

PROGRAM = """
import os, pathlib, wandb
for name in ("held.txt", "gone.txt", "saved.txt"):
    pathlib.Path(name).write_text(name)
run = wandb.init(project="stock", id="r1")
for name in ("held", "gone"):
    artifact = wandb.Artifact(name, "dataset")
    artifact.add_file(f"{name}.txt", policy="immutable")
    run.log_artifact(artifact)
run.save("saved.txt")
run.log({"loss": 1})
run.finish()
os.remove("gone.txt")
"""


def test_rescued_bytes_are_downloaded_and_lost_ones_are_named(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    done = stock.run_script(stock.STOCK_VERSIONS[0], PROGRAM, bench.folder)
    assert done.returncode == 0, done.stderr
    with bench.hub() as url:
        bench.runstore("sync", "--remote", "lab")
        token = bench.runstore("hub", "token", "create", "ada", "--data", "hub").stdout.strip()
        with httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_SECONDS
        ) as client:

            def get(path: str, **params: str) -> Any:
                return client.get(path, params=params).json()

            (held,) = get("/api/artifact/files", ref="stock/held:v0")["files"]
            assert client.get(f"/{held['address']}").text == "held.txt"
            (gone,) = get("/api/artifact/files", ref="stock/gone:v0")["files"]
            assert (gone["state"], gone["address"]) == ("lost", "")
            found = get("/api/files", ref="stock/r1")["found"]
            assert "saved.txt" in found["names"]
            assert [(one["path"], one["artifact"]) for one in found["missing"]] == [("gone.txt", "gone")]
            assert found["missing"][0]["why"].endswith("it was not delivered")

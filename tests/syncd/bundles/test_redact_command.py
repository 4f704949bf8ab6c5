"""`runstore bundle create --redact --no-media`, of runs of real programs, recorded with ours and with stock `wandb`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.commands import ONE_RUN, Bench
from tests.conformance import stock

EDIT = """
    from runstore import Api
    run = Api().run("one")
    run.name, run.notes = "edited", "seen by mallory"
    run.config["password"] = "changed-hunter"
    run.update()
"""
OURS = """
    import numpy as np, runstore
    with runstore.init(project="demo", id="ours", config={"password": "hunter2", "lr": 1}) as run:
        print("said on the console by " + run.id)
        run.log({"image": runstore.Image(np.zeros((4, 4, 3), dtype=np.uint8)), "loss": 1.0})
        run.log({"table": runstore.Table(columns=["a"], data=[["cell-of-a-table"]])})
        open("w.bin", "wb").write(b"weights")
        made = runstore.Artifact("model", "model")
        made.add_file("w.bin")
        run.log_artifact(made)
        run.log_code(".")
"""
STOCK = """
import numpy as np, wandb
run = wandb.init(project="demo", id="stock", config={"password": "hunter2", "lr": 1})
print("said on the console by " + run.id)
run.log({"loss": 1.0})
run.log({"image": wandb.Image(np.zeros((4, 4, 3), dtype=np.uint8))})
run.log({"table": wandb.Table(columns=["a"], data=[["cell-of-a-table"]])})
run.finish()
"""
ALL = [
    word for kind in ("host", "user", "git", "env", "code", "console", "config.pass*") for word in ("--redact", kind)
]


def content_of(part: Path) -> bytes:
    with part.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()


def create(bench: Bench, *arguments: str) -> tuple[Any, bytes]:
    (bench.folder / "stick").mkdir(exist_ok=True)
    said = bench.json("bundle", "create", "--to", "stick", *arguments)
    return said, b"".join(content_of(bench.folder / part) for part in said["parts"])


def test_a_run_and_its_edits_leave_without_what_must_not_and_count_as_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for script in (ONE_RUN, EDIT):
        done = bench.train(script)
        assert done.returncode == 0, done.stderr
    said, content = create(bench, "--redact", "config.password", "--redact", "text:mallory", "--redact", "env")
    assert said["partial"] == "without env, config.password, text"
    assert b"hunter" not in content
    assert b"mallory" not in content
    outside = Bench(tmp_path / "outside")
    outside.folder.mkdir()
    imported = outside.json("bundle", "import", *(str(bench.folder / part) for part in said["parts"]))
    shown = outside.json("runs", "show", "one")
    assert (shown["name"], shown["notes"]) == ("edited", "seen by redacted-text")
    assert shown["config"]["password"] == "redacted"
    (one,) = imported["bundles"]
    done = bench.json("bundle", "receipt", str(one["receipt"]), code=1)
    assert "partial" in str(done)
    (run,) = bench.json("status", code=0)["runs"]
    assert run["targets"] == []
    again, _ = create(bench, "--since-receipt")
    assert again["log_bytes"] > 0


def test_what_is_chosen_is_said_and_refused_where_it_can_not_be(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.train(ONE_RUN).returncode == 0
    (tmp_path / "stick").mkdir()
    refused = bench.sentence("bundle", "create", "--to", "stick", "--redact", "hostname", code=2)
    assert "one is env, host, user, git, code, console, config.GLOB or text:WORD" in refused
    refused = bench.sentence("bundle", "create", "--to", "stick", "--no-media", "--since-receipt", code=2)
    assert "whole runs" in refused
    assert "without media" in bench.runstore("bundle", "create", "--to", "stick", "--no-media").stdout
    assert not list((tmp_path / "home").glob("derived-*"))


def test_files_in_which_it_still_stands_are_refused_told_and_left_out(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.train(ONE_RUN).returncode == 0
    (run,) = (tmp_path / "wandb").glob("offline-run-*")
    (run / "files" / "mine.txt").write_text("as mallory says")
    (tmp_path / "stick").mkdir()
    redacted = ("bundle", "create", "--to", "stick", "--redact", "text:mallory")
    assert "mine.txt: still holds 'mallory'" in bench.sentence(*redacted, code=1)
    assert not list((tmp_path / "stick").iterdir())
    assert "mine.txt: still holds 'mallory'" in str(bench.json(*redacted, "--dry-run")["notes"])
    said, content = create(bench, "--redact", "text:mallory", "--if-found", "omit")
    assert b"mallory" not in content
    assert "was left out" in str(said["notes"])
    assert b"as mallory says" in create(bench, "--redact", "text:mallory", "--if-found", "allow")[1]


def test_a_run_that_grows_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (tmp_path / "stick").mkdir()
    with bench.live_run() as log:
        log(1)
        said = bench.sentence("bundle", "create", "--to", "stick", "--redact", "host", code=2)
    assert "still recorded" in said
    assert not list((tmp_path / "stick").iterdir())


def test_a_run_of_ours_with_everything_in_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    remote = "https://git.example.org/team/private-thing.git"
    for command in (["init", "-q"], ["remote", "add", "origin", remote], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    done = bench.train(OURS, RUNSTORE_CONSOLE="wrap", WANDB_CONSOLE="wrap")
    assert done.returncode == 0, done.stderr
    said, content = create(bench, *ALL, "--no-media")
    forbidden = (b"hunter2", b"said on the console", b"private-thing", b"cell-of-a-table", b"OURS")
    assert not [word for word in forbidden if word in content]
    assert said["notes"] == []
    outside = Bench(tmp_path / "outside")
    outside.folder.mkdir()
    outside.json("bundle", "import", *(str(bench.folder / part) for part in said["parts"]))
    assert outside.json("runs", "show", "ours")["config"] == {"lr": 1, "password": "redacted"}
    outside.runstore("artifact", "get", "model:latest", "--to", "got")
    assert (outside.folder / "got" / "w.bin").read_bytes() == b"weights"


@pytest.mark.parametrize("version", stock.STOCK_VERSIONS)
def test_a_run_of_stock(version: str, tmp_path: Path) -> None:
    if version == "0.19.11" and sys.version_info >= (3, 12):
        pytest.skip("wandb 0.19.11 needs distutils, through docker-pycreds, which Python 3.12 took away")
    bench = Bench(tmp_path)
    (tmp_path / "here").mkdir()
    env = {"WANDB_HOST": "gpu17.example.org", "WANDB_USERNAME": "mallory", "WANDB_USER_EMAIL": "mallory@example.org"}
    done = stock.run_script(version, STOCK, tmp_path / "here", env=env)
    assert done.returncode == 0, done.stderr
    bench.runstore("runs", "list", "here")
    assert b"hunter2" in create(bench)[1]
    said, content = create(bench, *ALL, "--no-media")
    for word in (b"gpu17", b"mallory", b"hunter2", b"said on the console", b"cell-of-a-table"):
        at = content.find(word)
        assert at < 0, content[max(0, at - 80) : at + 80]
    outside = Bench(tmp_path / "outside")
    outside.folder.mkdir()
    outside.json("bundle", "import", *(str(bench.folder / part) for part in said["parts"]))
    shown = outside.json("runs", "show", "stock")
    assert shown["config"]["password"] == "redacted"
    assert shown["summary"]["loss"] == 1.0

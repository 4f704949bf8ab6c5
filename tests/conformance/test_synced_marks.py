"""Stock tools take our mark of what is delivered for theirs: they pass over such runs, and clean them away."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from runstore.index.indexer import Indexer
from runstore.syncd import marker, receipts
from runstore.syncd.delivery import ready
from runstore.syncd.receipts import Receipt
from tests.commands import ONE_RUN, Bench
from tests.conformance import stock
from tests.wandbserver.server import RecordingServer

# What delivers all runs of a folder, and what deletes those that were, in each version.
CLEAN_BEFORE_0_31 = ["sync", "--clean", "--clean-force", "--clean-old-hours", "-1"]
COMMANDS = {
    "0.31.0": (["sync", "wandb"], ["clean", "--force", "--min-hours", "-1"]),
    "0.24.2": (["sync", "--sync-all"], CLEAN_BEFORE_0_31),
    "0.19.11": (["sync", "--sync-all"], CLEAN_BEFORE_0_31),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two runs, of which one has our mark."""
    bench = Bench(tmp_path)
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    for name in ("marked", "unmarked"):
        done = bench.train(ONE_RUN.replace('"one"', f'"{name}"'))
        assert done.returncode == 0, done.stderr
    log = next(tmp_path.glob("wandb/*/run-marked.wandb"))
    shutil.rmtree(log.parent / "files")  # of which the receipt below says nothing
    with closing(Indexer(tmp_path / "i.db")) as indexer:
        indexer.catch_up(log)
        what = ready(indexer, log)
    assert what is not None
    whole = Receipt("lab", what.end, "00" * 32, what.records, receipts.now(), files_left=0)
    receipts.save(log, what.log_id, "hub:1", whole)
    assert marker.put(log.parent, {log: what}, ["lab"]) == ""
    return tmp_path


def wandb(version: str, folder: Path, arguments: list[str], server: RecordingServer) -> str:
    """Run a command of stock's; return what it said."""
    program = f"from wandb.cli.cli import cli; cli({arguments!r})"
    online = {"WANDB_MODE": "online", "WANDB_BASE_URL": server.url, "WANDB_API_KEY": stock.FAKE_API_KEY}
    done = stock.run_script(version, program, folder, online)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("version", stock.STOCK_VERSIONS)
def test_a_marked_run_is_cleaned_away_and_not_sent(version: str, folder: Path) -> None:
    with RecordingServer() as server:
        wandb(version, folder, COMMANDS[version][1], server)
        assert [path.name for path in folder.glob("wandb/*/run-*.wandb")] == ["run-unmarked.wandb"]
        assert server.runs == []


@pytest.mark.parametrize("version", stock.STOCK_VERSIONS)
def test_a_marked_run_is_passed_over(version: str, folder: Path) -> None:
    with RecordingServer() as server:
        wandb(version, folder, COMMANDS[version][0], server)
        assert [run.run_id for run in server.runs] == ["unmarked"]

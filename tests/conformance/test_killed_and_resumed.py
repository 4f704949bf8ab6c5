"""Runs that were killed at random moments and then resumed: stock `wandb sync` carries both of their logs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.core.keys import unflatten
from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from runstore.sdk.run import Run
from tests.conformance import stock
from tests.conformance.shared import indexed_below, plain, without_clock
from tests.crash.killed import killed_runs
from tests.wandbserver.recorded import JsonObject
from tests.wandbserver.server import RecordingServer

KILLS = 6
NEWEST = stock.STOCK_VERSIONS[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder below which the runs are recorded."""
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_RUN_ID", "WANDB_RESUME", "RUNSTORE_FSYNC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    return tmp_path


def test_both_logs_of_a_run_that_was_killed_anywhere_and_resumed_arrive(folder: Path) -> None:
    ids = [one.run_id for one in killed_runs(folder, KILLS)]
    before = {run_id: logs(folder, run_id) for run_id in ids}
    tear(before[ids[0]][0])  # as a kill within a large write leaves it, should none of these have come then
    for run_id in ids:
        run = runstore.init(project="crash", id=run_id, resume="must")
        assert isinstance(run, Run)
        run.log({"resumed": run_id})
        run.finish()
    with RecordingServer() as server:
        for number in (0, 1):  # as people sync: what was there before the resume, and then the rest
            first, *others = [logs(folder, run_id)[number].parent for run_id in ids]
            stock.sync(NEWEST, first, server.url, [str(other) for other in others])
        assert (server.errors, server.unknown_operations) == ([], [])
        with closing(indexed_below(folder, folder / "index.db")) as api:
            for run_id in ids:
                arrived, written = server.run(run_id), rows_in(logs(folder, run_id))
                assert compared(arrived.history) == compared(written), run_id
                assert written[-1]["resumed"] == run_id
                stored = api.run(f"crash/{run_id}")
                assert compared([without_nulls(stored.summary)]) == compared([without_stocks(arrived.summary)]), run_id
                assert (stored.exit_code, arrived.exit_code, len(stored.logs)) == (0, 0, 2)


def without_nulls(summary: JsonObject) -> JsonObject:
    """Leave out what stock's sync does: a value that is None, of its own logs too."""
    return {key: value for key, value in summary.items() if value is not None}


def without_stocks(summary: JsonObject) -> JsonObject:
    return {key: value for key, value in summary.items() if key != "_wandb"}


def logs(folder: Path, run_id: str) -> list[Path]:
    return sorted(folder.glob(f"wandb/offline-run-*/run-{run_id}.wandb"))


def tear(log: Path) -> None:
    """Cut the last record of a log in half."""
    *_, last = LogReader(log)
    log.write_bytes(log.read_bytes()[: (last.start + last.end) // 2])


def rows_in(paths: list[Path]) -> list[JsonObject]:
    """Return the finished rows of some logs: one that was open at a kill is in a footer, which stock does not read."""
    decoded = (codec.decode(framed.payload) for path in paths for framed in LogReader(path))
    return [
        unflatten(codec.row_of(record.history))
        for record in decoded
        if record is not None and record.HasField("history")
    ]


def compared(rows: list[JsonObject]) -> list[dict[str, Any]]:
    """Return rows without their steps, which stock numbers anew where they do not rise."""
    return [{key: plain(value) for key, value in row.items() if key != "_step"} for row in without_clock(rows)]

"""What stock's sync does not do: past damage, with the time of each line, and once however often it is called."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from tests.conformance import stock
from tests.runwise.comparable import states_of
from tests.runwise.place import Place, place_with
from tests.runwise.written import FULL_ROWS, starts
from tests.wandbserver.recorded import CONSOLE, HISTORY
from tests.wandbserver.server import RecordingServer
from tests.wandbserver.state import differences

NEWEST = stock.STOCK_VERSIONS[0]


def _by_stock(runs: Path, folder: Path, times: int = 1) -> tuple[RecordingServer, Mapping[str, Any]]:
    """Deliver the one run of a folder with stock's tool; return the server, and what it holds of the run."""
    shutil.copytree(runs, folder, symlinks=True)
    (directory,) = folder.glob("offline-run-*")
    with RecordingServer() as server:
        for _ in range(times):
            stock.sync(NEWEST, directory, server.url, ["--include-synced"])
    return server, states_of(server)


def test_a_run_that_crashed_is_the_same_whoever_delivers_it(
    killed_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTORE_CRASHED_AFTER", "0.01")
    _, by_stock = _by_stock(killed_run, tmp_path / "stock")
    with place_with(killed_run, tmp_path) as place:
        place.synced()
        assert differences(by_stock, place.state()) == []
        assert (place.run("killed").exit_code, place.run("killed").complete) == (1, True)


def test_a_second_sync_repeats_no_row_where_stock_repeats_them_all(killed_run: Path, tmp_path: Path) -> None:
    server, _ = _by_stock(killed_run, tmp_path / "stock", times=2)
    assert len(server.run("killed").history) == 10
    with place_with(killed_run, tmp_path) as place:
        place.synced()
        place.synced()
        assert len(place.run("killed").history) == 5


def test_what_stock_has_delivered_is_not_delivered_again(killed_run: Path, tmp_path: Path) -> None:
    """People change tools: what the server holds is told by its last row."""
    with place_with(killed_run, tmp_path) as place:
        directory = place.log("killed").parent
        stock.sync(NEWEST, directory, place.server.url)
        run = place.run("killed")
        before = list(run.lines[HISTORY])
        report = place.sync()
        assert (report.errors, report.rows) == ({}, 0)
        assert run.lines[HISTORY] == before
        assert run.console == [f"line {n}" for n in range(5)]


def test_lines_of_the_console_keep_the_time_at_which_they_were_printed(place: Place) -> None:
    place.synced()
    records = [codec.decode(framed.payload) for framed in LogReader(place.log("full"))]
    stamps = [record.output_raw.timestamp for record in records if record and record.HasField("output_raw")]
    times = [stamp.seconds + stamp.nanos / 1e9 for stamp in stamps]
    lines = place.run("full").lines[CONSOLE]
    told = [datetime.fromisoformat(line.removeprefix("ERROR ").split(" ")[0]) for line in lines]
    seconds = [one.replace(tzinfo=timezone.utc).timestamp() for one in told]
    assert len(seconds) > 30
    assert all(min(times) - 0.01 <= second <= max(times) + 0.01 for second in seconds)


@pytest.mark.parametrize("record", [3, 17, 30])
def test_rows_behind_damage_are_delivered_and_the_loss_is_said(place: Place, record: int) -> None:
    log = place.log("full")
    at = starts(log, "history")[record]
    damaged = bytearray(log.read_bytes())
    damaged[at + 20] ^= 0xFF
    log.write_bytes(damaged)
    report = place.sync()
    run = place.run("full")
    assert (report.errors, report.verified) == ({}, 1)
    assert FULL_ROWS - 3 <= len(run.history) < FULL_ROWS
    assert run.complete
    assert any("run-full.wandb" in note and "bytes were passed by" in note for note in report.notes)
    assert place.synced().rows == 0


def test_a_log_that_is_torn_in_the_middle_of_a_record_is_delivered_up_to_there(place: Place) -> None:
    log = place.log("full")
    at = starts(log, "history")[12]
    log.write_bytes(log.read_bytes()[: at + 9])
    assert place.sync().errors == {}
    assert [row["nested"]["n"] for row in place.run("full").history] == list(range(12))
    assert place.run("full").exit_code == 1

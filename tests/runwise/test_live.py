"""A daemon follows a run to a W&B server while it trains, and says how it ended once that is known."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import LIVE_RUN, ONE_RUN, Bench
from tests.runwise.place import KEY, Place, place_with
from tests.runwise.written import starts
from tests.timing import eventually
from tests.wandbserver.faults import answer
from tests.wandbserver.recorded import RecordedRun
from tests.wandbserver.server import RecordingServer

OPEN_ROW = """
    import os, signal
    import runstore
    run = runstore.init(project="demo", id="open")
    run.log({"n": 0})
    run.log({"n": 1}, commit=False)
    print("a line that is not", end="", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "wandb").mkdir()
    return Bench(tmp_path)


@pytest.fixture
def server(bench: Bench) -> Iterator[RecordingServer]:
    """A W&B server that the bench knows as the remote `theirs`."""
    with RecordingServer(keys=[KEY]) as server:
        bench.runstore("remote", "add", "theirs", server.url, "--kind", "wandb", "--token", KEY)
        yield server


def _rows(server: RecordingServer, run_id: str) -> list[int]:
    run = _run(server, run_id)
    return [row["n"] for row in run.history] if run else []


def _run(server: RecordingServer, run_id: str) -> RecordedRun | None:
    return next((run for run in server.runs if run.run_id == run_id), None)


def _is_complete(server: RecordingServer, run_id: str) -> bool:
    run = _run(server, run_id)
    return run is not None and run.complete


def test_a_run_is_followed_while_it_trains_and_complete_at_its_end(bench: Bench, server: RecordingServer) -> None:
    with bench.daemon("--remote", "theirs"), bench.start(LIVE_RUN) as process:
        assert process.stdin is not None
        for n in range(4):
            process.stdin.write(f"{n}\n")
            process.stdin.flush()
            # The row that is open may still be added to.
            eventually(lambda: _rows(server, "live")[:n] == list(range(n)))  # noqa: B023
        run = server.run("live")
        assert (run.complete, run.exit_code, run.overwritten, run.gaps) == (False, None, [], [])
        process.stdin.close()
        eventually(lambda: _is_complete(server, "live"))
        assert (run.exit_code, _rows(server, "live")) == (0, [0, 1, 2, 3])
        assert {"config.yaml", "wandb-summary.json", "requirements.txt"} <= run.files.keys()
        (mark,) = eventually(lambda: list(bench.folder.glob("wandb/*/run-live.wandb.synced")))
        assert mark.read_text()
    assert (run.overwritten, run.after_complete, server.errors) == ([], [], [])


def test_a_hub_and_a_server_both_get_a_run_and_the_mark_waits_for_both(bench: Bench, server: RecordingServer) -> None:
    rule = server.fail(answer(404), "file_stream", times=None)
    with bench.hub(), bench.daemon("--remote", "lab", "--remote", "theirs"):
        assert bench.train(ONE_RUN).returncode == 0
        eventually(lambda: rule.seen > 0 and "delivered" in _states(bench, "lab"))
        assert list(bench.folder.glob("wandb/*/*.synced")) == []
        server.faults.remove(rule)
        eventually(lambda: _has_synced(bench))
        assert _is_complete(server, "one")
    assert len(server.run("one").history) == 11
    assert (server.run("one").overwritten, server.errors) == ([], [])


def _has_synced(bench: Bench) -> bool:
    """Sync to the server; False where the daemon had its turn with the run for so long that sync gave up waiting."""
    done = bench.command("sync", "--remote", "theirs")
    assert done.returncode == 0 or "another process" in done.stdout + done.stderr, done
    return done.returncode == 0


def _states(bench: Bench, target: str) -> set[str]:
    """Return the states of the runs at a target, as `status` has them, which ends with 1 where something failed."""
    runs = json.loads(bench.command("status", "--json").stdout)["runs"]
    return {at["state"] for run in runs for at in run["targets"] if at["name"] == target}


def test_a_run_without_an_end_counts_as_failed_only_after_it_was_silent(
    killed_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place_with(killed_run, tmp_path) as place:
        monkeypatch.setenv("RUNSTORE_CRASHED_AFTER", str(10**8))  # its log may have been made hours ago
        place.synced()
        run = place.run("killed")
        assert (len(run.history), run.complete, run.exit_code) == (5, False, None)
        assert not _mark(place).exists()
        assert place.synced().rows == 0
        monkeypatch.setenv("RUNSTORE_CRASHED_AFTER", "0.01")
        place.synced()
        assert (len(run.history), run.complete, run.exit_code) == (5, True, 1)
        assert {"config.yaml", "wandb-summary.json"} <= run.files.keys()
        before = len(run.pushes)
        place.synced()
        assert len(run.pushes) == before


def _mark(place: Place) -> Path:
    log = place.log("killed")
    return log.with_name(f"{log.name}.synced")


def test_what_a_killed_process_had_open_arrives_with_the_end(tmp_path: Path) -> None:
    done = Bench(tmp_path).train(OPEN_ROW)
    assert done.returncode == -signal.SIGKILL
    with place_with(None, tmp_path) as place:
        place.synced()
        run = place.run("open")
        assert [row["n"] for row in run.history] == [0, 1]
        assert (run.console, run.complete, run.exit_code) == (["a line that is not"], True, 1)
        assert place.synced().rows == 0


def test_a_run_that_was_thought_dead_goes_on(killed_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its node had lost its clock, or its network: what it still wrote is sent, and then its end."""
    monkeypatch.setenv("RUNSTORE_CRASHED_AFTER", "0.01")
    with place_with(killed_run, tmp_path) as place:
        log = place.log("killed")
        whole = log.read_bytes()
        log.write_bytes(whole[: starts(log, "history")[2]])
        place.synced()
        run = place.run("killed")
        assert run.complete
        log.write_bytes(whole)
        place.synced()
        assert [row["n"] for row in run.history] == list(range(5))
        assert (run.gaps, run.changed, run.exit_code) == ([], [], 1)

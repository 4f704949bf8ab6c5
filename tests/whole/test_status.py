"""`runstore status`: what it says is so, with a daemon and without one, and stock tools see what is delivered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from runstore.paths import receipts_path
from tests.commands import ONE_RUN, Bench, reserved_port
from tests.timing import PATIENCE_SECONDS, eventually


def trained(bench: Bench, name: str = "one") -> Path:
    """Train a run to its end, and return its log."""
    done = bench.train(ONE_RUN.replace('"one"', f'"{name}"'))
    assert done.returncode == 0, done.stderr
    return next(bench.folder.glob(f"wandb/*/run-{name}.wandb"))


def status(bench: Bench, *arguments: str) -> Any:
    """Return `status --json`, whose exit code says whether something waits."""
    done = bench.command("status", *arguments, "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["is_settled"] else 1), done.stderr
    return answer


def at_lab(bench: Bench, run: str) -> Any:
    return status(bench, run)["runs"][0]["targets"][0]


def mark_of(log: Path) -> Path:
    return log.with_name(f"{log.name}.synced")


def test_without_a_daemon_the_index_and_the_receipts_tell_all(bench: Bench) -> None:
    log = trained(bench)
    assert "no daemon runs" in bench.runstore("status").stdout
    (run,) = status(bench)["runs"]
    assert (run["run"], run["targets"], run["durable_records"]) == ("demo/one", [], run["indexed_records"])
    with bench.hub():
        bench.runstore("sync")
    (target,) = status(bench, "one")["runs"][0]["targets"]
    assert (target["name"], target["state"], target["error"]) == ("lab", "delivered", "")
    assert target["delivered_bytes"] == log.stat().st_size
    assert (target["files_delivered"], target["files_left"]) == (2, 0)
    (bench.folder / "home" / "index.db").unlink()
    assert at_lab(bench, str(log.parent)) == target
    receipts_path(log).unlink()
    assert at_lab(bench, "one")["state"] == "unwatched"
    assert "there is no run" in bench.sentence("status", "another", code=3)
    assert "no run log" in bench.sentence("status", "home", code=3)


def test_a_folder_that_nobody_told_of_is_looked_through_with_a_daemon_and_without_one(bench: Bench) -> None:
    for name in ("one", "two"):
        log = trained(bench, name)
        (bench.folder / "far" / name).mkdir(parents=True)
        log.parent.rename(bench.folder / "far" / name / log.parent.name)
    assert [run["run"] for run in status(bench, "far/one")["runs"]] == ["demo/one"]
    with bench.daemon():
        assert [run["run"] for run in status(bench, "far/two")["runs"]] == ["demo/two"]


def test_what_grows_behind_a_receipt_waits(bench: Bench) -> None:
    trained(bench)
    with bench.hub():
        bench.runstore("sync")
    bench.train('import runstore\nrunstore.init(project="demo", id="one", resume="must").log({"loss": 3})')
    answer = status(bench, "one")
    assert not answer["is_settled"]
    assert "unwatched" in bench.runstore("status", code=1).stdout
    assert [log["targets"][0]["state"] for log in answer["runs"][0]["logs"]] == ["delivered", "unwatched"]


def test_a_target_that_is_down_is_said_with_why_and_when(bench: Bench) -> None:
    with reserved_port() as port:
        bench.runstore("remote", "add", "lab", f"http://127.0.0.1:{port}", "--token", "rs_x")
        with bench.daemon("--remote", "lab"):
            trained(bench)
            (target,) = eventually(lambda: [t for t in status(bench)["targets"] if t["last_error"]])
            assert (target["name"], target["state"]) == ("lab", "waiting")
            assert "no answer" in target["last_error"]
            assert target["logs_delivered"] == 0
            eventually(lambda: status(bench)["runs"])  # whether a target answers is known before its runs are
            said = bench.runstore("status", code=1).stdout
            assert "no answer" in said
            assert "demo/one" in said


def test_a_live_run_is_followed_to_its_last_record(bench: Bench) -> None:

    def is_there() -> bool:
        for run in status(bench)["runs"]:  # none, before the daemon has heard of it
            amounts = {run[f"{kind}_records"] for kind in ("durable", "indexed")}
            return {at["delivered_records"] for at in run["targets"]} == amounts != {0}
        return False

    with bench.hub(), bench.daemon("--remote", "lab"):
        with bench.live_run() as log:
            for n in range(3):
                log(n)
                eventually(is_there)
        assert not list(bench.folder.glob("wandb/*/*.synced"))  # it never said that it was done


def test_a_run_that_is_delivered_with_all_its_files_is_marked_for_stock_tools(bench: Bench) -> None:
    with bench.hub(), bench.daemon("--remote", "lab"):
        log = trained(bench)
        eventually(mark_of(log).exists)
        assert at_lab(bench, "one")["state"] == "delivered"
        (log.parent / "files" / "late.txt").write_text("one more")
        eventually(lambda: not mark_of(log).exists() or at_lab(bench, "one")["files_delivered"] == 3)
        eventually(lambda: mark_of(log).exists() and at_lab(bench, "one")["files_delivered"] == 3)


def test_a_run_of_which_one_target_lacks_something_is_not_marked(bench: Bench) -> None:
    with reserved_port() as port, bench.hub():
        bench.runstore("remote", "add", "far", f"http://127.0.0.1:{port}", "--token", "rs_x")
        with bench.daemon():
            log = trained(bench)
            eventually(lambda: "delivered" in [at["state"] for run in status(bench)["runs"] for at in run["targets"]])
            eventually(lambda: [t for t in status(bench)["targets"] if t["name"] == "far" and t["last_error"]])
            assert not mark_of(log).exists()
            (run,) = status(bench)["runs"]
            assert not run["is_settled"]


def test_what_the_source_lost_is_said(bench: Bench) -> None:
    with bench.hub():
        log = trained(bench)
        bench.runstore("sync")
        whole = log.read_bytes()
        log.write_bytes(whole[: len(whole) * 2 // 3])
        (target,) = status(bench, "one")["runs"][0]["targets"]
        assert (target["state"], target["error"]) == ("ahead", "")
        assert 0 < len(whole) // 3 <= target["lost_bytes"] < len(whole)
        bench.command("sync")
        assert at_lab(bench, "one")["lost_bytes"] == target["lost_bytes"]
        assert f"{target['lost_bytes']:,} bytes of logs that are not here any more" in bench.runstore("status").stdout


def test_a_conflict_is_said_until_it_is_gone(bench: Bench) -> None:
    with bench.hub():
        log = trained(bench)
        bench.runstore("sync")
        whole = log.read_bytes()
        log.write_bytes(whole[:-20] + bytes(20))
        bench.runstore("sync", code=1)
        (target,) = status(bench, "one")["runs"][0]["targets"]
        assert target["state"] == "failed"
        assert "other bytes" in target["error"]
        assert "other bytes" in bench.runstore("status", code=1).stdout
        log.write_bytes(whole)
        bench.runstore("sync")
        assert at_lab(bench, "one")["error"] == ""


def test_a_log_that_cannot_be_read_is_told_beside_the_others(bench: Bench) -> None:
    log = trained(bench)
    (log.parent.with_name("offline-run-20240101_000000-bad")).mkdir()
    bad = log.parent.with_name("offline-run-20240101_000000-bad") / "run-bad.wandb"
    bad.write_bytes(b"this is no log" * 100)
    answer = status(bench)
    assert list(answer["errors"]) == [str(bad.resolve())]
    assert [run["run"] for run in answer["runs"]] == ["demo/one"]
    assert str(bad) in bench.runstore("status", code=1).stdout
    with bench.daemon():
        eventually(lambda: list(status(bench)["errors"]) == [str(bad.resolve())])


def test_watch_keeps_it_on_the_screen_until_it_is_told_to_end(bench: Bench) -> None:
    trained(bench)
    process = subprocess.Popen(
        [sys.executable, "-m", "runstore", "status", "--watch"],
        cwd=bench.folder,
        env=bench.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("daemon: ")  # of escapes only a terminal is told
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert errors == ""
    assert "--watch" in bench.sentence("status", "--watch", "--json", code=2)


def test_the_daemon_tells_of_what_waits_alone_and_of_all_where_that_is_asked(bench: Bench) -> None:
    with bench.hub(), bench.daemon("--remote", "lab"):
        trained(bench)
        eventually(lambda: status(bench)["is_settled"] and status(bench)["runs"])
        assert [log["run"] for log in bench.json("daemon", "status")["logs"]] == ["one"]
        assert "1 logs with" in bench.runstore("daemon", "status").stdout
        assert "runstore_logs 1\n" in bench.runstore("daemon", "metrics").stdout

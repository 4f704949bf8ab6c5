"""The daemon: it indexes and delivers by itself, and any part of the line may be killed at any moment."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.commands import ONE_RUN, Bench, reserved_port
from tests.timing import PROMPT_SECONDS, eventually


def delivered(bench: Bench, logs: int = 1) -> Any:
    """Return the daemon's status if so many logs are known and all is delivered as far as it is on disk."""
    status = bench.json("daemon", "status")
    whole = [
        log
        for log in status["logs"]
        if log["durable_bytes"] == log["indexed_bytes"] == log["delivered_bytes"].get("lab", 0) > 0
    ]
    return status if len(whole) == len(status["logs"]) == logs else None


def is_ended(pid: int) -> bool:
    """Whether a process is gone, but for what its parent may ask of it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    return True


def test_a_run_is_indexed_and_delivered_without_being_asked(bench: Bench) -> None:
    with bench.hub(), bench.daemon("--remote", "lab"):
        assert bench.train(ONE_RUN).returncode == 0
        status = eventually(lambda: delivered(bench))
        assert status["remotes"][0]["last_error"] == ""
        assert bench.json("runs", "show", "one", "--remote", "lab")["state"] == "finished"
        assert bench.json("sync")["bytes_sent"] == 0


def test_a_hub_that_appears_later_gets_everything(bench: Bench) -> None:
    with reserved_port() as port:
        bench.runstore("remote", "add", "lab", f"http://127.0.0.1:{port}", "--token", "rs_not_yet")
        with bench.daemon("--remote", "lab"):
            assert bench.train(ONE_RUN).returncode == 0
            waiting = eventually(lambda: bench.json("daemon", "status")["remotes"][0]["last_error"])
            assert "no answer" in waiting
            with bench.hub(port):
                eventually(lambda: delivered(bench))


def test_a_live_run_is_delivered_while_it_trains(bench: Bench) -> None:
    with bench.hub(), bench.daemon("--remote", "lab"):
        with bench.live_run() as log:
            for n in range(3):
                log(n)
                eventually(lambda: delivered(bench))
                rows = bench.json("runs", "history", "live", "--keys", "n", "--remote", "lab")
                assert [row["n"] for row in rows] == list(range(n + 1))
        assert bench.json("runs", "show", "live", "--remote", "lab")["state"] == "crashed"


def test_a_daemon_killed_in_the_middle_goes_on_where_it_was(bench: Bench) -> None:
    with bench.hub():
        for attempt in range(5):
            bench.runstore("daemon", "start", "--watch", "wandb", "--remote", "lab")
            pid = bench.json("daemon", "status")["pid"]
            assert bench.train(ONE_RUN.replace('"one"', f'"run{attempt}"')).returncode == 0
            time.sleep(0.15 * attempt)  # a different place in the delivery each time
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: bench.command("daemon", "status").returncode == 1)
        with bench.daemon("--remote", "lab"):
            eventually(lambda: delivered(bench, logs=5))
        runs = bench.json("runs", "list", "--remote", "lab")
        assert [run["id"] for run in runs] == [f"run{attempt}" for attempt in range(5)]
        for run in runs:
            assert len(bench.json("runs", "history", run["id"], "--remote", "lab")) == 11
        assert bench.json("sync")["bytes_sent"] == 0


def test_a_hub_killed_and_started_again_holds_everything_once(bench: Bench) -> None:
    token = bench.runstore("hub", "token", "create", "me", "--data", "hub").stdout.strip()
    with reserved_port() as port:
        bench.runstore("remote", "add", "lab", f"http://127.0.0.1:{port}", "--token", token)
        with bench.daemon("--remote", "lab"):
            for n, name in enumerate(("one", "two", "three"), start=1):
                with bench.hub_process(port) as (_, hub):
                    assert bench.train(ONE_RUN.replace('"one"', f'"{name}"')).returncode == 0
                    eventually(functools.partial(delivered, bench, n))
                    hub.kill()
            with bench.hub_process(port):
                runs = bench.json("runs", "list", "--remote", "lab")
                assert [run["id"] for run in runs] == ["one", "two", "three"]
                assert bench.json("sync")["bytes_sent"] == 0


def test_a_second_daemon_is_refused_in_a_sentence(bench: Bench) -> None:
    with bench.daemon():
        assert "runs already" in bench.sentence("daemon", "start", "--watch", "wandb", code=1)
        assert "runs already" in bench.runstore("daemon", "start", "--watch", "wandb", "--foreground", code=1).stderr


def test_without_a_daemon_status_and_stop_say_so(bench: Bench) -> None:
    for command in ("status", "stop"):
        assert "no daemon runs" in bench.sentence("daemon", command, code=1)
    assert "--watch" in bench.sentence("daemon", "start", "--watch", "nowhere", code=3)
    assert "no remote 'lab'" in bench.sentence("daemon", "start", "--watch", "wandb", "--remote", "lab", code=3)


def test_a_broken_log_holds_up_no_other(bench: Bench) -> None:
    broken = bench.folder / "wandb" / "offline-run-20200101_000000-x" / "run-x.wandb"
    broken.parent.mkdir()
    broken.write_text("not a log at all")
    with bench.hub(), bench.daemon("--remote", "lab"):
        assert bench.train(ONE_RUN).returncode == 0
        status = eventually(lambda: delivered(bench))
        assert "is not a run log" in status["errors"][str(broken.resolve())]


def test_a_run_directory_that_is_moved_or_deleted_is_followed(bench: Bench) -> None:
    with bench.daemon():
        assert bench.train(ONE_RUN).returncode == 0
        (run,) = eventually(lambda: bench.json("daemon", "status")["logs"])
        old = Path(run["path"]).parent
        new = bench.folder / "wandb" / "sorted" / old.name
        new.parent.mkdir()
        old.rename(new)
        eventually(
            lambda: [log["path"] for log in bench.json("daemon", "status")["logs"]] == [str(new / "run-one.wandb")]
        )
        assert len(bench.json("runs", "list")) == 1
        shutil.rmtree(new)
        eventually(lambda: bench.json("daemon", "status")["logs"] == [])
        assert bench.json("runs", "list") == []


def test_a_file_that_comes_later_is_delivered_too(bench: Bench) -> None:
    with bench.hub(), bench.daemon("--remote", "lab"):
        assert bench.train(ONE_RUN).returncode == 0
        eventually(lambda: delivered(bench))
        files = next(bench.folder.glob("wandb/*/files"))
        (files / "late.txt").write_text("late")
        digest = hashlib.sha256(b"late").hexdigest()
        (arrived,) = eventually(lambda: list((bench.folder / "hub" / "blobs").rglob(digest)))
        assert arrived.read_text() == "late"


def test_the_socket_is_for_its_owner_alone_and_a_stale_one_does_no_harm(bench: Bench) -> None:
    with bench.daemon():
        place = bench.folder / "home" / "daemon.sock"
        if not place.exists():
            pytest.skip("the temporary folder's path is too long for a socket beside the index")
        assert place.stat().st_mode & 0o777 == 0o600
        pid = bench.json("daemon", "status")["pid"]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: bench.command("daemon", "status").returncode == 1)
        assert place.exists()
        bench.runstore("daemon", "start", "--watch", "wandb")


def test_sigterm_stops_the_daemon_soon(bench: Bench) -> None:
    bench.runstore("daemon", "start", "--watch", "wandb")
    pid = bench.json("daemon", "status")["pid"]
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: is_ended(pid), PROMPT_SECONDS)
    log = (bench.folder / "home" / "daemon.log").read_text()
    assert "event=stopped" in log

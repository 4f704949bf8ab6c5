"""`runstore sync` to a W&B server: what is sent, what is said, and what would be sent."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.commands import ONE_RUN, Bench
from tests.wandbserver.faults import answer
from tests.wandbserver.server import RecordingServer

KEY, WRONG = "0123456789" * 4, "9876543210" * 4
FULL_RUN = """
    import runstore
    with runstore.init(project="demo", id="full", config={"lr": 0.1}) as run:
        for n in range(5):
            run.log({"loss": 1 / (n + 1)})
        run.alert("look", "at this")
        with open("weights.txt", "w") as file:
            file.write("1 2 3")
        artifact = runstore.Artifact("weights", "model")
        artifact.add_file("weights.txt")
        run.log_artifact(artifact)
        with open(run.dir + "/notes.txt", "w") as file:
            file.write("by hand")
        print("hello")
"""


@dataclass
class Desk:
    """A folder with a run, and a W&B server that the settings name."""

    bench: Bench
    server: RecordingServer

    @property
    def settings(self) -> dict[str, str]:
        netrc = str(self.bench.folder / "netrc")
        return {"WANDB_BASE_URL": self.server.url, "WANDB_API_KEY": KEY, "NETRC": netrc}

    def sync(self, *arguments: str, code: int = 0, **extra: str) -> Any:
        given = {**self.settings, **extra}
        return self.bench.json("sync", "--remote", "wandb", *arguments, code=code, **given)

    def shown(self, *arguments: str, code: int = 0, **extra: str) -> subprocess.CompletedProcess[str]:
        given = {**self.settings, **extra}
        return self.bench.runstore("sync", "--remote", "wandb", *arguments, code=code, **given)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    bench = Bench(tmp_path)
    done = bench.train(FULL_RUN)
    assert done.returncode == 0, done.stderr
    with RecordingServer(keys=[KEY]) as server:
        yield Desk(bench, server)


# What is sent.


def test_a_run_arrives_and_a_second_sync_sends_nothing(desk: Desk) -> None:
    first = desk.sync()
    run = desk.server.run("full")
    assert [row["loss"] for row in run.history] == [1 / (n + 1) for n in range(5)]
    assert (run.complete, run.exit_code, run.config, run.console) == (True, 0, {"lr": 0.1}, ["hello"])
    assert (first["runs"], first["logs"], first["verified"], first["failed"]) == (1, 1, 1, 0)
    counts = {name: first[name] for name in ("rows", "events", "console_lines", "artifacts", "alerts")}
    assert counts == {"rows": 5, "events": len(run.events), "console_lines": 1, "artifacts": 1, "alerts": 1}
    assert first["files_sent"] == len(run.files)
    assert first["file_bytes_sent"] >= len("by hand")
    again = desk.sync()
    sent = ("bytes_sent", "records", "files_sent", "rows", "events", "console_lines", "artifacts", "alerts")
    assert [again[name] for name in sent] == [0] * len(sent)
    assert (again["verified"], run.overwritten, run.after_complete) == (1, [], [])


def test_what_was_done_is_said_in_a_sentence(desk: Desk) -> None:
    said = desk.shown().stdout
    assert said.startswith("1 of 1 logs of 1 runs are delivered; sent now: 5 rows, ")
    assert "1 line of the console" in said
    assert "1 artifact, 1 alert" in said


def test_a_damaged_run_is_delivered_past_the_damage_and_the_loss_is_said(desk: Desk) -> None:
    assert desk.bench.train(ONE_RUN).returncode == 0
    log = next(desk.bench.folder.glob("wandb/*/run-one.wandb"))
    data = bytearray(log.read_bytes())
    data[data.index(b"loss") + 1] ^= 1
    log.write_bytes(data)
    report = desk.sync()
    assert report["verified"] == 2
    (note,) = report["notes"]
    assert log.parent.name in note
    assert "is damaged" in note
    assert "1 records are missing" in note
    assert len(desk.server.run("one").history) == 10
    assert desk.server.run("one").complete


def test_a_run_goes_to_the_place_that_was_asked_for(desk: Desk) -> None:
    desk.sync("--entity", "team", "-p", "paper")
    desk.bench.runstore(
        "remote", "add", "own", desk.server.url, "--kind", "wandb", "--project", "kept", code=0, **desk.settings
    )
    desk.bench.json("sync", "--remote", "own", code=0, **desk.settings)
    desk.bench.json("sync", "--remote", "own", "-p", "once", code=0, **desk.settings)
    places = [(run.entity, run.project) for run in desk.server.runs]
    assert places[0] == ("team", "paper")
    assert [project for _, project in places[1:]] == ["kept", "once"]
    assert all(len(run.history) == 5 and run.overwritten == [] for run in desk.server.runs)


# What would be sent.


def test_a_dry_run_foretells_what_is_sent_and_asks_nobody(desk: Desk) -> None:
    plan = desk.sync("--dry-run", WANDB_API_KEY="")
    assert desk.server.requests == []
    assert (plan["remote"], plan["kind"], plan["errors"]) == ("wandb", "wandb", {})
    (run,) = plan["runs"]
    assert (run["run"], run["is_new"], len(run["logs"])) == ("demo/full", True, 1)
    report = desk.sync()
    for name in ("rows", "events", "console_lines", "artifacts", "alerts", "records"):
        assert run[name] == report[name], name
    (after,) = desk.sync("--dry-run")["runs"]
    assert after["is_new"] is False
    assert not any(count for name, count in after.items() if name not in ("run", "logs", "is_new"))


def test_a_dry_run_counts_what_has_grown_since(desk: Desk) -> None:
    desk.sync()
    resumed = desk.bench.train(
        """
        import runstore
        with runstore.init(project="demo", id="full", resume="must") as run:
            run.log({"loss": 0.01})
            run.log({"loss": 0.02})
        """
    )
    assert resumed.returncode == 0, resumed.stderr
    (run,) = desk.sync("--dry-run")["runs"]
    assert (run["rows"], run["is_new"], len(run["logs"])) == (2, False, 2)
    assert desk.sync()["rows"] == 2
    steps = [row["_step"] for row in desk.server.run("full").history]
    assert steps == list(range(7))


def test_a_dry_run_is_shown_in_a_table(desk: Desk) -> None:
    lines = desk.shown("--dry-run").stdout.splitlines()
    assert lines[0].split() == [
        "RUN",
        "THERE",
        "ROWS",
        "SAMPLES",
        "CONSOLE",
        "ARTIFACTS",
        "ALERTS",
        "FILES",
        "THEIR",
        "SIZE",
    ]
    assert lines[1].split()[:3] == ["demo/full", "no", "5"]
    assert lines[-1].startswith("1 of 1 run would be sent to wandb: ")
    assert lines[-1].endswith("; nothing was sent")
    desk.sync()
    (said,) = desk.shown("--dry-run").stdout.splitlines()
    assert said == "0 of 1 run would be sent to wandb: 0 B of logs, 0 files in 0 B; nothing was sent"


# What goes wrong.


def test_without_a_key_nothing_is_tried(desk: Desk) -> None:
    said = desk.shown(code=4, WANDB_API_KEY="").stderr
    assert (
        said == f"runstore: there is no API key for {desk.server.url}: `runstore login` keeps one; nothing was sent\n"
    )
    assert desk.server.requests == []


def test_a_key_that_the_server_refuses_is_one_sentence(desk: Desk) -> None:
    said = desk.shown("--quiet", code=4, WANDB_API_KEY=WRONG).stderr
    assert said.count("\n") == 1
    assert f"{desk.server.url} refused the API key" in said
    assert "runstore login" in said
    assert desk.server.runs == []


def test_a_server_that_is_not_there_is_one_sentence_and_nothing_is_lost(desk: Desk) -> None:
    with desk.server.away():
        said = desk.shown("--quiet", code=5).stderr
    assert said.count("\n") == 1
    assert desk.server.url in said
    assert desk.sync()["rows"] == 5


def test_a_server_that_was_added_as_a_hub_is_said(desk: Desk) -> None:
    desk.bench.runstore("remote", "add", "own", desk.server.url, "--token", "rs_x")
    said = desk.bench.sentence("sync", "--remote", "own", "--quiet", code=1)
    assert "is not a runstore hub" in said
    assert "--kind wandb" in said


def test_a_file_that_is_refused_fails_its_run_alone_and_is_named(desk: Desk) -> None:
    assert desk.bench.train(ONE_RUN).returncode == 0
    rule = desk.server.fail(answer(403), "file", "notes.txt", times=None)
    done = desk.shown("--quiet", code=1)
    assert "1 of 2 logs of 2 runs are delivered" in done.stdout
    (sentence,) = [line for line in done.stderr.splitlines() if "notes.txt" in line]
    assert "full" in sentence
    assert "403" in sentence
    assert desk.server.run("one").complete
    assert len(desk.server.run("full").history) == 5
    report = desk.sync(code=1)
    assert (report["verified"], report["files_left"]) == (1, 1)
    assert "notes.txt" in report["notes"][0]
    desk.server.faults.remove(rule)
    report = desk.sync()
    assert (report["verified"], report["rows"]) == (2, 0)
    assert desk.server.run("full").complete
    assert desk.server.run("full").files["notes.txt"] == b"by hand"


def test_a_file_that_was_made_of_the_logs_and_refused_is_tried_again(desk: Desk) -> None:
    rule = desk.server.fail(answer(403), "file", "config.yaml", times=None)
    report = desk.sync(code=1)
    assert (report["verified"], report["files_left"]) == (0, 1)
    assert "config.yaml" in report["notes"][0]
    assert desk.sync(code=1)["verified"] == 0
    desk.server.faults.remove(rule)
    assert desk.sync()["verified"] == 1
    assert "config.yaml" in desk.server.run("full").files
    assert desk.sync()["files_sent"] == 0


# How far it is.


def test_a_terminal_is_shown_bytes_rows_and_files(desk: Desk) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "runstore", "sync", "--remote", "wandb"],
        cwd=desk.bench.folder,
        env={**desk.bench.environment, **desk.settings},
        stderr=theirs,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "100%" in shown
    assert "5 rows, " in shown
    assert " files" in shown
    assert desk.shown("--quiet").stderr == ""


# The daemon.


def test_the_daemon_delivers_to_the_server_of_the_settings_where_a_folder_names_it(desk: Desk) -> None:
    daemon = desk.bench
    daemon.runstore("daemon", "start", "--watch", "wandb", "--remote", "wandb", code=0, **desk.settings)
    try:
        for _ in range(100):  # each takes as long as a process does
            status = json.loads(daemon.command("status", "--json", **desk.settings).stdout)
            if status["is_settled"]:
                break
    finally:
        daemon.runstore("daemon", "stop")
    assert desk.server.run("full").complete
    (target,) = status["targets"]
    assert (target["name"], target["logs_delivered"], target["files_left"]) == ("wandb", 1, 0)
    report = desk.sync()
    assert (report["verified"], report["rows"], report["files_sent"]) == (1, 0, 0)

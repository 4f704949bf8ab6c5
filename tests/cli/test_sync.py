"""`runstore remote`, `hub` and `sync`."""

from __future__ import annotations

import os
import pty
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.commands import ONE_RUN, Bench
from tests.timing import PATIENCE_SECONDS, PROMPT_SECONDS


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    done = bench.train(ONE_RUN)
    assert done.returncode == 0, done.stderr
    return bench


def counters(bench: Bench, url: str, name: str = "counting") -> dict[str, int]:
    token = bench.runstore("hub", "token", "create", name, "--data", "hub").stdout.strip()
    answer: dict[str, int] = httpx.get(
        f"{url}/v1/counters", headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_SECONDS
    ).json()
    return answer


def test_a_run_arrives_with_the_same_numbers_and_a_second_sync_sends_nothing(bench: Bench) -> None:
    log = next(bench.folder.glob("wandb/*/run-one.wandb"))
    (log.parent / "files" / "notes.txt").write_text("by hand")
    files = len(list((log.parent / "files").iterdir()))
    with bench.hub() as url:
        first = bench.json("sync")
        assert first["bytes_sent"] == log.stat().st_size
        assert (first["runs"], first["verified"], first["failed"], first["files_sent"]) == (1, 1, 0, files)
        assert first["records"] == bench.json("verify", "wandb")[0]["records"]
        before = counters(bench, url)
        again = bench.json("sync", "wandb", "--remote", "lab")
        assert (again["bytes_sent"], again["records"], again["files_sent"]) == (0, 0, 0)
        assert again["verified"] == 1
        here, there = bench.json("runs", "list"), bench.json("runs", "list", "--remote", "lab")
        assert here == there
        assert bench.json("runs", "show", "one", "--remote", "lab") == here[0]
        for keys in ([], ["--keys", "loss"]):
            assert bench.json("runs", "history", "one", *keys) == bench.json(
                "runs", "history", "one", *keys, "--remote", "lab"
            )
        assert before["log_bytes_accepted"] == log.stat().st_size
        assert counters(bench, url, "later") == before


def test_growth_alone_is_sent_when_a_run_goes_on(bench: Bench) -> None:
    with bench.hub():
        first = bench.json("sync")
        resumed = bench.train(
            """
            import runstore
            with runstore.init(project="demo", id="one", resume="must") as run:
                assert run.step == 11
                run.log({"loss": 0.01})
            """
        )
        assert resumed.returncode == 0, resumed.stderr
        second = bench.json("sync")
        assert 0 < second["bytes_sent"] < first["bytes_sent"]
        assert second["runs"] == 1
        assert second["logs"] == 2
        assert bench.json("runs", "history", "one", "--keys", "loss", "--remote", "lab")[-1] == {
            "_step": 11,
            "loss": 0.01,
        }
        assert len(bench.json("runs", "list", "--remote", "lab")) == 1


def test_a_damaged_log_is_delivered_and_the_intact_ones_with_it(bench: Bench) -> None:
    assert bench.train(ONE_RUN.replace('"one"', '"two"')).returncode == 0
    damaged = next(bench.folder.glob("wandb/*/run-two.wandb"))
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    broken = bench.folder / "wandb" / "offline-run-20200101_000000-x"
    broken.mkdir()
    (broken / "run-x.wandb").write_text("not a log at all")
    with bench.hub():
        report = bench.json("sync", code=1)
        assert report["failed"] == 1
        assert "is not a run log" in next(iter(report["errors"].values()))
        assert report["verified"] == 2
        assert {run["id"] for run in bench.json("runs", "list", "--remote", "lab")} == {"one", "two"}
        rows = bench.json("runs", "history", "two", "--keys", "loss", "--remote", "lab")
        assert 8 <= len(rows) <= 10


def test_bytes_that_contradict_the_hub_are_refused_and_nothing_changes(bench: Bench) -> None:
    log = next(bench.folder.glob("wandb/*/run-one.wandb"))
    with bench.hub():
        bench.json("sync")
        before = bench.json("runs", "history", "one", "--remote", "lab")
        whole = log.read_bytes()
        changed = bytearray(whole)
        changed[-20] ^= 1
        log.write_bytes(changed)
        report = bench.json("sync", code=1)
        assert report["bytes_sent"] == 0
        assert "holds other bytes" in next(iter(report["errors"].values()))
        assert bench.json("runs", "history", "one", "--remote", "lab") == before


def test_a_hub_that_is_not_there_is_one_sentence_and_nothing_is_lost(bench: Bench) -> None:
    bench.runstore("remote", "add", "lab", "http://127.0.0.1:9", "--token", "rs_x")
    assert "try again" in bench.sentence("sync", "--quiet", code=5)
    assert "try again" in bench.sentence("runs", "list", "--remote", "lab", code=5)
    with bench.hub():
        assert bench.json("sync")["verified"] == 1


def test_a_refused_token_is_one_sentence(bench: Bench) -> None:
    with bench.hub() as url:
        bench.runstore("remote", "add", "lab", url, "--token", "rs_wrong")
        assert "token" in bench.sentence("sync", "--quiet", code=4)
        good = bench.runstore("hub", "token", "create", "good", "--data", "hub").stdout.strip()
        assert bench.json("sync", "--remote", url, RUNSTORE_TOKEN=good)["verified"] == 1
        bench.runstore("hub", "token", "revoke", "good", "--data", "hub")
        assert "token" in bench.sentence("sync", "--quiet", "--remote", url, code=4, RUNSTORE_TOKEN=good)


def test_tokens_are_kept_from_others_on_both_sides(bench: Bench) -> None:
    token = bench.runstore("hub", "token", "create", "me", "--data", "hub").stdout
    assert token.startswith("rs_")
    assert token.count("\n") == 1
    bench.runstore("remote", "add", "lab", "http://hub.example:1", "--token", token.strip())
    kept = bench.folder / "home" / "remotes.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert token.strip() not in bench.runstore("remote", "list").stdout
    hub_files = [path for path in (bench.folder / "hub").rglob("*") if path.is_file()]
    assert hub_files
    assert all(token.strip().encode() not in path.read_bytes() for path in hub_files)


def test_remotes_are_added_listed_and_removed(bench: Bench) -> None:
    bench.runstore("remote", "add", "lab", "http://hub.example:1")
    (listed,) = bench.json("remote", "list")
    assert listed.items() >= {"name": "lab", "url": "http://hub.example:1", "has_token": False}.items()
    assert "lab" in bench.sentence("remote", "remove", "lap", code=3)
    bench.runstore("remote", "remove", "lab")
    assert bench.json("remote", "list") == []
    assert "runstore remote add" in bench.sentence("sync", "--quiet", code=2)


@pytest.mark.parametrize("url", ["hub.example:8765", "ftp://hub", ""])
def test_an_address_without_a_scheme_is_refused(bench: Bench, url: str) -> None:
    assert "http" in bench.sentence("remote", "add", "lab", url, code=2)


def test_a_run_that_is_still_going_on_is_delivered_as_far_as_it_is(bench: Bench) -> None:
    script = """
        import sys, runstore
        run = runstore.init(project="demo", id="live")
        run.log({"n": 0}); run.log({"open": 1}, step=7)
        print("logged", flush=True)
        sys.stdin.read()
    """
    process = bench.start(script)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "logged\n"
        with bench.hub():
            bench.json("sync")
            live = next(run for run in bench.json("runs", "list", "--remote", "lab") if run["id"] == "live")
            assert live["state"] == "running"
            rows = bench.json("runs", "history", "live", "--remote", "lab")
            assert [row["_step"] for row in rows] == [0, 7]
            assert live["summary"]["open"] == 1
    finally:
        process.kill()
        process.communicate()


def test_files_that_are_no_logs_are_said_each_in_a_sentence_and_the_run_is_delivered(bench: Bench) -> None:
    bad = {"alien": b"something else altogether", "future": b":W&B\xe1\xbe\x07" + bytes(50), "empty": b""}
    for name, content in bad.items():
        (bench.folder / "wandb" / f"offline-run-20240102_030405-{name}").mkdir()
        (bench.folder / "wandb" / f"offline-run-20240102_030405-{name}" / f"run-{name}.wandb").write_bytes(content)
    with bench.hub():
        report = bench.json("sync", code=1)
        assert (report["verified"], report["failed"]) == (1, 2)
        said = {Path(path).stem: sentence for path, sentence in report["errors"].items()}
        assert said.keys() == {"run-alien", "run-future"}
        assert "is not a run log" in said["run-alien"]
        assert "pip install --upgrade" in said["run-future"]
        shown = bench.runstore("sync", "--quiet", code=1)
        assert "1 of 3 logs of 3 runs are delivered" in shown.stdout
        assert sorted(shown.stderr.splitlines()) == sorted(f"runstore: {sentence}" for sentence in said.values())
        assert [run["id"] for run in bench.json("runs", "list", "--remote", "lab")] == ["one"]
    for name, content in bad.items():
        assert next(bench.folder.glob(f"wandb/*/run-{name}.wandb")).read_bytes() == content


def test_a_path_that_leads_nowhere_or_is_no_text_holds_up_no_other(bench: Bench) -> None:
    wandb = bench.folder / "wandb"
    loop = wandb / "offline-run-20240102_030405-loop"
    loop.mkdir()
    (loop / "run-loop.wandb").symlink_to("run-loop.wandb")
    odd = wandb / os.fsdecode(b"offline-run-20240102_030405-\xff")
    odd.mkdir()
    (odd / "run-odd.wandb").write_bytes(next(wandb.glob("*/run-one.wandb")).read_bytes())
    with bench.hub():
        report = bench.json("sync", code=1)
    assert (report["verified"], report["failed"]) == (1, 2)
    assert any("leads nowhere" in sentence for sentence in report["errors"].values())
    assert any("not UTF-8" in sentence for sentence in report["errors"].values())


def test_an_interruption_ends_it_at_once_with_a_sentence(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        command = [sys.executable, "-m", "runstore", "sync", "--remote", f"http://127.0.0.1:{silent.getsockname()[1]}"]
        process = subprocess.Popen(
            command,
            cwd=bench.folder,
            env={**bench.environment, "RUNSTORE_TOKEN": "rs_x"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=PROMPT_SECONDS)
        connection.close()
    assert process.returncode == 1
    assert "0 of 1 logs of 1 runs are delivered" in out
    assert "interrupted; what is delivered stays so" in said
    assert "Traceback" not in said
    with bench.hub():
        assert bench.json("sync")["verified"] == 1


def test_many_runs_arrive_in_few_requests(bench: Bench) -> None:
    script = """
        import runstore
        for n in range(12):
            with runstore.init(project="demo", id=f"run{n}", reinit="finish_previous") as run:
                run.log({"loss": n})
    """
    assert bench.train(script).returncode == 0
    with bench.hub():
        report = bench.json("sync")
        assert (report["runs"], report["verified"], report["failed"]) == (13, 13, 0)
        again = bench.json("sync")
        assert (again["verified"], again["bytes_sent"], again["records"], again["files_sent"]) == (13, 0, 0, 0)
        assert len(bench.json("runs", "list", "--remote", "lab")) == 13


def test_a_terminal_is_shown_how_far_it_is(bench: Bench) -> None:
    with bench.hub():
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "runstore", "sync"]
        done = subprocess.run(
            command, cwd=bench.folder, env=bench.environment, stderr=theirs, stdout=subprocess.DEVNULL
        )
        os.close(theirs)
        shown = os.read(ours, 10_000)
        os.close(ours)
        assert done.returncode == 0
        assert b"delivering" in shown
        assert b"100%" in shown
        for silent in ("--quiet", "--json"):
            assert bench.runstore("sync", silent).stderr == ""


# What would be sent, and of which runs.


def test_a_dry_run_foretells_what_a_hub_gets_and_asks_nobody(bench: Bench) -> None:
    bench.runstore("remote", "add", "lab", "http://127.0.0.1:9")  # where nobody answers, and without a token
    (run,) = bench.json("sync", "--dry-run")["runs"]
    assert (run["run"], run["is_new"]) == ("demo/one", True)
    with bench.hub():
        assert bench.json("sync", "--dry-run")["runs"] == [run]
        report = bench.json("sync")
        assert (run["log_bytes"], run["records"]) == (report["bytes_sent"], report["records"])
        assert (run["files"], run["file_bytes"]) == (report["files_sent"], report["file_bytes_sent"])
        (log,) = bench.folder.glob("wandb/*/run-one.wandb")
        (log.parent / "files" / "notes.txt").write_text("by hand")
        (after,) = bench.json("sync", "--dry-run")["runs"]
        assert (after["log_bytes"], after["records"], after["files"], after["file_bytes"]) == (0, 0, 1, 7)
        shown = bench.runstore("sync", "--dry-run").stdout.splitlines()
        assert shown[1].split() == ["demo/one", "in", "part", "0", "0", "B", "1", "7", "B"]
        assert shown[2] == "1 of 1 run would be sent to lab: 0 B of logs, 1 file in 7 B; nothing was sent"


def test_a_dry_run_says_which_logs_cant_be_read(bench: Bench) -> None:
    (bench.folder / "wandb" / "offline-run-20240102_030405-x").mkdir()
    (bench.folder / "wandb" / "offline-run-20240102_030405-x" / "run-x.wandb").write_bytes(b"something else altogether")
    plan = bench.json("sync", "--dry-run", "--remote", "http://127.0.0.1:9", code=1)
    assert [run["run"] for run in plan["runs"]] == ["demo/one"]
    (sentence,) = plan["errors"].values()
    assert "is not a run log" in sentence


@pytest.mark.parametrize(
    ("globs", "chosen"),
    [
        (("--include-globs", "run-one.wandb"), {"one"}),
        (("--include-globs", "run-t*.wandb, *-one"), {"one", "two"}),
        (("--exclude-globs", "run-one.wandb"), {"two"}),
        (("--exclude-globs", "offline-run-*-two"), {"one"}),
        (("--include-globs", "run-*", "--exclude-globs", "*two*"), {"one"}),
        (("--include-globs", "files/*,notes.txt"), set()),
    ],
)
def test_globs_choose_runs_by_the_names_of_their_logs_and_directories(
    bench: Bench, globs: tuple[str, ...], chosen: set[str]
) -> None:
    assert bench.train(ONE_RUN.replace('"one"', '"two"')).returncode == 0
    bench.runstore("runs", "note", "two", "edited")  # which lies in a log of its own
    plan = bench.json("sync", "--dry-run", "--remote", "http://127.0.0.1:9", *globs)
    assert {run["run"] for run in plan["runs"]} == {f"demo/{run_id}" for run_id in chosen}
    assert {len(run["logs"]) for run in plan["runs"] if run["run"] == "demo/two"} <= {2}


def test_a_place_in_a_hub_is_refused(bench: Bench) -> None:
    for arguments in (("--entity", "team"), ("-p", "demo", "--dry-run")):
        said = bench.sentence("sync", "--remote", "http://127.0.0.1:9", *arguments, code=2)
        assert "a hub, which takes runs as they are" in said


def test_options_of_scripts_for_wandbs_tool_are_taken(bench: Bench) -> None:
    assert bench.json("sync", "--yes", "--dry-run", "--remote", "http://127.0.0.1:9")["kind"] == "hub"

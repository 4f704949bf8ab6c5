"""`runstore runs`, `verify`, `settings` and `completion`."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ONE_RUN, Bench
from tests.index.writing import exit_record, write_log


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A folder with one run, which the tests of this file only read."""
    bench = Bench(tmp_path_factory.mktemp("runs"))
    done = bench.train(ONE_RUN)
    assert done.returncode == 0, done.stderr
    return bench


def log_of(bench: Bench) -> Path:
    return next(bench.folder.glob("wandb/*/run-one.wandb"))


def test_list_as_json_is_an_array_with_the_documented_fields(bench: Bench) -> None:
    (run,) = bench.json("runs", "list")
    assert run["id"] == "one"
    assert run["entity"] == ""
    assert run["project"] == "demo"
    assert run["name"] == "first"
    assert run["state"] == "finished"
    assert run["created_at"].endswith("Z")
    assert run["config"] == {"lr": 0.1, "net": {"depth": 3}}
    assert run["summary"]["loss"] == 0.1
    assert run["summary"]["bad"] == "NaN"
    assert run["summary"]["worse"] == "-Infinity"


def test_list_of_a_path_shows_only_what_is_below_it(bench: Bench, tmp_path: Path) -> None:
    assert [run["id"] for run in bench.json("runs", "list", "wandb")] == ["one"]
    assert [run["id"] for run in bench.json("runs", "list", str(log_of(bench)))] == ["one"]
    assert bench.json("runs", "list", str(tmp_path)) == []


def test_list_for_people_is_a_table(bench: Bench) -> None:
    header, line = bench.runstore("runs", "list").stdout.splitlines()
    assert header.split()[:4] == ["ID", "NAME", "PROJECT", "STATE"]
    assert line.split()[:4] == ["one", "first", "demo", "finished"]


def test_list_says_when_runs_were_begun_to_the_minute_in_utc(tmp_path: Path) -> None:
    moments = {"1970-01-02 10:17": 123456.7, "2024-02-29 23:59": 1709251199.9, "2255-03-14 16:00": 9e9}
    for number, started in enumerate(moments.values()):
        write_log(tmp_path, [exit_record()], "a", f"r{number}", started=started)
    lines = Bench(tmp_path).runstore("runs", "list").stdout.splitlines()[1:]
    assert [" ".join(line.split()[3:5]) for line in lines] == list(moments), lines


def test_list_as_csv_has_config_and_summary_as_columns(bench: Bench) -> None:
    (row,) = csv.DictReader(io.StringIO(bench.runstore("runs", "list", "--csv").stdout))
    assert (row["id"], row["config.net.depth"], row["summary.loss"]) == ("one", "3", "0.1")


@pytest.mark.parametrize("path", ["one", "demo/one", "first"])
def test_show_finds_a_run_by_id_path_and_name(bench: Bench, path: str) -> None:
    assert bench.json("runs", "show", path)["id"] == "one"
    assert "net.depth = 3" in bench.runstore("runs", "show", path).stdout


def test_history_has_every_row_and_only_the_keys_asked_for(bench: Bench) -> None:
    rows = bench.json("runs", "history", "one", "--keys", "loss")
    assert rows == [{"_step": n, "loss": 1 / (n + 1)} for n in range(10)]
    everything = bench.json("runs", "history", "one")
    assert len(everything) == 11
    assert everything[10]["bad"] == "NaN"
    assert len(bench.json("runs", "history", "one", "--samples", "3")) == 3


def test_history_as_csv_begins_with_the_step(bench: Bench) -> None:
    rows = list(csv.reader(io.StringIO(bench.runstore("runs", "history", "one", "--csv").stdout)))
    assert rows[0][:3] == ["_step", "acc", "bad"]
    assert rows[1][:3] == ["0", "0.0", ""]


def test_unknown_run_names_the_nearest(bench: Bench) -> None:
    assert "there is one" in bench.sentence("runs", "show", "onne", code=3)


def test_a_path_that_is_not_there_is_one_sentence(bench: Bench) -> None:
    for command in (["runs", "list"], ["verify"], ["sync", "--remote", "http://127.0.0.1:9"]):
        assert "nowhere" in bench.sentence(*command, "nowhere", code=3)


def test_verify_says_what_is_intact(bench: Bench) -> None:
    assert bench.runstore("verify", "wandb").stdout.startswith("intact")
    (verdict,) = bench.json("verify", "wandb")
    assert verdict["intact"]
    assert verdict["finished"]
    assert verdict["damaged_bytes"] == verdict["torn_bytes"] == verdict["missing"] == 0
    assert verdict["records"] > 11


def test_verify_reports_damage_in_bytes_and_ends_with_one(bench: Bench, tmp_path: Path) -> None:
    data = bytearray(log_of(bench).read_bytes())
    data[len(data) // 2] ^= 0xFF
    damaged = tmp_path / "run-x.wandb"
    damaged.write_bytes(data)
    (verdict,) = bench.json("verify", str(damaged), code=1)
    assert not verdict["intact"]
    assert verdict["damaged_bytes"] > 7
    assert verdict["missing"] == 1
    shown = bench.runstore("verify", str(damaged), "--show-lost", code=1).stdout
    assert "DAMAGED" in shown
    assert "damaged: bytes" in shown


def test_verify_shows_any_path_and_goes_on(bench: Bench, tmp_path: Path) -> None:
    for name in ("a\udcff", "b\nintact\x1b[2J"):
        folder = tmp_path / name / "wandb" / "offline-run-1"
        folder.mkdir(parents=True)
        (folder / "run-one.wandb").write_bytes(log_of(bench).read_bytes())
    lines = bench.runstore("verify", str(tmp_path)).stdout.splitlines()
    assert len(lines) == len(bench.json("verify", str(tmp_path))) == 2
    assert all(line.startswith("intact") and line.isprintable() for line in lines)


def test_verify_takes_a_torn_tail_for_no_damage(bench: Bench, tmp_path: Path) -> None:
    torn = tmp_path / "run-x.wandb"
    torn.write_bytes(log_of(bench).read_bytes()[:-30])
    (verdict,) = bench.json("verify", str(torn))
    assert verdict["torn_bytes"] > 0
    assert not verdict["finished"]


def test_what_is_no_log_or_of_the_future_is_said_and_the_rest_still_shown(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "run-a.wandb").write_bytes(b"something else altogether")
    (tmp_path / "run-b.wandb").write_bytes(b":W&B\xe1\xbe\x07" + bytes(50))
    (tmp_path / "run-c.wandb").write_bytes(b"")
    (tmp_path / "run-one.wandb").write_bytes(log_of(bench).read_bytes())
    verdicts = {Path(v["path"]).name: v for v in bench.json("verify", str(tmp_path), code=1)}
    assert "is not a run log" in verdicts["run-a.wandb"]["error"]
    assert "version 7" in verdicts["run-b.wandb"]["error"]
    assert "Upgrade" in verdicts["run-b.wandb"]["error"]
    assert verdicts["run-c.wandb"]["sentence"] == "no records yet"
    listed = bench.runstore("runs", "list", str(tmp_path), "--json")
    assert '"one"' in listed.stdout
    assert "is not a run log" in listed.stderr
    assert "version 7" in listed.stderr


def test_settings_tell_where_each_value_came_from(bench: Bench) -> None:
    settings = bench.json("settings", WANDB_PROJECT="here", RUNSTORE_FSYNC="never")
    assert settings["project"] == {"value": "here", "source": "WANDB_PROJECT"}
    assert settings["fsync"] == {"value": "never", "source": "RUNSTORE_FSYNC"}
    assert settings["mode"]["source"] == "default"
    assert "WANDB_MODE='sometimes'" in bench.sentence("settings", code=2, WANDB_MODE="sometimes")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(bench: Bench, shell: str) -> None:
    assert "_RUNSTORE_COMPLETE" in bench.runstore("completion", shell).stdout


def test_a_home_that_can_not_be_used_is_one_sentence(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "RUNSTORE_HOME" in bench.sentence("runs", "list", code=6, RUNSTORE_HOME=str(tmp_path / "file" / "home"))


def test_a_reader_that_has_seen_enough_is_no_error(bench: Bench) -> None:
    command = f"{os.sys.executable} -m runstore runs history one | head -1"  # type: ignore[attr-defined]
    done = bench.train(f"import subprocess, sys; sys.exit(subprocess.run({command!r}, shell=True).returncode)")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_full_disk_behind_the_output_is_said(bench: Bench) -> None:
    for arguments in (["runs", "list"], ["runs", "history", "one", "--csv"], ["sql", "select 1", "--json"]):
        with open("/dev/full", "w") as full:
            command = [sys.executable, "-m", "runstore", *arguments]
            done = subprocess.run(
                command, env=bench.environment, cwd=bench.folder, stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert (done.returncode, done.stderr) == (6, "runstore: the output can't be written: No space left on device\n")


def test_an_argument_that_is_no_text_is_refused(bench: Bench) -> None:
    said = bench.sentence("runs", "show", os.fsdecode(b"x\xff"), code=2)
    assert said == "runstore: 'x\\udcff' is not UTF-8"

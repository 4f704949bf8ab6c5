"""A real daemon where things are not as they should be: it says so, and everything else goes on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import ONE_RUN, Bench
from tests.crash.faults import passed
from tests.crash.machines import DaemonMachine, line_to_a_hub
from tests.timing import eventually

# What a shell, a terminal, a URL, SQL and JSON would each stumble over; the last is as long as names get.
HOSTILE = (
    "-rf",
    "a b\tc\nd",
    "'; DROP TABLE runs; --",
    '"quoted" \\ $(id) `id` &',
    "\x1b[31mred\x1b[0m\x07",
    "%00%2F..%2F?x=1#y",
    "Ünïcödé-\u202edcba\u200b-🙂",
    "x" * 240,
)
NOT_TEXT = b"caf\xe9"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return where a daemon watches."""
    (tmp_path / "wandb").mkdir()
    return Bench(tmp_path)


@pytest.fixture
def daemon(bench: Bench) -> Iterator[DaemonMachine]:
    """A daemon and a hub that it reaches; it has to live to the end, and to say nothing that nobody understands."""
    with line_to_a_hub(bench, lambda _: passed):
        daemon = DaemonMachine(bench)
        daemon.start()
        try:
            yield daemon
            assert daemon.end() == 0
            assert daemon.is_sound()
        finally:
            daemon.kill()


def trained(bench: Bench, name: str) -> Path:
    """Train a run to its end, and return its log."""
    done = bench.train(ONE_RUN.replace('"one"', f'"{name}"'))
    assert done.returncode == 0, done.stderr
    return next(bench.folder.glob(f"wandb/*/run-{name}.wandb"))


def targets(bench: Bench) -> dict[str, Any]:
    """Return what status says of each log that it knows at the hub, by path."""
    answer = json.loads(bench.command("status", "--json").stdout)
    if not answer["runs"]:
        return {}
    answer = json.loads(bench.command("status", ".", "--json").stdout)
    return {log["path"]: log["targets"][0] for run in answer["runs"] for log in run["logs"] if log["targets"]}


def delivered(bench: Bench, *logs: Path) -> bool:
    """Return whether all these logs are delivered, as status says."""
    known = targets(bench)
    return all(known.get(str(log), {}).get("state") == "delivered" for log in logs)


def test_a_root_that_vanishes_is_said_and_goes_on_when_it_is_back(bench: Bench, daemon: DaemonMachine) -> None:
    root, away = bench.folder / "wandb", bench.folder / "away"
    first = trained(bench, "first")
    eventually(lambda: delivered(bench, first))
    root.rename(away)
    eventually(lambda: bench.json("daemon", "status")["roots"][0]["how"] == "missing")
    assert "is looked for" in bench.runstore("daemon", "status").stderr
    assert [run["id"] for run in bench.json("runs", "list")] == ["first"]
    away.rename(root)
    second = trained(bench, "second")
    eventually(lambda: delivered(bench, first, second))


def test_hostile_names_are_delivered_or_said(bench: Bench, daemon: DaemonMachine) -> None:
    log = trained(bench, "one")
    eventually(lambda: delivered(bench, log))
    places = [bench.folder / "wandb" / name for name in HOSTILE]
    for number, place in enumerate(places):
        copied_to(log, place, number)
    copied_to(log, Path(os.fsdecode(os.fsencode(bench.folder / "wandb") + b"/" + NOT_TEXT)), len(places))
    copies = [next(place.glob("*/*.wandb")) for place in places]
    eventually(lambda: delivered(bench, *copies))
    eventually(lambda: "not UTF-8" in daemon.messages.read_text() + bench.command("status").stderr)
    shown = bench.command("status", "--all")
    assert "\x1b[31m" not in shown.stdout + shown.stderr


def copied_to(log: Path, place: Path, number: int) -> None:
    """Make a run of its own below `place`: its log is the same up to the time at which the run was begun."""
    place.mkdir()
    directory = place / f"offline-run-20250102_0304{number:02}-h{number}"
    shutil.copytree(log.parent / "files", directory / "files")
    shutil.copyfile(log, directory / f"run-h{number}.wandb")


def test_a_log_that_shrinks_or_is_another_is_said_and_holds_up_no_other(bench: Bench, daemon: DaemonMachine) -> None:
    log, other = trained(bench, "one"), trained(bench, "two")
    eventually(lambda: delivered(bench, log, other))
    whole = log.read_bytes()
    with log.open("r+b") as file:
        file.truncate(len(whole) - 100)
    lost = eventually(lambda: targets(bench).get(str(log), {}).get("lost_bytes"))
    assert lost >= 100
    third = trained(bench, "three")
    eventually(lambda: delivered(bench, third))
    log.write_bytes(whole)
    eventually(lambda: delivered(bench, log))
    shutil.copyfile(third, other.with_suffix(".new"))
    other.with_suffix(".new").rename(other)  # another inode, and another run's bytes
    eventually(lambda: sorted(run["id"] for run in bench.json("runs", "list")) == ["one", "three"])
    eventually(lambda: delivered(bench, other))
    assert sorted(run["id"] for run in bench.json("runs", "list", "--remote", "lab")) == ["one", "three", "two"]

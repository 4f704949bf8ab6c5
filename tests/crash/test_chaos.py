"""Everything is killed at random, the line to the hub is as bad as lines get: whatever `log` returned for arrives once.

RUNSTORE_TESTS_CHAOS_SECONDS says how long it goes on, RUNSTORE_TESTS_CHAOS_SEED what happens. The seed is printed: the
same one brings the same troubles, at almost the same moments.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from runstore.paths import find_logs
from runstore.query.api import Api
from runstore.query.stored.run import StoredRun
from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from tests.commands import Bench
from tests.crash.loop import PROJECT, SAVE_EVERY, learning, saved_bytes, saved_name
from tests.crash.machines import DaemonMachine, line_to_a_hub
from tests.crash.trouble import Attempt, Bystander, DaemonsEnemy, HubsEnemy, LinesEnemy, Play, Story, Trainer
from tests.timing import HANGS_SECONDS, eventually

SECONDS = float(os.environ.get("RUNSTORE_TESTS_CHAOS_SECONDS", "30"))
TRAINERS = 3
COMMON = ("_step", "_timestamp", "_runtime")


def seed() -> int:
    """Return what was asked for; in continuous integration always the same, elsewhere a new one each time."""
    if "RUNSTORE_TESTS_CHAOS_SEED" in os.environ:
        return int(os.environ["RUNSTORE_TESTS_CHAOS_SEED"])
    return 7 if "RUNSTORE_TESTS_REPEATABLE" in os.environ else random.SystemRandom().randrange(10_000)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return where it happens."""
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    (tmp_path / "wandb").mkdir()
    return Bench(tmp_path)


# As long as it takes for troubles to meet each other: half a minute of them, and then all has to be made good.
def test_whatever_returned_arrives_once(bench: Bench) -> None:
    play = Play(seed(), SECONDS)
    print(f"RUNSTORE_TESTS_CHAOS_SEED={play.seed} RUNSTORE_TESTS_CHAOS_SECONDS={SECONDS:g}")
    line = LinesEnemy(play)
    with line_to_a_hub(bench, line.choose) as (line.proxy, hub):
        daemon = DaemonMachine(bench)
        daemon.start()
        trainers = [Trainer(play, bench, number) for number in range(TRAINERS)]
        enemies = DaemonsEnemy(play, daemon), HubsEnemy(play, hub)
        bystander = Bystander(play, bench)
        try:
            play.perform()
            eventually(daemon.is_up)
            bench.runstore("daemon", "reload")  # what waits for its time after so many failures is tried at once
            stories = [story for trainer in trainers for story in trainer.stories]
            print(f"daemon killed {enemies[0].kills} times, hub {enemies[1].kills}; {told(stories)}")
            print(f"network gone {line.cuts} times; requests: {line.told()}; commands: {bystander.codes}")
            check_delivery(bench, eventually(lambda: all_delivered(bench), HANGS_SECONDS))
            check_runs(bench, stories)
            assert daemon.end() == 0
        finally:
            daemon.kill()
        assert daemon.is_sound()
        assert hub.is_sound()


def told(stories: list[Story]) -> str:
    attempts = [attempt for story in stories for attempt in story.attempts]
    killed = sum(attempt.was_killed for attempt in attempts)
    rows = sum(attempt.logged for attempt in attempts)
    return f"{len(stories)} runs in {len(attempts)} processes, {killed} of them killed, {rows} rows"


def all_delivered(bench: Bench) -> dict[str, Any] | None:
    """Return what status says of each log, by path, once it says of every log there that nothing waits."""
    answer = json.loads(bench.command("status", "wandb", "--json").stdout)
    logs = {log["path"]: log for run in answer["runs"] for log in run["logs"]}
    known = all(whole_bytes(log) <= logs.get(str(log), {}).get("indexed_bytes", 0) for log in logs_of(bench))
    return logs if answer["is_settled"] and known else None


def logs_of(bench: Bench) -> list[Path]:
    return list(find_logs(bench.folder / "wandb"))


def whole_bytes(log: Path) -> int:
    """Return where the last whole record of a log ends; 0 where not even the first is there, which names the log."""
    identity = codec.log_identity(log)
    return max((framed.end for framed in LogReader(log)), default=0) if identity else 0


def check_delivery(bench: Bench, said: dict[str, Any]) -> None:
    """Check that the hub holds the bytes of every log, and that status and a delivery by hand say so."""
    for log in logs_of(bench):
        identity = codec.log_identity(log)
        if identity is None:
            continue
        held = (bench.folder / "hub" / "logs" / identity.log_id[:2] / identity.log_id / "log.wandb").read_bytes()
        assert held == log.read_bytes()[: whole_bytes(log)], log
        (target,) = said[str(log)]["targets"]
        assert (target["name"], target["state"], target["files_left"]) == ("lab", "delivered", 0)
        assert said[str(log)]["durable_bytes"] == target["delivered_bytes"] == len(held)
        assert said[str(log)]["durable_records"] == target["delivered_records"] == sum(1 for _ in LogReader(log))
    report = bench.json("sync")
    assert (report["failed"], report["bytes_sent"], report["files_left"]) == (0, 0, 0)
    assert report["verified"] == report["logs"] > 0


def check_runs(bench: Bench, stories: list[Story]) -> None:
    """Check every run, in the index here and in the hub's, and the files that it saved."""
    bench.runstore("runs", "list", "--remote", "lab")  # which waits until the hub has indexed what it holds
    with index(bench.folder / "home") as here, index(bench.folder / "hub") as there:
        for story in stories:
            check_story(here, story)
            check_story(there, story)
            check_saved(bench, story)


@contextmanager
def index(folder: Path) -> Iterator[Api]:
    """Give an Api over an index as it is."""
    api = Api(index=folder / "index.db", refresh=False)
    yield api
    api.close()


def check_story(api: Api, story: Story) -> None:
    """Check that a run has every row that it was told to be safe, once, in order, and at most the one after each."""
    run = api.run(f"{PROJECT}/{story.run_id}")
    assert run.state == "finished"
    rows = list(run.scan_history())
    steps = [row["_step"] for row in rows]
    assert steps == sorted(set(steps)), f"{story}: steps are doubled or out of order"
    place = 0
    for attempt in story.attempts:
        found = [row for row in rows[place:] if row["attempt"] == attempt.number]
        assert rows[place : place + len(found)] == found
        check_attempt(story, attempt, found)
        place += len(found)
    assert place == len(rows)
    check_summary(run, rows)
    check_artifacts(run, story)


def check_attempt(story: Story, attempt: Attempt, found: list[dict[str, Any]]) -> None:
    assert attempt.logged <= len(found) <= attempt.logged + attempt.was_killed, f"{story.run_id}: {attempt}"
    for row, expected in zip(found, islice(learning(story.seed, attempt.number), len(found)), strict=True):
        assert math.isclose(row["loss"], expected["loss"], rel_tol=1e-9)
        assert row["net.first"] == pytest.approx(expected["net"]["first"])
        assert (row["n"], row["note"]) == (expected["n"], expected["note"])


def check_summary(run: StoredRun, rows: list[dict[str, Any]]) -> None:
    last = {key: value for key, value in rows[-1].items() if key not in COMMON}
    assert {key: run.summary[key] for key in ("attempt", "n", "loss", "note")} == {
        key: last[key] for key in ("attempt", "n", "loss", "note")
    }


def check_artifacts(run: StoredRun, story: Story) -> None:
    """Check the versions: each that was told to be safe, at most one more for each kill, numbered without a gap."""
    found = [(artifact.metadata["attempt"], artifact.metadata["n"]) for artifact in run.logged_artifacts()]
    assert len(found) == len(set(found))
    for attempt in story.attempts:
        count = sum(number == attempt.number for number, _ in found)
        assert attempt.artifacts <= count <= attempt.artifacts + attempt.was_killed


def check_saved(bench: Bench, story: Story) -> None:
    """Check that the hub holds every file of a save that returned, and that the receipt of its log says so."""
    receipts = [
        json.loads(path.read_bytes()) for path in bench.folder.glob(f"wandb/**/run-{story.run_id}.runstore.json")
    ]
    proven = {
        (name, stamp["sha256"])
        for receipt in receipts
        for target in receipt["targets"].values()
        for name, stamp in target["files"].items()
    }
    for attempt in story.attempts:
        for number in range(attempt.saved):
            n = number * SAVE_EVERY
            data = saved_bytes(story.run_id, attempt.number, n)
            digest = hashlib.sha256(data).hexdigest()
            assert (saved_name(attempt.number, n), digest) in proven
            assert (bench.folder / "hub" / "blobs" / digest[:2] / digest).read_bytes() == data

"""How far runs are, by the JSON API: of a source as `runstore status` says it, of a hub what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import runstore
from runstore.cli import remote
from runstore.cli.status_facts import standings
from runstore.web.reading import Reader
from runstore.web.site import Site
from runstore.web.watching import KnownLogs
from tests.web.asking import Asking
from tests.web.looking import CaughtUpAtOnce


@pytest.fixture
def source() -> Iterator[Asking]:
    """The pages of a machine that delivers runs; each answer is of now."""
    reader, watch = Reader(), CaughtUpAtOnce()
    yield Asking(Site(reader, standings=standings, watch=watch))
    watch.close()
    reader.close()


def logged(run_id: str) -> None:
    with runstore.init(project="demo", id=run_id) as run:
        run.log({"loss": 0.5})


def test_runs_that_go_nowhere_are_durable_and_indexed(source: Asking) -> None:
    logged("one")
    found = source.get("/api/sync")
    assert found["kind"] == "source"
    assert found["is_settled"]
    assert found["targets"] == []
    assert found["totals"]["runs"] == 1
    assert found["totals"]["durable_records"] == found["totals"]["indexed_records"] > 0
    assert found["daemon"]["pid"] is None
    assert found["runs"] == []
    assert found["matching"] == 0
    (run,) = source.get("/api/sync", every=1)["runs"]
    assert run["ref"] == "demo/one"
    assert run["is_settled"]


def test_runs_that_have_not_arrived_wait_at_each_target(source: Asking) -> None:
    added = CliRunner().invoke(remote.command, ["add", "lab", "https://hub.example", "--token", "t"])
    assert added.exit_code == 0, added.output
    logged("one")
    found = source.get("/api/sync")
    assert not found["is_settled"]
    assert [(one["name"], one["logs"], one["logs_delivered"]) for one in found["targets"]] == [("lab", 1, 0)]
    (run,) = found["runs"]
    assert [(at["name"], at["state"]) for at in run["targets"]] == [("lab", "unwatched")]


def test_runs_are_found_by_their_paths_and_come_in_pages(source: Asking) -> None:
    for run_id in ("alpha", "beta", "gamma"):
        logged(run_id)
    found = source.get("/api/sync", every=1, text="A/BET")
    assert [run["run"] for run in found["runs"]] == []
    assert found["matching"] == 0
    assert [run["run"] for run in source.get("/api/sync", every=1, text="O/BET")["runs"]] == ["demo/beta"]
    later = source.get("/api/sync", every=1, offset=2)
    assert len(later["runs"]) == 1
    assert later["matching"] == 3


def test_whoever_knows_the_last_answer_is_told_only_that_it_holds(source: Asking) -> None:
    logged("one")
    first = source.get("/api/sync")
    assert source.get("/api/sync", since=first["digest"]) == {"digest": first["digest"]}
    assert "totals" in source.get("/api/sync", since="another")


def test_a_look_is_shared_by_all_who_ask_at_once(folder: object) -> None:
    looks = 0

    def look() -> dict[str, Any]:
        nonlocal looks
        looks += 1
        return {"runs": [], "totals": {}}

    reader = Reader()
    asking = Asking(Site(reader, standings=look))
    assert asking.get("/api/sync") == asking.get("/api/sync")
    assert looks == 1
    reader.close()


def test_files_that_are_no_logs_are_named(folder: Path) -> None:
    logged("one")
    bad = folder / "wandb" / "offline-run-20260101_000000-bad" / "run-bad.wandb"
    bad.parent.mkdir()
    bad.write_bytes(b"something else" * 100)
    logs, reader = KnownLogs(), Reader()
    asking = Asking(Site(reader, standings=partial(standings, logs.unreadable)))
    logs()
    found = asking.get("/api/sync")
    assert list(found["errors"]) == [str(bad)]
    assert not found["is_settled"]
    logs.close()
    reader.close()


def test_a_hub_says_what_it_holds(asking: Asking) -> None:
    assert asking.get("/api/sync")["runs"] == 0
    logged("one")
    logged("two")
    found = asking.get("/api/sync")
    assert (found["kind"], found["projects"], found["runs"], found["logs"]) == ("hub", 1, 2, 2)
    assert found["bytes"] > 0
    assert found["records"] > 0
    assert found["lost_bytes"] == 0
    assert found["latest"] > 0

"""The projects, and what their runs can be asked for."""

from __future__ import annotations

import runstore
from runstore.core.identity import RunPath
from runstore.web.refs import parse_project_ref, parse_run_ref, project_ref, run_ref
from tests.web.asking import Asking
from tests.web.test_runs import log_run


def test_projects_say_how_many_runs_they_have_and_how_many_run(asking: Asking) -> None:
    log_run("a", "old")
    log_run("b", "new")
    running = runstore.init(project="new")
    running.log({"x": 1})
    found = {one["ref"]: one for one in asking.get("/api/projects")}
    assert (found["old"]["runs"], found["old"]["running"]) == (1, 0)
    assert (found["new"]["runs"], found["new"]["running"]) == (2, 1)
    assert found["new"]["active_at"] >= found["new"]["created_at"] > 1e9


def test_no_projects_are_an_empty_list(asking: Asking) -> None:
    assert asking.get("/api/projects") == []


def test_projects_called_like_their_pages_have_refs_of_their_own() -> None:
    for name in ("table", "groups", "artifacts", "~table", "..", "a/b", "-"):
        for entity in ("", "me", "table"):
            ref = project_ref(entity, name)
            assert ref.rpartition("/")[2] not in ("table", "groups", "artifacts")
            assert parse_project_ref(ref) == (entity, name)
            run = RunPath(entity, name, "table")
            assert parse_run_ref(run_ref(run)) == run
            assert run_ref(run).startswith(f"{ref}/")


def test_keys_are_told_with_the_values_of_those_that_have_few(asking: Asking) -> None:
    for place in range(20):
        log_run(f"run{place}", "demo", ("even",) if place % 2 == 0 else (), lr=place / 10, arch="vit", text=f"t{place}")
    found = asking.get("/api/columns", ref="demo")
    config = {key: place for place, key in enumerate(found["config"]["keys"])}
    assert set(config) == {"lr", "arch", "text"}
    assert found["config"]["numbers"][config["lr"]] is True
    assert found["config"]["values"][config["arch"]] == ["vit"]
    assert found["config"]["values"][config["text"]] == []
    assert found["config"]["runs"][config["lr"]] == 20
    assert "loss" in found["summary"]["keys"]
    assert found["tags"] == ["even"]
    assert "running" in found["states"]

"""`runstore artifact graph`: lineage as a tree, as DOT and as JSON; circles end, steps can be counted."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.test_json_documented import documented, fields
from tests.commands import Bench

LINEAGE = """
    import runstore

    def logged(run, name, kind, content):
        artifact = runstore.Artifact(name, kind)
        with artifact.new_file("content") as file:
            file.write(content)
        return run.log_artifact(artifact)

    with runstore.init(project="demo", id="prepares", job_type="prepare") as run:
        logged(run, "rows", "dataset", "rows")
    with runstore.init(project="demo", id="trains", job_type="train") as run:
        run.use_artifact("rows:latest")
        net = logged(run, "net", "model", "weights")
        run.use_artifact(net)
        run.link_artifact(net, "registry/best")
    with runstore.init(project="demo", id="judges") as run:
        run.use_artifact("net:latest")
        logged(run, 'report', "report", "good")
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A folder with a run that makes data, one that trains with it and uses its own model, and one that judges it."""
    bench = Bench(tmp_path_factory.mktemp("lineage"))
    done = bench.train(LINEAGE)
    assert done.returncode == 0, done.stderr
    return bench


def test_a_tree_shows_both_directions_and_ends_in_circles(bench: Bench) -> None:
    assert bench.runstore("artifact", "graph", "net").stdout.splitlines() == [
        "demo/net:v0  (model)",
        "",
        "came from:",
        "└─ run demo/trains  (train)",
        "   ├─ demo/rows:v0  (dataset)",
        "   │  └─ run demo/prepares  (prepare)",
        "   └─ demo/net:v0  (model)  (above)",
        "",
        "led to:",
        "├─ run demo/trains  (train)",
        "│  └─ demo/net:v0  (model)  (above)",
        "└─ run demo/judges",
        "   └─ demo/report:v0  (report)",
    ]


def test_a_run_may_be_asked_for_and_a_link_is_what_it_links_to(bench: Bench) -> None:
    assert bench.runstore("artifact", "graph", "prepares").stdout.startswith("run demo/prepares  (prepare)\n")
    assert bench.json("artifact", "graph", "registry/best") == bench.json("artifact", "graph", "net:v0")
    assert "no run is called" in bench.sentence("artifact", "graph", "nothing", code=3)


def test_depth_ends_the_walk(bench: Bench) -> None:
    names = {node["name"] for node in bench.json("artifact", "graph", "rows", "--depth", "1")["nodes"]}
    assert names == {"demo/rows:v0", "demo/prepares", "demo/trains"}
    names |= {node["name"] for node in bench.json("artifact", "graph", "rows", "--depth", "2")["nodes"]}
    assert names == {"demo/rows:v0", "demo/prepares", "demo/trains", "demo/net:v0"}


def test_as_json_it_has_the_documented_fields(bench: Bench) -> None:
    found = bench.json("artifact", "graph", "trains")
    assert {"from": "run:demo/trains", "to": "artifact:demo/net:v0", "how": "logged"} in found["edges"]
    assert {"from": "artifact:demo/net:v0", "to": "run:demo/trains", "how": "used"} in found["edges"]
    assert set(fields(found)) == documented("artifact graph") - {"run", "artifact", "logged", "used"}


def test_dot_names_every_node_once(bench: Bench) -> None:
    lines = bench.runstore("artifact", "graph", "net", "--dot").stdout.splitlines()
    labels = [found[1] for found in (re.search(r'label="(.+?)(\\n|")', line) for line in lines) if found]
    assert sorted(labels) == sorted(
        ["demo/net:v0", "demo/rows:v0", "demo/report:v0", "demo/prepares", "demo/trains", "demo/judges"]
    )
    assert (lines[0], lines[-1]) == ("digraph lineage {", "}")
    assert sum("->" in line for line in lines) == 6
    bench.sentence("artifact", "graph", "net", "--dot", "--json", code=2)


def test_what_was_used_is_named_also_when_its_own_log_is_gone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.train(LINEAGE).returncode == 0
    bench.runstore("runs", "list")
    shutil.rmtree(next(tmp_path.glob("wandb/*-prepares")))
    (node,) = [one for one in bench.json("artifact", "graph", "trains")["nodes"] if not one["known"]]
    assert (node["kind"], node["name"]) == ("artifact", "rows:v0")
    assert "its log is not here" in bench.runstore("artifact", "graph", "trains").stdout


def test_chains_may_be_long(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    script = """
        import runstore
        from runstore.sdk.artifacts.artifact import Artifact
        for n in range(60):
            with runstore.init(project="demo", id=f"r{n}", settings={"x_disable_stats": True}) as run:
                if n:
                    run.use_artifact("net:latest")
                artifact = Artifact("net", "model", metadata={"n": n})
                with artifact.new_file("n") as file:
                    file.write(str(n))
                run.log_artifact(artifact)
    """
    done = bench.train(script, WANDB_CONSOLE="off", WANDB_DISABLE_GIT="true", WANDB_X_DISABLE_META="true")
    assert done.returncode == 0, done.stderr
    lines = bench.runstore("artifact", "graph", "net").stdout.splitlines()
    assert len(lines) == 3 + 119

"""Disabled mode: a program runs as it would, and nothing is touched."""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.errors import ConfigError
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.disabled import DisabledRun, Nothing
from runstore.sdk.media.base import Media
from runstore.sdk.run import Run
from tests.sdk.reading import program, succeeded

# The bound is 1 us, and it takes a fifth of that here; the rest is for machines that others use as well.
MOST_SECONDS_A_LOG = 1e-6


def begun(**arguments: Any) -> DisabledRun:
    run = runstore.init(mode="disabled", **arguments)
    assert isinstance(run, DisabledRun)
    return run


def test_a_disabled_run_touches_no_disk(tmp_path: Path, folder: Path) -> None:
    done = program(
        """
        import os, sys, runstore
        print("untouched")
        before = sys.stdout.write
        with runstore.init(config={"lr": 1}) as run:
            for n in range(3):
                runstore.log({"a": n})
            runstore.config.epochs = 3
            runstore.summary["x"] = 1
            run.save("*.py")
            run.dir, run.sync_dir, run.settings.files_dir
            assert "write" not in vars(sys.stdout)
            assert not os.path.exists(run.sync_dir)
        """,
        WANDB_MODE="disabled",
        HOME=str(tmp_path / "home"),
    )
    assert succeeded(done) == "untouched\n"
    assert done.stderr == ""
    assert not folder.exists()
    assert not (tmp_path / "home").exists()


def test_what_a_program_reads_back_is_there() -> None:
    run = begun(config={"lr": 1})
    assert runstore.run is run
    run.log({"loss": 2.0})
    run.log({"acc": 0.5}, step=7)
    assert run.step == 7
    run.log({"acc": 0.6}, commit=False)
    run.log({"acc": 0.7}, step=7, commit=True)
    run.summary.best = 1
    assert (run.step, run.summary["loss"], run.summary.acc, run.summary["best"]) == (8, 2.0, 0.7, 1)
    with pytest.raises(AttributeError):
        run.summary.none  # noqa: B018 - the reading is what is tested
    with pytest.raises(ConfigError):
        run.config.lr = 2
    assert (run.config.lr, run.disabled, len(run.id)) == (1, True, 8)
    runstore.finish()
    assert runstore.run is None


def test_a_disabled_run_makes_room_for_one_that_is_recorded(folder: Path) -> None:
    with runstore.init(mode="disabled"):
        pass
    with runstore.init() as run:
        assert not run.disabled
    assert folder.exists()


def test_an_exception_leaves_a_disabled_run_as_it_does_any_other() -> None:
    with pytest.raises(ZeroDivisionError), begun():
        1 / 0  # noqa: B018
    assert runstore.run is None


def test_a_disabled_run_is_a_run_and_says_what_it_is() -> None:
    run = begun()
    assert isinstance(run, Run)
    assert (run.disabled, run.offline, run.resumed, run.starting_step) == (True, False, False, 0)
    # Integrations insist on an entity and a project.
    assert (run.entity, run.project, run.path) == ("dummy", "dummy", f"dummy/dummy/{run.id}")
    assert (run.name, run.notes, run.tags, run.url, run.sweep_id) == (f"dummy-{run.id}", None, (), None, None)
    assert run.settings.mode == "disabled"
    run.name, run.notes, run.tags = "n", "o", ("a",)
    assert (run.name, run.notes, run.tags) == ("n", "o", ("a",))
    assert repr(run) == f"<disabled Run {run.id}>"


PUBLIC = sorted(name for name in dir(Run) if not name.startswith("_"))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_of_a_run_is_answered(name: str) -> None:
    """A method that is new in Run has to be told what to answer here; a property may ask what stands for a Recorder."""
    if callable(getattr(Run, name)):
        assert name in vars(DisabledRun), f"DisabledRun inherits {name}() from Run, which records"
        assert callable(getattr(begun(), name))
    else:
        getattr(begun(), name)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (lambda run: run.save("*.pt"), False),
        (lambda run: run.restore("a.txt"), None),
        (lambda run: run.define_metric("loss", summary="min").name, "loss"),
        (lambda run: run.define_metric(name="loss").name, "loss"),
        (lambda run: run.watch(object()), None),
        (lambda run: run.unwatch(), None),
        (lambda run: run.alert("title", text="text"), None),
        (lambda run: run.log_code(), None),
        (lambda run: run.log_model("m.pt", name="m"), None),
        (lambda run: run.link_model("m.pt", "registered"), None),
        (lambda run: run.use_model("m:latest"), ""),
        (lambda run: run.mark_preempting(), None),
        (lambda run: run.write_logs("text"), None),
        (lambda run: run.finish(1), None),
        (lambda run: run.to_html(), ""),
        (lambda run: run.display(height=10), False),
    ],
)
def test_methods_answer_plausibly(call: Callable[[Any], Any], answer: object) -> None:
    assert call(begun()) == answer


def test_artifacts_are_filled_and_not_logged() -> None:
    run, artifact = begun(), Artifact("net", "model")
    with artifact.new_file("weights.txt") as file:
        file.write("1")
    for log in (run.log_artifact, run.upsert_artifact, run.finish_artifact):
        logged = log(artifact, aliases=["best"])
        logged.wait()
        assert (logged.name, artifact.state) == ("net", "PENDING")
    assert run.use_artifact(artifact_or_name=artifact) is artifact
    assert run.link_artifact(artifact, "registry/model") is artifact
    found = run.use_artifact("model:latest", type="model")
    assert isinstance(found, Nothing)
    assert str(found) == "model:latest"
    assert list(found.download(root="x").files()) == []
    with found.new_file("a") as file:
        file.write("text")
    with pytest.raises(AttributeError):
        found.__array__  # noqa: B018


def test_media_are_not_encoded() -> None:
    class Expensive(Media):
        def recorded(self, *args: Any) -> dict[str, Any]:
            raise AssertionError("it was encoded")

    run, image = begun(), Expensive()
    run.log({"image": image, "many": [image]})
    assert run.summary["image"] is image


def test_a_log_of_three_values_costs_less_than_a_microsecond() -> None:
    run = begun()
    names = {"log": run.log, "data": {"loss": 1.0, "acc": 0.5, "epoch": 3}}
    # Of this thread's own time: what other processes take is not its cost.
    seconds = min(timeit.repeat("log(data)", globals=names, number=20_000, repeat=7, timer=time.thread_time)) / 20_000
    assert seconds < MOST_SECONDS_A_LOG
    assert runstore.log == run.log

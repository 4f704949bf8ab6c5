"""The names of the module `runstore`: all of them there, bound to the current run, and cheap to import."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.errors import Error
from runstore.sdk.run import Run
from tests.sdk.reading import begin, program, succeeded

HEAVY: tuple[str, ...] = (
    "numpy",
    "sqlite3",
    "httpx",
    "watchdog",
    "click",
    "google.protobuf",
    "sqlite_utils",
    "psutil",
    "pandas",
)
HEAVY += ("_hashlib", "runstore.core.logfold")  # OpenSSL; what reads logs
FUNCTIONS = {"log", "run", "config", "summary", "init", "finish"}
FUNCTIONS |= {"save", "watch", "alert", "sweep", "agent", "login", "plot"}


def test_every_public_name_resolves() -> None:
    assert len(set(runstore.__all__)) == len(runstore.__all__)
    for name in runstore.__all__:
        assert hasattr(runstore, name), name
    assert set(runstore.__all__) <= set(dir(runstore))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        runstore.nonsense  # noqa: B018 - the reading is what is tested


def test_no_submodule_bears_the_name_of_a_public_function() -> None:
    submodules = {module.name for module in pkgutil.iter_modules(runstore.__path__)}
    assert {"sdk", "runlog"} <= submodules
    assert not submodules & {*FUNCTIONS, *runstore.__all__}


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("import runstore", ()),
        ("import runstore; runstore.init(mode='disabled').finish()", ()),
        (
            "import runstore; r = runstore.init(); r.log({'a': 1.5}); r.summary['b'] = 2; r.finish()",
            ("google.protobuf",),
        ),
    ],
)
def test_what_costs_time_is_loaded_when_it_is_needed(source: str, allowed: tuple[str, ...]) -> None:
    done = program(f"{source}\nimport sys; print(*sorted(set({HEAVY!r}) & set(sys.modules)))")
    assert tuple(succeeded(done).split()) == allowed


def test_the_modules_names_are_the_runs(folder: Path) -> None:
    before: Any = runstore.config
    run = begin(config={"lr": 1})
    assert runstore.run is run
    assert runstore.config is run.config
    assert runstore.summary is run.summary
    runstore.log({"a": 1})
    runstore.config.update({"b": 2})
    assert run.summary["a"] == 1
    runstore.finish(exit_code=3)
    assert getattr(runstore, "run") is None  # noqa: B009 - mypy remembers what it was
    assert type(runstore.config) is type(before)
    with pytest.raises(Error):
        runstore.log({"a": 1})
    runstore.finish()


@pytest.mark.parametrize(
    "use",
    [
        "runstore.log({'a': 1})",
        "runstore.config.lr",
        "runstore.config['lr']",
        "runstore.config.update({'a': 1})",
        "runstore.summary.__setitem__('a', 1)",
        "setattr(runstore.summary, 'a', 1)",
        "'lr' in runstore.config",
        "dict(runstore.config)",
        "list(runstore.summary)",
    ],
)
def test_before_init_every_use_says_what_to_do(use: str) -> None:
    with pytest.raises(Error, match=r"call runstore.init\(\) first"):
        eval(use)


def test_a_run_tells_what_it_is(folder: Path) -> None:
    run = begin(
        entity="e", project="p", id="r", name="n", notes="o", tags=["a", "b"], group="g", job_type="train", config={}
    )
    assert isinstance(run, Run)
    assert (run.entity, run.project, run.id, run.path) == ("e", "p", "r", "e/p/r")
    assert (run.name, run.notes, run.tags, run.group, run.job_type) == ("n", "o", ("a", "b"), "g", "train")
    assert run.offline
    assert not run.disabled
    assert not run.resumed
    assert Path(run.dir).is_dir()
    assert Path(run.dir).is_absolute()
    assert repr(run) == f"<Run e/p/r in {run.sync_dir}>"
    assert abs(run.start_time - Path(run.sync_dir).stat().st_mtime) < 60


def test_a_program_that_changes_its_directory_keeps_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    run = begin(dir=".")
    monkeypatch.chdir("elsewhere")
    assert Path(run.dir).is_dir()
    assert Path(run.sync_dir).parent == tmp_path / "wandb"


def test_texts_that_are_no_unicode_hinder_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strange = tmp_path / "caf\udce9"
    strange.mkdir()
    monkeypatch.chdir(strange)
    monkeypatch.setattr("sys.argv", ["caf\udce9.py", "\udce9"])
    monkeypatch.setenv("WANDB_DIR", ".")
    monkeypatch.setenv("WANDB_NAME", "caf\udce9")
    monkeypatch.setenv("WANDB_TAGS", "\udce9,b")
    with begin(notes="\ud800", project="\ud800", group="\ud800") as run:
        run.log({"a": 1})
    assert Path(run.sync_dir).is_dir()

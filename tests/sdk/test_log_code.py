"""The code of a program as an artifact: which files are in it, and what it is called."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import pytest

from runstore.core.logfold import LogFold
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import ArtifactRecord
from runstore.sdk.artifacts.names import cleaned_name, shortened_name
from tests.sdk import reading
from tests.sdk.reading import begin


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a program in it, which is the current one."""
    root = tmp_path / "project"
    for name in (
        "train.py",
        "requirements.txt",
        "Dockerfile.gpu",
        "notes.md",
        "sub/model.py",
        "sub/wandb/kept.py",
        "wandb/run/files/code/train.py",
        ".wandb/x.py",
        "runs/wandb/run/files/code/train.py",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    monkeypatch.chdir(root)
    monkeypatch.setenv("WANDB_DIR", str(root / "runs"))
    main = types.ModuleType("__main__")
    main.__file__ = "train.py"
    monkeypatch.setitem(sys.modules, "__main__", main)
    return root


def code(root: Path) -> ArtifactRecord:
    (found,) = (r.artifact for r in reading.records(log_of(root)) if r.HasField("artifact"))
    return found


def log_of(root: Path) -> Path:
    return next(log for log in reading.logs(root / "runs") if "run-code" in log.name)


def paths(artifact: ArtifactRecord) -> list[str]:
    return [entry.path for entry in artifact.manifest.contents]


def test_sources_requirements_and_dockerfiles_are_logged_and_runs_are_not(project: Path) -> None:
    run = begin(project="p", id="code")
    artifact = run.log_code()
    assert artifact is not None
    assert artifact.name == "source-p-train.py"
    recorded = code(project)
    assert (recorded.type, recorded.name) == ("code", "source-p-train.py")
    assert paths(recorded) == ["Dockerfile.gpu", "requirements.txt", "sub/model.py", "sub/wandb/kept.py", "train.py"]


def test_the_config_says_which_artifact_has_the_code(project: Path) -> None:
    with begin(project="p", id="code") as run:
        run.log_code()
    said = {}
    for record in reading.records(log_of(project)):
        for item in record.config.update:
            said[tuple(item.nested_key)] = item.value_json
    assert said["_wandb", "code_path"] == '"source-p-train.py"'
    folded = LogFold()
    for framed in LogReader(log_of(project)):
        folded.apply(framed.payload)
    assert folded.facts.undecodable == 0


def test_a_program_chooses_by_path_or_by_path_and_root(project: Path) -> None:
    run = begin(id="code")
    run.log_code(
        include_fn=lambda path: path.endswith((".py", ".md")),
        exclude_fn=lambda path, root: os.path.relpath(path, root).startswith(("wandb", "runs", ".wandb", "sub")),
    )
    assert paths(code(project)) == ["notes.md", "train.py"]


def test_another_root_and_a_name_that_is_made_one(project: Path) -> None:
    run = begin(id="code")
    artifact = run.log_code("sub", name="my code/x")
    assert artifact is not None
    assert artifact.name == "mycodex-FB_07g"
    assert paths(code(project)) == ["model.py"]


def test_a_program_is_named_below_its_repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".git").mkdir()
    monkeypatch.chdir(project / "sub")
    sys.modules["__main__"].__file__ = "model.py"
    run = begin(project="p", id="code")
    run.log_code(".")
    assert code(project).name == "source-p-sub_model.py"


def test_no_code_is_said_and_nothing_is_logged(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = begin(id="code")
    (project / "empty").mkdir()
    assert run.log_code("empty") is None
    assert run.log_code(None) is None
    assert "no code was found below empty" in capfd.readouterr().err
    assert not any(record.HasField("artifact") for record in reading.records(log_of(project)))


def test_a_file_that_can_not_be_read_is_said_and_left_out(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(id="code")
    (project / "gone.py").symlink_to("train.py")

    def refuse(*_: object) -> object:
        raise PermissionError(13, "Permission denied")

    put = "runstore.blobs.store.BlobStore.put_file"
    kept = __import__("runstore.blobs.store", fromlist=["BlobStore"]).BlobStore.put_file
    monkeypatch.setattr(
        put, lambda store, path, *rest: refuse() if os.path.basename(path) == "gone.py" else kept(store, path, *rest)
    )
    run.log_code()
    assert "gone.py" not in paths(code(project))
    assert "gone.py is not in the recorded code: Permission denied" in capfd.readouterr().err


def test_names_are_cleaned_and_shortened_as_stock_does() -> None:
    assert cleaned_name("run-x-tab/le 1").startswith("run-x-table1-")
    assert cleaned_name("arts-tab/le 1") != cleaned_name("arts-table/1")
    assert cleaned_name("fine.name_-1") == "fine.name_-1"
    assert shortened_name("source-p-sub/my code.py") == "source-p-sub_my_code.py"
    long = shortened_name("a" * 100 + "b" * 100)
    assert long == "a" * 63 + ".." + "b" * 63

"""Artifacts whose files vanish, or for which the disk has no place: said in one sentence, and training goes on."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.errors import StorageError
from tests.sdk.reading import begin, only_log, rows


def test_an_artifact_whose_file_vanished_does_not_stop_the_run(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("w")
    run = begin()
    artifact = runstore.Artifact("model", "model")
    artifact.add_reference(f"file://{tmp_path}/weights")
    (tmp_path / "weights").unlink()
    run.log_artifact(artifact)
    with pytest.raises(ValueError, match="neither a file, nor a folder") as refused:
        run.log_artifact(str(tmp_path / "weights"), name="m", type="model")
    assert "\n" not in str(refused.value)
    run.log({"a": 1})
    run.finish()
    assert rows(only_log(folder)) == [(0, {"a": 1})]


@pytest.mark.parametrize("how", ["new_file", "add"])
def test_what_an_artifact_has_no_place_for_is_said_in_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    begin()
    artifact = runstore.Artifact("data", "dataset")
    monkeypatch.setattr("runstore.blobs.store.BlobStore.put", full)
    monkeypatch.setattr("runstore.blobs.store.BlobStore.put_file", full)

    def new_file() -> None:
        with artifact.new_file("a.txt") as file:
            file.write("a")

    table = runstore.Table(columns=["a"], data=[[1]])
    with pytest.raises(StorageError, match="can't be added: No space left on device; what was added before is safe"):
        new_file() if how == "new_file" else artifact.add(table, "t")


def test_code_that_the_disk_has_no_place_for_was_found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("")

    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = begin()
    monkeypatch.setattr("runstore.blobs.store.BlobStore.put_file", full)
    assert run.log_code(str(tmp_path / "code")) is None
    said = capfd.readouterr().err
    assert "a.py is not in the recorded code: No space left on device" in said
    assert "no code was found" not in said


def test_a_full_disk_in_the_middle_of_a_new_file_is_said_in_one_sentence(tmp_path: Path) -> None:
    def write(problem: OSError) -> None:
        with runstore.Artifact("data", "dataset").new_file("a.txt"):
            raise problem

    with pytest.raises(StorageError, match="^data: a.txt can't be written: No space left on device"):
        write(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(FileNotFoundError):  # of a file that the program reads
        write(FileNotFoundError("input.txt"))

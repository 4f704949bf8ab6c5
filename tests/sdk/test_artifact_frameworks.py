"""The calls by which Lightning, Composer and fastai log and fetch their files, as their source has them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

import runstore
from runstore.errors import CommError
from runstore.sdk.artifacts.artifact import Artifact
from tests.sdk.asking import ask, tree
from tests.sdk.reading import begin


def checkpoint(folder: Path, content: str, name: str = "epoch=1.ckpt") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(content)
    return path


def test_lightning_finds_the_best_and_the_latest_checkpoint(folder: Path, tmp_path: Path) -> None:
    """ModelCheckpoint with log_model="all": the file is deleted soon after, "best" moves to the newest that is."""
    run = begin(project="p", entity="team", id="abc123")
    for epoch, aliases in enumerate((["latest", "best"], ["latest", "best"], ["latest"])):
        path = checkpoint(tmp_path / "ckpt", f"weights {epoch}")
        artifact = Artifact(name=f"model-{run.id}", type="model", metadata={"score": 0.5 - epoch})
        artifact.add_file(str(path), name="model.ckpt", policy="mutable")
        run.log_artifact(artifact, aliases=aliases)
        path.unlink()
    best = run.use_artifact(f"team/p/model-{run.id}:best", type="model")
    assert Path(best.download(root=None), "model.ckpt").read_text() == "weights 1"
    run.finish()
    found = ask(
        """
        import os
        artifact = runstore.Api().artifact("team/p/model-abc123:latest", type="model")
        folder = artifact.download(root="saved")
        answer([folder, os.listdir(folder), open("saved/model.ckpt").read(), artifact.metadata])
        """,
        tmp_path,
    )
    assert found == ["saved", ["model.ckpt"], "weights 2", {"score": -1.5}]


def fetched_by_composer(name: str, destination: Path) -> None:
    """Fetch one object as Composer's download_file does."""
    api = runstore.Api()
    try:
        artifact = api.artifact(f"team/p/{name}:latest")
    except CommError as error:
        raise FileNotFoundError(name) from error
    with tempfile.TemporaryDirectory() as folder:
        where = os.path.join(folder, "artifacts")
        artifact.download(root=where)
        names = os.listdir(where)
        assert len(names) == 1, names
        os.rename(os.path.join(where, names[0]), destination)


def test_composer_resumes_over_a_link_whose_original_is_gone(folder: Path, tmp_path: Path) -> None:
    with begin(project="p", entity="team") as run:
        path = checkpoint(tmp_path / "saved", "state", "ep2-ba8-rank0.pt")
        artifact = Artifact(name="ckpt.ep2-ba8-rank0.pt", type="model", metadata={"timestamp": {"epoch": 2}})
        artifact.add_file(os.path.abspath(path))
        run.log_artifact(artifact, aliases=["latest", "ep2-ba8"])
        with tempfile.TemporaryDirectory() as soon_gone:
            link = os.path.join(soon_gone, "latest-rank0.pt.symlink")
            with open(link, "x") as file:
                file.write("ckpt/ep2-ba8-rank0.pt")
            artifact = Artifact(name="ckpt.latest-rank0.pt.symlink", type="symlink")
            artifact.add_file(os.path.abspath(link))
            run.log_artifact(artifact, aliases=["latest"])
        assert run.entity
    with pytest.raises(FileNotFoundError):
        fetched_by_composer("ckpt.latest-rank0.pt", tmp_path / "out")
    fetched_by_composer("ckpt.latest-rank0.pt.symlink", tmp_path / "link")
    target = (tmp_path / "link").read_text().replace("/", ".")
    fetched_by_composer(target, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "state"


def test_fastai_declares_its_data_and_logs_its_model(folder: Path, source: Path, tmp_path: Path) -> None:
    """`log_dataset` uses an artifact that was never logged; `log_model` logs one that it wrote itself."""
    run = begin(project="p")
    data = Artifact(name=source.name, type="dataset", metadata={"path": str(source)}, description="raw dataset")
    data.add_dir(str(source))
    run.use_artifact(data)
    model = Artifact(name=f"run-{run.id}-model", type="model", metadata={"epochs": 1}, description="trained model")
    with model.new_file("model.pth", mode="wb") as file:
        file.write(b"state")
    run.log_artifact(model)
    api = runstore.Api()
    assert tree(api.artifact(f"p/{source.name}:latest").download(tmp_path / "data")) == {
        "a.txt": b"a",
        "sub/b.txt": b"b",
    }
    assert tree(api.artifact(f"p/run-{run.id}-model").download(tmp_path / "model")) == {"model.pth": b"state"}
    stored = api.run(run.id)
    assert [artifact.name for artifact in stored.used_artifacts()] == ["source:v0"]
    assert [artifact.name for artifact in stored.logged_artifacts()] == [f"run-{run.id}-model:v0"]

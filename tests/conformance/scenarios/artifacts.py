"""Artifacts: what can be put into one, and every way to record it."""

import datetime
import pathlib
from typing import Any

import numpy as np
import wandb


def _run(run_id: str) -> Any:
    return wandb.init(project="differential", id=run_id)


def files() -> list[object]:
    run = _run("files")
    artifact = wandb.Artifact(
        "first", "dataset", description="what it is", metadata={"n": 1, "nested": {"x": [1.5, None]}}
    )
    artifact.add_file("data/a.txt")
    artifact.add_file("data/b.bin", name="renamed/b.bin")
    artifact.add_file(pathlib.Path("data/a.txt"), name="again.txt", policy="immutable")
    run.log_artifact(artifact, aliases=["best", "v-mine"])
    return [artifact.name, artifact.type, artifact.digest, artifact.size, sorted(artifact.manifest.entries)]


def folders() -> None:
    run = _run("folders")
    artifact = wandb.Artifact("whole", "dataset")
    artifact.add_dir("data")
    run.log_artifact(artifact)
    named = wandb.Artifact("named", "dataset")
    named.add_dir("data", name="inside")
    run.log_artifact(named, tags=["one", "two"])


def new_files() -> None:
    run = _run("new_files")
    artifact = wandb.Artifact("made", "model")
    with artifact.new_file("notes.txt") as file:
        file.write("made here ü\n")
    with artifact.new_file("weights.bin", mode="wb") as file:
        file.write(bytes(100))
    run.log_artifact(artifact, aliases=["latest"])


def references() -> None:
    run = _run("references")
    artifact = wandb.Artifact("far", "dataset")
    artifact.add_reference("https://example.org/far/file.txt", name="far.txt", checksum=False)
    artifact.add_reference("custom://somewhere/x", name="custom")
    run.log_artifact(artifact)


def local_references() -> None:
    run = _run("local_references")
    artifact = wandb.Artifact("near", "dataset")
    artifact.add_reference(f"file://{pathlib.Path('data/a.txt').absolute()}", name="a.txt")
    artifact.add_reference(f"file://{pathlib.Path('data').absolute()}", name="all")
    run.log_artifact(artifact)


def by_path() -> None:
    run = _run("by_path")
    run.log_artifact("data/a.txt", name="one-file", type="dataset")
    run.log_artifact("data", name="one-folder", type="dataset", aliases=["x"])
    run.log_artifact("data/b.bin")


def models() -> None:
    run = _run("models")
    run.log_model("data/b.bin", name="the-model", aliases=["best"])
    run.log_model("data")


def several_versions() -> None:
    run = _run("several_versions")
    for number in range(3):
        artifact = wandb.Artifact("growing", "model", metadata={"number": number})
        with artifact.new_file("n.txt") as file:
            file.write(str(number))
        run.log_artifact(artifact, aliases=["latest", f"n{number}"])


def same_twice() -> None:
    run = _run("same_twice")
    artifact = wandb.Artifact("same", "model")
    artifact.add_file("data/a.txt")
    run.log_artifact(artifact)
    run.log_artifact(artifact, aliases=["second"])


def empty() -> None:
    _run("empty").log_artifact(wandb.Artifact("nothing", "dataset"))


def kept_for_a_time() -> None:
    run = _run("kept_for_a_time")
    artifact = wandb.Artifact("short", "dataset")
    artifact.ttl = datetime.timedelta(days=3)
    artifact.add_file("data/a.txt")
    run.log_artifact(artifact)


def added_objects() -> None:
    run = _run("added_objects")
    artifact = wandb.Artifact("objects", "dataset")
    artifact.add(wandb.Table(columns=["a", "b"], data=[[1, "x"]]), "table")
    artifact.add(wandb.Image(np.zeros((2, 2, 3), dtype=np.uint8), caption="c"), "image")
    table = wandb.Table(columns=["image"])
    table.add_data(wandb.Image(np.ones((2, 2, 3), dtype=np.uint8)))
    artifact.add(table, "with images")
    run.log_artifact(artifact)


def removed() -> None:
    run = _run("removed")
    artifact = wandb.Artifact("fewer", "dataset")
    artifact.add_dir("data")
    artifact.remove("a.txt")
    run.log_artifact(artifact)


def overwritten() -> list[object]:
    run = _run("overwritten")
    artifact = wandb.Artifact("changed", "dataset")
    artifact.add_file("data/a.txt", name="x")
    raised: list[object] = []
    try:
        artifact.add_file("data/b.bin", name="x")
        raised.append("nothing")
    except Exception as error:
        raised.append(type(error))
    artifact.add_file("data/b.bin", name="y")
    run.log_artifact(artifact)
    return raised


def code() -> list[object]:
    pathlib.Path("src").mkdir()
    pathlib.Path("src/model.py").write_text("depth = 2\n")
    pathlib.Path("src/notes.txt").write_text("no code\n")
    run = _run("code")
    run.log_code("src")
    run.log_code(
        "src",
        name="by-text",
        include_fn=lambda path: path.endswith((".py", ".txt")),
        exclude_fn=lambda path: path.endswith("x"),
    )
    return [str(run.log_code("data"))]


def from_several() -> None:
    run = _run("from_several")
    artifact = wandb.Artifact("together", "dataset")
    artifact.add_file("data/a.txt")
    run.upsert_artifact(artifact, distributed_id="all")
    last = wandb.Artifact("together", "dataset")
    last.add_file("data/b.bin")
    run.finish_artifact(last, distributed_id="all")


def by_module() -> None:
    _run("by_module")
    artifact = wandb.Artifact("by-module", "dataset")
    artifact.add_file("data/a.txt")
    wandb.log_artifact(artifact)
    wandb.log_model("data/a.txt", name="module-model")


def digested_otherwise() -> None:
    run = _run("digested_otherwise")
    artifact = wandb.Artifact("xxh", "dataset", digest_algorithm="XXH128")
    artifact.add_file("data/a.txt")
    run.log_artifact(artifact)


def refused() -> list[object]:
    run = _run("refused")
    raised: list[object] = []
    for make in (
        lambda: wandb.Artifact("a/b", "dataset"),
        lambda: wandb.Artifact("a b", "dataset"),
        lambda: wandb.Artifact("x" * 200, "dataset"),
        lambda: wandb.Artifact("name", "job"),
        lambda: wandb.Artifact("name", "wandb-thing"),
        lambda: wandb.Artifact("name", "type", metadata=5),
        lambda: wandb.Artifact("name", "type").add_file("nowhere"),
        lambda: wandb.Artifact("name", "type").add_dir("nowhere"),
        lambda: wandb.Artifact("name", "type").add_file("data"),
        lambda: wandb.Artifact("name", "type").add_file("data/a.txt", policy="odd"),
        lambda: wandb.Artifact("name", "type").add_reference("no scheme"),
        lambda: wandb.Artifact("name", "type").add(5, "x"),
        lambda: run.log_artifact("nowhere"),
        lambda: run.log_artifact("data/a.txt", name="x", type="t", aliases=["a/b"]),
        lambda: run.log_artifact(wandb.Artifact("name", "type"), type="other"),
        lambda: run.log_model("nowhere"),
        lambda: run.log_model("data/a.txt", name="a/b"),
        lambda: wandb.Artifact("name", "type").wait(),
        lambda: wandb.Artifact("name", "type").version,
    ):
        try:
            make()
            raised.append("nothing")
        except Exception as error:
            raised.append(type(error))
    return raised

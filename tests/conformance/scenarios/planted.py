"""A run with something in every category of the normal form, for tests that change one thing in it."""

import sys
import time

import wandb


def planted() -> int:
    run = wandb.init(
        project="differential", id="planted", name="a name", notes="notes", tags=["a", "b"],
        group="group", job_type="train",
        config={"lr": 0.1, "model": {"depth": 2}}, settings=wandb.Settings(x_stats_sampling_interval=0.1),
    )  # fmt: skip
    run.config.update({"late": 1})
    run.define_metric("acc", summary="max")
    run.log({"loss": 1.5, "acc": 0.5, "flag": True})
    run.log({"chart": wandb.plot.line(wandb.Table(columns=["x", "y"], data=[[1, 2]]), "x", "y")})
    run.summary["best"] = 7
    run.save("data/a.txt")
    print("to stdout")
    print("to stderr", file=sys.stderr)
    run.alert("title", "text", level="WARN")
    artifact = wandb.Artifact("first", "dataset")
    artifact.add_file("data/a.txt")
    run.log_artifact(artifact, aliases=["latest", "best"])
    run.write_logs("a line")
    run.mark_preempting()
    time.sleep(10)  # on a busy machine another process needs as long to sample all that it does
    return 4

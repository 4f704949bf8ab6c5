"""Step metrics that a row lacks are filled in with their last value, for metrics that are defined so."""

from typing import Any

import numpy as np
import wandb


def _run(run_id: str, step_sync: bool | None = None, name: str = "acc") -> Any:
    run = wandb.init(project="differential", id=run_id)
    run.define_metric("epoch")
    run.define_metric(name, step_metric="epoch", step_sync=step_sync)
    return run


def before_the_first() -> None:
    run = _run("before_the_first")
    run.log({"acc": 1})
    run.log({"epoch": 3})
    run.log({"acc": 2})
    run.log({"other": 2})
    run.log({"acc": 3, "epoch": 4})
    run.log({"acc": 4})


def asked_for() -> None:
    run = _run("asked_for", step_sync=True)
    run.log({"epoch": 1.5})
    run.log({"acc": 2})


def not_asked_for() -> None:
    run = _run("not_asked_for", step_sync=False)
    run.log({"epoch": 1})
    run.log({"acc": 2})


def by_a_glob() -> None:
    run = _run("by_a_glob", name="val/*")
    run.log({"epoch": 1})
    run.log({"val/a": 2})
    run.log({"val/b": 2, "epoch": 5})
    run.log({"val/a": 3, "val/b": 2})


def by_everything() -> None:
    run = _run("by_everything", name="*")
    run.log({"epoch": 1})
    run.log({"a": 2})
    run.log({"b": 2, "_private": 3})


def in_an_open_row() -> None:
    run = _run("in_an_open_row")
    run.log({"epoch": 2}, commit=False)
    run.log({"acc": 1})
    run.log({"acc": 2}, commit=False)
    run.log({"epoch": 3})
    run.log({"acc": 3}, step=10)
    run.log({"epoch": 4}, step=10)
    run.log({"acc": 5}, step=20)


def nested_metric() -> None:
    run = _run("nested_metric", name="val.acc")
    run.log({"epoch": 2})
    run.log({"val": {"acc": 1, "err": 2}})
    run.log({"val": {"err": 2}})


def nested_step() -> None:
    run = wandb.init(project="differential", id="nested_step")
    run.define_metric("acc", step_metric="at.epoch")
    run.log({"at": {"epoch": 2}})
    run.log({"acc": 1})


def two_steps() -> None:
    run = wandb.init(project="differential", id="two_steps")
    run.define_metric("acc", step_metric="epoch")
    run.define_metric("err", step_metric="batch")
    run.log({"epoch": 1, "batch": 10})
    run.log({"acc": 1, "err": 2})
    run.log({"err": 3})


def against_the_step_itself() -> None:
    run = wandb.init(project="differential", id="against_the_step_itself")
    run.define_metric("acc", step_metric="_step")
    run.define_metric("err", step_metric="_runtime")
    run.log({"acc": 1})
    run.log({"err": 1})


def of_other_types() -> None:
    run = _run("of_other_types")
    run.log({"epoch": np.int64(3)})
    run.log({"acc": np.float32(0.5)})
    run.log({"epoch": "late"})
    run.log({"acc": 1})
    run.log({"epoch": None})
    run.log({"acc": 2})
    run.log({"epoch": True})
    run.log({"acc": 3})


def with_a_summary() -> None:
    run = wandb.init(project="differential", id="with_a_summary")
    run.define_metric("epoch", summary="max")
    run.define_metric("acc", step_metric="epoch", summary="min,max")
    for epoch, acc in ((1, 0.5), (3, 0.7), (2, 0.6)):
        run.log({"epoch": epoch})
        run.log({"acc": acc})


def by_hand() -> None:
    run = _run("by_hand")
    run.log({"epoch": 1})
    run.summary["epoch"] = 9
    run.log({"acc": 2})

"""Definitions of metrics: globs, step metrics, and what the summary keeps."""

from typing import Any

import wandb


def _train(run: Any) -> None:
    for epoch, (acc, err) in enumerate([(0.5, 0.4), (0.7, 0.1), (0.6, 0.3)]):
        run.log({"epoch": epoch, "acc": acc, "err": err, "val/loss": err * 2, "plain": acc, "nested": {"x": acc}})


def _run(run_id: str) -> Any:
    return wandb.init(project="differential", id=run_id)


def summaries() -> None:
    run = _run("summaries")
    run.define_metric("acc", summary="max")
    run.define_metric("err", summary="min,last,mean")
    run.define_metric("plain", summary="first")
    run.define_metric("epoch", summary="none")
    run.define_metric("val/loss", summary="copy")
    _train(run)


def every_summary() -> None:
    run = _run("every_summary")
    run.define_metric("acc", summary="min,max,mean,last,first")
    run.define_metric("err", summary="last")
    run.define_metric("plain", summary="mean")
    _train(run)


def none_with_others() -> None:
    run = _run("none_with_others")
    run.define_metric("acc", summary="none,max")
    run.define_metric("err", summary="copy,min")
    _train(run)


def against_a_step() -> dict[str, object]:
    run = _run("against_a_step")
    run.define_metric("epoch")
    defined = run.define_metric("acc", step_metric="epoch", summary="max")
    run.define_metric("err", step_metric="epoch", step_sync=False)
    run.define_metric("val/*", step_metric="epoch")
    _train(run)
    run.log({"acc": 0.9})
    run.log({"err": 0.9})
    return {
        "name": defined.name,
        "step": defined.step_metric,
        "sync": defined.step_sync,
        "summary": list(defined.summary or ()),
    }


def by_a_metric_object() -> None:
    run = _run("by_a_metric_object")
    epoch = run.define_metric("epoch", hidden=True)
    run.define_metric("acc", step_metric=epoch)
    _train(run)
    run.log({"acc": 0.9})


def a_step_that_nobody_defined() -> None:
    run = _run("a_step_that_nobody_defined")
    run.define_metric("acc", step_metric="epoch")
    _train(run)
    run.log({"acc": 0.9})


def globs() -> None:
    run = _run("globs")
    run.define_metric("val/*", summary="min")
    run.define_metric("e*", step_metric="epoch")
    _train(run)
    run.log({"val/other": 3, "val/deep/x": 2})
    run.log({"val/other": 5, "val/deep/x": 1})


def glob_behind_a_name() -> None:
    run = _run("glob_behind_a_name")
    run.define_metric("val/loss", summary="max")
    run.define_metric("val/*", summary="min")
    _train(run)


def globs_of_odd_characters() -> None:
    run = _run("globs_of_odd_characters")
    run.define_metric("a[b]/*", summary="max")
    run.define_metric("c?/*", summary="max")
    run.log({"a[b]/x": 2, "ab/x": 2, "c?/x": 2, "cc/x": 2, "C?/x": 2})
    run.log({"a[b]/x": 1, "ab/x": 1, "c?/x": 1, "cc/x": 1, "C?/x": 1})


def hidden() -> None:
    run = _run("hidden")
    run.define_metric("acc", hidden=True)
    run.define_metric("val/*", hidden=True)
    _train(run)


def said_again() -> None:
    run = _run("said_again")
    run.define_metric("acc", summary="max")
    run.define_metric("acc", summary="min")
    run.define_metric("err", summary="max", hidden=True)
    run.define_metric("err", summary="min", overwrite=True)
    _train(run)


def nested_names() -> None:
    run = _run("nested_names")
    run.define_metric("nested.x", summary="max")
    run.define_metric("nested.*", summary="min")
    _train(run)


def dotted_names() -> None:
    run = _run("dotted_names")
    run.define_metric("a\\.b", summary="max")
    run.log({"a.b": 1})
    run.log({"a.b": 0})


def set_by_hand_later() -> None:
    run = _run("set_by_hand_later")
    run.define_metric("acc", summary="max")
    _train(run)
    run.summary["acc"] = 123


def refused() -> list[object]:
    run = _run("refused")
    raised: list[object] = []
    for arguments in (
        {"name": "acc", "summary": "sum"},
        {"name": "acc", "summary": ""},
        {"name": "a*b"},
        {"name": "*a"},
        {"name": ""},
        {"name": "acc", "step_metric": 5},
        {"name": "_private"},
        {"name": "acc", "summary": 5},
        {"name": 5},
    ):
        try:
            run.define_metric(**arguments)
            raised.append("nothing")
        except Exception as error:
            raised.append(type(error))
    return raised


def by_module() -> None:
    _run("by_module")
    wandb.define_metric("acc", summary="max")
    wandb.log({"acc": 1})
    wandb.log({"acc": 0})

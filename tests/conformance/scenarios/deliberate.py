"""What we do otherwise on purpose; each run is looked at by a test of its own."""

import datetime
import json
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import wandb


def _run(run_id: str, **more: object) -> Any:
    return wandb.init(project="differential", id=run_id, **more)


def behind() -> None:
    run = _run("behind")
    run.log({"a": 0}, step=10)
    run.log({"a": 1}, step=4)
    run.log({"a": 2}, step=20)


def changed_in_place() -> None:
    run = _run("changed_in_place", config={"nested": {"a": 1, "list": [1]}})
    run.config["nested"]["a"] = 5
    run.config.nested["list"].append(2)
    run.log({"x": 1})


def resumed() -> list[object]:
    _run("resumed", config={"lr": 0.1}).log({"x": 1})
    wandb.finish()
    run = _run("resumed", resume="allow")
    seen: list[object] = [run.step, run.resumed, dict(run.config)]
    run.log({"x": 2})
    return seen


def saved() -> list[bool]:
    run = _run("saved")
    run.save("data/a.txt", policy="now")
    copy = pathlib.Path(run.dir, "data/a.txt")
    return [copy.is_symlink(), copy.exists()]


def saved_then_gone() -> bool:
    gone = pathlib.Path("data/gone.txt")
    gone.write_text("soon gone\n")
    run = _run("saved_then_gone")
    run.save("data/gone.txt", policy="now")
    gone.unlink()
    return pathlib.Path(run.dir, "data/gone.txt").exists()


def used_artifact() -> str:
    run = _run("used_artifact")
    artifact = wandb.Artifact("input", "dataset")
    artifact.add_file("data/a.txt")
    run.log_artifact(artifact)
    used = run.use_artifact("input:latest")
    return str(used.type)


def artifact_bytes() -> None:
    run = _run("artifact_bytes")
    artifact = wandb.Artifact("bytes", "dataset")
    artifact.add_file("data/a.txt")
    run.log_artifact(artifact)


def named_without_a_keyword() -> str:
    return str(wandb.init("by position", entity="somebody", id="named_without_a_keyword").entity)


def config_updated_with_nothing() -> None:
    _run("config_updated_with_nothing").config.update()


def goal_of_a_metric() -> None:
    run = _run("goal_of_a_metric")
    run.define_metric("acc", summary="best", goal="maximize")
    run.log({"acc": 0.5})
    run.log({"acc": 0.9})
    run.log({"acc": 0.7})


def current_figure() -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    run = _run("current_figure")
    figure, axes = pyplot.subplots(figsize=(2, 1))
    axes.plot([1, 2, 3], [3, 1, 2])
    run.log({"first": figure})
    run.log({"pyplot": pyplot})
    pyplot.close("all")


def table_with_histograms() -> None:
    run = _run("table_with_histograms")
    table = wandb.Table(columns=["histogram"])
    table.add_data(wandb.Histogram([1, 2], num_bins=2))
    run.log({"table": table})


def values_that_json_lacks() -> None:
    run = _run("values_that_json_lacks")
    run.log({"own": object(), "function": len})
    run.log({"after": 1})


def key_that_is_no_text() -> None:
    run = _run("key_that_is_no_text")
    run.log({1: "one"})
    run.config.update({2: "two"})


def empty_dicts() -> None:
    _run("empty_dicts").log({"empty": {}, "x": 1})


def whole_numbers_of_64_bits() -> None:
    _run("whole_numbers_of_64_bits").log({"x": 2**64 - 1})


def one_tag() -> object:
    return list(_run("one_tag", tags="one").tags)


def same_id_twice() -> None:
    _run("same_id_twice").log({"x": 1})
    wandb.finish()
    _run("same_id_twice").log({"x": 2})


def summary_with_the_open_row() -> object:
    run = _run("summary_with_the_open_row")
    run.log({"x": 1})
    run.log({"x": 2}, commit=False)
    return run.summary["x"]


def attribute_that_is_not_there() -> bool:
    return hasattr(_run("attribute_that_is_not_there").summary, "nothing")


def config_by_keywords() -> object:
    run = _run("config_by_keywords")
    run.config.update(more=1)
    return run.config.as_dict()


def config_of_plain_files() -> object:
    pathlib.Path("plain.yaml").write_text("lr: 0.1\nmodel:\n  depth: 2\n")
    pathlib.Path("plain.json").write_text(json.dumps({"lr": 0.2}))
    one = _run("plain", config="plain.yaml").config.as_dict()
    wandb.finish()
    return [one, _run("config_of_plain_files", config="plain.json").config.as_dict()]


def arrays_in_the_config() -> None:
    _run("arrays_in_the_config").config.update({"0-d": np.array(2.5), "long": np.arange(100)})


def nan_set_by_hand() -> None:
    run = _run("nan_set_by_hand", config={"nan": float("nan")})
    run.summary["nan"] = float("nan")


def media_of_a_step() -> None:
    _run("media_of_a_step").log({"image": wandb.Image(np.zeros((2, 2, 3), dtype=np.uint8))}, step=5)


def values_that_are_no_numbers() -> None:
    run = _run("values_that_are_no_numbers")
    for name in ("min", "max", "mean", "last", "first"):
        run.define_metric(name, summary=name)
    for value in (1, float("nan"), "text", None, [1], True, float("inf"), 0.5):
        run.log(dict.fromkeys(("min", "max", "mean", "last", "first"), value))


def whole_and_large_numbers() -> None:
    run = _run("whole_and_large_numbers")
    run.define_metric("big", summary="max")
    run.define_metric("mean", summary="mean")
    for value in (2**53 + 1, 2**53 + 3, 5):
        run.log({"big": value, "mean": value})


def dotted_name_of_a_metric() -> None:
    run = _run("dotted_name_of_a_metric")
    run.define_metric("a.b", summary="max")
    run.log({"a.b": 1})
    run.log({"a.b": 0})


def id_with_spaces() -> None:
    _run("id with spaces")


def id_that_is_empty() -> None:
    _run("").finish()


def summary_after_the_end() -> object:
    run = _run("summary_after_the_end")
    run.log({"x": 1})
    run.finish()
    return run.summary["x"]


def pictures_of_different_sizes() -> None:
    images = [wandb.Image(np.zeros((size, 2, 3), dtype=np.uint8)) for size in (2, 3)]
    _run("pictures_of_different_sizes").log({"images": images})


def folder_that_matches() -> None:
    _run("folder_that_matches").save("data/*", policy="now")


def redirected() -> None:
    _run("redirected", settings=wandb.Settings(console="redirect"))
    print("to stdout", flush=True)
    subprocess.run([sys.executable, "-c", "print('of a child')"], check=True)


def empty_key() -> None:
    _run("empty_key").log({"": 1, "x": 6})


def defined_behind_its_first_row() -> None:
    run = _run("defined_behind_its_first_row")
    run.log({"acc": 0.9})
    run.define_metric("acc", summary="max")
    run.log({"acc": 0.7})
    run.log({"acc": 0.6})


def set_by_hand_between() -> None:
    run = _run("set_by_hand_between")
    run.define_metric("acc", summary="max,min")
    run.log({"acc": 0.5})
    run.summary["acc"] = 123
    run.log({"acc": 0.7})


def step_metric_logged_before_its_definition() -> None:
    run = wandb.init(project="differential", id="step_metric_logged_before_its_definition")
    run.log({"epoch": 5})
    run.define_metric("acc", step_metric="epoch")
    run.log({"acc": 2})


def step_metrics_of_step_metrics() -> None:
    run = wandb.init(project="differential", id="step_metrics_of_step_metrics")
    run.define_metric("epoch", step_metric="batch")
    run.define_metric("acc", step_metric="epoch")
    run.log({"batch": 10})
    run.log({"epoch": 1})
    run.log({"acc": 1})


def lengths_of_time() -> None:
    run = _run("lengths_of_time")
    run.config.update({"delta": datetime.timedelta(days=2, hours=3, seconds=1.5), "none": datetime.timedelta()})
    run.config.update({"negative": datetime.timedelta(seconds=-90), "time": datetime.time(3, 4, 5)})


def bound_method_of_a_value() -> None:
    _run("bound_method_of_a_value").config.update({"method": "x".upper})


def redefined_against_another_step() -> None:
    run = _run("redefined_against_another_step")
    run.define_metric("acc", step_metric="epoch")
    run.log({"epoch": 1, "batch": 7})
    run.define_metric("acc", step_metric="batch")
    run.log({"acc": 2})
    run.define_metric("acc", step_sync=False)
    run.log({"acc": 3})

"""Summary: what rows make of it, and what is set by hand."""

from typing import Any

import numpy as np
import wandb

_CLOCK = ("_timestamp", "_runtime", "_wandb")


def _seen(run: Any) -> dict[str, object]:
    return {key: run.summary[key] for key in ("loss", "acc", "once", "list")}


def from_rows() -> dict[str, object]:
    run = wandb.init(project="differential", id="from_rows")
    run.log({"loss": 1.0, "acc": 0.5, "tree": {"a": 1, "below": {"x": 1}}, "once": "text", "none": None, "list": [1]})
    run.log({"loss": 0.5, "tree": {"b": 2, "below": {"y": 2}}})
    return _seen(run)


def with_an_open_row() -> None:
    run = wandb.init(project="differential", id="with_an_open_row")
    run.log({"loss": 1.0})
    run.log({"loss": 0.25}, commit=False)


def by_hand() -> dict[str, object]:
    run = wandb.init(project="differential", id="by_hand")
    run.log({"loss": 1.0, "acc": 0.5})
    run.summary["loss"] = -1.0
    run.summary.best = 7
    run.summary.update({"deep": {"a": 1, "b": {"c": 2}}, "list": [1, 2], "none": None})
    run.summary["numpy"] = np.float32(0.5)
    run.summary["array"] = np.arange(3)
    run.summary["tuple"] = (1, 2)
    run.log({"acc": 0.75})
    run.summary["after"] = "text"
    return {"loss": run.summary["loss"], "best": run.summary.best, "got": run.summary.get("nothing", 5)}


def deleted() -> dict[str, object]:
    run = wandb.init(project="differential", id="deleted")
    run.log({"loss": 1.0})
    run.summary["gone"] = 1
    run.summary.update({"kept": 1, "tree": {"a": 1, "b": 2}})
    del run.summary["gone"]
    return {"gone": "gone" in list(run.summary.keys()), "keys": sorted(set(run.summary.keys()) - set(_CLOCK))}


def nested_by_hand() -> None:
    run = wandb.init(project="differential", id="nested_by_hand")
    run.summary["tree"] = {"a": 1, "b": {"c": 2}}
    run.summary["tree"]["d"] = 3
    run.summary["tree"]["e"] = {"f": 4}


def nested_deleted() -> None:
    run = wandb.init(project="differential", id="nested_deleted")
    run.summary["tree"] = {"a": 1, "b": {"c": 2}}
    del run.summary["tree"]["a"]


def replaced() -> None:
    run = wandb.init(project="differential", id="replaced")
    run.summary["x"] = {"a": 1, "b": 2}
    run.summary["x"] = {"c": 3}
    run.summary["y"] = {"a": 1}
    run.summary["y"] = 5
    run.log({"z": {"a": 1}})
    run.summary["z"] = {"b": 1}


def rows_behind_what_was_set() -> None:
    run = wandb.init(project="differential", id="rows_behind_what_was_set")
    run.summary["loss"] = -1.0
    run.summary["kept"] = 3
    run.log({"loss": 0.5})


def missing() -> list[object]:
    run = wandb.init(project="differential", id="missing")
    raised: list[object] = []
    for read in (lambda: run.summary["nothing"], lambda: run.summary.__delitem__("nothing")):
        try:
            read()
            raised.append("nothing")
        except Exception as error:
            raised.append(type(error))
    return raised


def long_values() -> None:
    run = wandb.init(project="differential", id="long_values")
    run.log({"array": np.arange(100.0), "list": list(range(100))})
    run.summary["by hand"] = np.arange(100.0)
    run.summary["short"] = np.arange(10)
    run.summary["histogram"] = wandb.Histogram([1, 2, 2, 3], num_bins=3)

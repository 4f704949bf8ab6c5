"""Tables, and the charts that are drawn from them."""

import datetime
from typing import Any

import numpy as np
import pandas
import wandb

_RANDOM = np.random.default_rng(7)
_COLOUR = _RANDOM.integers(0, 256, (6, 8, 3), dtype=np.uint8)


def _run(run_id: str) -> Any:
    return wandb.init(project="differential", id=run_id)


def plain() -> None:
    run = _run("plain")
    table = wandb.Table(columns=["a", "b", "c"], data=[[1, "x", 0.5], [2, "y", None]])
    table.add_data(3, "z", float("nan"))
    run.log({"table": table})
    run.log(
        {
            "dotted.table": wandb.Table(columns=["a"], data=[[True], [False]]),
            "sub/table": wandb.Table(columns=["a"], data=[["ü"]]),
        }
    )


def rows_of_old() -> None:
    run = _run("rows_of_old")
    run.log({"rows": wandb.Table(columns=["a"], rows=[[1], [2]]), "default": wandb.Table(data=[["a", "b", "c"]])})
    run.log({"empty": wandb.Table(columns=["a", "b"]), "numbers": wandb.Table(columns=[1, 2], data=[[1, 2]])})


def from_frames() -> None:
    run = _run("from_frames")
    frame = pandas.DataFrame({"i": [1, 2], "f": [0.5, float("nan")], "s": ["x", "y"], "b": [True, False]})
    run.log({"frame": wandb.Table(dataframe=frame), "as data": wandb.Table(data=frame)})
    run.log({"bare": frame})


def from_arrays() -> None:
    run = _run("from_arrays")
    run.log({"array": wandb.Table(columns=["a", "b"], data=np.arange(4.0).reshape(2, 2))})
    run.log({"cells": wandb.Table(columns=["a"], data=[[np.arange(3)], [np.arange(3)]])})
    run.log({"scalars": wandb.Table(columns=["a", "b"], data=[[np.float32(0.5), np.int64(2)]])})


def cells_of_every_kind() -> None:
    run = _run("cells_of_every_kind")
    table = wandb.Table(columns=["list", "dict", "date", "none", "bool"], allow_mixed_types=True)
    table.add_data([1, 2], {"a": 1}, datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), None, True)
    table.add_data([3], {"a": 2}, datetime.datetime(2026, 1, 3, tzinfo=datetime.timezone.utc), None, False)
    run.log({"table": table})


def with_images() -> None:
    run = _run("with_images")
    table = wandb.Table(columns=["id", "image"])
    table.add_data(1, wandb.Image(_COLOUR))
    table.add_data(2, wandb.Image(_COLOUR[::-1].copy(), caption="turned"))
    run.log({"table": table})


def with_other_media() -> None:
    run = _run("with_other_media")
    table = wandb.Table(columns=["html", "sound"])
    table.add_data(wandb.Html("<b>x</b>"), wandb.Audio(np.zeros(80, dtype=np.float32), sample_rate=8000))
    run.log({"table": table})


def with_masks() -> None:
    run = _run("with_masks")
    mask = {"m": {"mask_data": np.zeros((6, 8), dtype=np.uint8), "class_labels": {0: "none", 1: "cat"}}}
    box = {"position": {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.6}, "class_id": 1}
    table = wandb.Table(columns=["image"])
    table.add_data(wandb.Image(_COLOUR, masks=mask, boxes={"b": {"box_data": [box], "class_labels": {1: "cat"}}}))
    run.log({"table": table})


def columns_added() -> None:
    run = _run("columns_added")
    table = wandb.Table(columns=["a"], data=[[1], [2]])
    table.add_column("b", ["x", "y"])
    table.add_column("c", np.array([0.5, 1.5]))
    table.add_computed_columns(lambda index, row: {"double": row["a"] * 2})
    run.log({"table": table})


def reading() -> dict[str, object]:
    _run("reading")
    table = wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])
    return {
        "columns": table.columns, "data": table.data, "column": table.get_column("a"),
        "rows": [[int(index), list(row)] for index, row in table.iterrows()],
        "frame": table.get_dataframe().to_dict("list"), "index": [int(i) for i in table.get_index()],
    }  # fmt: skip


def logged_twice() -> None:
    run = _run("logged_twice")
    table = wandb.Table(columns=["a"], data=[[1]])
    run.log({"table": table})
    run.log({"table": table})
    table.add_data(2)
    run.log({"again": table})


def mutable() -> None:
    run = _run("mutable")
    table = wandb.Table(columns=["a"], data=[[1]], log_mode="MUTABLE")
    run.log({"table": table})
    table.add_data(2)
    run.log({"table": table})


def growing() -> None:
    run = _run("growing")
    table = wandb.Table(columns=["a"], log_mode="INCREMENTAL")
    table.add_data(1)
    run.log({"table": table})
    table.add_data(2)
    run.log({"table": table})


def nested() -> None:
    run = _run("nested")
    run.log({"outer": {"table": wandb.Table(columns=["a"], data=[[1]])}})
    run.summary["in the summary"] = wandb.Table(columns=["a"], data=[[1]])


def listed() -> None:
    run = _run("listed")
    run.log({"tables": [wandb.Table(columns=["a"], data=[[1]]), wandb.Table(columns=["a"], data=[[2]])]})


def odd_keys() -> None:
    run = _run("odd_keys")
    run.log(
        {"with space & more": wandb.Table(columns=["a"], data=[[1]]), "ü/ß": wandb.Table(columns=["a"], data=[[1]])}
    )


def long_key() -> None:
    run = _run("long_key")
    run.log({"x" * 200: wandb.Table(columns=["a"], data=[[1]])})


def lines() -> None:
    run = _run("lines")
    table = wandb.Table(columns=["x", "y"], data=[[1, 2], [2, 3]])
    run.log({"line": wandb.plot.line(table, "x", "y", title="a line")})
    run.log(
        {
            "scatter": wandb.plot.scatter(table, "x", "y", title="dots"),
            "stroked": wandb.plot.line(table, "x", "y", stroke="x"),
        }
    )
    run.log({"section/line": wandb.plot.line(table, "x", "y")})


def bars() -> None:
    run = _run("bars")
    table = wandb.Table(columns=["label", "value"], data=[["a", 2], ["b", 3]])
    run.log(
        {
            "bar": wandb.plot.bar(table, "label", "value", title="bars"),
            "histogram": wandb.plot.histogram(table, "value", title="h"),
        }
    )


def series() -> None:
    run = _run("series")
    run.log(
        {
            "one x": wandb.plot.line_series(
                xs=[0, 1, 2], ys=[[1, 2, 3], [3, 2, 1]], keys=["a", "b"], title="t", xname="step"
            )
        }
    )
    run.log({"many": wandb.plot.line_series(xs=[[0, 1], [2, 3]], ys=[[1, 2], [3, 4]])})


def curves() -> None:
    run = _run("curves")
    truth = [0, 1, 2, 1, 0, 2]
    scores = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.3, 0.4, 0.3], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]
    run.log(
        {"confusion": wandb.plot.confusion_matrix(y_true=truth, preds=[0, 1, 1, 1, 0, 2], class_names=["a", "b", "c"])}
    )
    run.log({"probabilities": wandb.plot.confusion_matrix(probs=scores, y_true=truth)})
    run.log({"roc": wandb.plot.roc_curve(truth, scores, labels=["a", "b", "c"])})
    run.log({"pr": wandb.plot.pr_curve(truth, scores, labels=["a", "b", "c"])})


def own_charts() -> None:
    run = _run("own_charts")
    table = wandb.Table(columns=["x", "y"], data=[[1, 2], [2, 3]])
    run.log({"own": wandb.plot_table("somebody/chart", table, {"x": "x", "y": "y"}, {"title": "t"})})
    run.log({"split": wandb.plot_table("wandb/line/v0", table, {"x": "x", "y": "y"}, split_table=True)})
    run.log({"nested": {"chart": wandb.plot.line(table, "x", "y")}})


def refused() -> list[object]:
    _run("refused")
    raised: list[object] = []
    for make in (
        lambda: wandb.Table(columns="ab"),
        lambda: wandb.Table(columns=["a"], data=5),
        lambda: wandb.Table(columns=["a"], data=[[1, 2]]),
        lambda: wandb.Table(columns=["a"]).add_data(1, 2),
        lambda: wandb.Table(columns=["a"], data=[[1]]).add_data("text"),
        lambda: wandb.Table(columns=["a"], data=[[1]]).add_column("b", [1, 2]),
        lambda: wandb.Table(columns=["a"], log_mode="ODD"),
        lambda: wandb.Table(dataframe=5),
        lambda: wandb.plot.line(5, "x", "y"),
        lambda: wandb.plot.line_series(xs=[1], ys=5),
        lambda: wandb.plot.confusion_matrix(probs=[[1]], preds=[1], y_true=[1]),
    ):
        try:
            make()
            raised.append("nothing")
        except Exception as error:
            raised.append(type(error))
    return raised

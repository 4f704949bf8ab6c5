"""Config: every way to set it, and values of every kind."""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import pathlib
import types
from typing import Any

import numpy as np
import wandb


class Optimizer(enum.Enum):
    ADAM = "adam"


@dataclasses.dataclass
class Model:
    depth: int = 2
    widths: tuple[int, ...] = (8, 16)


class Own:
    def __init__(self) -> None:
        self.x = 1

    def __repr__(self) -> str:
        return "<own>"


def _named(run_id: str, **more: object) -> Any:
    return wandb.init(project="differential", id=run_id, **more)


def by_dict() -> dict[str, object]:
    run = _named(
        "by_dict", config={"lr": 0.1, "model": {"depth": 2, "opt": {"name": "adam"}}, "none": None, "big": 2**53 + 1}
    )
    run.config.update({"late": {"added": True}})
    run.config["item"] = [1, {"x": 2.5}]
    run.config.attribute = "text"
    return {"config": run.config.as_dict(), "keys": list(run.config.keys()), "in": "lr" in run.config}


def by_namespace() -> object:
    parsed = argparse.Namespace(lr=0.1, layers=[1, 2], name=None, path=pathlib.Path("a/b"))
    run = _named("by_namespace", config=parsed)
    run.config.update(argparse.Namespace(more=1))
    return run.config.as_dict()


def by_arguments() -> object:
    run = _named("by_arguments", config={"--dashed-key": 1, "-v": 2, "under_score": 3, "trailing-": 4})
    return run.config.as_dict()


def from_yaml() -> object:
    pathlib.Path("settings.yaml").write_text(
        "lr:\n  value: 0.1\n  desc: the rate\nmodel:\n  value:\n    depth: 2\nwandb_version: 1\n"
    )
    return _named("from_yaml", config="settings.yaml").config.as_dict()


def config_defaults() -> object:
    pathlib.Path("config-defaults.yaml").write_text("from_file:\n  value: 7\nlr:\n  value: 1\n")
    try:
        return _named("config_defaults", config={"lr": 0.1}).config.as_dict()
    finally:
        pathlib.Path("config-defaults.yaml").unlink()


def include_keys() -> object:
    return _named("include_keys", config={"a": 1, "b": 2, "c": 3}, config_include_keys=["a", "c"]).config.as_dict()


def exclude_keys() -> object:
    return _named("exclude_keys", config={"a": 1, "b": 2, "c": 3}, config_exclude_keys=["a"]).config.as_dict()


def values_of_every_kind() -> object:
    run = _named("values_of_every_kind")
    run.config.update({"none": None, "true": True, "text": "züge 🚂", "tuple": (1, 2), "inf": float("inf")})
    run.config.update({"path": pathlib.Path("a/b"), "enum": Optimizer.ADAM, "date": datetime.date(2026, 1, 2)})
    run.config.update({"datetime": datetime.datetime(2026, 1, 2, 3), "big": 2**70, "decimal": decimal.Decimal("0.5")})
    run.config.update({"ordered": collections.OrderedDict(a=1), "default": collections.defaultdict(int, b=2)})
    run.config.update(
        {"nested": {"path": pathlib.Path("c"), "none": None, "tuple": (1, (2, 3)), "enum": Optimizer.ADAM}}
    )
    return None


def arrays() -> None:
    run = _named("arrays")
    run.config.update({"f32": np.float32(0.1), "i64": np.int64(3), "bool": np.bool_(True)})
    run.config.update({"short": np.arange(3), "2-d": np.arange(4).reshape(2, 2)})
    run.config.update({"listed": [np.float64(1.5)], "dtype": np.dtype("float32"), "type": np.float32})


def functions() -> None:
    run = _named("functions")
    run.config.update({"function": len, "own": functions, "lambda": lambda x: x, "class": Model})
    run.config.update({"partial": functools.partial(int, base=2), "nested": {"function": functions, "class": Own}})


def objects() -> None:
    run = _named("objects")
    run.config.update({"own": Own(), "listed": [Own()], "nested": {"own": Own()}})
    run.config.update({"simple": types.SimpleNamespace(a=1), "range": range(3), "bytes": b"text"})


def sets() -> None:
    run = _named("sets")
    run.config.update({"set": {1}, "frozen": frozenset((2,))})


def a_dataclass() -> None:
    run = _named("a_dataclass", config={"model": Model()})
    run.config.update({"other": Model(3), "nested": {"model": Model(4)}})


def a_dataclass_as_the_config() -> object:
    return _named("a_dataclass_as_the_config", config=Model()).config.as_dict()


def keys_that_are_no_text() -> None:
    _named("keys_that_are_no_text", config={"nested": {1: "one", None: 2}})


def changing() -> dict[str, object]:
    run = _named("changing", config={"lr": 0.1, "same": 1})
    run.config.update({"lr": 0.2, "same": 1}, allow_val_change=True)
    raised: list[object] = []
    for change in ({"lr": 0.3}, {"same": 2, "new": 5}):
        try:
            run.config.update(change)
        except Exception as error:
            raised.append(type(error))
    try:
        run.config["lr"] = 0.4
    except Exception as error:
        raised.append(type(error))
    return {"raised": raised, "config": run.config.as_dict()}


def changing_allowed_at_init() -> object:
    run = _named("changing_allowed_at_init", config={"lr": 0.1}, allow_val_change=True)
    run.config["lr"] = 0.2
    run.config.update({"lr": 0.3})
    return run.config.as_dict()


def setting_defaults() -> object:
    run = _named("setting_defaults", config={"lr": 0.1})
    run.config.setdefaults({"lr": 1.0, "depth": 3})
    return run.config.as_dict()


def reading() -> dict[str, object]:
    run = _named("reading", config={"lr": 0.1, "model": {"depth": 2}, "list": [1, 2]})
    missing: list[object] = []
    for read in (lambda: run.config.nothing, lambda: run.config["nothing"]):
        try:
            read()
        except Exception as error:
            missing.append(type(error))
    return {
        "missing": missing,
        "got": run.config.get("nothing", 5),
        "depth": run.config["model"]["depth"],
        "attribute": run.config.model,
        "items": dict(run.config.items()),
        "dict": dict(run.config),
        "length": len(run.config.keys()),
        "attributes": [hasattr(run.config, "lr"), hasattr(run.config, "nothing")],
    }


def static() -> dict[str, object]:
    run = _named("static", config={"lr": 0.1, "model": {"depth": 2}})
    return {"lr": run.config_static.lr if hasattr(run, "config_static") else None}


def same_values_again() -> None:
    run = _named("same_values_again", config={"lr": 0.1})
    run.config.update({"lr": 0.1})
    run.config["lr"] = 0.1
    run.config.update({})

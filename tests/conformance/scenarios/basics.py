"""Rows: steps, commits, merging, nested dicts, and values of every kind that people log."""

import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import uuid

import numpy as np
import wandb


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: float
    y: int = 2


def rows() -> list[object]:
    run = wandb.init(project="differential", id="rows")
    seen: list[object] = [run.step]
    for number in range(20):
        run.log({"loss": 1 / (number + 1), "number": number, "whole": float(number)})
    seen.append(run.step)
    wandb.log({"loss": 0.5})
    run.log({})
    run.log({"behind an empty one": 1})
    seen.append(run.step)
    return seen


def steps() -> list[object]:
    run = wandb.init(project="differential", id="steps")
    seen: list[object] = []
    for number in range(4):
        run.log({"a": number}, step=3 * number)
        run.log({"b": number / 3}, step=3 * number)
        run.log({"a": -number}, step=3 * number)
        seen.append(run.step)
    run.log({"joined": 1})
    seen.append(run.step)
    run.log({"jump": 1}, step=40)
    run.log({"behind": 1})
    seen.append(run.step)
    run.log({"as numpy": 1}, step=np.int64(50))
    run.log({"end": 1}, step=1000)
    return seen


def commits() -> list[object]:
    run = wandb.init(project="differential", id="commits")
    run.log({"x": 1}, commit=False)
    run.log({"y": 2}, commit=False)
    seen: list[object] = [run.step]
    run.log({"z": 3})
    run.log({"x": 4})
    run.log({"x": 5}, step=7, commit=True)
    seen.append(run.step)
    run.log({"x": 6}, step=9, commit=False)
    run.log({}, commit=True)
    run.log({"w": {"a": 1}}, commit=False)
    run.log({"w": {"b": 2}}, commit=False)
    run.log({"open": 7}, commit=False)
    seen.append(run.step)
    return seen


def nested() -> None:
    run = wandb.init(project="differential", id="nested")
    run.log({"train": {"loss": 1.5, "deep": {"x": 0.1, "word": "text"}}, "plain": 1})
    run.log({"train": {"loss": 0.5, "deep": {"y": 3}}})
    run.log({"a.b": 1, "c/d": 2, "ü": 3, 'q"uote': 4, "日本": {"鍵": 5}, "with space": 6, "x" * 300: 7})
    run.log({"list of dicts": [{"a": 1}, {"b": [2]}], "inside": {"list": [1, [2, 3]]}})


def special_numbers() -> None:
    run = wandb.init(project="differential", id="special_numbers")
    run.log({"nan": float("nan"), "inf": float("inf"), "negative": float("-inf"), "zero": -0.0})
    run.log({"big": 2**62, "small": -(2**62), "huge": 1.7976931348623157e308, "tiny": 5e-324, "third": 1 / 3})
    run.log({"past 64 bits": 2**70, "63": 2**63, "e21": 1e21, "e16": 1e16, "e-7": 1e-7})
    run.log({"complex": 1 + 2j, "decimal": decimal.Decimal("0.1"), "fraction": fractions.Fraction(1, 3)})


def numpy_values() -> None:
    run = wandb.init(project="differential", id="numpy_values")
    run.log({"f64": np.float64(0.1), "f32": np.float32(0.1), "f16": np.float16(0.1), "i8": np.int8(-3)})
    run.log({"u64": np.uint64(2**63), "bool": np.bool_(True), "nan": np.float32("nan"), "str": np.str_("text")})
    run.log({"0-d": np.array(2.5), "0-d int": np.array(7), "datetime": np.datetime64("2026-01-02T03:04:05")})
    run.log(
        {
            "one": np.array([1.5]),
            "1 x 1": np.array([[2.5]]),
            "short": np.arange(5),
            "2-d": np.arange(6).reshape(2, 3),
            "empty": np.array([]),
        }
    )
    run.log({"floats32": np.array([0.1, 0.2], dtype=np.float32), "bools": np.array([True, False])})
    run.log({"in a list": [np.float32(0.5), np.int64(2)], "in a dict": {"x": np.float64(1.5)}})


def long_arrays() -> None:
    run = wandb.init(project="differential", id="long_arrays")
    run.log({"32": np.arange(32), "33": np.arange(33), "64": np.arange(64.0)})
    run.log({"list of 100": list(range(100)), "2-d": np.arange(100.0).reshape(10, 10)})


def plain_values() -> None:
    run = wandb.init(project="differential", id="plain_values")
    run.log({"none": None, "true": True, "false": False, "text": "züge 🚂\n\ttab", "empty text": ""})
    run.log({"list": [1, 2.5, "x", None, True], "tuple": (1, 2), "empty list": [], "nested": [[1], [2, [3]]]})
    run.log({"long text": "x" * 5000, "nans": [float("nan"), 1.0], "html": "<b>&amp;</b>\u2028"})


def odd_values() -> None:
    run = wandb.init(project="differential", id="odd_values")
    run.log({"date": datetime.date(2026, 1, 2), "datetime": datetime.datetime(2026, 1, 2, 3, 4, 5)})
    run.log({"delta": datetime.timedelta(seconds=90), "path": pathlib.Path("a/b"), "uuid": uuid.UUID(int=7)})
    run.log({"after": 1})


def dataclasses_and_enums() -> None:
    run = wandb.init(project="differential", id="dataclasses_and_enums")
    run.log({"point": Point(1.5), "after": 1})
    run.log({"enum": Colour.RED, "text enum": Colour.BLUE, "int enum": Level.LOW})


def sets() -> None:
    run = wandb.init(project="differential", id="sets")
    run.log({"set": {1}, "frozen": frozenset((2,))})
    run.log({"after": 1})


def raw_bytes() -> None:
    run = wandb.init(project="differential", id="raw_bytes")
    run.log({"bytes": b"text", "after": 1})
    run.log({"array": bytearray(b"text")})


def keys_that_are_no_text() -> None:
    run = wandb.init(project="differential", id="keys_that_are_no_text")
    run.log({"nested": {1: "one", 2.5: "x", None: 3, False: 4}})


def reserved_keys() -> None:
    run = wandb.init(project="differential", id="reserved_keys")
    run.log({"_private": 1, "x": 1})
    run.log({"_step": 40, "x": 2})
    run.log({"_timestamp": 1_800_000_000.5, "x": 3})
    run.log({"_runtime": 5.5, "x": 4})
    run.log({"_wandb": 1, "x": 5})


def no_mapping() -> None:
    run = wandb.init(project="differential", id="no_mapping")
    run.log({"x": 1})
    run.log([1, 2])


def one_row() -> None:
    wandb.init(project="differential", id="one_row").log({"only": 1.5})


def no_row() -> None:
    wandb.init(project="differential", id="no_row")


def by_module() -> dict[str, object]:
    wandb.init(project="differential", id="by_module", config={"lr": 0.1})
    wandb.log({"x": 1})
    wandb.log({"x": 2}, step=5, commit=True)
    wandb.config.update({"late": 1})
    wandb.summary["best"] = 3
    seen = {"lr": wandb.config.lr, "id": wandb.run.id, "summary": dict(wandb.summary)}
    seen["summary"].pop("_runtime", None)
    seen["summary"].pop("_timestamp", None)
    seen["summary"].pop("_wandb", None)
    return seen

"""Values: whatever a program logs becomes JSON's types, in the log and in the summary alike, and never an error."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections import UserDict, deque
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy
import pytest

from tests.sdk.reading import begin, fold, only_log, rows, same, without_common


class Colour(enum.Enum):
    RED = "red"


class Name(str, enum.Enum):
    LOSS = "loss"


class Text(str):
    pass


@dataclasses.dataclass
class Point:
    x: int
    y: Any


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Device:
    """As PyTorch's: it is called otherwise than it would be written in a program."""

    def __str__(self) -> str:
        return "cpu"

    def __repr__(self) -> str:
        return "device(type='cpu')"


VALUES: list[tuple[Any, Any]] = [
    (1, 1),
    (1.0, 1.0),
    (-0.0, -0.0),
    (True, True),
    (None, None),
    ("text", "text"),
    ("ü ∞ \u2028 \x00 \"'<>&", "ü ∞ \u2028 \x00 \"'<>&"),
    ("lone \ud800 surrogate", "lone ? surrogate"),
    (math.nan, math.nan),
    (math.inf, math.inf),
    (-math.inf, -math.inf),
    (5e-324, 5e-324),
    (1.7976931348623157e308, 1.7976931348623157e308),
    (2**63 - 1, 2**63 - 1),
    (-(2**63), -(2**63)),
    (2**64 - 1, 2**64 - 1),
    (2**70 + 1, float(2**70)),
    (-(10**400), -math.inf),
    ([1, [2.5, None], "x"], [1, [2.5, None], "x"]),
    ([2**70 + 1, math.nan], [float(2**70), math.nan]),
    ((1, 2), [1, 2]),
    ([], []),
    ({}, {}),
    (numpy.float64(0.5), 0.5),
    (numpy.float32(0.1), 0.10000000149011612),
    (numpy.float16("nan"), math.nan),
    (numpy.int64(-7), -7),
    (numpy.uint64(2**64 - 1), 2**64 - 1),
    (numpy.bool_(True), True),
    (numpy.str_("s"), "s"),
    (numpy.array(3.5), 3.5),
    (numpy.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (numpy.array([math.nan, math.inf]), [math.nan, math.inf]),
    (b"bytes \xff", "bytes \ufffd"),
    (Path("a/b"), "a/b"),
    (Colour.RED, "red"),
    (Text("sub"), "sub"),
    (Point(1, Point(2, None)), {"x": 1, "y": {"x": 2, "y": None}}),
    (UserDict({"k": 1}), {"k": 1}),
    (math.sqrt, "math.sqrt"),
    (Point, "tests.sdk.test_values.Point"),
    (Broken(), "<Broken>"),
    (Device(), "cpu"),
    (1 + 2j, "1+2j"),
    (Decimal("0.10"), "0.10"),
    (Fraction(1, 3), "1/3"),
    (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (datetime(2026, 11, 21, 8, 30, tzinfo=timezone.utc), "2026-11-21T08:30:00+00:00"),
    (date(2026, 11, 21), "2026-11-21"),
    (timedelta(days=1, seconds=90.5), "P1DT1M30.5S"),
    (timedelta(0), "PT0S"),
    (-timedelta(hours=2), "-PT2H"),
    (range(3), [0, 1, 2]),
    (deque([1, 2]), [1, 2]),
    (partial(int, base=2), "functools.partial(<class 'int'>, base=2)"),
    (numpy.dtype("float32"), "float32"),
    ({True: 1}, {"true": 1}),
]


@pytest.mark.parametrize("typed", [False, True])
def test_every_kind_of_value_is_the_same_in_log_and_summary(
    folder: Path, monkeypatch: pytest.MonkeyPatch, typed: bool
) -> None:
    monkeypatch.setenv("RUNSTORE_TYPED", str(typed))
    run = begin(project="p")
    for value, _ in VALUES:
        for _ in range(2):  # the first time a key is seen it goes another way than later
            run.log({"value": value, "beside": 1.5})
    run.finish()
    found = rows(only_log(folder))
    for number, (value, expected) in enumerate(VALUES):
        for _, row in found[2 * number : 2 * number + 2]:
            tree: dict[str, Any] = {}
            for key, leaf in row.items():
                place = tree
                path = (key,) if isinstance(key, str) else key
                for name in path[:-1]:
                    place = place.setdefault(name, {})
                place[path[-1]] = leaf
            assert same(tree, {"value": expected, "beside": 1.5}), repr(value)


def test_summary_and_config_take_every_kind_of_value(folder: Path) -> None:
    run = begin(project="p")
    for number, (value, _) in enumerate(VALUES):
        run.summary[f"v{number}"] = value
        run.config[f"v{number}"] = value
    in_process = dict(run.summary), run.config.as_dict()
    run.finish()
    # Stock tools have an enum's name here, and its value in rows.
    named = [value.name if isinstance(value, Colour) else expected for value, expected in VALUES]
    expected = {f"v{number}": value for number, value in enumerate(named)}
    folded = fold(only_log(folder))
    for tree in (*in_process, folded.summary.tree(), {k: v for k, v in folded.config.items() if k != "_wandb"}):
        assert same(tree, expected)


STRANGE_KEYS: list[tuple[Any, str]] = [
    (1, "1"),
    (2.5, "2.5"),
    (None, "None"),
    (("a", "b"), "('a', 'b')"),
    ("", ""),
    ("dot.key/slash key", "dot.key/slash key"),
    ("\udc80surrogate", "?surrogate"),
    (Name.LOSS, "loss"),
    (numpy.str_("np"), "np"),
]


@pytest.mark.parametrize(("key", "name"), STRANGE_KEYS)
def test_strange_keys_become_text_everywhere(folder: Path, key: Any, name: str) -> None:
    run = begin(project="p", config={key: 1})
    for _ in range(3):
        run.log({key: 1.5})
        run.log({key: 1.5, "nested": {key: 2}})
    run.summary.update({key: 2.5})
    run.config.update({key: 1})
    assert same(without_common(dict(run.summary)), {name: 2.5, "nested": {name: 2}})
    run.finish()
    log = only_log(folder)
    assert {tuple(row) for _, row in rows(log)} == {(name,), (name, ("nested", name))}
    assert fold(log).config == {name: 1, "_wandb": {}}
    assert fold(log).facts.exit_code == 0


def test_nested_dicts_are_flat_rows_and_nested_summaries(folder: Path) -> None:
    run = begin(project="p")
    run.log({"a": {"b": 1, "c": {"d": 2}}, "a.b": 3})
    assert same(without_common(dict(run.summary)), {"a": {"b": 1, "c": {"d": 2}}, "a.b": 3})
    run.finish()
    assert rows(only_log(folder)) == [(0, {("a", "b"): 1, ("a", "c", "d"): 2, "a.b": 3})]


def test_circles_end_where_they_close(folder: Path) -> None:
    circle: dict[str, Any] = {"one": 1}
    circle["again"] = circle
    branching: list[Any] = []
    branching += [branching, branching]  # followed to a depth of 32, this would be 4 billion lists
    point = Point(1, None)
    point.y = {"back": point}
    run = begin(project="p", config={"circle": circle, "branching": branching})
    run.log({"circle": circle, "branching": branching, "point": point})
    run.finish()
    ((_, row),) = rows(only_log(folder))
    assert row[("circle", "one")] == 1
    assert row[("circle", "again")] == "{'one': 1, 'again': {...}}"
    assert row["branching"] == ["[[...], [...]]"] * 2
    assert row[("point", "x")] == 1


def test_bottomless_nesting_is_cut_off(folder: Path) -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    run = begin(project="p")
    run.log({"deep": deep, "a": 1})
    run.finish()
    assert fold(only_log(folder)).facts.undecodable == 0


def test_what_a_row_shares_with_the_program_is_copied(folder: Path) -> None:
    shared = {"list": [1]}
    run = begin(project="p")
    run.log(shared, commit=False)
    run.summary["kept"] = shared
    shared["list"].append(2)
    run.log({"a": 1})
    assert run.summary["list"] == [1]
    assert run.summary["kept"] == {"list": [1]}


def test_a_timestamp_of_the_programs_own_is_kept_if_it_is_a_number(folder: Path) -> None:
    run = begin(project="p")
    run.log({"a": 1, "_timestamp": 1000.5})
    run.log({"a": 1, "_timestamp": "yesterday"})
    run.log({"a": 1, "_timestamp": 1000.5})
    run.log({"a": 1, "_step": 99, "_runtime": "x"})
    run.finish()
    found = [dict(record.items()) for record in _full_rows(only_log(folder))]
    assert [row["_timestamp"] == 1000.5 for row in found] == [True, False, True, False]
    assert all(isinstance(row["_timestamp"], float) for row in found)
    assert [row["_step"] for row in found] == [0, 1, 2, 3]
    assert all(isinstance(row["_runtime"], float) for row in found)
    assert run.summary["_runtime"] < 1e6


def _full_rows(log: Path) -> list[dict[Any, Any]]:
    from runstore.runlog import codec
    from tests.sdk.reading import records

    return [codec.row_of(record.history) for record in records(log) if record.HasField("history")]


def test_keys_of_changing_rows_are_never_mixed_up(folder: Path) -> None:
    run = begin(project="p")
    expected = []
    for n in range(300):
        row: dict[str, Any] = {f"k{(n * 7 + i) % 13}": float(n * 100 + i) for i in range(n % 6 + 1)}
        if n % 11 == 0:
            row["text"] = "t"
        run.log(row)
        expected.append((n, row))
    run.finish()
    assert rows(only_log(folder)) == expected

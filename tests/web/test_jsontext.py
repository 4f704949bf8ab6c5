"""Whatever was logged becomes JSON that every browser reads."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from runstore.web.jsontext import as_json


def nested(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": math.nan, 1: [math.inf, -math.inf]}, {"a": "NaN", "1": ["Infinity", "-Infinity"]}),
        ({"bad\udcff": "name\ud800"}, {"bad?": "name?"}),
        ([2**64 - 1, -(2**63), 2**70, -(2**70)], [2**64 - 1, -(2**63), 2.0**70, -(2.0**70)]),
        ([10**400, -(10**400), 2**70], ["Infinity", "-Infinity", 2.0**70]),
        ({"\ud800": (1, {"x": math.nan})}, {"?": [1, {"x": "NaN"}]}),
    ],
)
def test_what_json_lacks_is_replaced(value: object, expected: object) -> None:
    assert json.loads(as_json(value)) == expected


@pytest.mark.parametrize("levels", [50, 300, 5000])
def test_what_is_nested_too_deeply_ends_in_dots(levels: int) -> None:
    found, depth = json.loads(as_json(nested(levels))), 0
    while isinstance(found, list) and found:
        found, depth = found[0], depth + 1
    assert (found, depth) == ([], 50) if levels == 50 else found == "…"

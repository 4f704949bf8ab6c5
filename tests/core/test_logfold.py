"""What a log says: records in order, a fold that can be put away between any two of them, and nothing that raises."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from runstore.core.logfold import ConsolePiece, LogFold, Row
from runstore.core.rowblock import Column, RowBlock
from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import Record
from tests.index.writing import (
    config,
    exit_record,
    header,
    items,
    metric,
    mixed_bodies,
    output,
    pending,
    row,
    run,
    summary,
)


def numbered(bodies: list[bytes]) -> list[bytes]:
    return [wire.numbered(num, body) for num, body in enumerate(bodies, 1)]


def folded(*bodies: bytes) -> LogFold:
    fold = LogFold()
    for payload in numbered(list(bodies)):
        fold.apply(payload)
    return fold


@pytest.mark.parametrize("seed", range(4))
def test_a_fold_put_away_between_any_two_records_goes_on_as_if_nothing_had_been(seed: int) -> None:
    payloads = numbered([header(), run(), *mixed_bodies(seed, 250), exit_record()])
    seen: list[tuple[int, Row]] = []
    said: list[ConsolePiece] = []
    undisturbed = LogFold(lambda step, row: seen.append((step, dict(row))), said.append)
    for payload in payloads:
        undisturbed.apply(payload)
    seen_again: list[tuple[int, Row]] = []
    said_again: list[ConsolePiece] = []
    state = json.dumps(LogFold().state())
    for payload in payloads:
        fold = LogFold(lambda step, row: seen_again.append((step, dict(row))), said_again.append)
        fold.restore(json.loads(state))
        fold.apply(payload)
        state = json.dumps(fold.state())
    assert state == json.dumps(undisturbed.state())
    assert repr(seen_again) == repr(seen)
    assert said_again == said


def test_an_open_row_counts_and_the_record_that_holds_all_of_it_takes_its_place() -> None:
    fold = folded(pending(3, {"a": 1}), pending(3, {"b": 2}))
    assert fold.last_step == 3
    assert fold.summary.tree() == {"a": 1, "b": 2, "_step": 3}
    fold.apply(wire.numbered(3, row(3, {"a": 1, "b": 2})))
    assert fold.pending is None
    assert fold.facts.missing_records == 0


def test_an_open_row_whose_end_was_lost_is_a_row_once_the_next_begins() -> None:
    for next_record in (pending(4, {"a": 2}), row(4, {"a": 2})):
        rows: list[int] = []

        def on_row(step: int, _: Row, rows: list[int] = rows) -> None:
            rows.append(step)

        fold = LogFold(on_row)
        fold.apply(wire.numbered(1, pending(3, {"a": 1, "b": 1})))
        fold.apply(wire.numbered(3, next_record))
        assert rows[0] == 3
        assert fold.summary.get("a") == 2
        assert fold.summary.get("b") == 1
        assert fold.facts.missing_records == 1


def test_a_row_that_lies_behind_leaves_the_open_row_open() -> None:
    fold = folded(pending(5, {"a": 1}), row(2, {"a": 7}), pending(5, {"b": 1}))
    assert fold.pending == (5, {"a": 1, "b": 1, "_step": 5})
    assert fold.summary.get("a") == 1


def test_summaries_that_follow_from_the_history_are_passed_over() -> None:
    assert folded(row(0, {"a": 1}), summary({"a": 5}, derived=True)).summary.get("a") == 1
    assert folded(row(0, {"a": 1}), summary({"a": 5})).summary.get("a") == 5
    assert folded(summary({"a": 5}), row(0, {"a": 1})).summary.get("a") == 1


def test_a_later_run_record_changes_what_it_names_and_nothing_else() -> None:
    fold = folded(header(), run(display_name="one", notes="n", tags=["t"]), run(display_name="two"))
    assert (fold.facts.name, fold.facts.notes, fold.facts.tags) == ("two", "n", ["t"])


def test_only_the_first_run_record_says_when_a_stock_run_began() -> None:
    fold = folded(run(start_time={"seconds": 5}), run(start_time={"seconds": 9}, resume=True))
    assert fold.facts.started_at == 5


def test_gaps_in_the_numbering_are_counted_once() -> None:
    fold = LogFold()
    for num in (1, 2, 5, 4, 9, 0):
        fold.apply(wire.numbered(num, config({"a": num})))
    assert fold.facts.missing_records == 2 + 3
    assert fold.facts.last_num == 9


HOSTILE: list[bytes] = [
    wire.history([wire.item("a", 10**400), wire.item("_timestamp", 10**400)], 1),
    wire.history([wire.item("_step", math.inf), wire.item("_timestamp", math.inf)], 1),
    wire.history([wire.item("_step", math.nan), wire.item("_timestamp", math.nan)], 1),
    codec.encode(Record(history={"item": [{"nested_key": ["a"], "value_json": "9" * 4000}]})),
    codec.encode(Record(history={"item": [{"nested_key": ["a"], "value_json": "9" * 5000}]})),
    codec.encode(Record(history={"item": [{"nested_key": ["a"], "value_json": "[" * 100_000}]})),
    codec.encode(Record(history={"item": [{"nested_key": ["a"], "value_json": "[" * 500 + "]" * 500}]})),
    codec.encode(Record(history={"item": [{"nested_key": ["a"] * 5000, "value_json": "1"}]})),
    codec.encode(Record(history={"item": [{"value_json": "1"}]})),
    codec.encode(Record(history={"item": [{"nested_key": ["a"], "value_json": '"\\ud800"'}]})),
    codec.encode(Record(history={"item": [{"nested_key": ["a"], "value_json": "no json"}], "step": {"num": -5}})),
    codec.encode(Record(summary={"update": [{"nested_key": ["s"] * 5000, "value_json": '{"x": 1}'}]})),
    codec.encode(Record(summary={"update": [{"value_json": "1"}], "remove": [{}]})),
    codec.encode(Record(config={"update": [{"nested_key": ["c"] * 5000, "value_json": '{"\\udfff": 1}'}]})),
    codec.encode(Record(config={"update": [{"key": "c", "value_json": '{"a":' * 5000 + "1" + "}" * 5000}]})),
    codec.encode(Record(run={"run_id": "r", "start_time": {"seconds": 2**62}})),
    codec.encode(Record(header={"origin": {"started_ns": -(2**62), "kind": 77}})),
    codec.encode(Record(stats={"timestamp": {"seconds": 2**62}})),
    codec.encode(Record(output_raw={"output_type": 9, "timestamp": {"seconds": -(2**62)}, "line": "\x1b["})),
    codec.encode(Record(exit={"exit_code": -(2**31)})),
    b"",
    b"\x12\x00",
]


@pytest.mark.parametrize("body", HOSTILE)
@pytest.mark.parametrize("aggregates", [(), ("min", "mean", "best")])
def test_no_record_that_anybody_can_write_stops_the_reading(body: bytes, aggregates: tuple[str, ...]) -> None:
    fold = folded(metric("*", *aggregates), row(0, {"a": 1}), body, row(2, {"a": 2.5}), body)
    state = json.dumps(fold.state())
    fold.restore(json.loads(state))
    assert json.dumps(fold.state()) == state
    assert 0 <= fold.facts.heartbeat_at <= 1002
    assert fold.facts.started_at >= 0
    json.dumps([fold.summary.tree(), fold.config], ensure_ascii=False).encode()


@pytest.mark.parametrize("definition", [None, metric("k0", "min", "mean"), metric("k*", "none")])
def test_a_block_of_rows_says_what_its_records_say(definition: bytes | None) -> None:
    columns: dict[str, list[Any]] = {"k0": [3.5, 1, 2], "k1": [1, 1, 1.5], "_timestamp": [1007.0, 9e99, 1003.0]}
    columns["_step"] = [4, 9, 5]
    before = [wire.numbered(1, body) for body in ([definition] if definition else [])]
    before += [wire.numbered(3, row(0, {"k0": 9, ("k1", "x"): 1}))]
    one_by_one, at_once = LogFold(), LogFold()
    for payload in before:
        one_by_one.apply(payload)
        at_once.apply(payload)
    for num, place in ((4, 0), (7, 1), (8, 2)):
        values: dict[wire.Key, Any] = {key: column[place] for key, column in columns.items()}
        one_by_one.apply(wire.numbered(num, wire.history(items(values), 0)))
    order = np.array([0, 100, 200])
    packed = [Column(key, None, values, order + place) for place, (key, values) in enumerate(columns.items())]
    at_once.apply_rows(RowBlock(np.array([4, 7, 8]), np.array(columns["_step"]), order, packed))
    assert json.dumps(at_once.state()) == json.dumps(one_by_one.state())
    assert at_once.facts.missing_records == (1 if definition else 2) + 2
    assert at_once.facts.heartbeat_at == 1007


def test_console_pieces_say_which_stream() -> None:
    said: list[ConsolePiece] = []
    fold = LogFold(on_console=said.append)
    fold.apply(wire.numbered(1, output("a\n")))
    assert said == [ConsolePiece("stdout", 1500.0, "a\n")]
    assert fold.facts.heartbeat_at == 1500

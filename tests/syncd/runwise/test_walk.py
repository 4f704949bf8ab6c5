"""A walk over a log gives what decoding its records one by one says, however it is cut, and past damage."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from runstore.core.facts import AlertSent
from runstore.errors import NotFound
from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import Record
from runstore.syncd.runwise.content.walk import walk
from tests.index.facts import any_fact, artifact, stats
from tests.index.writing import (
    ODD_VALUES,
    exit_record,
    header,
    items,
    log_path,
    mixed_bodies,
    output,
    pending,
    plain_rows,
    row,
    run,
    summary,
    write,
    write_log,
)
from tests.runlog.damage import flipped, zero_filled
from tests.syncd.runwise.walking import decoded, lines, part_of, values, walked, walked_while_it_grows

_encoder = wire.RowEncoder(typed=True)


def typed(step: int, **numbers: float | int) -> bytes:
    items = _encoder.plain({**numbers, "_step": step})
    assert items is not None
    return wire.history(items, step)


def stock_row(step: int, values: dict[str, object], source: random.Random) -> list[bytes]:
    """Return the records of a row as stock tools write them: a summary before it, items in random order."""
    shuffled = [*{**values, "_step": step, "_timestamp": 1000.0 + step, "_runtime": float(step)}.items()]
    source.shuffle(shuffled)
    return [summary({"_runtime": step}), summary(dict(shuffled)), wire.history(items(dict(shuffled)), step)]


def everything(seed: int, records: int = 600) -> list[bytes]:
    """Return records of all kinds, as our tools and as others write them."""
    source, bodies = random.Random(seed), []
    for number, body in enumerate(mixed_bodies(seed, records)):
        bodies.append(body)
        if number % 7 == 0:
            bodies.append(any_fact(source, 2000.0 + number))
        if source.random() < 0.02:
            step = 10 * number
            bodies += [typed(step + n, a=source.random(), b=n, nan=math.nan) for n in range(40)]
        if source.random() < 0.02:
            step = 20 * number
            rows = [stock_row(step + n, {"x": source.random(), "y/z": n}, source) for n in range(30)]
            bodies += [record for records_of_row in rows for record in records_of_row]
        if source.random() < 0.02:
            bodies.append(stats(2000 + number, cpu="1.5", proc__memory="NaN", bad="no json"))
    return bodies


@pytest.mark.parametrize("seed", range(12))
def test_rows_are_those_that_decoding_each_record_says(seed: int, tmp_path: Path) -> None:
    log = write_log(tmp_path, everything(seed))
    assert walked(log).rows == values(decoded(log))
    assert walked(log, behind=700, most_bytes=20_000).rows == values(decoded(log, 700))


@pytest.mark.parametrize("seed", range(12))
def test_log_that_grows_and_is_walked_in_pieces_says_what_one_walk_says(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    bodies = everything(seed, 300)
    log = write_log(tmp_path, bodies)
    size = log.stat().st_size
    sizes = sorted(source.randrange(size) for _ in range(source.randrange(12)))
    more: dict[str, Any] = {"after": source.choice((None, None, -1, 50)), "below": source.choice((None, None, 200))}
    assert walked_while_it_grows(log, sizes, source, **more) == walked(log, **more)


@pytest.mark.parametrize("seed", range(8))
def test_records_that_say_something_else_than_tools_write_are_decoded_one_by_one(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    bodies = everything(seed, 400)
    for at in range(0, len(bodies), 3):
        changed = bytearray(bodies[at])
        for _ in range(source.choice((1, 1, 2))):
            changed[source.randrange(len(changed))] = source.choice((0, 0x0A, 0x12, 0x82, 0x31, source.randrange(256)))
        bodies[at] = bytes(changed)
    log = write_log(tmp_path, bodies)
    assert walked(log).rows == values(decoded(log))


@pytest.mark.parametrize("seed", range(6))
def test_damage_is_passed_by_and_counted_wherever_a_walk_ends(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    log = write_log(tmp_path, everything(seed, 500))
    log.write_bytes((flipped if seed % 2 else zero_filled)(log.read_bytes(), source))
    one = walked(log)
    assert one.rows == values(decoded(log))
    sizes = sorted(source.randrange(log.stat().st_size) for _ in range(5))
    pieces = walked_while_it_grows(log, sizes, source)
    assert pieces == one
    part = part_of(log)
    assert one.position["offset"] == part.end


def test_lost_bytes_are_those_of_the_damaged_records(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(500)))
    data = bytearray(log.read_bytes())
    data[5_000] ^= 1
    log.write_bytes(data)
    told = walked(log)
    assert len(told.rows) == 499
    assert 50 < told.lost_bytes < 300
    assert told.position["lost"] == told.lost_bytes


def test_values_go_as_the_log_has_them(tmp_path: Path) -> None:
    row_of_all = {f"k{n}": value for n, value in enumerate(ODD_VALUES)}
    nested = {("n", "i"): 1, ("n", "deep", "x"): 0.1, "a.b": 2, 'q"%s': 3, "日本": "text\n"}
    log = write_log(tmp_path, [row(0, row_of_all), row(1, nested), *plain_rows(range(2, 40))])
    first, second, *_ = walked(log).rows
    assert [first] == values([wire.dumps({**_written(row_of_all), **_clock(0)})])
    assert json.loads(second) == {
        "n": {"i": 1, "deep": {"x": 0.1}}, "a.b": 2, 'q"%s': 3, "日本": "text\n", **_clock(1),
    }  # fmt: skip


def _written(values: dict[str, object]) -> dict[str, object]:
    """Return values as logs have them: no lone surrogates, no integers beyond 64 bits."""
    return {
        key: "é\u2028?" if value == ODD_VALUES[-1] else float(2**70) if value == 2**70 else value
        for key, value in values.items()
    }


def _clock(step: int) -> dict[str, float]:
    return {"_timestamp": 1000.0 + step, "_runtime": float(step), "_step": step}


def test_many_rows_with_nan_are_lines_of_json_with_bare_words(tmp_path: Path) -> None:
    bodies = [typed(step, loss=math.nan if step % 2 else math.inf, x=-math.inf) for step in range(64)]
    bodies += [row(64 + n, {"loss": math.nan, "text": ":NaN", "list": [math.nan, 1]}) for n in range(64)]
    rows = lines(write_log(tmp_path, bodies))
    assert '"loss":Infinity' in rows[0]
    assert '"loss":NaN' in rows[1]
    assert '"x":-Infinity' in rows[1]
    assert json.loads(rows[64])["text"] == ":NaN"


def test_value_that_is_no_json_goes_as_text_and_keeps_nothing_else_back(tmp_path: Path) -> None:
    bodies = plain_rows(range(40))
    for step, text in ((40, "no json"), (41, "1,\n2"), (42, "[1"), (43, "1}{")):
        record = Record()
        record.history.item.add(nested_key=["_step"], value_json=str(step))
        record.history.item.add(nested_key=["x"], value_json=text)
        bodies.append(codec.encode(record))
    rows = lines(write_log(tmp_path, bodies))
    assert [json.loads(text)["x"] for text in rows[40:]] == ["no json", "1,\n2", "[1", "1}{"]
    assert not any("\n" in text for text in rows)


def test_open_row_is_given_when_the_log_is_over_and_not_before(tmp_path: Path) -> None:
    log = write_log(tmp_path, [*plain_rows(range(3)), pending(3, {"x": 1}), stats(2000, cpu="1"), pending(3, {"y": 2})])
    source = random.Random(1)
    told = walked_while_it_grows(log, [log.stat().st_size - 1], source)
    assert told.steps == [0, 1, 2, 3]
    assert json.loads(told.rows[-1]) == {"x": 1, "y": 2, "_step": 3}
    assert len(told.events) == 1  # said behind the row's beginning, and walked over twice


def test_log_that_goes_on_after_it_was_taken_to_be_over_keeps_its_steps(tmp_path: Path) -> None:
    bodies = [*plain_rows(range(3)), pending(3, {"x": 1})]
    log = write_log(tmp_path, bodies)
    told = walked(log)
    assert told.steps == [0, 1, 2, 3]
    longer = write_log(tmp_path, [*bodies, row(3, {"x": 1, "y": 2}), *plain_rows(range(4, 40))], "b")
    for batch in walk(part_of(longer), told.position, None, 1 << 20, True):
        told.add(batch)
    assert told.steps == [0, 1, 2, 3, 3, *range(4, 40)]


def test_steps_that_do_not_rise_are_lifted_as_stock_lifts_them(tmp_path: Path) -> None:
    log = write_log(tmp_path, [row(step, {"x": step}) for step in (10, 4, 4, 20, 13)])
    told = walked(log)
    assert (told.steps, told.last_step) == ([10, 11, 12, 20, 21], 21)


def test_rows_of_a_log_that_goes_on_stand_behind_those_before_it(tmp_path: Path) -> None:
    log = write_log(tmp_path, [row(step, {"x": step}) for step in (0, 2, 10)])
    assert walked(log, after=4).steps == walked(log, behind=4).steps == [5, 6, 10]
    assert walked(write_log(tmp_path, plain_rows(range(100)), "b"), after=49).steps == list(range(50, 150))


@pytest.mark.parametrize(("after", "steps"), [(None, list(range(30))), (9, list(range(10, 30)))])
def test_rows_that_do_not_count_any_more_are_left_out(after: int | None, steps: list[int], tmp_path: Path) -> None:
    log = write_log(tmp_path, [*plain_rows(range(50)), pending(50, {"x": 1})])
    assert walked(log, below=30, after=after).steps == steps


def test_samples_of_the_machine_are_events(tmp_path: Path) -> None:
    started = codec.encode(Record(run={"run_id": "r1", "start_time": {"seconds": 1000, "nanos": 500_000_000}}))
    bodies = [header(), started, stats(1002.25, cpu="1.5", disk__in="2.0", bad="x", text='"t"')]
    (event,) = walked(write(log_path(tmp_path), bodies)).events
    assert json.loads(event) == {
        "_wandb": True, "_timestamp": 1002.25, "_runtime": 1.75, "system.cpu": 1.5, "system.disk.in": 2.0,
        "system.text": "t",
    }  # fmt: skip


def test_artifacts_come_with_their_place_in_the_log_and_alerts_in_order(tmp_path: Path) -> None:
    alerts = [codec.encode(Record(alert={"title": title, "text": "t", "wait_duration": 5})) for title in "ab"]
    bodies = [artifact("one"), *plain_rows(range(1000)), artifact("two"), *alerts, artifact("three"), exit_record()]
    told = walked(write_log(tmp_path, bodies), most_bytes=1)
    assert [name for _, name in told.artifacts] == ["one", "two", "three"]
    assert told.alerts == [AlertSent("a", "t", "INFO", 5), AlertSent("b", "t", "INFO", 5)]
    for offset, name in told.artifacts:
        with open(log_path(tmp_path), "rb") as file:
            file.seek(offset)
            assert name.encode() in file.read(200)


def test_batches_are_about_as_large_as_asked_for(tmp_path: Path) -> None:

    log = write_log(tmp_path, plain_rows(range(5_000)))
    batches = list(walk(part_of(log), {}, None, 50_000, True))
    assert len(batches) > 5
    assert max(sum(map(len, batch.rows)) for batch in batches) < 60_000
    assert sum(len(batch.rows) for batch in batches) == 5_000


def test_walk_that_finds_nothing_new_gives_no_batch(tmp_path: Path) -> None:

    log = write_log(tmp_path, [*plain_rows(range(3)), output("x\n")])
    told = walked(log)
    assert list(walk(part_of(log), told.position, None, 1000, True)) == []
    assert list(walk(part_of(log), told.position, None, 1000, False)) == []


def test_log_is_walked_no_further_than_the_index_has_it(tmp_path: Path) -> None:
    log = write(log_path(tmp_path), [header(), run(), *plain_rows(range(10))])
    end = part_of(log).end
    write(log_path(tmp_path, "b"), [header(), run(), *plain_rows(range(20))])
    longer = log_path(tmp_path, "b")
    assert walked(longer, end=end).steps == list(range(10))


def test_log_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(3)))
    part = part_of(log)
    log.unlink()

    with pytest.raises(NotFound):
        list(walk(part, {}, None, 1000, True))

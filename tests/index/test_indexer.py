"""The index says what the logs say: in whatever pieces they came, whatever became of them, whatever is beside them."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path
from typing import Any

import pytest

from runstore.errors import NotALog, NotFound
from runstore.index import indexer as indexer_module
from runstore.index.indexer import Indexer
from runstore.query.api import Api
from runstore.query.stored.run import StoredRun
from runstore.runlog import codec, wire
from runstore.runlog.framing import FILE_HEADER
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import Record
from tests.index.writing import (
    ODD_VALUES,
    config,
    dump,
    exit_record,
    header,
    indexed,
    log_path,
    metric,
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


def stored(index: Path, path: str = "r1") -> StoredRun:
    return Api(index, refresh=False).run(path)


def rows(index: Path) -> list[dict[str, Any]]:
    """Return the rows without the times that the writer adds."""
    return [{k: v for k, v in r.items() if k not in ("_timestamp", "_runtime")} for r in stored(index).scan_history()]


def boundaries(log: Path) -> list[int]:
    return [framed.end for framed in LogReader(log)]


@pytest.mark.parametrize("seed", range(5))
def test_the_index_holds_what_was_logged(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    logged: dict[int, dict[str, Any]] = {}
    last: dict[str, Any] = {}
    bodies = []
    keys = [f"k{n}" for n in range(9)]
    for step in range(600):
        if step % 150 == 0:
            source.shuffle(keys)
        values = {key: source.choice((source.random(), source.randrange(-(2**60), 2**60))) for key in keys[:5]}
        if source.random() < 0.05:
            values[source.choice(keys)] = source.choice([value for value in ODD_VALUES if value != {}])
        bodies.append(row(step, values))
        (kept,) = [codec.row_of(record.history) for record in [Record.FromString(bodies[-1])]]
        logged[step] = {key: kept[key] for key in values}
        last |= {key: value for key, value in logged[step].items() if value is not None}
    indexed(tmp_path / "i.db", write_log(tmp_path, bodies))
    found = rows(tmp_path / "i.db")
    assert [r.pop("_step") for r in found] == list(range(600))
    for step, values in enumerate(found):
        assert values.keys() == logged[step].keys()
        assert all(same(values[key], value) for key, value in logged[step].items()), (step, values, logged[step])
    shown = stored(tmp_path / "i.db").summary
    assert all(same(shown[key], value) for key, value in last.items())


def same(a: Any, b: Any) -> bool:
    return a == b or repr(a) == repr(b)


@pytest.mark.parametrize("seed", range(3))
def test_catching_up_after_every_record_is_catching_up_at_once(seed: int, tmp_path: Path) -> None:
    whole = write_log(tmp_path / "whole", [*mixed_bodies(seed, 120), exit_record()])
    growing = log_path(tmp_path / "growing")
    data = whole.read_bytes()
    kept, forgetful = Indexer(tmp_path / "kept.db"), Indexer(tmp_path / "forgetful.db")
    at = 0
    for place, end in enumerate(boundaries(whole)):
        with open(growing, "ab") as file:
            file.write(data[at:end])
        at = end
        assert kept.catch_up(growing)
        if place % 3 == 0:
            forgetful._open.clear()
            forgetful.catch_up(growing)
    assert not kept.catch_up(growing)
    forgetful.catch_up(growing)
    at_once = indexed(tmp_path / "once.db", growing)
    assert dump(tmp_path / "kept.db") == at_once
    assert dump(tmp_path / "forgetful.db") == at_once


def test_a_record_that_arrives_byte_by_byte_is_indexed_when_it_is_whole(tmp_path: Path) -> None:
    whole = write_log(tmp_path / "whole", [row(0, {"a": 1.5})]).read_bytes()
    growing = log_path(tmp_path / "growing")
    indexer = Indexer(tmp_path / "i.db")
    seen = []
    for size in range(len(whole) + 1):
        growing.write_bytes(whole[:size])
        indexer.catch_up(growing)
        (found,) = indexer.connection.execute("SELECT count(*) FROM chunks").fetchone()
        seen.append(found)
    assert seen == [0] * len(whole) + [3]  # a, _timestamp, _runtime


def test_many_pieces_are_one_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = write_log(tmp_path, [*mixed_bodies(11, 3000)])
    at_once = indexed(tmp_path / "once.db", log)
    monkeypatch.setattr(indexer_module, "PIECE_BYTES", 5000)
    told: list[int] = []
    indexer = Indexer(tmp_path / "pieces.db")
    indexer.catch_up(log, told.append)
    assert len(told) > 20
    assert sum(told) == log.stat().st_size
    assert dump(tmp_path / "pieces.db") == at_once


def test_an_index_deleted_and_made_again_says_the_same(tmp_path: Path) -> None:
    for name in "cab":
        write_log(tmp_path, [*mixed_bodies(ord(name), 200)], name, f"r{name}")
    write_log(tmp_path, plain_rows(range(5)), "d", "ra", kind="resume", started=2000.0, starting_step=3)
    index = tmp_path / "i.db"
    runs = sorted(tmp_path.glob("wandb/*"))
    first = indexed(index, *runs)
    for part in tmp_path.glob("i.db*"):
        part.unlink()
    assert indexed(index, *reversed(runs)) == first


# ---- fragments of one run


def test_a_resumed_run_shows_the_new_rows_from_its_starting_step_on(tmp_path: Path) -> None:
    write_log(tmp_path, [config({"lr": 1, "x": {"a": 1}}), *[row(n, {"a": n}) for n in range(5)]])
    later = [config({"x": {"b": 2}}), *[row(n, {"a": 10 * n}) for n in (3, 4, 5)], exit_record()]
    write_log(tmp_path, later, "b", kind="resume", started=2000.0, starting_step=3)
    indexed(tmp_path / "i.db", tmp_path)
    assert [(r["_step"], r["a"]) for r in rows(tmp_path / "i.db")] == [
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 30),
        (4, 40),
        (5, 50),
    ]
    run = stored(tmp_path / "i.db")
    assert run.config == {"lr": 1, "x": {"b": 2}}  # a key's value is replaced as a whole
    assert (run.summary["a"], run.lastHistoryStep, run.exit_code) == (50, 5, 0)
    assert [path.rsplit("_", 1)[1] for path in run.logs] == ["a-r1/run-r1.wandb", "b-r1/run-r1.wandb"]


def test_a_run_rewound_and_killed_ends_where_it_was_rewound_to(tmp_path: Path) -> None:
    write_log(tmp_path, [row(n, {"a": n}) for n in range(10)])
    write_log(tmp_path, [], "b", kind="rewind", started=2000.0, starting_step=4)
    indexed(tmp_path / "i.db", tmp_path)
    assert [r["_step"] for r in rows(tmp_path / "i.db")] == [0, 1, 2, 3]
    assert stored(tmp_path / "i.db").lastHistoryStep == 3


def test_ranks_and_successors_are_merged_by_step(tmp_path: Path) -> None:
    write_log(tmp_path, [row(n, {"a": n, "c": 0}) for n in range(3)])
    write_log(tmp_path, [row(n, {"b": -n, "c": 1}) for n in range(1, 4)], "b", kind="rank", started=2000.0)
    write_log(tmp_path, [row(3, {"a": 3}), exit_record(3)], "c", kind="successor", started=3000.0)
    indexed(tmp_path / "i.db", tmp_path)
    assert rows(tmp_path / "i.db") == [
        {"_step": 0, "a": 0, "c": 0},
        {"_step": 1, "a": 1, "b": -1, "c": 1},
        {"_step": 2, "a": 2, "b": -2, "c": 1},
        {"_step": 3, "a": 3, "b": -3, "c": 1},
    ]
    assert stored(tmp_path / "i.db").exit_code == 3


def test_a_run_that_stock_tools_resumed_counts_on(tmp_path: Path) -> None:
    started: dict[str, Any] = {"start_time": {"seconds": 1}}
    write(log_path(tmp_path), [run(**started), row(0, {"a": 0}), row(1, {"a": 1})])
    started = {"start_time": {"seconds": 2}, "resume": True}
    write(log_path(tmp_path, "b"), [run(**started), row(0, {"a": 2}), row(1, {"a": 3})])
    indexed(tmp_path / "i.db", tmp_path)
    assert [(r["_step"], r["a"]) for r in rows(tmp_path / "i.db")] == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert stored(tmp_path / "i.db").lastHistoryStep == 3


def test_summaries_of_fragments_are_folded_by_their_definitions(tmp_path: Path) -> None:
    first = [
        metric("a", "min", "mean"),
        *[row(n, {"a": value}) for n, value in enumerate((4, 1))],
        summary({"by": "hand"}),
    ]
    write_log(tmp_path, first)
    second = [metric("a", "min", "mean"), row(2, {"a": 7}), summary(remove=["by"])]
    write_log(tmp_path, second, "b", kind="resume", started=2000.0, starting_step=2)
    indexed(tmp_path / "i.db", tmp_path)
    found = stored(tmp_path / "i.db").summary
    assert found["a"] == {"min": 1, "mean": 4.0}
    assert "by" not in found


def test_an_open_row_counts_and_stays_when_its_process_is_killed(tmp_path: Path) -> None:
    log = write_log(tmp_path, [row(0, {"a": 1}), pending(1, {"a": 2, ("n", "x"): math.nan}), pending(1, {"b": "text"})])
    indexed(tmp_path / "i.db", log)
    expected = [{"_step": 0, "a": 1}, {"_step": 1, "a": 2, "b": "text", "n.x": math.nan}]
    assert repr(rows(tmp_path / "i.db")) == repr(expected)
    run = stored(tmp_path / "i.db")
    assert (run.lastHistoryStep, run.summary["a"], run.summary["b"]) == (1, 2, "text")
    assert [r["b"] for r in run.scan_history(keys=["b"])] == ["text"]


def test_an_open_row_is_there_once_when_it_is_finished(tmp_path: Path) -> None:
    bodies = [pending(1, {"a": 2}), row(1, {"a": 2, "b": 3}), row(2, {"a": 4})]
    log = log_path(tmp_path)
    data = write_log(tmp_path / "whole", bodies)
    indexer = Indexer(tmp_path / "i.db")
    for end in boundaries(data):
        log.write_bytes(data.read_bytes()[:end])
        indexer.catch_up(log)
    assert rows(tmp_path / "i.db") == [{"_step": 1, "a": 2, "b": 3}, {"_step": 2, "a": 4}]


def test_a_flat_key_with_a_dot_and_a_nested_one_of_the_same_name_lose_no_point(tmp_path: Path) -> None:
    bodies = [row(n, {"a.b": n} if n % 2 else {("a", "b"): n}) for n in range(6)]
    indexed(tmp_path / "i.db", write_log(tmp_path, bodies))
    assert [r["a.b"] for r in rows(tmp_path / "i.db")] == [0, 1, 2, 3, 4, 5]


def test_console_lines_and_the_line_that_is_not_ended(tmp_path: Path) -> None:
    bodies = [output(text) for text in ("10%\r", "20%\r", "\x1b[3", "1mdone\x1b[0m\n", "more")]
    indexed(tmp_path / "i.db", write_log(tmp_path, bodies))
    lines = [(line["text"], line["time"]) for line in stored(tmp_path / "i.db").console()]
    assert lines == [("\x1b[31mdone\x1b[0m", 1500.0), ("more", None)]


# ---- what is no good log


def test_damage_costs_the_records_that_it_hit_and_is_counted(tmp_path: Path) -> None:
    log = write_log(tmp_path, [*plain_rows(range(2000)), exit_record()])
    data = bytearray(log.read_bytes())
    hit = boundaries(log)[1000] + 20
    data[hit] ^= 0x01
    data[hit + 3000] ^= 0x80
    log.write_bytes(data)
    indexed(tmp_path / "i.db", log)
    reader = LogReader(log)
    intact = [
        record.history.step.num for record in map(codec.decode, (f.payload for f in reader)) if record is not None
    ]
    assert [r["_step"] for r in rows(tmp_path / "i.db")] == sorted({0, *intact})
    missing, lost = Indexer(tmp_path / "i.db").connection.execute("SELECT missing, lost_bytes FROM logs").fetchone()
    assert lost == reader.lost_bytes > 0
    assert missing == 2003 - len(intact) > 0


def test_a_log_without_a_run_record_belongs_to_the_run_of_its_name(tmp_path: Path) -> None:
    log = write(log_path(tmp_path, run_id="lost"), [header(), *plain_rows(range(3))])
    indexer = Indexer(tmp_path / "i.db")
    indexer.catch_up(log)
    run = stored(tmp_path / "i.db", "uncategorized/lost")
    assert run.lastHistoryStep == 2
    first = dump(tmp_path / "i.db")
    os.utime(log)
    indexer.catch_up(log)
    assert dump(tmp_path / "i.db") == first


def test_logs_of_a_hub_without_run_records_are_runs_of_their_own(tmp_path: Path) -> None:
    indexer = Indexer(tmp_path / "i.db")
    for digest in ("0a1b2c3d4e", "ffeeddccbb"):
        source = write(log_path(tmp_path / digest, run_id="lost"), [header(), *plain_rows(range(3))])
        indexer.catch_up(source.rename(tmp_path / digest / "log.wandb"))
    paths = [found.path for found in Api(tmp_path / "i.db", refresh=False).runs()]
    assert sorted(paths) == [["uncategorized", "0a1b2c3d"], ["uncategorized", "ffeeddcc"]]


def test_a_run_record_that_comes_late_moves_the_log_to_its_run(tmp_path: Path) -> None:
    whole = write(log_path(tmp_path / "whole"), [header(), row(0, {"a": 1}), run("named", "project")])
    log = log_path(tmp_path)
    indexer = Indexer(tmp_path / "i.db")
    for end in boundaries(whole):
        log.write_bytes(whole.read_bytes()[:end])
        indexer.catch_up(log)
    assert [found.path for found in Api(tmp_path / "i.db", refresh=False).runs()] == [["project", "named"]]


@pytest.mark.parametrize("content", [b"", FILE_HEADER, FILE_HEADER[:3]])
def test_a_log_that_has_just_been_begun_is_known_and_no_run(content: bytes, tmp_path: Path) -> None:
    log = log_path(tmp_path)
    log.write_bytes(content)
    indexer = Indexer(tmp_path / "i.db")
    assert indexer.catch_up_below(tmp_path) == []
    assert indexer.connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    log.unlink()
    write_log(tmp_path, plain_rows(range(2)))
    indexer.catch_up_below(tmp_path)
    assert len(rows(tmp_path / "i.db")) == 2


def test_what_is_no_log_is_named_and_holds_up_no_other(tmp_path: Path) -> None:
    log_path(tmp_path, "a", "bad").write_bytes(b"PNG" * 100)
    log_path(tmp_path, "b", "future").write_bytes(FILE_HEADER[:-1] + b"\x09" + b"x" * 100)
    write_log(tmp_path, plain_rows(range(2)), "c")
    indexer = Indexer(tmp_path / "i.db")
    errors = indexer.catch_up_below(tmp_path)
    assert sorted(str(error).partition(": ")[0].rsplit("/", 1)[1] for error in errors) == [
        "run-bad.wandb",
        "run-future.wandb",
    ]
    assert len(rows(tmp_path / "i.db")) == 2
    indexer.catch_up_known()


def test_a_log_replaced_by_another_is_that_other(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(50)))
    indexer = Indexer(tmp_path / "i.db")
    indexer.catch_up(log)
    for records in (10, 90):  # shorter, and longer
        log.unlink()
        write_log(tmp_path, plain_rows(range(100, 100 + records)), started=5000.0 + records)
        indexer.catch_up(log)
        assert [r["_step"] for r in rows(tmp_path / "i.db")] == list(range(100, 100 + records))
        assert dump(tmp_path / "i.db") == indexed(tmp_path / f"{records}.db", log)


def test_a_log_replaced_by_something_else_is_forgotten(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(5)))
    indexer = Indexer(tmp_path / "i.db")
    indexer.catch_up(log)
    log.write_bytes(b"something else" * 1000)
    with pytest.raises(NotALog):
        indexer.catch_up(log)
    assert dump(tmp_path / "i.db") == ""


def test_a_deleted_log_is_forgotten_and_its_run_with_the_last_one(tmp_path: Path) -> None:
    first = write_log(tmp_path, plain_rows(range(5)))
    second = write_log(tmp_path, plain_rows(range(5, 9)), "b", kind="resume", started=2000.0, starting_step=5)
    indexer = Indexer(tmp_path / "i.db")
    indexer.catch_up_below(tmp_path)
    alone = indexed(tmp_path / "alone.db", second)
    first.unlink()
    indexer.catch_up_below(tmp_path)
    assert dump(tmp_path / "i.db") == alone
    second.unlink()
    indexer.catch_up_known()
    for table in ("logs", "runs", "series", "chunks", "history_values", "console"):
        assert indexer.connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


def test_logs_on_a_file_system_that_is_away_stay_known(tmp_path: Path) -> None:
    write_log(tmp_path / "mounted", plain_rows(range(5)))
    other = write_log(tmp_path / "mounted_2", plain_rows(range(5)), run_id="r2")
    index = tmp_path / "i.db"
    known = indexed(index, tmp_path)
    (tmp_path / "mounted").rename(tmp_path / "away")
    indexer = Indexer(index)
    indexer.catch_up_known()
    indexer.catch_up_below(other.parent)
    (tmp_path / "away").rename(tmp_path / "mounted")
    assert dump(index) == known


@pytest.mark.parametrize(("folder", "beside"), [("a_b", "axb"), ("100%", "100x"), ("Upper", "upper")])
def test_looking_below_one_folder_forgets_nothing_beside_it(folder: str, beside: str, tmp_path: Path) -> None:
    gone = write_log(tmp_path / beside, plain_rows(range(2)))
    indexer = Indexer(tmp_path / "i.db")
    indexer.catch_up(gone)
    gone.unlink()
    (tmp_path / folder).mkdir(exist_ok=True)
    indexer.catch_up_below(tmp_path / folder)
    assert len(rows(tmp_path / "i.db")) == 2


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no such file or folder"):
        Indexer(tmp_path / "i.db").catch_up_below(tmp_path / "nowhere")
    with pytest.raises(NotFound, match="there is no such run log"):
        Indexer(tmp_path / "i.db").catch_up(tmp_path / "run-x.wandb")


def test_remembered_folders_are_looked_through(tmp_path: Path) -> None:
    indexer = Indexer(tmp_path / "i.db")
    indexer.add_root(tmp_path)
    indexer.add_root(tmp_path)
    assert indexer.roots() == [tmp_path]
    write_log(tmp_path, plain_rows(range(3)))
    indexer.catch_up_known()
    assert len(rows(tmp_path / "i.db")) == 3


def test_a_process_whose_log_another_one_forgot_and_found_again_goes_on_rightly(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(5)))
    one, other = Indexer(tmp_path / "i.db"), Indexer(tmp_path / "i.db")
    one.catch_up(log)
    write_log(tmp_path, plain_rows(range(5)), "b", "r2")
    other.forget(log)
    other.catch_up_below(tmp_path)
    grown = write_log(tmp_path / "grown", plain_rows(range(9))).read_bytes()
    with open(log, "ab") as file:
        file.write(grown[log.stat().st_size :])
    one.catch_up(log)
    assert dump(tmp_path / "i.db") == indexed(tmp_path / "fresh.db", tmp_path / "wandb")


def test_a_full_disk_leaves_the_last_whole_piece_and_the_next_try_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer_module, "PIECE_BYTES", 20_000)
    log = write_log(tmp_path, plain_rows(range(3000)))
    indexer = Indexer(tmp_path / "i.db")
    (pages,) = indexer.connection.execute("PRAGMA page_count").fetchone()
    indexer.connection.execute(f"PRAGMA max_page_count = {pages + 20}")
    with pytest.raises(Exception, match="full"):
        indexer.catch_up(log)
    indexer.connection.execute("PRAGMA max_page_count = 1000000")
    indexer.catch_up(log)
    assert dump(tmp_path / "i.db") == indexed(tmp_path / "fresh.db", log)


def test_no_record_that_anybody_can_write_stops_the_indexing(tmp_path: Path) -> None:
    from tests.core.test_logfold import HOSTILE

    for place, body in enumerate(HOSTILE):
        write_log(tmp_path, [row(0, {"a": 1}), body, row(2, {"a": 3})], f"x{place}", f"x{place}")
    steps = [wire.history([wire.item("_step", step), wire.item("a", 1)], 0) for step in (2**63 - 1, -(2**63) + 1025)]
    for place in range(3):
        started: dict[str, Any] = {"start_time": {"seconds": place + 1}, "resume": place > 0}
        write(log_path(tmp_path, f"y{place}", "y"), [run("y", **started), *steps])
    index = tmp_path / "i.db"
    assert indexed(index, tmp_path) == indexed(index, tmp_path)
    api = Api(index, refresh=False)
    assert len(api.runs()) >= len(HOSTILE)
    for found in api.runs():
        assert found.as_json()["created_at"]
        assert len(list(found.scan_history())) >= 2


def test_a_run_that_never_ended_took_as_long_as_its_records_show(tmp_path: Path) -> None:
    said = codec.encode(Record(output_raw={"line": "epoch 1", "timestamp": {"seconds": 1_090}}))
    killed = [run("killed"), said]
    write_log(tmp_path, killed, "k", "killed")
    ended = codec.encode(Record(exit={"exit_code": 0, "runtime": 60}))
    write_log(tmp_path, [run("ended"), said, ended], "e", "ended")
    index = tmp_path / "i.db"
    indexed(index, tmp_path)
    found = Indexer(index).connection.execute("SELECT run_id, runtime FROM runs")
    assert dict(found) == {"killed": 90, "ended": 60}

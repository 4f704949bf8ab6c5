"""A look at a log's frames tells the same of it as the index, or leaves it to the index."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from runstore.index.indexer import Indexer
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Record
from runstore.syncd.delivery import ready
from runstore.syncd.glance import glanced
from tests.index.stocklogs import StockRun
from tests.index.writing import exit_record, header, log_path, mixed_bodies, output, plain_rows, run, write, write_log


def indexed(log: Path, tmp_path: Path) -> tuple[str, int, int, str]:
    with closing(Indexer(tmp_path / "i.db")) as indexer:
        indexer.catch_up(log)
        what = ready(indexer, log)
    assert what is not None
    return what.log_id, what.end, what.records, what.run


def seen(log: Path) -> tuple[str, int, int, str]:
    what = glanced(log)
    assert what is not None
    return what.log_id, what.end, what.records, what.run


@pytest.mark.parametrize("seed", range(5))
def test_a_log_of_ours_is_told_as_the_index_tells_it(tmp_path: Path, seed: int) -> None:
    log = write_log(tmp_path, [*mixed_bodies(seed, 200), *plain_rows(range(3000)), exit_record()])
    assert seen(log) == indexed(log, tmp_path)


def test_a_log_of_stock_tools_too(tmp_path: Path) -> None:
    written_there = [{"path": "wandb-metadata.json", "type": "WANDB"}, {"path": "media/images/a.png", "type": "MEDIA"}]
    stock = StockRun(tmp_path)
    stock.bodies = [output("hello\n"), codec.encode(Record(files={"files": written_there})), *plain_rows(range(100))]
    log = stock.write().log
    assert seen(log) == indexed(log, tmp_path)


def test_an_end_that_is_cut_off_is_not_counted(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(50)))
    log.write_bytes(log.read_bytes()[:-3])
    assert seen(log) == indexed(log, tmp_path)
    assert seen(log)[1] < log.stat().st_size


def artifact(stock: StockRun) -> None:
    stock.logs("data", {"a.txt": (stock.staged(b"abc"), b"abc")})


def saved_file(stock: StockRun) -> None:
    stock.saves("model.pt")


def behind(other: bytes) -> Callable[[StockRun], None]:
    def named(stock: StockRun) -> None:
        artifact(stock)
        stock.bodies.append(other + stock.bodies.pop())  # protobuf's libraries differ in what comes first

    return named


behind_control = behind(Record(control={"mailbox_slot": "x"}).SerializeToString())
behind_info = behind(b"\xc2\x0c\x04\n\x02r1")  # field 200, the stream's id


@pytest.mark.parametrize("named", [artifact, saved_file, behind_control, behind_info])
def test_what_stock_tools_left_outside_is_the_indexes_matter(tmp_path: Path, named: Callable[[StockRun], None]) -> None:
    stock = StockRun(tmp_path)
    named(stock)
    stock.bodies += plain_rows(range(10))
    assert glanced(stock.write().log) is None


def test_our_own_artifacts_are_not(tmp_path: Path) -> None:
    stock = StockRun(tmp_path)
    artifact(stock)
    log = write_log(tmp_path, stock.bodies)
    assert seen(log) == indexed(log, tmp_path)


def damaged(tmp_path: Path) -> Path:
    log = write_log(tmp_path, plain_rows(range(50)))
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    return log


def not_decodable(tmp_path: Path) -> Path:
    return write(log_path(tmp_path), [codec.encode(Record(header={})), b"\x12\xff\xff", run(), *plain_rows(range(9))])


def without_a_run(tmp_path: Path) -> Path:
    return write(log_path(tmp_path), [header()])


def of_edits(tmp_path: Path) -> Path:
    log = write_log(tmp_path, [])
    return log.rename(log.with_name("run-r1.edits.rslog"))


@pytest.mark.parametrize("made", [damaged, not_decodable, without_a_run, of_edits])
def test_what_only_the_index_tells_is_left_to_it(tmp_path: Path, made: Callable[[Path], Path]) -> None:
    assert glanced(made(tmp_path)) is None

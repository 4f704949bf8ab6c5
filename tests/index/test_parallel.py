"""Several processes that index at once come to the same index as one, whatever becomes of them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from runstore.index import parallel
from runstore.index.decoding.columns import BlockDecoder
from runstore.index.indexer import Indexer
from runstore.index.live import LiveIndexer
from runstore.index.onelog import OneLog
from runstore.index.upkeep.rebuild import rebuild
from runstore.index.worker import SHORT_BYTES, Worker
from tests.index.writing import dump, exit_record, indexed, plain_rows, write_log


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Make everything worth two workers, and return those that were started."""
    workers: list[subprocess.Popen[bytes]] = []
    start = parallel._started

    def noted(index: Path, share: Sequence[Path]) -> subprocess.Popen[bytes]:
        workers.append(start(index, share))
        return workers[-1]

    monkeypatch.setattr(parallel, "_allowed", True)
    monkeypatch.setattr(parallel, "WORTH_BYTES", 1)
    monkeypatch.setattr(parallel, "_processors", lambda: 2)
    monkeypatch.setattr(parallel, "_started", noted)
    yield workers
    assert all(worker.poll() is not None for worker in workers)


def logs_in(folder: Path, count: int, rows: int = 300) -> None:
    for number in range(count):
        name = f"r{number}"
        write_log(folder, [*plain_rows(range(rows), seed=number), exit_record()], name=name, run_id=name)


def in_parallel(index: Path, place: Path) -> tuple[str, list[int]]:
    pieces: list[int] = []
    indexer = Indexer(index)
    assert indexer.catch_up_below(place, pieces.append) == []
    indexer.close()
    return dump(index), pieces


def test_workers_come_to_the_same_index(tmp_path: Path, started: list[Any]) -> None:
    logs_in(tmp_path / "runs", 12)
    long = [*plain_rows(range(3000)), exit_record()]  # such a log is read without a lock, the short ones are not
    assert write_log(tmp_path / "runs", long, "long", "long").stat().st_size > SHORT_BYTES
    said, pieces = in_parallel(tmp_path / "a.db", tmp_path / "runs")
    assert [worker.returncode for worker in started] == [0, 0]
    assert sum(pieces) == sum(log.stat().st_size for log in (tmp_path / "runs").rglob("*.wandb"))
    parallel._allowed = False
    assert indexed(tmp_path / "b.db", tmp_path / "runs") == said
    assert len(started) == 2


def test_a_rebuild_and_an_indexer_that_stays_have_workers_too(tmp_path: Path, started: list[Any]) -> None:
    logs_in(tmp_path / "runs", 6)
    staying = LiveIndexer(tmp_path / "a.db")
    staying.add_root(tmp_path / "runs")
    assert staying.take_in(staying.changes_below(staying.roots())) == {}
    staying.close()
    assert len(started) == 2
    said = dump(tmp_path / "a.db")
    assert rebuild(tmp_path / "a.db").logs == 6
    assert [worker.returncode for worker in started] == [0] * 4
    assert dump(tmp_path / "a.db") == said


def test_what_a_killed_worker_leaves_is_indexed_afterwards(
    tmp_path: Path, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    logs_in(tmp_path / "runs", 4)
    start, wait = parallel._started, parallel._wait_for

    def stopped(index: Path, share: Sequence[Path]) -> subprocess.Popen[bytes]:
        worker = start(index, share)
        if len(started) == 1:
            os.kill(worker.pid, signal.SIGSTOP)  # or it might have ended by the time that it is killed
        return worker

    def killed(workers: Sequence[subprocess.Popen[bytes]], progress: Any) -> None:
        os.kill(workers[0].pid, signal.SIGKILL)
        wait(workers, progress)

    monkeypatch.setattr(parallel, "_started", stopped)
    monkeypatch.setattr(parallel, "_wait_for", killed)
    said, _ = in_parallel(tmp_path / "a.db", tmp_path / "runs")
    assert started[0].returncode == -signal.SIGKILL
    monkeypatch.setattr(parallel, "_allowed", False)
    assert indexed(tmp_path / "b.db", tmp_path / "runs") == said


def test_a_file_that_is_no_log_is_told_though_a_worker_met_it(tmp_path: Path, started: list[Any]) -> None:
    logs_in(tmp_path / "runs", 2)
    broken = tmp_path / "runs" / "wandb" / "offline-run-20240101_x-x1" / "run-x1.wandb"
    broken.parent.mkdir()
    broken.write_bytes(b"no log at all, but long enough to be one")
    indexer = Indexer(tmp_path / "a.db")
    assert [str(broken) in str(error) for error in indexer.catch_up_below(tmp_path / "runs")] == [True]
    indexer.close()
    assert [worker.returncode for worker in started] == [0, 0]


def test_workers_end_with_whoever_started_them(
    tmp_path: Path, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(workers: Any, progress: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(parallel, "_wait_for", interrupted)
    logs_in(tmp_path / "runs", 2)
    indexer = Indexer(tmp_path / "a.db")
    with pytest.raises(KeyboardInterrupt):
        indexer.catch_up_below(tmp_path / "runs")
    indexer.close()
    assert len(started) == 2


@pytest.mark.parametrize("why", ["not allowed", "one processor", "too little"])
def test_no_workers_are_started_where_they_are_not_worth_it(
    why: str, tmp_path: Path, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if why == "not allowed":
        monkeypatch.setattr(parallel, "_allowed", False)
    elif why == "one processor":
        monkeypatch.setattr(parallel, "_processors", lambda: 1)
    else:
        monkeypatch.setattr(parallel, "WORTH_BYTES", 1 << 40)
    logs_in(tmp_path / "runs", 2)
    in_parallel(tmp_path / "a.db", tmp_path / "runs")
    assert started == []


def test_a_worker_drops_what_it_read_of_a_log_that_another_process_wrote_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runstore.index.worker.SHORT_BYTES", 0)
    logs_in(tmp_path / "runs", 1)
    (log,) = (tmp_path / "runs").rglob("*.wandb")
    read = OneLog.read
    others: list[bool] = []

    def overtaken(one: OneLog, most_bytes: int, decoder: BlockDecoder | None = None, patience: float = 0.0) -> None:
        read(one, most_bytes, decoder, patience)
        if not others:
            other = Indexer(tmp_path / "a.db")
            others.append(True)
            other.catch_up(log)
            other.close()

    monkeypatch.setattr(OneLog, "read", overtaken)
    worker = Worker(tmp_path / "a.db")
    worker.catch_up(log)
    worker.close()
    assert others
    assert dump(tmp_path / "a.db") == indexed(tmp_path / "b.db", tmp_path / "runs")


def test_shares_are_dealt_by_size() -> None:
    sizes = {Path(f"{size}"): size for size in (50, 30, 25, 10, 5)}
    assert [[int(log.name) for log in share] for share in parallel._shares(sizes, 2)] == [[50, 10], [30, 25, 5]]

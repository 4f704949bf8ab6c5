"""The writer: what returned is in the file, whole, in order, whoever else lives or dies."""

from __future__ import annotations

import math
import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from runstore.errors import StorageError, TakeoverRefused
from runstore.runlog import codec, wire
from runstore.runlog.live import LiveReader
from runstore.runlog.process import ProcessName
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import Record
from runstore.runlog.writer import LogWriter
from tests.runlog.plain_reader import plain_read
from tests.timing import HANGS_SECONDS, eventually


def text_record(text: str) -> bytes:
    return codec.encode(Record(output_raw={"line": text}))


def header_record() -> bytes:
    process = ProcessName.of_this_process()
    return codec.encode(Record(header={"origin": {"boot_id": process.boot_id}}))


def lines(path: Path) -> list[str]:
    records = [codec.decode(framed.payload) for framed in LogReader(path)]
    return [r.output_raw.line for r in records if r is not None and r.HasField("output_raw")]


def numbers(path: Path) -> list[int]:
    return [r.num for r in map(codec.decode, plain_read(path.read_bytes())) if r is not None]


def test_every_record_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    writer = LogWriter.create(path)
    reader = LiveReader(path)
    for n in range(200):
        writer.append(text_record("x" * (n * 997 % 70_000)))
        framed = reader.next()
        assert framed is not None
        assert framed.end == writer.offset == path.stat().st_size
        assert reader.next() is None
    writer.close()
    reader.close()
    assert numbers(path) == list(range(1, 201))


def test_an_existing_log_is_never_opened_for_a_new_run(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    LogWriter.create(path).close()
    with pytest.raises(FileExistsError):
        LogWriter.create(path)


def test_threads_appending_at_once_tear_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    writer = LogWriter.create(path)

    def work(name: int) -> None:
        for n in range(500):
            writer.append(text_record(f"{name}-{n}-" + "y" * (n % 300)))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert numbers(path) == list(range(1, 4001))
    assert {line.rsplit("-", 1)[0] for line in lines(path)} == {f"{a}-{b}" for a in range(8) for b in range(500)}


def test_a_short_write_is_finished_from_its_exact_byte_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run-a.wandb"
    writer = LogWriter.create(path)
    real_write, source = os.write, random.Random(3)
    monkeypatch.setattr(os, "write", lambda file, data: real_write(file, data[: source.randint(1, len(data))]))
    for n in range(100):
        writer.append(text_record(f"{n}:" + "z" * (n * 700)))
    monkeypatch.undo()
    writer.close()
    assert [line.split(":")[0] for line in lines(path)] == [str(n) for n in range(100)]
    assert numbers(path) == list(range(1, 101))


def test_a_full_disk_tears_no_record_and_the_log_goes_on_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    writer = LogWriter.create(path)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, old[1]))
    refused = 0
    try:
        for n in range(30):
            try:
                writer.append(text_record(f"{n}:" + "w" * 990))
            except StorageError as error:
                refused += 1
                assert "run-a.wandb" in str(error)
                assert "free some space" in str(error)
        torn = writer.unfinished
        assert torn is not None
        assert path.stat().st_size == 10_000
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    writer.append(text_record("after"))
    writer.close()
    assert writer.unfinished is None
    kept = [line.split(":")[0] for line in lines(path)]
    # The torn record was finished first, the ones refused whole are for the caller to give again.
    assert kept == [str(n) for n in range(30 - refused + 1)] + ["after"]
    assert numbers(path) == list(range(1, len(kept) + 1))


def test_lost_records_leave_a_gap_in_the_numbers(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    writer = LogWriter.create(path)
    writer.append(text_record("a"))
    writer.note_lost(3)
    writer.append(text_record("b"))
    writer.close()
    assert numbers(path) == [1, 5]


def test_a_failed_sync_makes_the_log_unusable_and_is_not_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def failing(file: int) -> None:
        calls.append(file)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("runstore.runlog.writer._fdatasync", failing)
    writer = LogWriter.create(tmp_path / "run-a.wandb", sync_seconds=0)
    writer.append(text_record("a"))
    assert not writer.usable
    writer.close()
    assert len(calls) == 1


@pytest.mark.parametrize(("sync_seconds", "at_least", "at_most"), [(0.0, 200, 201), (0.01, 2, 120), (math.inf, 0, 0)])
def test_the_sync_policy_decides_how_often_the_disk_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync_seconds: float, at_least: int, at_most: int
) -> None:
    calls: list[int] = []
    monkeypatch.setattr("runstore.runlog.writer._fdatasync", calls.append)
    writer = LogWriter.create(tmp_path / "run-a.wandb", sync_seconds=sync_seconds)
    for _ in range(200):
        writer.append(text_record("a"))
        if 0 < sync_seconds < 1 and not calls:
            eventually(lambda: calls)
    writer.close()
    assert at_least <= len(calls) <= at_most


def test_a_forked_child_gives_up_the_file_and_the_parent_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    writer = LogWriter.create(path, sync_seconds=0.01)
    writer.append(header_record())
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert not writer.usable
            try:
                LogWriter.take_over(path)
            except TakeoverRefused as refused:
                assert "another process is writing it" in str(refused)
                status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    writer.append(text_record("parent"))
    writer.close()
    assert lines(path) == ["parent"]


def test_a_child_takes_the_log_over_once_its_parent_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    script = f"""
        import os
        from pathlib import Path
        from tests.runlog.orphans import wait_until_left_alone
        from tests.runlog.test_writer import LogWriter, header_record, text_record
        path = Path({str(path)!r})
        writer = LogWriter.create(path)
        writer.append(header_record())
        writer.append(text_record("parent"))
        parent = os.getpid()
        if os.fork() == 0:
            wait_until_left_alone(parent, path)
            successor = LogWriter.take_over(path)
            successor.append(text_record("child"))
            successor.close()
            print("done", flush=True)
        os._exit(0)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )
    assert done.stdout == "done\n", done.stderr
    assert lines(path) == ["parent", "child"]
    assert numbers(path) == [1, 2, 3]


def left_log(path: Path, *bodies: bytes) -> None:
    writer = LogWriter.create(path)
    for body in bodies:
        writer.append(body)
    writer.close()


def test_takeover_is_refused_behind_a_torn_tail(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    left_log(path, header_record(), text_record("x" * 100))
    os.truncate(path, path.stat().st_size - 1)
    before = path.read_bytes()
    with pytest.raises(TakeoverRefused, match="boundary"):
        LogWriter.take_over(path)
    assert path.read_bytes() == before


def test_takeover_is_refused_after_the_exit_record(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    left_log(path, header_record(), codec.encode(Record(exit={"exit_code": 0})))
    with pytest.raises(TakeoverRefused, match="has ended"):
        LogWriter.take_over(path)


def test_takeover_is_refused_for_a_log_of_another_boot(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    left_log(path, codec.encode(Record(header={"origin": {"boot_id": "another"}})))
    with pytest.raises(TakeoverRefused, match="started"):
        LogWriter.take_over(path)


def test_sigkill_at_random_moments_keeps_every_acknowledged_record(tmp_path: Path) -> None:
    source = random.Random(11)
    script = """
        import sys
        from pathlib import Path
        from tests.runlog.test_writer import LogWriter, text_record
        writer = LogWriter.create(Path(sys.argv[1]))
        n = 0
        while True:
            writer.append(text_record(f"{n}:" + "k" * int(sys.argv[2])))
            sys.stdout.write(f"{n}\\n"); sys.stdout.flush()
            n += 1
    """
    for attempt, size in enumerate((100, 10_000, 100_000, 1_000_000)):
        path = tmp_path / f"run-{attempt}.wandb"
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), str(path), str(size)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        acknowledged = int(process.stdout.readline())
        time.sleep(source.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        acknowledged = int(rest[-1]) if rest else acknowledged
        kept = [int(line.split(":")[0]) for line in lines(path)]
        assert kept == list(range(len(kept)))
        assert len(kept) >= acknowledged + 1


def test_unknown_fields_survive_a_read_modify_write() -> None:
    strange = wire.delimited(b"\xa2\x01", b"") + wire.delimited(wire.varint(777 << 3 | 2), b"from the future")
    record = codec.decode(strange)
    assert record is not None
    record.num = 5
    assert b"from the future" in codec.encode(record)

"""LogReader, LiveReader and verify on real files: whole, cut off anywhere, flipped anywhere, still growing."""

from __future__ import annotations

import errno
import math
import os
import random
from pathlib import Path

import pytest

from runstore.errors import FutureLogVersion, LogError, NotALog, NotFound
from runstore.runlog import codec, live, wire
from runstore.runlog.framing import BLOCK_BYTES, FILE_HEADER, Lost, Why
from runstore.runlog.live import LiveReader
from runstore.runlog.reader import READ_BYTES, LogReader
from runstore.runlog.record_pb2 import Record
from runstore.runlog.verify import verify
from runstore.runlog.writer import LogWriter


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A small log as a run writes it: header, run, rows, a record that spans two blocks, exit."""
    path = tmp_path / "run-a.wandb"
    writer = LogWriter.create(path)
    encoder = wire.RowEncoder()
    writer.append(codec.encode(Record(header={"version_info": {"producer": "test"}})))
    writer.append(codec.encode(Record(run={"run_id": "a", "project": "p"})))
    for step in range(5):
        writer.append(wire.history(encoder.plain({"loss": 1 / (step + 1), "_step": step}) or [], step))
    writer.append(codec.encode(Record(output_raw={"line": "x" * BLOCK_BYTES})))
    writer.append(codec.encode(Record(exit={"exit_code": 3})))
    writer.close()
    return path


def live_records(path: Path) -> list[bytes]:
    with LiveReader(path) as reader:
        found = []
        while (framed := reader.next()) is not None:
            found.append(framed.payload)
        return found


def test_cut_off_at_every_byte_both_readers_return_the_whole_records_before(log: Path, tmp_path: Path) -> None:
    data = log.read_bytes()
    whole = list(LogReader(log))
    assert len(whole) == 9
    cut = tmp_path / "cut.wandb"
    # Every byte of the small records, and of the large one what lies around its chunks' edges.
    places = [*range(800), *range(BLOCK_BYTES - 20, BLOCK_BYTES + 20), *range(len(data) - 800, len(data))]
    for size in places:
        cut.write_bytes(data[:size])
        expected = [framed.payload for framed in whole if framed.end <= size]
        reader = LogReader(cut)
        assert [framed.payload for framed in reader] == expected
        assert live_records(cut) == expected
        assert reader.lost_bytes == 0
        verdict = verify(cut)
        assert verdict.is_intact
        assert (verdict.records, verdict.size) == (len(expected), size)
        assert verdict.torn_bytes == reader.torn_bytes
        assert verdict.has_exit is False


def test_flipped_at_every_byte_verify_says_so_and_nothing_is_invented(log: Path, tmp_path: Path) -> None:
    data = log.read_bytes()
    whole = {framed.payload for framed in LogReader(log)}
    flipped = tmp_path / "flipped.wandb"
    for place in [*range(800), *range(len(data) - 100, len(data))]:
        changed = bytearray(data)
        changed[place] ^= 0x10
        flipped.write_bytes(changed)
        if place == len(FILE_HEADER) - 1:
            with pytest.raises(FutureLogVersion):
                verify(flipped)
            continue
        found = {framed.payload for framed in LogReader(flipped)}
        assert found <= whole
        assert found == set(live_records(flipped)) or place >= len(data) - 100
        verdict = verify(flipped)
        assert not verdict.is_intact or verdict.torn_bytes > 0, place
        if place >= len(FILE_HEADER):
            assert len(found) < len(whole)


def test_a_growing_log_is_read_byte_by_byte_as_it_appears(log: Path, tmp_path: Path) -> None:
    data = log.read_bytes()[:700]
    ends = [framed.end for framed in LogReader(log) if framed.end <= 700]
    growing = tmp_path / "growing.wandb"
    growing.write_bytes(b"")
    with LiveReader(growing) as reader, growing.open("ab", buffering=0) as file:
        for size in range(1, len(data) + 1):
            file.write(data[size - 1 : size])
            framed = reader.next()
            assert (framed.end if framed else None) == (size if size in ends else None)
            assert reader.next() is None
        assert reader.offset == ends[-1]
        assert reader.lost == []


def read_by_ones(path: Path, until: int) -> tuple[list[bytes], list[Lost], int]:
    payloads = []
    with LiveReader(path) as reader:
        while reader.offset < until and (framed := reader.next()) is not None:
            payloads.append(framed.payload)
        return payloads, reader.lost, reader.offset


def read_by_many(path: Path, until: int) -> tuple[list[bytes], list[Lost], int]:
    payloads: list[bytes] = []
    with LiveReader(path) as reader:
        while some := reader.next_many(until):
            payloads += some
        return payloads, reader.lost, reader.offset


@pytest.mark.parametrize("seed", range(40))
def test_many_records_at_once_are_those_that_come_one_by_one(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random.Random(seed)
    path = tmp_path / "run-r1.wandb"
    writer = LogWriter.create(path, math.inf)
    for _ in range(source.choice((5, 80, 300))):
        size = source.choice((0, 5, 400, 400, 400, 3000, 40_000 if source.random() < 0.1 else 7))
        writer.append(codec.encode(Record(output_raw={"line": "x" * size})))
    writer.close()
    data = bytearray(path.read_bytes())
    for _ in range(source.choice((0, 1, 4))):
        data[source.randrange(7, len(data))] ^= 1 << source.randrange(8)
    path.write_bytes(data[: source.choice((len(data), source.randrange(len(data)))) or 1])
    monkeypatch.setattr(live, "READ_BYTES", source.choice((1000, 32_768, 1 << 20)))
    assert read_by_many(path, 1 << 60) == read_by_ones(path, 1 << 60)
    # One by one, the first record behind lost bytes is returned though it begins behind `until`.
    until = source.randrange(len(data))
    some, ones = read_by_many(path, until)[0], read_by_ones(path, until)[0]
    assert some in (ones, ones[:-1])


def test_reading_goes_on_from_an_earlier_offset(log: Path) -> None:
    whole = list(LogReader(log))
    for place, framed in enumerate(whole):
        assert list(LogReader(log, framed.end)) == whole[place + 1 :]


def test_verify_counts_what_the_numbers_say_is_missing_and_what_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    writer = LogWriter.create(path)
    writer.append(codec.encode(Record(run={"run_id": "a"})))
    writer.note_lost(4)
    writer.append(codec.encode(Record(exit={})))
    writer.append(b"\xff\xff\xff no protobuf")
    writer.close()
    verdict = verify(path)
    assert (verdict.records, verdict.missing, verdict.undecodable) == (2, 4, 1)
    assert not verdict.is_intact


def test_a_torn_tail_is_told_from_damage(log: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.wandb"
    torn.write_bytes(log.read_bytes()[:-2])
    reader = LogReader(torn)
    list(reader)
    assert [lost.why for lost in reader.lost] == [Why.TORN]


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [(b"not a log", NotALog, "is not a run log"), (b":W&B\xe1\xbe\x01" + bytes(20), FutureLogVersion, "version 1")],
)
def test_what_can_not_be_read_is_refused_by_its_name(
    tmp_path: Path, content: bytes, error: type[LogError], said: str
) -> None:
    path = tmp_path / "run-a.wandb"
    path.write_bytes(content)
    with pytest.raises(error, match=said) as refused:
        list(LogReader(path))
    assert str(path) in str(refused.value)


def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    pipe, folder, endless = (tmp_path / f"run-{name}.wandb" for name in ("pipe", "folder", "endless"))
    os.mkfifo(pipe)
    folder.mkdir()
    endless.symlink_to("/dev/zero")
    for path in (pipe, folder, endless):
        for read in (verify, live_records, codec.log_identity):
            with pytest.raises(NotALog, match=f"{path.name}: is not a run log, nor any regular file"):
                read(path)


def test_a_log_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"run-a\.wandb"):
        list(LogReader(tmp_path / "run-a.wandb"))


def test_a_patient_reader_waits_at_what_looks_like_damage(log: Path) -> None:
    whole = log.read_bytes()
    first = next(iter(LogReader(log))).end
    for place in range(0, len(whole) - 8, 97):  # what follows is on its way
        log.write_bytes(whole[:place] + bytes(len(whole) - place))
        with LiveReader(log, is_patient=True) as reader:
            while reader.next_many(1 << 60):
                pass
            assert reader.is_held
            assert reader.offset <= max(place, len(FILE_HEADER))
            assert reader.lost == []
            at = reader.offset if reader.offset >= first else 0
        log.write_bytes(whole)
        with LiveReader(log, at, is_patient=True) as reader:
            while reader.next_many(1 << 60):
                pass
            assert (reader.is_held, reader.lost, reader.offset) == (False, [], len(whole))


def test_a_patient_reader_of_many_zeros_reads_no_further_than_to_the_first(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with log.open("ab") as file:
        file.truncate(64 << 20)
    read: list[int] = []
    pread = os.pread

    def counting(file: int, size: int, offset: int) -> bytes:
        read.append(offset)
        return pread(file, size, offset)

    monkeypatch.setattr(os, "pread", counting)
    with LiveReader(log, is_patient=True) as reader:
        while reader.next_many(1 << 60):
            pass
        assert reader.is_held
    assert len(read) == 1


@pytest.mark.parametrize("most", [1, 40_000, 1 << 20, 1 << 60])
def test_a_long_stretch_of_damage_is_passed_in_pieces_that_lose_the_same(log: Path, most: int, tmp_path: Path) -> None:
    whole = log.read_bytes()
    path = tmp_path / "damaged.wandb"
    path.write_bytes(whole[:40_000] + b"\xff" * (3 << 20) + whole[: BLOCK_BYTES * 2])
    once = LogReader(path)
    expected = [framed.payload for framed in once]
    payloads: list[bytes] = []
    lost, offset = 0, 0
    for _ in range(200_000):
        with LiveReader(path, offset) as reader:
            before, offset = offset, 0
            while some := reader.next_many(before + most):
                payloads += some
            offset = reader.offset
            lost += sum(one.size for one in reader.lost)
            assert offset <= before + most + READ_BYTES + BLOCK_BYTES
        if offset == before:
            break
    assert payloads == expected
    assert lost == sum(min(one.end, offset) - one.start for one in once.lost if one.start < offset)


def test_a_disk_that_does_not_give_the_bytes_is_an_error_with_the_place(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(file: int, size: int, offset: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", broken)
    for read in (lambda: list(LogReader(log)), lambda: live_records(log), lambda: codec.log_identity(log)):
        with pytest.raises(LogError, match="can't be read at offset 0"):
            read()

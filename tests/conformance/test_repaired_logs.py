"""What `repair` writes, stock `wandb sync` delivers, whatever had happened to the log: every intact row, and the rest.

Stock versions stop at damage, or refuse the log, which is what repair is for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runstore.core.keys import unflatten
from runstore.runlog import codec
from runstore.runlog.framing import BLOCK_BYTES, frame
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import Record
from runstore.runlog.repair import repair
from tests.conformance import stock
from tests.conformance.shared import made_once, plain
from tests.index.writing import config, exit_record, output, row, summary, write_log
from tests.wandbserver.recorded import JsonObject, RecordedRun
from tests.wandbserver.server import RecordingServer

Damage = Callable[[bytes], bytes]
# A run as a server has it, the rows that it should have, what was strange, and whether stock calls it delivered.
Arrived = tuple[RecordedRun, list[JsonObject], list[str], bool]


def whole_log(folder: Path) -> Path:
    """Return a run directory of ours: 400 rows over five blocks, with records of other kinds between them."""
    kept = codec.encode(Record(files={"files": [{"path": "kept.txt"}]}))
    bodies = [config({"lr": 0.1})]
    for step in range(400):
        bodies.append(row(step, {"loss": 1 / (step + 1), "text": "x" * 300}))
        if step % 50 == 0:
            bodies += [output(f"line {step}\n"), summary({"best": step})]
    log = write_log(folder, [*bodies, kept, exit_record(7)], run_id="rep")
    (log.parent / "files").mkdir()
    (log.parent / "files" / "kept.txt").write_text("kept")
    return log


def zeroed(data: bytes) -> bytes:
    hole = slice(BLOCK_BYTES + 5_000, 2 * BLOCK_BYTES + 9_000)
    return data[: hole.start] + bytes(hole.stop - hole.start) + data[hole.stop :]


def flipped(data: bytes) -> bytes:
    changed = bytearray(data)
    for place in range(3_000, len(data), 11_000):
        changed[place] ^= 0x40
    return bytes(changed)


def block_twice(data: bytes) -> bytes:
    block = data[2 * BLOCK_BYTES : 3 * BLOCK_BYTES]
    return data[: 3 * BLOCK_BYTES] + block + data[3 * BLOCK_BYTES :]


def without_beginning(data: bytes) -> bytes:
    return bytes(BLOCK_BYTES) + data[BLOCK_BYTES:]


def undecodable(data: bytes) -> bytes:
    return data + frame(b"\xff\xff\xff", len(data))


DAMAGES: dict[str, Damage] = {
    "zeroed": zeroed,
    "flipped": flipped,
    "block-twice": block_twice,
    "without-beginning": without_beginning,
    "undecodable": undecodable,
    "torn": lambda data: data[:-3],
}


def rows_of(log: Path) -> list[JsonObject]:
    """Return the rows of a log in order, as a server has them; those of a step that has been are left out."""
    rows: dict[int, JsonObject] = {}
    for framed in LogReader(log):
        record = codec.decode(framed.payload)
        if record is not None and record.HasField("history"):
            row = unflatten(codec.row_of(record.history))
            rows.setdefault(row["_step"], row)
    return list(rows.values())


def deliver_repaired(folder: Path, version: str, damages: Sequence[str]) -> dict[str, Arrived]:
    """Damage a log in these ways, repair it, and have stock deliver it; return what arrived and what should have."""
    arrived = {}
    for name in damages:
        log = whole_log(folder / name)
        log.write_bytes(DAMAGES[name](log.read_bytes()))
        new = repair(log, folder / "repaired" / name).log
        with RecordingServer() as server:
            stock.sync(version, new.parent, server.url)
            errors = server.errors + server.unknown_operations
        arrived[name] = server.run("rep"), rows_of(log), errors, stock.synced_mark(new.parent).exists()
    return arrived


NEWEST, *OLDER = stock.STOCK_VERSIONS


@pytest.mark.parametrize(
    ("version", "damages"),
    [(NEWEST, tuple(DAMAGES)), *((version, ("zeroed", "without-beginning")) for version in OLDER)],
)
def test_stock_delivers_every_intact_row_of_a_repaired_log(
    version: str, damages: Sequence[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    every = made_once(
        tmp_path_factory, f"repaired-{version}", lambda folder: deliver_repaired(folder, version, damages)
    )
    for name, (run, rows, errors, is_marked) in every.items():
        assert plain(run.history) == plain(rows), name
        assert (errors, is_marked) == ([], True), name
        assert run.files["kept.txt"] == b"kept", name
        assert run.project == ("uncategorized" if name == "without-beginning" else "p"), name
        assert run.complete, name
        if version == NEWEST:  # the others say 0 for an undamaged log of these records, too
            assert run.exit_code == (1 if name == "torn" else 7), name


def test_without_a_repair_stock_delivers_less(tmp_path: Path) -> None:
    log = whole_log(tmp_path)
    log.write_bytes(zeroed(log.read_bytes()))
    with RecordingServer() as server:
        stock.sync(stock.STOCK_VERSIONS[0], log.parent, server.url)
    assert len(server.run("rep").history) < len(rows_of(log))

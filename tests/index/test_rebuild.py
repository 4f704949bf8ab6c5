"""However logs came into the index, it says what one says that is made anew from the logs as they lie there now.

Runs of many logs, of all kinds and damaged, grow byte by byte, are copied, replaced and deleted, in any order, while
indexers of different habits look at them.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from runstore.errors import NotALog, NotFound
from runstore.index import indexer as indexer_module
from runstore.index.indexer import Indexer
from runstore.index.live import LiveIndexer
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Record
from tests.index.dump import dump
from tests.index.writing import (
    KINDS,
    ODD_VALUES,
    config,
    exit_record,
    header,
    json_of,
    log_path,
    metric,
    output,
    pending,
    plain_rows,
    row,
    run,
    summary,
    write,
)

RUNS = ("r1", "r2")
ROOTS = ("one", "two")


@dataclass(frozen=True)
class Log:
    """A log as it will be in the end: where, and its bytes."""

    root: str
    name: str
    run_id: str
    data: bytes

    def path(self, place: Path) -> Path:
        return log_path(place / self.root, self.name, self.run_id)

    def write(self, place: Path, eighths: int) -> Path:
        """Write so much of it, or leave more that is there already."""
        path = self.path(place)
        size = len(self.data) * eighths // 8
        if not path.exists() or path.stat().st_size < size:
            path.write_bytes(self.data[:size])
        return path


steps = st.integers(0, 12)
keys = st.sampled_from(["a", "b", ("n", "x"), "n.x"])
values = st.one_of(st.floats(-10, 10), st.integers(-10, 10), st.sampled_from(ODD_VALUES))
rows = st.dictionaries(keys, values, min_size=1, max_size=3)
names = st.sampled_from(["a", "b", "best", "n"])


def _stats(time: int) -> bytes:
    item = {"key": "cpu", "value_json": json_of(time / 7)}
    return codec.encode(Record(stats={"timestamp": {"seconds": 1000 + time}, "item": [item]}))


stretches = st.builds(
    lambda first, n, key: plain_rows(range(first, first + n), ("a", key), n),
    steps,
    st.integers(1, 40),
    st.sampled_from("bcd"),
)
bodies = st.one_of(
    st.builds(lambda step, data: [row(step, data)], steps, rows),
    stretches,
    st.builds(lambda step, data: [pending(step, data)], steps, rows),
    st.builds(lambda name, value: [summary({name: value})], names, values),
    st.builds(lambda name: [summary(remove=[name])], names),
    st.builds(lambda name, value: [config({name: value})], names, values),
    st.builds(lambda name, kind: [metric(name, kind)], names, st.sampled_from(["min", "max", "mean", "none", "last"])),
    st.builds(lambda text: [output(text)], st.sampled_from(["line\n", "10%\r", "half"])),
    st.builds(lambda time: [_stats(time)], steps),
    st.builds(lambda code: [exit_record(code)], st.integers(0, 1)),
    st.just([b"\xff\xff\xff"]),
    st.just([codec.encode(Record(preempting={}))]),
    st.just([codec.encode(Record(alert={"title": "t", "text": "x"}))]),
)


@st.composite
def beginnings(draw: st.DrawFn, run_id: str) -> list[bytes]:
    """Draw the header and the run record of a log of any kind; of a stock tool, where no kind is drawn."""
    kind = draw(st.sampled_from([*KINDS, "start", "start", "rewind", "", ""]))
    started = draw(st.integers(1000, 1004))
    more: dict[str, Any] = {}
    if kind in ("start", "") and draw(st.booleans()):  # from the other run, or, by a stock tool, from itself
        parent = draw(st.sampled_from([*(set(RUNS) - {run_id}), *RUNS]))
        more["branch_point"] = {"run": parent, "value": draw(steps), "metric": "_step"}
    if kind:
        return [header(kind, started, draw(steps)), run(run_id, **more)]
    return [codec.encode(Record(header={})), run(run_id, start_time={"seconds": started}, **more)]


def _torn(data: bytes, at: int) -> bytes:
    return data[: len(data) * at // 8]


def _zeroed(data: bytes, at: int) -> bytes:
    begin = len(data) * at // 8
    return data[:begin] + bytes(min(90, len(data) - begin)) + data[begin + 90 :]


def _flipped(data: bytes, at: int) -> bytes:
    place = 7 + (len(data) - 7) * at // 8
    return data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :] if place < len(data) else data


def _doubled(data: bytes, at: int) -> bytes:
    return data + data[len(data) * at // 8 :]


DAMAGE: list[Callable[[bytes, int], bytes]] = [_torn, _zeroed, _flipped, _doubled]


@st.composite
def logs(draw: st.DrawFn) -> list[Log]:
    """Draw the logs of some runs; some of them are damaged, some are copies of others, and go on differently."""
    found: list[Log] = []
    for number in range(draw(st.integers(2, 5))):
        run_id = draw(st.sampled_from(RUNS))
        records = draw(beginnings(run_id)) + draw(stretches)
        records += [body for some in draw(st.lists(bodies, max_size=6)) for body in some]
        with tempfile.TemporaryDirectory() as folder:
            data = write(Path(folder) / "log", records).read_bytes()
        if draw(st.integers(0, 3)) == 0:
            data = draw(st.sampled_from(DAMAGE))(data, draw(st.integers(1, 7)))
        found.append(Log(draw(st.sampled_from(ROOTS)), str(number), run_id, data))
        if draw(st.integers(0, 3)) == 0:
            copy = draw(st.sampled_from([lambda data, _: data, *DAMAGE]))(data, draw(st.integers(1, 7)))
            found.append(Log(draw(st.sampled_from(ROOTS)), f"{number}-copy", run_id, copy))
    return found


INDEXERS: list[type[Indexer]] = [Indexer, Indexer, LiveIndexer]


@settings(max_examples=40)
@given(logs=logs(), data=st.data())
def test_an_index_made_piece_by_piece_in_any_order_is_one_made_anew(logs: list[Log], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for root in ROOTS:
            (place / root).mkdir()
        with mock.patch.object(indexer_module, "PIECE_BYTES", data.draw(st.sampled_from([300, 8 << 20]))):
            _live(place, logs, data)
        for one in logs:
            one.write(place, 8)
        for one in data.draw(st.lists(st.sampled_from(logs), max_size=2, unique=True)):
            one.path(place).unlink()
        last = Indexer(place / "i.db")
        for root in data.draw(st.permutations(ROOTS)):
            last.catch_up_below(place / root)
        last.close()
        expected = dump(_made_anew(place, logs[::-1]))
        assert dump(place / "i.db") == expected
        assert dump(_made_anew(place, data.draw(st.permutations(logs)))) == expected


def _live(place: Path, logs: list[Log], data: st.DataObject) -> None:
    """Let logs grow, in any order, each followed by one of the indexers, which are opened and closed as well."""
    indexers = [kind(place / "i.db") for kind in INDEXERS]
    acts = st.tuples(
        st.sampled_from(logs), st.sampled_from([1, 3, 5, 7, 8, 8]), st.integers(0, len(indexers) - 1), st.integers(0, 9)
    )
    for one, eighths, which, act in data.draw(st.lists(acts, min_size=4, max_size=12)):
        path = one.write(place, eighths)
        if act == 0:
            path.unlink()
            indexers[which].forget(path)
        elif act == 1:
            indexers[which].close()
            indexers[which] = INDEXERS[which](place / "i.db")
        elif act == 2:
            indexers[which].catch_up_below(place / one.root)
        else:
            with contextlib.suppress(NotALog):  # its first bytes are damaged
                indexers[which].catch_up(path)
    for indexer in indexers:
        indexer.close()


def _made_anew(place: Path, logs: Sequence[Log]) -> Path:
    """Return an index into which the logs came one after the other, each at once."""
    index = place / "anew.db"
    index.unlink(missing_ok=True)
    indexer = Indexer(index)
    for one in logs:
        with contextlib.suppress(NotALog, NotFound):
            indexer.catch_up(one.path(place))
    indexer.close()
    return index


def test_a_dump_is_as_of_a_moment_and_else_always_the_same(tmp_path: Path) -> None:
    write(log_path(tmp_path), [header(), run(), *plain_rows(range(20))])
    indexer = Indexer(tmp_path / "i.db")
    indexer.catch_up_below(tmp_path)
    indexer.close()
    index = tmp_path / "i.db"
    assert dump(index) == dump(index)
    assert ('"running"' in dump(index, 1200.0), '"running"' in dump(index, 1400.0)) == (True, False)

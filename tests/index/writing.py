"""Write run logs record by record, and show all that an index says in one comparable text."""

from __future__ import annotations

import math
import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runstore.index.chunks.series import Chunk
from runstore.index.chunks.tails import CHUNK_COLUMNS
from runstore.index.indexer import Indexer
from runstore.query.api import Api
from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import MetricRecord, MetricSummary, Origin, Record
from runstore.runlog.writer import LogWriter
from tests.index.facts import any_fact

KINDS = {"start": Origin.START, "resume": Origin.RESUME, "rewind": Origin.REWIND}
KINDS |= {"rank": Origin.RANK, "successor": Origin.SUCCESSOR}

_encoder = wire.RowEncoder()


def header(kind: str = "start", started: float = 1000.0, starting_step: int = 0) -> bytes:
    origin = Origin(writer="runstore", kind=KINDS[kind], started_ns=int(started * 1e9), starting_step=starting_step)
    return codec.encode(Record(header={"origin": origin}))


def run(run_id: str = "r1", project: str = "p", entity: str = "", **more: Any) -> bytes:
    return codec.encode(Record(run={"run_id": run_id, "project": project, "entity": entity, **more}))


def log_path(folder: Path, name: str = "a", run_id: str = "r1") -> Path:
    path = folder / "wandb" / f"offline-run-20240101_{name}-{run_id}" / f"run-{run_id}.wandb"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write(path: Path, bodies: Sequence[bytes]) -> Path:
    writer = LogWriter.create(path, math.inf)
    for body in bodies:
        writer.append(body)
    writer.close()
    return path


def write_log(folder: Path, bodies: Sequence[bytes], name: str = "a", run_id: str = "r1", **origin: Any) -> Path:
    """Write a log that begins with header and run records."""
    return write(log_path(folder, name, run_id), [header(**origin), run(run_id), *bodies])


def items(values: Mapping[wire.Key, Any]) -> list[bytes]:
    return [wire.item(key, value) for key, value in values.items()]


def row(step: int, values: Mapping[Any, Any]) -> bytes:
    """Return a row as our writer encodes it: the quick way if that can be."""
    full = {**values, "_timestamp": 1000.0 + step, "_runtime": float(step), "_step": step}
    quick = _encoder.plain(full) if all(isinstance(key, str) for key in full) else None
    return wire.history(quick if quick is not None else items(full), max(0, step))


def plain_rows(steps: Sequence[int], keys: Sequence[str] = ("loss", "acc"), seed: int = 1) -> list[bytes]:
    source = random.Random(seed)
    return [row(step, {key: source.random() for key in keys}) for step in steps]


def pending(step: int, values: Mapping[Any, Any]) -> bytes:
    return wire.pending(items({**values, "_step": step}), step)


def json_of(value: Any) -> str:
    return wire.dumps(value).encode("utf-8", "replace").decode()


def summary(update: Mapping[str, Any] | None = None, remove: Sequence[str] = (), derived: bool = False) -> bytes:
    record = Record()
    record.summary.derived = derived
    for key, value in (update or {}).items():
        record.summary.update.add(key=key, value_json=json_of(value))
    for key in remove:
        record.summary.remove.add(key=key)
    return codec.encode(record)


def config(update: Mapping[str, Any]) -> bytes:
    record = Record()
    for key, value in update.items():
        record.config.update.add(key=key, value_json=json_of(value))
    return codec.encode(record)


def metric(name: str, *aggregates: str) -> bytes:
    wanted = MetricSummary(**dict.fromkeys(aggregates, True))
    named: dict[str, Any] = {"glob_name" if "*" in name else "name": name}
    return codec.encode(Record(metric=MetricRecord(summary=wanted, **named)))


def output(text: str) -> bytes:
    return codec.encode(Record(output_raw={"output_type": 1, "line": text, "timestamp": {"seconds": 1500}}))


def exit_record(code: int = 0) -> bytes:
    return codec.encode(Record(exit={"exit_code": code, "runtime": 60}))


ODD_VALUES: list[Any] = [math.nan, math.inf, -math.inf, None, True, "text", "Infinity", "\0inf", [1.5, math.nan], 2**70]
ODD_VALUES += [2**63, -(2**63), 2**53 + 1, 0, -0.0, 1e22, 5e-324, 1.7e308, 3, {}, "é\u2028\ud800"]


def mixed_bodies(seed: int, records: int) -> Iterator[bytes]:
    """Yield a log's records of every kind: long stretches of the same keys, and everything that interrupts them."""
    source, of_facts = random.Random(seed), random.Random(f"facts {seed}")
    step = 0
    while records > 0:
        if of_facts.random() < 0.1:
            yield any_fact(of_facts, 1000.0 + step)
        (kind,) = source.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        if kind == "rows":
            keys = [f"k{n}" for n in range(source.choice((1, 3, 3, 3, 12)))]
            for _ in range(source.choice((1, 40, 300))):
                step += source.choice((1, 1, 1, 1, 2, -1)) if source.random() < 0.1 else 1
                yield row(max(0, step), {key: _number(source) for key in keys})
                records -= 1
            continue
        records -= 1
        if kind == "odd":
            key = source.choice(["k0", "odd", ("n", "x"), ("n", "x", "y"), "n", "n.x"])
            step += 1
            yield row(step, {key: source.choice(ODD_VALUES), "k1": source.random()})
        elif kind == "pending":
            step += 1
            yield pending(step, {"k0": source.random()})
            if source.random() < 0.7:
                yield row(step, {"k0": source.random(), "k2": 1})
        elif kind == "summary":
            yield summary({"k0": source.choice(ODD_VALUES)}, ["k1"] if source.random() < 0.3 else [])
        elif kind == "config":
            yield config({source.choice("abc"): {"x": source.choice(ODD_VALUES)}})
        elif kind == "metric":
            yield metric(source.choice(["k0", "k1", "k*"]), source.choice(["min", "max", "mean", "none"]))
        elif kind == "output":
            yield output(source.choice(["line\n", "10%\r", "\x1b[3", "1mred", "\x1b[0m\n"]))
        else:
            yield b"\xff\xff\xff"


_WEIGHTS = {"rows": 12, "odd": 4, "pending": 3, "summary": 2, "config": 2, "metric": 1, "output": 3, "garbage": 1}


def _number(source: random.Random) -> float | int:
    return source.choice((source.random(), source.gauss(0, 1e5), source.randrange(-(2**40), 2**40), 1e22, 3.0))


def dump(index: Path) -> str:
    """Return all that the index at `index` says, without its own numbering, as text."""
    api = Api(index, refresh=False)
    parts: list[Any] = []
    connection = api._indexer.connection
    for found in api.runs():
        parts.append([found.path, found.name, found.tags, found.notes, found.created_at, found.heartbeat_at])
        parts.append([found.exit_code, found.lastHistoryStep, found.logs, found.keys, found.config, found.summary])
        parts += found.scan_history()
        parts += found.console()
    logs = "path, log_id, indexed, size, records, lost_bytes, undecodable, missing, kind, last_step, open_row, state"
    parts += connection.execute(f"SELECT {logs} FROM logs ORDER BY path").fetchall()
    parts += points(connection).items()
    parts += connection.execute(
        "SELECT path, key, step, value FROM history_values JOIN logs ON log = logs.id"
        " ORDER BY path, history_values.rowid"
    ).fetchall()
    api.close()
    return "\n".join(map(repr, parts))


def points(connection: sqlite3.Connection) -> dict[tuple[str, ...], list[tuple[int, Any]]]:
    """Return the points of each series, by its log, stream and key, however they are cut into chunks."""
    found: dict[tuple[str, ...], list[tuple[int, Any]]] = {}
    chunks = connection.execute(
        f"SELECT (SELECT path FROM logs WHERE id = log) AS path, stream, key, {CHUNK_COLUMNS}"
        " FROM chunks JOIN series ON series = series.id ORDER BY path, stream, key, place"
    )
    for path, stream, key, *columns in chunks:
        chunk = Chunk(*columns)
        found.setdefault((path, stream, key), []).extend(zip(chunk.step_array().tolist(), chunk.values(), strict=True))
    return found


def indexed(index: Path, *places: Path) -> str:
    """Bring what lies at these places into the index, and return all that it says."""
    indexer = Indexer(index)
    for place in places:
        indexer.catch_up_below(place)
    indexer.close()
    return dump(index)

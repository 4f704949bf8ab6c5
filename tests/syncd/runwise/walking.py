"""Walk over logs in tests: to the end in one go, or in pieces while they grow; and what decoding each record says."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from runstore.core.facts import AlertSent
from runstore.core.logfold import LogFold, Row
from runstore.runlog.live import LiveReader
from runstore.runlog.reader import LogReader
from runstore.syncd.runwise.content.rows import text_of
from runstore.syncd.runwise.content.snapshot import LogPart
from runstore.syncd.runwise.content.walk import Batch, walk

MOST_BYTES = 10 << 20


@dataclass
class Told:
    """All that a log's batches said."""

    rows: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    artifacts: list[tuple[int, str]] = field(default_factory=list)
    alerts: list[AlertSent] = field(default_factory=list)
    last_step: int = -1
    head: Mapping[str, Any] = field(default_factory=dict)
    position: Mapping[str, Any] = field(default_factory=dict)
    lost_bytes: int = 0

    def add(self, batch: Batch) -> None:
        self.rows += values(batch.rows)
        self.events += batch.events
        self.artifacts += [(offset, artifact.name) for offset, artifact in batch.artifacts]
        self.alerts += batch.alerts
        self.last_step = max(self.last_step, batch.last_step)
        self.head, self.position, self.lost_bytes = batch.head, batch.position, batch.lost_bytes

    @property
    def steps(self) -> list[int]:
        return [json.loads(row)["_step"] for row in self.rows]


def part_of(log: Path, **more: Any) -> LogPart:
    """Return a log as an index has it that has read all of it."""
    with LiveReader(log) as reader:
        while reader.next_many(1 << 60):
            pass
        return replace(LogPart(log, "id", "start", 1, 1000.0, reader.offset, 0), **more)


def walked(log: Path, behind: int | None = None, most_bytes: int = MOST_BYTES, **more: Any) -> Told:
    """Return all that a log says, of which nothing more is to come; its rows stand `behind` a step of the server's."""
    told, part = Told(), part_of(log, **more)
    for batch in walk(part, {}, part.after if behind is None else behind, most_bytes, True):
        told.add(batch)
    return told


def lines(log: Path) -> list[str]:
    """Return the rows of a log as the very texts that are sent."""
    return [row for batch in walk(part_of(log), {}, None, MOST_BYTES, True) for row in batch.rows]


def walked_while_it_grows(log: Path, sizes: Sequence[int], source: random.Random, **more: Any) -> Told:
    """Return the same, told in walks of a log that grows to these sizes, each of which may be broken off.

    Between two walks the position is kept as JSON, as receipts are.
    """
    whole = log.read_bytes()
    grown, told = log.with_name("grown.wandb"), Told()
    position: Any = {}
    for size in (*sizes, len(whole)):
        grown.write_bytes(whole[:size])
        part = part_of(grown, **more)
        while True:
            most_bytes = source.choice((1, 100, 3_000, 50_000, MOST_BYTES))
            batches = list(walk(part, position, part.after, most_bytes, size == len(whole)))
            taken = batches[: source.randrange(len(batches) + 1)] if batches else []
            for batch in taken:
                told.add(batch)
                position = orjson.loads(orjson.dumps(batch.position))
            if len(taken) == len(batches):
                break
    return told


def decoded(log: Path, after: int | None = None) -> list[str]:
    """Return the rows that decoding record by record says."""
    rows: list[tuple[int, Row]] = []
    fold = LogFold(on_row=lambda step, row: rows.append((step, row)))
    for framed in LogReader(log):
        fold.apply(framed.payload)
    rows += [fold.pending] if fold.pending else []
    texts, last = [], after
    for step, row in rows:
        last = step if last is None else max(step, last + 1)
        texts.append(text_of(row, last))
    return texts


def values(texts: Sequence[str]) -> list[str]:
    """Return JSON texts spelled in one way, so that those are equal which say the same."""
    return [json.dumps(json.loads(text), sort_keys=True) for text in texts]

"""Make many runs quickly, through the writer and the encoder that a training process uses.

The rows of a few runs are encoded once and written to many: the values repeat from run to run, the bytes around them
do not (numbers, checksums, offsets), so that whoever reads the logs has all of the work. Everything is seeded.

    python -m bench.corpus FOLDER --runs 1000 --keys 50 --steps 1000
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import FilesItem, Origin, Record
from runstore.runlog.writer import LogWriter
from runstore.version import VERSION

FIRST_RUN_AT = 1_704_067_200  # seconds since the epoch: 2024-01-01
SECONDS_BETWEEN_RUNS = 60
VARIETY = 8  # so many runs differ in the values of their rows
PROJECTS = ("baseline", "ablation", "sweep", "final")
OPTIMIZERS = ("adam", "adamw", "sgd", "lion")
TAGS = ("good", "bad", "paper", "retry")
_LIVE_FROM = 10_000_000  # live runs have numbers of their own: they may lie beside others


@dataclass(frozen=True)
class Corpus:
    """So many runs, each of `steps` log calls of `keys` floats; points count what the program logged.

    With `files`, each has those beside its log in which tools say what a run was made with. They are of so many
    projects, which take turns.
    """

    runs: int
    keys: int
    steps: int
    files: bool = False
    projects: int = len(PROJECTS)

    @property
    def points(self) -> int:
        """How many values the programs logged, in all runs together."""
        return self.runs * self.keys * self.steps


def make(folder: Path, corpus: Corpus, typed: bool = False) -> int:
    """Write the runs' logs below `folder`/wandb as a training process would; return their size in bytes."""
    rows = [_rows(corpus, seed, typed) for seed in range(min(VARIETY, corpus.runs))]
    return sum(_write_run(folder / "wandb", number, rows[number % len(rows)], corpus) for number in range(corpus.runs))


def run_id(number: int) -> str:
    """Return the id of one run of a corpus, the first being number 0."""
    return f"c{number:07x}"


def _rows(corpus: Corpus, seed: int, typed: bool) -> list[bytes]:
    """Return the encoded rows of one run: curves that fall, each with noise of its own."""
    source = random.Random(seed)
    encoder = wire.RowEncoder(typed)
    names = ["loss", "accuracy", *(f"layer.{place}.norm" for place in range(corpus.keys))][: corpus.keys]
    encoded = []
    for step in range(corpus.steps):
        values: dict[str, float | int] = {name: source.gauss(1 / (1 + 0.01 * step), 0.01) for name in names}
        values |= {"_timestamp": FIRST_RUN_AT + 0.5 * step, "_runtime": 0.5 * step, "_step": step}
        items = encoder.plain(values)
        encoded.append(wire.history(items or [], step))
    return encoded


class WrittenRun:
    """One run whose log is written row by row."""

    def __init__(self, root: Path, number: int, rows: Sequence[bytes], began: int, corpus: Corpus) -> None:
        name = time.strftime("%Y%m%d_%H%M%S", time.gmtime(began))
        folder = root / f"offline-run-{name}-{run_id(number)}"
        folder.mkdir(parents=True)
        self._writer = LogWriter.create(folder / f"run-{run_id(number)}.wandb", math.inf)
        self._number, self._rows, self._step = number, rows, 0
        for body in (*_preamble(number, began, corpus.projects), *(_files(folder, number) if corpus.files else ())):
            self._writer.append(body)

    def step(self) -> None:
        """Write the next row."""
        self._writer.append(self._rows[self._step])
        self._step += 1

    def end(self) -> int:
        """Write what comes last; return the log's size in bytes."""
        for body in _ending(self._number, self._step):
            self._writer.append(body)
        self._writer.close()
        return self._writer.offset


def live_runs(folder: Path, corpus: Corpus) -> list[WrittenRun]:
    """Begin the runs of a corpus now, below `folder`/wandb; their rows are still to be written."""
    rows = [_rows(corpus, seed, typed=False) for seed in range(min(VARIETY, corpus.runs))]
    began = int(time.time())
    return [
        WrittenRun(folder / "wandb", _LIVE_FROM + number, rows[number % len(rows)], began, corpus)
        for number in range(corpus.runs)
    ]


def _write_run(root: Path, number: int, rows: Sequence[bytes], corpus: Corpus) -> int:
    run = WrittenRun(root, number, rows, FIRST_RUN_AT + SECONDS_BETWEEN_RUNS * number, corpus)
    for _ in rows:
        run.step()
    return run.end()


def _preamble(number: int, began: int, projects: int) -> list[bytes]:
    header = Record()
    header.header.origin.CopyFrom(
        Origin(
            writer="runstore",
            version=VERSION,
            host=f"node{number % 16:02}",
            boot_id="a-boot-long-gone",
            pid=1000 + number,
            pid_started_ticks=1 + number,
            kind=Origin.START,
            started_ns=began * 1_000_000_000,
        )
    )
    record = Record()
    run = record.run
    run.run_id, run.project, run.display_name = run_id(number), PROJECTS[number % projects], f"try-{number}"
    run.tags.append(TAGS[number // 4 % 4])
    run.start_time.seconds = began
    for key, value in _config(number).items():
        run.config.update.add(key=key, value_json=wire.dumps(value))
    return [codec.encode(header), codec.encode(record)]


def _files(folder: Path, number: int) -> list[bytes]:
    """Write the files of one run: the packages, which are the same everywhere, and the machine, which is not."""
    packages = "".join(f"package-{place}=={place % 7}.{place % 5}.0\n" for place in range(120))
    machine = {
        "host": f"node{number % 16:02}",
        "startedAt": f"{FIRST_RUN_AT + number}",
        "args": ["--seed", str(number)],
    }
    content = {"requirements.txt": packages, "wandb-metadata.json": wire.dumps(machine)}
    (folder / "files").mkdir()
    for name, text in content.items():
        (folder / "files" / name).write_text(text, encoding="utf-8")
    record = Record()
    for name in content:
        record.files.files.add(path=name, type=FilesItem.WANDB)
    return [codec.encode(record)]


def _config(number: int) -> dict[str, Any]:
    source = random.Random(number)
    return {
        "lr": 10 ** source.uniform(-5, -1),
        "batch_size": source.choice((16, 32, 64, 128)),
        "seed": number,
        "model": {"layers": source.randrange(2, 48), "width": source.choice((256, 512, 1024))},
        "optimizer": source.choice(OPTIMIZERS),
    }


def _ending(number: int, rows: int) -> list[bytes]:
    """Return the last records: most runs finished, some failed, every twentieth was killed and says nothing."""
    if number % 20 == 19:
        return []
    record = Record()
    record.exit.exit_code, record.exit.runtime = int(number % 10 == 8), rows // 2
    return [codec.encode(record), codec.encode(Record(final={}))]


def main() -> None:
    """Make a corpus from the command line, and say what it cost."""
    parser = argparse.ArgumentParser(prog="python -m bench.corpus", description="Make many runs quickly.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--keys", type=int, default=50)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--typed", action="store_true", help="write floats as eight bytes")
    arguments = parser.parse_args()
    corpus = Corpus(arguments.runs, arguments.keys, arguments.steps)
    began = time.monotonic()
    size = make(arguments.folder, corpus, arguments.typed)
    seconds = time.monotonic() - began
    print(f"{corpus.runs:,} runs, {corpus.points / 1e6:,.1f} M points, {size / 1e6:,.1f} MB, {seconds:.1f} s")


if __name__ == "__main__":
    main()

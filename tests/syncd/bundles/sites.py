"""Both ends of carrying by hand: the inside, where runs are recorded, and the outside, which imports them."""

from __future__ import annotations

import contextlib
import math
import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import runstore
from runstore.index.indexer import Indexer
from runstore.paths import find_logs
from runstore.query.api import Api
from runstore.runlog.writer import LogWriter
from runstore.syncd.bundles import receipt as receipts
from runstore.syncd.bundles.creating import Created, How, create
from runstore.syncd.bundles.gathering import Gathered, gather
from runstore.syncd.bundles.importing import Import, Imported
from runstore.syncd.bundles.keys import SecretKey
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.bundles.staging import FOLDER
from runstore.syncd.delivery import ready
from tests.index.dump import dump
from tests.index.writing import config, exit_record, header, log_path, output, plain_rows, run

_IN_MEMORY = Path("/dev/shm")
OF_CARRYING = ([".runstore", ".json"], [".receipt", ".json"])


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder for one of many examples: in memory where it can be, where waiting for a disk takes no time."""
    place = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="runstore-", dir=place) as folder:
        yield Path(folder)


@dataclass
class Inside:
    """Runs below `folder`/wandb, and bundles of them, each in a folder of its own."""

    folder: Path
    runs: Path = field(init=False)

    def __post_init__(self) -> None:
        self.runs = self.folder / "wandb"
        self.runs.mkdir(parents=True, exist_ok=True)

    def gathered(self, since: str | None = None) -> Gathered:
        """Return what a bundle of all runs would hold."""
        with self._indexer() as indexer:
            found = [what for log in find_logs(self.runs) if (what := ready(indexer, log)) is not None]
        return gather(found, since=since)

    def bundle(self, to: Path | None = None, how: How | None = None, since: str | None = None) -> Created:
        """Bundle all runs."""
        gathered = self.gathered(since)
        try:
            to = to or self.folder / f"stick{len(list(self.folder.glob('stick*')))}"
            to.parent.mkdir(parents=True, exist_ok=True)
            to.mkdir(exist_ok=True)
            return create(gathered, to, how)
        finally:
            gathered.close()

    def take_receipt(self, path: Path) -> receipts.Marked:
        """Take in a receipt that came back."""
        with self._indexer() as indexer:

            def logs_with(log_id: str) -> list[Path]:
                rows = indexer.connection.execute("SELECT path FROM logs WHERE log_id = ?", (log_id,))
                return [Path(found) for (found,) in rows]

            return receipts.mark(receipts.read(path)[0], logs_with)

    def answers(self) -> str:
        """Return all that can be asked of the runs."""
        return answers(self.runs, self.folder / "asked.db")

    @contextlib.contextmanager
    def _indexer(self) -> Iterator[Indexer]:
        indexer = Indexer(self.folder / "inside.db")
        indexer.catch_up_below(self.runs)
        try:
            yield indexer
        finally:
            indexer.close()


@dataclass
class Outside:
    """A folder of runs that come in bundles."""

    folder: Path
    runs: Path = field(init=False)

    def __post_init__(self) -> None:
        self.runs = self.folder / "wandb"

    def take(
        self, parts: Sequence[Path], trust: Trust | None = None, sign: SecretKey | None = None
    ) -> tuple[dict[str, Imported], dict[Path, str], dict[str, Path]]:
        """Import parts; return what became of the bundles, what is wrong with parts, and the receipts."""
        with Import(self.runs, trust or Trust()) as importing:
            importing.take(parts)
            return importing.bundles, importing.errors, importing.write_receipts(key=sign)

    def take_all(self, parts: Sequence[Path], trust: Trust | None = None) -> list[Path]:
        """Import parts, of which nothing is wrong; return the receipts."""
        bundles, errors, written = self.take(parts, trust)
        assert not errors
        for one in bundles.values():
            assert not one.refused
            assert not one.waiting
        return list(written.values())

    def refusal(self, part: Path, trust: Trust | None = None) -> str:
        """Import a part that is refused as a whole, or of which a run is; return the sentence."""
        bundles, errors, _ = self.take([part], trust)
        said = [*errors.values(), *(sentence for one in bundles.values() for sentence in one.refused.values())]
        assert len(said) == 1, (said, bundles)
        return said[0]

    def answers(self) -> str:
        """Return all that can be asked of the runs."""
        return answers(self.runs, self.folder / "asked.db")

    def staged(self) -> list[Path]:
        """Return the pieces that wait."""
        return [path for path in (self.runs / FOLDER / "pieces").rglob("*") if path.is_file()]


def answers(runs: Path, index: Path) -> str:
    """Return all that can be asked of the runs below a folder, wherever that is."""
    index.unlink(missing_ok=True)
    indexer = Indexer(index)
    indexer.catch_up_below(runs)
    indexer.close()
    return dump(index).replace(str(runs), "RUNS")


def contents(runs: Path) -> dict[str, bytes]:
    """Return what lies in run directories, but for receipts, by path."""
    return {
        path.relative_to(runs).as_posix(): path.read_bytes()
        for path in runs.rglob("*")
        if path.is_file() and path.suffixes[-2:] not in OF_CARRYING and FOLDER not in path.parts
    }


class StockRun:
    """A run as stock tools log it, which grows when told."""

    def __init__(self, runs: Path, name: str, started: float = 1000.0) -> None:
        self.log = log_path(runs.parent, name, name)
        self._writer = LogWriter.create(self.log, math.inf)
        self._step = 0
        for body in (header(started=started), run(name), config({"lr": 0.1})):
            self._writer.append(body)

    def grow(self, rows: int) -> None:
        """Log so many rows, and a line."""
        for body in plain_rows(range(self._step, self._step + rows), seed=self._step):
            self._writer.append(body)
        self._writer.append(output(f"at {self._step}\n"))
        self._step += rows

    def put(self, name: str, data: bytes, folder: str = "files") -> None:
        """Put a file beside the log."""
        path = self.log.parent / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def finish(self) -> None:
        """End it."""
        self._writer.append(exit_record())
        self._writer.close()


class OwnRun:
    """A run of our own library, which grows when told."""

    def __init__(self, runs: Path, name: str) -> None:
        settings = runstore.Settings(silent=True, reinit="create_new")
        self._run = runstore.init(project="own", id=name, dir=str(runs.parent), settings=settings)
        self.log = next(runs.glob(f"*/run-{name}.wandb"))
        self._random = random.Random(name)

    def grow(self, rows: int) -> None:
        """Log so many rows."""
        for _ in range(rows):
            self._run.log({"loss": self._random.random(), "text": "x" * self._random.randrange(50)})

    def put(self, name: str, data: bytes, folder: str = "files") -> None:
        """Put a file beside the log."""
        path = self.log.parent / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def finish(self) -> None:
        """End it."""
        self._run.finish()


def edited(runs: Path, index: Path, run_id: str, note: str) -> None:
    """Change the notes of a run, as a person does afterwards."""
    with contextlib.closing(Api(index, refresh=False)) as api:
        api.catch_up_below(runs)
        found = api.run(run_id)
        found.notes = note
        found.update()


def finished_run(runs: Path, name: str = "r1", rows: int = 20, files: dict[str, bytes] | None = None) -> StockRun:
    """Return a run that is done, with files beside its log."""
    made = StockRun(runs, name)
    made.grow(rows)
    for path, data in (files or {}).items():
        folder, _, inside = path.partition("/")
        made.put(inside, data, folder)
    made.finish()
    return made

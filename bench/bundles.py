"""Runs carried by hand: bundle and import, beside `tar --zstd` and `sha256sum` of the same files.

Half of the bytes are logs, which compress to a few percent, half are blobs that don't compress at all, as checkpoints
don't. Both sides are processes from their start to their end. Theirs to pack is `tar` and a list of sums, theirs to
unpack is `tar` and the comparison with that list: what a careful person does without us. Ours knows the runs from the
index, which is brought up to date before.

Alike are zstd's level (3) and threads (one, of each side's compressor; tar, zstd and sha256sum are processes beside
each other where the shell runs them so), what is read (before each turn, all of it once, so that it is in memory as far
as it fits), what is waited for before (all that others have left to be written), and who begins, in turns. Not alike:
ours ends when what was written is durable, which theirs does not see to. What ours brought is compared with what was
there, file by file, as theirs is with its sums.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from bench import corpus
from bench.rows import Bench, Row, ratio

MOST = 1.5  # times what theirs takes
_BLOBS = 8
_RUN_BYTES = 50_000_000  # of logs, about, in one run
_STEPS = 60_000
_ALIKE = {"ZSTD_CLEVEL": "3", "ZSTD_NBTHREADS": "1"}
_READ_BYTES = 1 << 20
_TAR = "tar --zstd -cf {out}/runs.tar.zst wandb && find wandb -type f -print0 | xargs -0 sha256sum > {out}/sums"
_UNTAR = "tar --zstd -xf {out}/runs.tar.zst && sha256sum --quiet -c {out}/sums"


def measure(bench: Bench) -> list[Row]:
    """Return the seconds of a bundle and of its import, of 1 GB of logs and 1 GB of blobs (a tenth where quick)."""
    half = 100_000_000 if bench.quick else 1_000_000_000
    inside = bench.folder / "inside"
    size = _made(inside, half)
    _runstore(inside, "runs", "list")
    wanted = _digests(inside / "wandb")
    times: dict[str, list[float]] = {"create": [], "tar": [], "import": [], "untar": []}
    for turn in range(min(bench.rounds, 3)):
        out, outside, theirs = (bench.folder / name for name in ("out", "outside", "theirs"))
        for folder in (out, outside, theirs):
            folder.mkdir()
        packing = {
            "create": partial(_runstore, inside, "bundle", "create", "--to", str(out), "--quiet"),
            "tar": partial(_shell, inside, _TAR.format(out=out)),
        }
        _timed(packing, times, turn, inside / "wandb")
        (bundle,) = out.glob("runstore-*.tar.zst")
        packed = bundle.stat().st_size
        unpacking = {
            "import": partial(_runstore, outside, "bundle", "import", str(bundle), "--quiet"),
            "untar": partial(_shell, theirs, _UNTAR.format(out=out)),
        }
        _timed(unpacking, times, turn, out)
        if _digests(outside / "wandb") != wanted:
            raise RuntimeError("what was imported is not what was there")
        for folder in (out, outside, theirs):
            shutil.rmtree(folder)
    of = f"{size / 1e9:.1f} GB, half of it logs"
    return [
        _row(f"`bundle create` of {of}, to {packed / 1e9:.1f} GB", times["create"], "tar and sha256sum", times["tar"]),
        _row(f"`bundle import` of {of}", times["import"], "tar and sha256sum -c", times["untar"]),
    ]


def _timed(works: dict[str, Callable[[], None]], times: dict[str, list[float]], turn: int, read: Path) -> None:
    """Time both sides, which read what is below `read`; who begins changes from turn to turn."""
    for name, work in sorted(works.items(), reverse=bool(turn % 2)):
        _digests(read)
        times[name].append(_seconds(work))


def _digests(folder: Path) -> dict[str, str]:
    """Read all logs, files and blobs below a folder; return their digests by path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(".") and not name.endswith(".json"):
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while some := file.read(_READ_BYTES):
                    digest.update(some)
            found[name] = digest.hexdigest()
    return found


def _made(folder: Path, half: int) -> int:
    """Make runs with `half` bytes of logs, and as many of blobs; return how many there are."""
    size = corpus.make(folder, corpus.Corpus(max(1, half // _RUN_BYTES), keys=20, steps=_STEPS))
    runs = sorted((folder / "wandb").iterdir())
    for number in range(_BLOBS):
        data = os.urandom(half // _BLOBS)
        blobs = runs[number % len(runs)] / "blobs"
        blobs.mkdir(exist_ok=True)
        (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)
        size += len(data)
    return size


def _runstore(folder: Path, *arguments: str) -> None:
    known = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB_", "RUNSTORE_"))}
    environment = {**known, "RUNSTORE_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "runstore", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"runstore {arguments[:2]} failed with {done.returncode}:\n{done.stderr}")


def _shell(folder: Path, command: str) -> None:
    subprocess.run(["sh", "-c", command], cwd=folder, env={**os.environ, **_ALIKE}, check=True)


def _seconds(work: Callable[[], None]) -> float:
    os.sync()  # what others have left to be written would be waited for
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _row(what: str, ours: list[float], beside: str, theirs: list[float]) -> Row:
    mine, other = median(ours), median(theirs)
    met = round(mine / other, 2) <= MOST
    return Row(what, f"{mine:.1f} s", f"{beside} {other:.1f} s", ratio(mine, other), f"at most {MOST}x", met)

"""Artifacts: one large file, many small ones, a second version that shares most of them, one name among many."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench import artifactchild, processes
from bench.rows import Bench, Row, ratio

COPIED, LINKED = 1.3, 1.2  # times what hashing and copying take, and hashing alone
NAMED_SECONDS = 0.020
SMALL_FILES = 10_000
VERSIONS, CALLS = 10_000, 100
_BLOCK_BYTES = 1 << 20


def measure(bench: Bench) -> list[Row]:
    """Return rows of a file of 1 GB (256 MB where it has to be quick), 10,000 small files and 10,000 versions."""
    named = _named(bench)  # first: what the others leave to be written would be waited for
    return [*_large(bench, 256 if bench.quick else 1024), *_small(bench), *named]


def _large(bench: Bench, megabytes: int) -> list[Row]:
    path = bench.folder / "large"
    with open(path, "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(_BLOCK_BYTES))
    ours: list[Any] = []
    theirs: list[Any] = []
    for _ in range(min(bench.rounds, 3)):
        for found, library, run in ((ours, "runstore", processes.runstore), (theirs, "wandb", processes.wandb)):
            folder = bench.folder / "round"
            folder.mkdir()
            found.append(run(folder, f"large_file({library!r}, {str(path)!r})", artifactchild).printed)
            shutil.rmtree(folder)  # a gigabyte or two
    path.unlink()
    what = f"add_file + log_artifact of {megabytes:,} MB"
    # Of both libraries' processes: hashing and copying are the same in each.
    hashing = [figures[name] for figures in (*ours, *theirs) for name in ("hash_first", "hash_again")]
    copying = [figures[name] for figures in (*ours, *theirs) for name in ("copy_first", "copy_again")]
    both = [one + other for one, other in zip(hashing, copying, strict=True)]
    first, again = ([figures[name] for figures in ours] for name in ("first", "again"))
    return [
        _seconds(what, first, both, "hashing (MD5) + copying once", COPIED),
        _seconds(what, first, copying, "cp"),
        _seconds(what, first, hashing, "hashing alone"),
        _seconds(what, first, [figures["first"] for figures in theirs], "wandb offline"),
        _seconds(f"{what}, of another run before", again, hashing, "hashing alone", LINKED),
        _seconds(f"{what}, of another run before", again, [figures["again"] for figures in theirs], "wandb offline"),
    ]


def _small(bench: Bench) -> list[Row]:
    ours: list[Any] = []
    theirs: list[Any] = []
    for _ in range(min(bench.rounds, 3)):
        for found, library, run in ((ours, "runstore", processes.runstore), (theirs, "wandb", processes.wandb)):
            call = f"small_files({library!r}, {str(_folder(bench))!r}, {2 if library == 'runstore' else 1})"
            found.append(run(bench.folder, call, artifactchild).printed["versions"])
    first, second = ours[-1]
    return [
        _seconds(
            f"add_dir + log_artifact of {SMALL_FILES:,} small files",
            [versions[0]["seconds"] for versions in ours],
            [versions[0]["seconds"] for versions in theirs],
            "wandb offline",
        ),
        Row(
            "bytes that a second version stores, nine of ten files being the same",
            f"{second['stored'] / 1e6:.1f} MB",
            f"the first {first['stored'] / 1e6:.1f} MB",
            ratio(second["stored"], first["stored"]),
        ),
    ]


def _named(bench: Bench) -> list[Row]:
    found = [
        processes.runstore(bench.folder, f"names({VERSIONS}, {CALLS})", artifactchild).printed
        for _ in range(min(bench.rounds, 3))
    ]
    among = f"among {VERSIONS:,} versions"
    return [
        _milliseconds(f"use_artifact by number {among}", [each for one in found for each in one["use"]], NAMED_SECONDS),
        _milliseconds(
            f"use_artifact by alias {among}", [each for one in found for each in one["alias"]], NAMED_SECONDS
        ),
        _milliseconds(f"use_artifact {among}, the first of a process", [one["first"] for one in found]),
        _milliseconds(f"the registry's look-up alone, {among}", [each for one in found for each in one["find"]]),
    ]


def _folder(bench: Bench) -> Path:
    folder = bench.folder / "small"
    folder.mkdir(exist_ok=True)
    for number in range(SMALL_FILES):
        (folder / f"{number:05d}.txt").touch()
    return folder


def _seconds(what: str, ours: Sequence[float], beside: Sequence[float], name: str, limit: float | None = None) -> Row:
    mine, other = median(ours), median(beside)
    goal = f"at most {limit}x" if limit else ""
    met = round(mine / other, 2) <= limit if limit else None
    return Row(what, f"{mine:.2f} s", f"{name} {other:.2f} s", ratio(mine, other), goal, met)


def _milliseconds(what: str, seconds: Sequence[float], limit: float | None = None) -> Row:
    mine = median(seconds)
    goal = f"under {limit * 1000:.0f} ms" if limit else ""
    return Row(what, f"{mine * 1000:.2g} ms", "", "", goal, mine < limit if limit else None)

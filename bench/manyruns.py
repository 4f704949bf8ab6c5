"""Indexes of many runs: 10,000 small ones, and 1,000 of 50 metrics x 1,000 steps; some questions go to mlflow too."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench import corpus, peers
from bench.reading import asked
from bench.rows import Bench, Row, ratio

LIST_SECONDS = 0.3
FILTER = "config.optimizer=adam summary.loss<0.5"
# Folders count as settled when they have been left alone for so long (runstore/index/discovery.py).
SETTLING_SECONDS = 11.0


def measure(bench: Bench) -> list[Row]:
    """Return rows of `runs list` as a shell starts it, of questions to both indexes, and of mlflow's answers."""
    small = corpus.Corpus(2_000 if bench.quick else 10_000, keys=3, steps=5)
    large = corpus.Corpus(50 if bench.quick else 1_000, keys=50, steps=1_000)
    rows = _small(bench, small)
    rows += _large(bench, large)
    return rows


def _small(bench: Bench, made: corpus.Corpus) -> list[Row]:
    folder = bench.folder / "small"
    corpus.make(folder, made)
    seconds = asked(bench, folder, "caught_up()")["catch_up"]
    time.sleep(SETTLING_SECONDS)
    _listed(folder)  # notes which folders are settled, and compiles modules
    listing = median(_listed(folder) for _ in range(2 * bench.rounds + 1))
    what = f"{made.runs:,} runs of {made.keys} metrics x {made.steps} steps"
    met = listing <= LIST_SECONDS if not bench.quick else None
    answers = _answers(bench, folder)
    return [
        Row(f"{what}: indexed", f"{seconds:.1f} s", "", f"{made.runs / seconds:,.0f} runs/s"),
        Row(f"{what}: `runs list`, whole process", _ms(listing), "", "", f"{_ms(LIST_SECONDS)} or less", met),
        Row(
            f"{what}: `runs list --limit 10`",
            _ms(median(_listed(folder, "--limit", "10") for _ in range(5))),
            "",
            "",
        ),
        Row(f"{what}: a look for what is new", _ms(answers["refresh"]), "", ""),
        *_beside_mlflow(bench, made, answers),
    ]


def _large(bench: Bench, made: corpus.Corpus) -> list[Row]:
    folder = bench.folder / "large"
    size = corpus.make(folder, made)
    caught_up = asked(bench, folder, "caught_up()")
    answers = _answers(bench, folder)
    what = f"{made.runs:,} runs of {made.keys} metrics x {made.steps:,} steps"
    seconds = caught_up["catch_up"]
    return [
        Row(
            f"{what}: indexed",
            f"{seconds:.1f} s",
            f"{size / 1e6:,.0f} MB of logs",
            f"{made.points / 1e6 / seconds:.2f} M/s",
        ),
        Row(
            f"{what}: index",
            f"{caught_up['bytes'] / 1e6:,.0f} MB",
            "",
            f"{caught_up['bytes'] / made.points:.1f} B/point",
        ),
        Row(f"{what}: Api().runs()", _ms(answers["runs"]), "", ""),
        Row(f"{what}: filter {FILTER}", _ms(answers["filter"]), "", ""),
        Row(f"{what}: run.history(samples=500) of one metric", _ms(answers["history"]), "", ""),
    ]


def _answers(bench: Bench, folder: Path) -> dict[str, float]:
    return asked(bench, folder, f"answers({FILTER!r}, {corpus.run_id(1)!r}, 'loss')")


def _beside_mlflow(bench: Bench, made: corpus.Corpus, answers: dict[str, float]) -> list[Row]:
    """Return the rows of what mlflow can be asked as well, which has fewer runs, since making one takes it long."""
    runs = 100 if bench.quick else 1_000
    figures, why = peers.or_why(lambda: peers.run("mlflow", bench.folder / "mlflow-runs", f"mlflow_runs({runs})"))
    rows = []
    for name, of_us, of_mlflow in (("runs", "Api().runs()", "list"), ("filter", f"filter {FILTER}", "filter")):
        what = f"{made.runs:,} runs of {made.keys} metrics x {made.steps} steps: {of_us}"
        if figures is None:
            rows.append(Row(what, _ms(answers[name]), why, ""))
            continue
        theirs = figures[of_mlflow]
        each = ratio(answers[name] / made.runs, theirs / runs)
        rows.append(Row(what, _ms(answers[name]), f"mlflow, {runs:,} runs, {_ms(theirs)}", f"{each} a run"))
    return rows


def _listed(folder: Path, *more: str) -> float:
    """Return the wall time of `runstore runs list` from its start to its end, as a shell would start it."""
    known = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB_", "RUNSTORE_", "PYTHON"))}
    here = {"WANDB_DIR": str(folder), "RUNSTORE_HOME": str(folder / "home")}
    environment = {**known, **here, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    command = [str(Path(sys.executable).with_name("runstore")), "runs", "list", *more]
    before = time.perf_counter()
    done: Any = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    wall = time.perf_counter() - before
    if done.returncode != 0:
        raise RuntimeError(f"runs list failed with {done.returncode}:\n{done.stderr}")
    return wall


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"

"""Reading one long series back, beside other trackers doing the same."""

from __future__ import annotations

from pathlib import Path

from bench import corpus, peers, processes, readchild
from bench.rows import Bench, Row, ratio

AGAINST_PEERS = 50.0
# Peer -> whether the goal names it.
PEERS = {"trackio": True, "mlflow": True, "tensorboard": False}


def measure(bench: Bench) -> list[Row]:
    """Return rows of one series as arrays beside each peer, and of the two ways in which W&B's API reads it."""
    steps = 20_000 if bench.quick else 100_000
    folder = bench.folder / "reading"
    corpus.make(folder, corpus.Corpus(runs=1, keys=1, steps=steps))
    asked(bench, folder, "caught_up()")
    ours = asked(bench, folder, f"series({corpus.run_id(0)!r}, 'loss', {steps})")
    what = f"one series of {steps:,} steps"
    rows = [_row(bench, what, peer, steps, ours["points"]) for peer in PEERS]
    rows.append(Row(f"{what}, scan_history(keys=[...])", _milliseconds(ours["scan"]), "", ""))
    rows.append(Row(f"{what}, history(samples=500)", _milliseconds(ours["history"]), "", ""))
    return rows


def asked(bench: Bench, folder: Path, call: str) -> dict[str, float]:
    """Return what a call of bench/readchild.py says of the runs below `folder`, with an index in there."""
    home = str(folder / "home")
    outcome = processes.runstore(bench.folder, call, readchild, WANDB_DIR=str(folder), RUNSTORE_HOME=home)
    figures: dict[str, float] = outcome.printed
    return figures


def _row(bench: Bench, what: str, peer: str, steps: int, ours: float) -> Row:
    figures, why = peers.or_why(lambda: peers.run(peer, bench.folder / peer, f"{peer}_series({steps})"))
    what = f"{what}, points() as arrays"
    if figures is None:
        return Row(what, _milliseconds(ours), why, "")
    theirs = figures["read"]
    goal = f"1/{AGAINST_PEERS:.0f} or less" if PEERS[peer] else ""
    met = ours * AGAINST_PEERS <= theirs if PEERS[peer] else None
    return Row(what, _milliseconds(ours), f"{peer} {_milliseconds(theirs)}", ratio(ours, theirs), goal, met)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"

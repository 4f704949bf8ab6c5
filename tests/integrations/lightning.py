"""What the tests of Lightning share: a training with either library, and its metrics as Lightning kept them itself."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from runstore.query.stored.run import StoredRun
from tests.conformance.shared import made_once
from tests.integrations.harness import Trained, train

Series = list[tuple[int, float]]


def trained(factory: pytest.TempPathFactory, library: str) -> Trained:
    """Return what examples/train_lightning.py left behind with "runstore" or "stock"; nothing is added to it."""
    with_stock = library == "stock"
    return made_once(
        factory, f"lightning-{library}", lambda folder: train(folder, "train_lightning.py", with_stock=with_stock)
    )


def own_series(path: Path) -> dict[str, Series]:
    """Return what Lightning's own CSVLogger wrote: of each metric the trainer's steps, and the values."""
    found: dict[str, Series] = {}
    with open(path) as file:
        for row in csv.DictReader(file):
            for key, value in row.items():
                if value and key != "step":
                    found.setdefault(key, []).append((int(row["step"]), float(value)))
    return found


def series(run: StoredRun, key: str) -> Series:
    """Return the same of a run."""
    return [(row["trainer/global_step"], row[key]) for row in run.scan_history(keys=[key, "trainer/global_step"])]

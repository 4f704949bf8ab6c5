"""fastai with its WandbCallback on rows of a table: metrics, gradients, predictions, the model, and the dataset.

    runstore run -- python examples/train_fastai_tabular.py

Nothing in it knows of runstore: it is what fastai's guide to Weights & Biases shows.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import wandb
from compared import note
from fastai.callback.wandb import WandbCallback
from fastai.tabular.all import (
    Callback,
    Categorify,
    FillMissing,
    Normalize,
    TabularDataLoaders,
    accuracy,
    set_seed,
    tabular_learner,
)

ROWS = 1100  # batches enough for `wandb.watch` to log once, which it does every thousandth time
VALIDATION_ROWS = 40
RETRIEVES = os.environ.get("EXAMPLE_RETRIEVES", "1") == "1"  # W&B's own library can't, offline


class Last(Callback):
    """Keeps what the last batch and the last predictions were, to be compared with what was logged of them."""

    order, remove_on_fetch = WandbCallback.order + 1, True

    def after_batch(self) -> None:
        if self.training:
            hypers = {f"{name}_{group}": value for group, h in enumerate(self.opt.hypers) for name, value in h.items()}
            numbers = {name: value for name, value in hypers.items() if isinstance(value, (int, float))}
            self.metrics = {"train_loss": float(self.smooth_loss), "raw_loss": float(self.loss), **numbers}

    def after_validate(self) -> None:
        self.guesses = [self.dls.vocab[guess] for guess in self.learn.fetch_preds.preds[3]]


def rooms(path: Path) -> pd.DataFrame:
    """Return rows of rooms, of which those are bright that are high or look to the south, and write them to `path`."""
    generator = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "floor": generator.integers(0, 12, ROWS).astype(float),
            "size": generator.normal(20, 5, ROWS),
            "side": generator.choice(["north", "south"], ROWS),
        }
    )
    rows["bright"] = np.where((rows["floor"] > 6) | (rows["side"] == "south"), "yes", "no")
    path.mkdir()
    rows.to_csv(path / "rooms.csv", index=False)
    (path / "sources").mkdir()
    (path / "sources" / "README.txt").write_text("made by a program\n")
    return rows


def main() -> None:
    """Train in two phases, and find the model and the dataset again by their names."""
    set_seed(1, reproducible=True)
    run = wandb.init(project="fastai", name="rooms", config={"rows": ROWS})
    path = Path("data")
    rows = rooms(path)
    dls = TabularDataLoaders.from_df(
        rows,
        path=path,
        procs=[Categorify, FillMissing, Normalize],
        cat_names=["side"],
        cont_names=["floor", "size"],
        y_names="bright",
        valid_idx=list(range(ROWS - VALIDATION_ROWS, ROWS)),
        bs=2,
    )
    callback = WandbCallback(
        log="all",
        log_preds=True,
        log_preds_every_epoch=True,
        log_model=True,
        model_name="rooms-model",
        log_dataset=RETRIEVES,
        dataset_name="rooms",
        n_preds=5,
        seed=7,
        reorder=False,
    )
    learn = tabular_learner(dls, layers=[8], metrics=accuracy, cbs=[callback, Last()])
    learn.fit(1, 0.01)
    learn.fit_one_cycle(1)
    describe(run, learn)
    note(validation=rows[-VALIDATION_ROWS:].values.tolist())
    if RETRIEVES:
        dataset = run.use_artifact("rooms:latest", type="dataset")
        found = pd.read_csv(Path(dataset.download()) / "rooms.csv")
        model = run.use_artifact(f"{run.project}/rooms-model:latest").download()
        learn.load(str(Path(model, "rooms-model").absolute()))
        note(retrieved_rows=len(found), retrieved_weights=weights_of(learn))


def describe(run: Any, learn: Any) -> None:
    """Note what was computed."""
    final = dict(zip(learn.recorder.metric_names[1:], learn.recorder.values[-1], strict=False))
    note(
        run=run.id,
        steps=2 * len(learn.dls.train),
        metrics=learn.last.metrics | {name: float(final[name]) for name in ("valid_loss", "accuracy")} | {"epoch": 2},
        layers={name: tensor.numel() for name, tensor in learn.model.named_parameters()},
        model=weights_of(learn),
        guesses=learn.last.guesses,
        files=sorted(str(path.relative_to("data")) for path in Path("data").rglob("*") if path.is_file()),
    )


def weights_of(learn: Any) -> float:
    """Return the sum of all weights of the network."""
    return float(sum(tensor.double().sum().item() for tensor in learn.model.state_dict().values()))


if __name__ == "__main__":
    main()

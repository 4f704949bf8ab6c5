"""PyTorch Lightning with its WandbLogger: what a run of train_lightning.py logged, in later programs.

    runstore run -- python examples/train_lightning_again.py test RUN_ID    # test the best model, in a run of its own
    runstore run -- python examples/train_lightning_again.py load RUN_ID    # load the best model, without a run
    runstore run -- python examples/train_lightning_again.py resume RUN_ID  # train on, from the latest checkpoint

Nothing in it knows of runstore: it is what Lightning's guide to Weights & Biases shows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytorch_lightning as pl
import wandb
from compared import note
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, WandbLogger
from train_lightning import EPOCHS, RETRIEVES, Classifier, loaders, sums, trainer_of

PROJECT = "lightning"


def test(best: str) -> None:
    """Validate the best model, which a run of its own tells of."""
    logger = WandbLogger(project=PROJECT, name="tested")
    used = logger.use_artifact(best, artifact_type="model").download()
    linked = logger.download_artifact(best, "linked")
    (results,) = trainer_of([logger], []).validate(loaded(used), loaders()[1], verbose=False)
    note(tested_by=logger.experiment.id, results=results, in_a_new_run=[sums(loaded(path)) for path in (used, linked)])


def load(best: str) -> None:
    """Load the best model by both ways that need no run."""
    through_api = wandb.Api().artifact(best, type="model").download("through_api")
    by_logger = WandbLogger.download_artifact(best, "by_logger", "model")
    note(without_a_run=[sums(loaded(path)) for path in (through_api, by_logger)], runs=wandb.run is not None)


def resume(run_id: str) -> None:
    """Train two epochs more, in the same run."""
    pl.seed_everything(1, verbose=False)
    logger, kept = WandbLogger(project=PROJECT, id=run_id, resume="allow", log_model="all"), CSVLogger("csv")
    trainer = trainer_of([logger, kept], [Begun(), ModelCheckpoint(monitor="val/accuracy", mode="max")], EPOCHS + 2)
    note(resumed=logger.experiment.resumed, config=dict(logger.experiment.config))
    if RETRIEVES:
        best = logger.experiment.use_artifact(f"{PROJECT}/model-{run_id}:best", type="model")
        note(in_the_same_run=sums(loaded(best.download())))
    model = Classifier()
    trainer.fit(model, *loaders(), ckpt_path=latest(logger, run_id))
    note(steps=trainer.global_step, metrics=kept.experiment.metrics_file_path, last_weights=sums(model))


class Begun(pl.Callback):
    """Notes the state in which training begins."""

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        note(begun_at=trainer.global_step, begun_with=sums(module))


def latest(logger: WandbLogger, run_id: str) -> Path:
    """Return the latest checkpoint of the run."""
    if RETRIEVES:
        artifact = logger.experiment.use_artifact(f"{PROJECT}/model-{run_id}:latest", type="model")
        return Path(artifact.download()) / "model.ckpt"
    return max(Path(PROJECT, run_id, "checkpoints").glob("*.ckpt"), key=lambda path: path.stat().st_mtime_ns)


def loaded(folder: str) -> Classifier:
    """Return the model of a checkpoint that was downloaded."""
    model: Classifier = Classifier.load_from_checkpoint(Path(folder) / "model.ckpt")
    return model


def main() -> None:
    """Do as the arguments say."""
    what, run_id = sys.argv[1:]
    if what == "resume":
        resume(run_id)
    else:
        {"test": test, "load": load}[what](f"{PROJECT}/model-{run_id}:best")


if __name__ == "__main__":
    main()

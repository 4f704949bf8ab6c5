"""Hugging Face's Trainer with `report_to="wandb"`: metrics, gradients, and a model artifact for each checkpoint.

    WANDB_PROJECT=transformers WANDB_LOG_MODEL=checkpoint WANDB_WATCH=all \\
        runstore run -- python examples/train_transformers.py

Nothing in it knows of runstore: it is what W&B's and Hugging Face's guides show. Nothing is downloaded: the model is
a small one, made from a config, and the texts are numbers that count up.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
import wandb
from compared import note
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, EvalPrediction, Trainer, TrainingArguments

WORDS, LENGTH = 40, 12
SHOWN = 5


class Counting(Dataset[dict[str, Any]]):
    """Texts of which each counts upwards or downwards; the label says which."""

    def __init__(self, count: int, seed: int) -> None:
        source = np.random.default_rng(seed)
        self.labels = source.integers(0, 2, count)
        starts = source.integers(LENGTH, WORDS - LENGTH, count)
        self.texts = starts[:, None] + np.arange(LENGTH) * (1 - 2 * self.labels[:, None])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return {"input_ids": torch.tensor(self.texts[place]), "labels": int(self.labels[place])}


def accuracy(predicted: EvalPrediction) -> dict[str, float]:
    """Return the part of the texts whose direction was found."""
    logits, labels = predicted.predictions, predicted.label_ids
    return {"accuracy": float((np.argmax(logits, axis=-1) == labels).mean())}


def model() -> BertForSequenceClassification:
    """Return a very small BERT."""
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    return BertForSequenceClassification(BertConfig(vocab_size=WORDS, max_position_embeddings=LENGTH, **sizes))


def arguments() -> TrainingArguments:
    """Return how to train; where to report is all that W&B's guide adds."""
    return TrainingArguments(
        output_dir="models",
        report_to=["wandb"],
        run_name="tiny-bert",
        logging_steps=10,
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="accuracy",
        per_device_train_batch_size=4,
        per_device_eval_batch_size=32,
        num_train_epochs=2,
        learning_rate=3e-3,
        seed=1,
        use_cpu=True,
        disable_tqdm=True,
    )


def checksums(state: dict[str, torch.Tensor]) -> dict[str, float]:
    """Return a sum for each tensor."""
    return {name: tensor.double().sum().item() for name, tensor in state.items()}


def last_values(history: list[dict[str, float]]) -> dict[str, float]:
    """Return the last value of each metric that the Trainer logged, by its name there."""
    return {key: value for row in history for key, value in row.items()}


def main() -> None:
    """Train, log a table of predictions to the Trainer's run, and find the model again by its name."""
    torch.manual_seed(1)
    network, texts = model(), Counting(32, 2)
    trainer = Trainer(
        model=network,
        args=arguments(),
        train_dataset=Counting(256, 1),
        eval_dataset=texts,
        compute_metrics=accuracy,
    )
    trainer.train()
    predicted = trainer.predict(texts).predictions.argmax(-1)
    rows = [[str(texts.texts[n].tolist()), int(predicted[n]), int(texts.labels[n])] for n in range(SHOWN)]
    wandb.log({"predictions": wandb.Table(columns=["text", "predicted", "label"], data=rows)})
    run = wandb.run
    note(
        run=run.id,
        metrics=last_values(trainer.state.log_history),
        steps=trainer.state.global_step,
        arguments={name: value for name, value in trainer.args.to_dict().items() if type(value) in (int, float, str)},
        parameters=network.num_parameters(),
        best=trainer.state.best_metric,
        checkpoints=sorted(path.name for path in Path("models").glob("checkpoint-*")),
        table=rows,
        weights=checksums(network.state_dict()),
    )
    if os.environ.get("WANDB_LOG_MODEL") and os.environ.get("EXAMPLE_RETRIEVES", "1") == "1":
        model_again(f"model-{run.name}:latest")  # W&B's own library can't, offline
    wandb.finish()


def model_again(name: str) -> None:
    """Load the model from its artifact, as W&B's guide does it."""
    artifact = wandb.run.use_artifact(name)
    found = BertForSequenceClassification.from_pretrained(artifact.download())
    note(retrieved=checksums(found.state_dict()))


if __name__ == "__main__":
    main()

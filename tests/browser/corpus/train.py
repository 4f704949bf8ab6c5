"""Train a small classifier with numpy: every setting of a sweep, or one run that ends badly."""

import os
import signal
import sys

import numpy as np

import runstore

STEPS, STEPS_AN_EPOCH = 120, 20


def blobs(seed, n=300, classes=4):
    source = np.random.default_rng(seed)
    labels = source.integers(0, classes, n)
    centres = np.array([[2, 0], [-2, 0], [0, 2], [0, -2]], float)
    return centres[labels] + source.normal(0, 0.9, (n, 2)), labels


def softmax(x):
    odds = np.exp(x - x.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def scores(weights, inputs, labels):
    odds = softmax(inputs @ weights)
    return -np.log(odds[np.arange(len(labels)), labels]).mean(), (odds.argmax(1) == labels).mean(), odds


def train(lr, seed, ending="", **given):
    config = {"lr": lr, "seed": seed, "arch": "linear", "optimizer": {"name": "sgd", "decay": 0.001}, "batch_size": 64}
    run = runstore.init(project="digits", config=config, **given)
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch")
    (inputs, labels), (held, truth) = blobs(seed), blobs(seed + 100)
    source = np.random.default_rng(seed)
    weights = source.normal(0, 1, (2, 4))
    for step in range(STEPS):
        batch = source.integers(0, len(labels), config["batch_size"])
        loss, accuracy, odds = scores(weights, inputs[batch], labels[batch])
        odds[np.arange(len(batch)), labels[batch]] -= 1
        weights -= lr * inputs[batch].T @ odds / len(batch)
        if ending == "diverged" and step > 60:
            loss = np.inf if step == 61 else np.nan
        row = {"train/loss": loss, "train/acc": accuracy, "train/lr": lr}
        if step % STEPS_AN_EPOCH == 0:
            val_loss, val_accuracy, _ = scores(weights, held, truth)
            row |= {"epoch": step // STEPS_AN_EPOCH, "val/loss": val_loss, "val/acc": val_accuracy}
            print(f"epoch {step // STEPS_AN_EPOCH}: loss {val_loss:.4f}")
        run.log(row)
        if ending == "killed" and step == 80:
            os.kill(os.getpid(), signal.SIGKILL)
        if ending == "failed" and step == 50:
            raise RuntimeError("CUDA error: out of memory, or so it would be")
    run.finish()


if sys.argv[1] == "sweep":
    for lr in (0.3, 0.1, 0.03, 0.01):
        for seed in (0, 1, 2):
            tags = ["baseline"] if lr == 0.1 else ["sweep"]
            train(lr, seed, id=f"lr{lr}-s{seed}", name=f"lr {lr} seed {seed}", tags=tags, group=f"lr-{lr}")
else:
    train(0.05, 7, sys.argv[1], id=sys.argv[1], name=f"the {sys.argv[1]} one")

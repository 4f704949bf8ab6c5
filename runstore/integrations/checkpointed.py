"""The files that a ModelCheckpoint of Lightning's has made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What is said of the callback in a checkpoint's metadata.
_DESCRIBING = ("monitor", "mode", "save_last", "save_top_k", "save_weights_only", "_every_n_train_steps")


@dataclass(frozen=True)
class Checkpoint:
    """One file: where it is, when it was modified (seconds since the epoch), and what is said of it."""

    path: str
    modified: float
    metadata: dict[str, Any]
    is_best: bool


def checkpoints_of(callback: Any, known: Mapping[str, float]) -> list[Checkpoint]:
    """Return the callback's files, oldest first, less those that are `known` (path -> time) and unchanged since."""
    scores = {
        callback.last_model_path: callback.current_score,
        callback.best_model_path: callback.best_model_score,
        **callback.best_k_models,
    }
    described = {name: getattr(callback, name) for name in _DESCRIBING if hasattr(callback, name)}
    found = []
    for path, score in scores.items():
        if not path or not os.path.isfile(path):
            continue
        modified = os.path.getmtime(path)
        if path in known and known[path] >= modified:
            continue
        metadata = {
            "score": score.item() if hasattr(score, "item") else score,
            "original_filename": Path(path).name,
            type(callback).__name__: described,
        }
        found.append(Checkpoint(path, modified, metadata, path == callback.best_model_path))
    return sorted(found, key=lambda checkpoint: checkpoint.modified)

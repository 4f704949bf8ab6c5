"""Which of a ModelCheckpoint's files are recorded, and what is said of them."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

from runstore.integrations.checkpointed import checkpoints_of


def callback(folder: Path, **changed: object) -> SimpleNamespace:
    paths = [str(folder / name) for name in ("a.ckpt", "b.ckpt")]
    for age, path in enumerate(paths):
        Path(path).write_text(path)
        os.utime(path, (1000 + age, 1000 + age))
    found = {
        "last_model_path": "",
        "current_score": 0.5,
        "best_model_path": paths[1],
        "best_model_score": 0.25,
        "best_k_models": {paths[0]: 0.5, paths[1]: 0.25, str(folder / "deleted.ckpt"): 1.0},
        "monitor": "loss",
        "mode": "min",
        "save_top_k": 2,
    }
    return SimpleNamespace(**{**found, **changed})


def test_files_come_oldest_first_with_their_scores_and_the_best_one_marked(tmp_path: Path) -> None:
    first, second = checkpoints_of(callback(tmp_path), {})
    assert (Path(first.path).name, first.is_best, first.metadata["score"]) == ("a.ckpt", False, 0.5)
    assert (Path(second.path).name, second.is_best, second.metadata["score"]) == ("b.ckpt", True, 0.25)
    assert second.metadata["original_filename"] == "b.ckpt"
    assert second.metadata["SimpleNamespace"] == {"monitor": "loss", "mode": "min", "save_top_k": 2}


def test_what_was_recorded_and_has_not_changed_is_left_out(tmp_path: Path) -> None:
    made = callback(tmp_path)
    known = {found.path: found.modified for found in checkpoints_of(made, {})}
    assert checkpoints_of(made, known) == []
    os.utime(made.best_model_path, (2000, 2000))
    assert [Path(found.path).name for found in checkpoints_of(made, known)] == ["b.ckpt"]

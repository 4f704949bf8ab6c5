"""Stable-Baselines3: a callback that records the algorithm's settings, gradients, and the model as it is saved."""

from __future__ import annotations

import logging
import os
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

import runstore
from runstore.integrations.presence import current_run

logger = logging.getLogger(__name__)

_WATCHABLE = ("gradients", "parameters", "all", None)
_FILE = "model.zip"


class WandbCallback(BaseCallback):  # type: ignore[misc]
    """Record a training of Stable-Baselines3's into the current run; its metrics come through TensorBoard's files.

    For those, begin the run with `sync_tensorboard=True`, and give the algorithm a `tensorboard_log`.
    """

    def __init__(
        self,
        verbose: int = 0,
        model_save_path: str | None = None,
        model_save_freq: int = 0,
        gradient_save_freq: int = 0,
        log: str | None = "all",
    ) -> None:
        """Say what is recorded; raises Error where there is no run.

        The model is saved as `model.zip` in the folder `model_save_path`, every `model_save_freq` calls (0: only at
        the end), and goes into the run's files. With `gradient_save_freq` the policy is watched: `log` is "gradients",
        "parameters", "all" or None. Raises ValueError for a frequency without a path.
        """
        super().__init__(verbose)
        run = current_run("WandbCallback")
        if log not in _WATCHABLE:
            runstore.termwarn(f"log={log!r} is none of {', '.join(map(str, _WATCHABLE))}; all is recorded")
            log = "all"
        if model_save_path is None and model_save_freq:
            raise ValueError("model_save_freq needs model_save_path, the folder to save the model in")
        self.model_save_path = model_save_path
        self.model_save_freq = model_save_freq
        self.gradient_save_freq = gradient_save_freq
        self.log = log
        self._run = run
        if model_save_path is not None:
            os.makedirs(model_save_path, exist_ok=True)
            self.path = os.path.join(model_save_path, _FILE)

    def save_model(self) -> None:
        """Save the model, and its file into the run."""
        self.model.save(self.path)
        self._run.save(self.path, base_path=self.model_save_path)
        if self.verbose > 1:
            logger.info("the model is saved in %s", self.path)

    def _init_callback(self) -> None:
        found: dict[str, Any] = {"algo": type(self.model).__name__}
        for name, value in vars(self.model).items():
            if name not in self._run.config:
                found[name] = value if type(value) in (int, float, str) else str(value)
        if self.gradient_save_freq > 0:
            self._run.watch(self.model.policy, log=self.log, log_freq=self.gradient_save_freq)
        self._run.config.setdefaults(found)

    def _on_step(self) -> bool:
        if self.model_save_freq > 0 and self.n_calls % self.model_save_freq == 0:
            self.save_model()
        return True

    def _on_training_end(self) -> None:
        if self.model_save_path is not None:
            self.save_model()

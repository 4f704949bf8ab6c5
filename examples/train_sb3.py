"""Stable-Baselines3 with the WandbCallback: an agent's training, its TensorBoard metrics, its model.

    runstore run -- python examples/train_sb3.py

Nothing in it knows of runstore: it is what Weights & Biases shows for Stable-Baselines3.
"""

from __future__ import annotations

import hashlib

import gymnasium
import wandb
from compared import note
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv
from wandb.integration.sb3 import WandbCallback

CONFIG = {"policy_type": "MlpPolicy", "total_timesteps": 512, "env_name": "CartPole-v1"}


class Remember(BaseCallback):
    """Keeps the metrics of each dump, as they were when the agent logged them."""

    def __init__(self) -> None:
        super().__init__()
        self.rollouts = 0

    def _on_rollout_end(self) -> None:
        self.rollouts += 1

    def _on_step(self) -> bool:
        return True


def make_env() -> Monitor:
    """Return an environment that records returns."""
    return Monitor(gymnasium.make(CONFIG["env_name"]))


def main() -> None:
    """Train an agent for a moment."""
    run = wandb.init(project="sb3", config=CONFIG, sync_tensorboard=True, monitor_gym=False, save_code=False)
    model = PPO(
        CONFIG["policy_type"],
        DummyVecEnv([make_env]),
        n_steps=128,
        batch_size=64,
        n_epochs=2,
        seed=0,
        device="cpu",
        tensorboard_log=f"runs/{run.id}",
    )
    remember = Remember()
    callback = WandbCallback(gradient_save_freq=4, model_save_path=f"models/{run.id}", verbose=2)
    model.learn(total_timesteps=CONFIG["total_timesteps"], callback=[callback, remember])
    values = {key: float(value) for key, value in model.logger.name_to_value.items()}
    with open(f"models/{run.id}/model.zip", "rb") as file:
        saved = hashlib.md5(file.read()).hexdigest()
    note(run=run.id, steps=model.num_timesteps, rollouts=remember.rollouts, last=values, model=saved)
    note(gamma=model.gamma, n_steps=model.n_steps, learning_rate=model.learning_rate)
    wandb.finish()


if __name__ == "__main__":
    main()

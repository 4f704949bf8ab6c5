"""The environment variables that programs set and read through W&B's library."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

API_KEY = "WANDB_API_KEY"
BASE_URL = "WANDB_BASE_URL"
DIR = "WANDB_DIR"
ENTITY = "WANDB_ENTITY"
JOB_TYPE = "WANDB_JOB_TYPE"
MODE = "WANDB_MODE"
NAME = "WANDB_NAME"
NOTES = "WANDB_NOTES"
PROJECT = "WANDB_PROJECT"
RESUME = "WANDB_RESUME"
RUN_GROUP = "WANDB_RUN_GROUP"
RUN_ID = "WANDB_RUN_ID"
SILENT = "WANDB_SILENT"
TAGS = "WANDB_TAGS"

Environment = MutableMapping[str, str]


def is_offline(env: Environment | None = None) -> bool:
    """Return whether the environment asks for offline runs."""
    return _of(env).get(MODE) in ("offline", "dryrun")


def get_entity(default: str | None = None, env: Environment | None = None) -> str | None:
    """Return the entity that the environment names."""
    return _of(env).get(ENTITY, default)


def set_entity(value: str, env: Environment | None = None) -> None:
    """Name the entity of runs that begin from now on."""
    _of(env)[ENTITY] = value


def get_project(default: str | None = None, env: Environment | None = None) -> str | None:
    """Return the project that the environment names."""
    return _of(env).get(PROJECT, default)


def set_project(value: str, env: Environment | None = None) -> None:
    """Name the project of runs that begin from now on."""
    _of(env)[PROJECT] = value or "uncategorized"


def get_dir(default: str | None = None, env: Environment | None = None) -> str | None:
    """Return the folder above `wandb`, where run directories are."""
    return _of(env).get(DIR, default)


def get_run(default: str | None = None, env: Environment | None = None) -> str | None:
    """Return the id that the environment gives the next run."""
    return _of(env).get(RUN_ID, default)


def _of(env: Environment | None) -> Environment:
    return os.environ if env is None else env

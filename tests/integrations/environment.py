"""The environment in which the integrations train: Lightning, Composer, fastai and others, and no wandb.

It is 1.7 GB, so it is built once per machine, in the user's cache, and is rebuilt when the recipe below changes. What
runstore needs is in it, and runstore itself is seen by PYTHONPATH, as the checkout that is tested has it.

Why the versions: torch is the build for processors, whose torchvision is made for CUDA: its compiled operators never
load, and two of them must be declared before it can be imported. fastai 2.8.10 to 2.8.12 have a broken callback for
wandb, and 2.8.8 needs the older fastcore. mosaicml asks for older versions of nearly everything, and runs with these.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

TORCH = "torch==2.13.0"
# Python 3.11 alone: the wheels of that torch for others are not everywhere to be had.
PYTHON = (3, 11)
BUILD_TIMEOUT_SECONDS = 1800.0

_WITH_NEEDS = (
    *(TORCH, "numpy", "pillow", "pytorch-lightning==2.6.6", "torchmetrics==1.7.4", "accelerate==1.15.0"),
    *("transformers==5.17.0", "fastcore==2.1.20", "plum-dispatch==2.9.0", "cloudpickle", "matplotlib", "pandas"),
    *("scipy", "scikit-learn", "pyyaml", "requests", "coolname", "tabulate==0.9.0", "py-cpuinfo", "psutil"),
    *("importlib-metadata<9", "mosaicml-cli==0.7.5", "tensorboard", "keras"),
)
# Their own lists of needs would bring CUDA, or versions that exclude each other.
_ALONE = (
    *("torchvision==0.28.0", "fastai==2.8.8", "fasttransform==0.0.2", "fastprogress==1.0.3", "fastdownload==0.0.8"),
    *("mosaicml==0.32.1", "xgboost-cpu==3.2.0", "lightgbm==4.7.0", "stable-baselines3==2.9.2", "gymnasium"),
    "farama-notifications",
)
_RUNSTORE_NEEDS = (*("click", "httpx", "nvidia-ml-py", "orjson", "platformdirs", "protobuf", "watchdog", "soundfile"),)
_OPERATORS = """# Declared here, since this build has no compiled operators.
import torch.library as _library
_declared = _library.Library("torchvision", "DEF")
_declared.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
_declared.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""


def environment() -> Path:
    """Return the folder of the environment, building it where it is missing: a minute and a half, and 1.7 GB.

    Raises RuntimeError with pip's own words if that fails. Skips the test under another Python.
    """
    if sys.version_info[:2] != PYTHON:
        pytest.skip("the environment of the integrations is built for Python {}.{} alone".format(*PYTHON))
    folder = _folder()
    above = folder.parent
    above.mkdir(parents=True, exist_ok=True)
    with open(above / "integrations.lock", "ab") as lock:  # scripts in it name its path, so it can't be moved
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _build(folder)
            (folder / "ready").touch()
    return folder


def built() -> Path | None:
    """Return the folder of the environment where it is there already, or None."""
    folder = _folder()
    return folder if (folder / "ready").exists() else None


def _folder() -> Path:
    recipe = "\n".join((*_WITH_NEEDS, *_ALONE, *_RUNSTORE_NEEDS, _OPERATORS, sys.version))
    above = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runstore-tests"
    return above / f"integrations-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def _build(folder: Path) -> None:
    venv.create(folder, with_pip=True)
    constraints = folder / "constraints.txt"
    constraints.write_text(f"{TORCH}\n")
    _pip(folder, "-c", str(constraints), *_WITH_NEEDS, *_RUNSTORE_NEEDS)
    _pip(folder, "--no-deps", *_ALONE)
    (registry,) = folder.glob("lib/python*/site-packages/torchvision/_meta_registrations.py")
    registry.write_text(_OPERATORS + registry.read_text())


def _pip(folder: Path, *arguments: str) -> None:
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_TIMEOUT_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"pip could not install {' '.join(arguments)}:\n{done.stderr}")


if __name__ == "__main__":
    print(environment())

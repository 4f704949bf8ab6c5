"""A real torch, in a folder of its own outside the environment, for the tests that need one.

It is installed once per machine into the user's cache, and only programs in a subprocess see it: the tests' own process
stays as light as a training process is without torch. It is the build for processors: the one for CUDA is gigabytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests import packages

TORCH_VERSION = "2.13.0"
# One version of Python, since torch is 200 MB to fetch and 800 MB on the disk for each.
PYTHON = (3, 11)
# What torch needs when it is imported. Its own list of needs, for some builds, has gigabytes of CUDA in it.
_REQUIREMENTS = (
    "numpy",
    "filelock",
    "typing-extensions",
    "sympy",
    "mpmath",
    "networkx",
    "jinja2",
    "markupsafe",
    "fsspec",
)
_UNUSABLE = "unusable.txt"  # beside a torch that can't be imported: why
_RUN_TIMEOUT_SECONDS = 120.0
ROOT = Path(__file__).parents[1]


def needed() -> pytest.MarkDecorator:
    """Return the mark of tests that need torch; they are skipped where this is another Python, and say so."""
    wanted = ".".join(map(str, PYTHON))
    return pytest.mark.skipif(sys.version_info[:2] != PYTHON, reason=f"torch is installed for Python {wanted} alone")


def install() -> Path:
    """Return the folder that holds torch, installing it with pip where it is missing.

    Where pip finds the build for CUDA alone, which can't be imported
    without gigabytes more, the test is skipped and says so. Raises RuntimeError with pip's own words if it fails.
    """
    site = packages.cached(f"torch-{TORCH_VERSION}", _fill)
    if (site / _UNUSABLE).exists():
        pytest.skip(f"the torch {TORCH_VERSION} that pip found can't be imported: {(site / _UNUSABLE).read_text()}")
    return site


def _fill(site: Path) -> None:
    packages.pip_install(site, "--no-deps", f"torch=={TORCH_VERSION}", *_REQUIREMENTS)
    _check_import(site)


def run(
    source: str, *before: str | Path, timeout: float = _RUN_TIMEOUT_SECONDS, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a Python program that sees torch, what this environment has, and `environment`; return its outcome.

    Folders in `before` come first in what it imports from. It may use one thread, so that numbers are the same each
    time.
    """
    path = os.pathsep.join(map(str, (*before, install(), ROOT)))
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        cwd=environment.get("WANDB_DIR", ROOT),
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def _check_import(site: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import torch"],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        (site / _UNUSABLE).write_text(done.stderr.strip().rpartition("\n")[2])

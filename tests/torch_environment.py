"""A real torch, in a folder of its own outside the environment, for the tests that need one.

It is installed once per machine into the user's cache, and only programs in a subprocess see it: the tests' own process
stays as light as a training process is without torch. It is the build for processors: the one for CUDA is gigabytes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

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
_INSTALL_TIMEOUT_SECONDS = 900.0
_RUN_TIMEOUT_SECONDS = 120.0
ROOT = Path(__file__).parents[1]


def needed() -> pytest.MarkDecorator:
    """Return the mark of tests that need torch; they are skipped where this is another Python, and say so."""
    wanted = ".".join(map(str, PYTHON))
    return pytest.mark.skipif(sys.version_info[:2] != PYTHON, reason=f"torch is installed for Python {wanted} alone")


def install() -> Path:
    """Return the folder that holds torch, installing it with pip where it is missing.

    A folder under its final name is always whole: pip fills a temporary one beside it, which is then renamed. Of
    several processes that install at once, one wins. Where pip finds the build for CUDA alone, which can't be imported
    without gigabytes more, the test is skipped and says so. Raises RuntimeError with pip's own words if it fails.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runstore-tests"
    site = cache / f"torch-{TORCH_VERSION}-py{sys.version_info.major}{sys.version_info.minor}"
    if not site.is_dir():
        _fill(site)
    if (site / _UNUSABLE).exists():
        pytest.skip(f"the torch {TORCH_VERSION} that pip found can't be imported: {(site / _UNUSABLE).read_text()}")
    return site


def _fill(site: Path) -> None:
    cache = site.parent
    cache.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{site.name}-", dir=cache))
    try:
        _pip_install(partial)
        _check_import(partial)
        os.rename(partial, site)
    except OSError:
        if not site.is_dir():  # else another process was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


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


def _pip_install(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--target", str(target), f"torch=={TORCH_VERSION}", *_REQUIREMENTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"pip could not install torch=={TORCH_VERSION} into {target}:\n{done.stderr}")

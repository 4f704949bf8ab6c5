"""Packages that only some tests and benchmarks need: each in a folder of its own, for programs in a subprocess."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

INSTALL_TIMEOUT_SECONDS = 900.0  # wheels of 20 MB and more, over a slow line


def install(name: str, version: str) -> Path:
    """Return the folder that holds a package and what it needs; raises RuntimeError with pip's words if it fails."""
    return cached(f"{name}-{version}", lambda target: pip_install(target, f"{name}=={version}"))


def cached(name: str, fill: Callable[[Path], None], cache: str = "runstore-tests") -> Path:
    """Return the folder of this name, for this Python, in the user's cache, filling it where it is missing.

    A folder under its final name is always whole: `fill` gets a temporary one beside it, which is then renamed. Of
    several processes that fill it at once, one wins and the others throw theirs away.
    """
    above = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / cache
    site = above / f"{name}-py{sys.version_info.major}{sys.version_info.minor}"
    if site.is_dir():
        return site
    above.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{site.name}-", dir=above))
    try:
        fill(partial)
        os.rename(partial, site)
    except OSError:
        if not site.is_dir():  # else another process was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return site


def pip_install(target: Path, *arguments: str) -> None:
    """Install with pip into a folder; raises RuntimeError with pip's own words, and TimeoutExpired."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--target", str(target), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"pip could not install {' '.join(arguments)} into {target}:\n{done.stderr}")


def run_with(site: Path, source: str, *arguments: str) -> str:
    """Run a Python program that sees the packages in `site` before its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(source), *arguments],
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(site), "HOME": str(site)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

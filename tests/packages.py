"""Packages that only some test needs, each in a folder outside the environment, for programs in a subprocess."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

_INSTALL_TIMEOUT_SECONDS = 600.0


def install(name: str, version: str) -> Path:
    """Return the folder that holds a package and what it needs, installing it with pip where it is missing.

    A folder under its final name is always whole: pip fills a temporary one beside it, which is then renamed. Of
    several processes that install at once, one wins. Raises RuntimeError with pip's own words if it fails.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runstore-tests"
    site = cache / f"{name}-{version}-py{sys.version_info.major}{sys.version_info.minor}"
    if site.is_dir():
        return site
    cache.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{site.name}-", dir=cache))
    try:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--target", str(partial), f"{name}=={version}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_SECONDS)
        if done.returncode != 0:
            raise RuntimeError(f"pip could not install {name}=={version}:\n{done.stderr}")
        os.rename(partial, site)
    except OSError:
        if not site.is_dir():  # else another process was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return site


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

"""Stock `wandb`, several versions of it, each in a folder of its own outside the environment.

A version is installed once per machine and Python, into the user's cache, and run only in a subprocess
whose environment is built from nothing: no key, no settings and no home of the person who runs the tests
gets in, and nothing but a loopback server can be reached by what they say.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests import packages
from tests.timing import HANGS_SECONDS

STOCK_VERSIONS = ("0.31.0", "0.24.2", "0.19.11")

FAKE_API_KEY = "0123456789" * 4


def install(version: str) -> Path:
    """Return the folder that holds stock wandb `version`, installing it with pip where it is missing.

    Raises RuntimeError with pip's own words if it fails.
    """
    return packages.cached(f"wandb-{version}", lambda target: _pip_install(version, target))


def run_script(
    version: str,
    source: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = HANGS_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run the Python program `source` with stock wandb `version` in `cwd`, offline, and return its outcome.

    Run directories appear under `cwd`/wandb. `env` is laid over the clean environment. Its home is a folder
    that lives beside the runs, since stock keeps the bytes of artifacts there until they are synced.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    command = [sys.executable, "-c", source]
    return _run(version, command, cwd, {"WANDB_DIR": str(cwd), "WANDB_MODE": "offline", **(env or {})}, timeout)


def run_file(
    version: str,
    script: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = HANGS_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run the Python program in the file `script`, relative to `cwd`; otherwise as `run_script`."""
    environment = {"WANDB_DIR": str(cwd), "WANDB_MODE": "offline", **(env or {})}
    return _run(version, [sys.executable, script], cwd, environment, timeout)


def sync(
    version: str,
    run_dir: Path,
    base_url: str,
    arguments: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    timeout: float = HANGS_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Deliver `run_dir` to the server at `base_url` with `wandb sync`, and return its outcome.

    Neither the return code nor the `.synced` mark proves that anything arrived: ask the server.
    `arguments` go before the directory, for instance `("--include-synced",)`.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    command = [sys.executable, "-m", "wandb", "sync", *arguments, str(run_dir.absolute())]
    online = {"WANDB_BASE_URL": base_url, "WANDB_API_KEY": FAKE_API_KEY}
    with tempfile.TemporaryDirectory(prefix="stock-sync-") as scratch:
        return _run(version, command, Path(scratch), {"WANDB_DIR": scratch, **online, **(env or {})}, timeout)


def synced_mark(run_dir: Path) -> Path:
    """Return the path of the file that stock sync leaves beside the log of a run that it calls done."""
    log = next(run_dir.glob("run-*.wandb"))
    return log.with_name(f"{log.name}.synced")


def _pip_install(version: str, target: Path) -> None:
    packages.pip_install(target, f"wandb=={version}")


def _run(
    version: str, command: list[str], cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    home = cwd / ".stock-home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        command,
        cwd=cwd,
        env={**_clean_environment(install(version), home), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def _clean_environment(site: Path, home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(site),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Older versions put their debug log into the temporary folder itself.
        "TMPDIR": str(home),
        # Sends nothing to the vendor, also where a network is there.
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "false",
        # How long its other process, wandb-core, may take to come up.
        "WANDB_X_SERVICE_WAIT": f"{HANGS_SECONDS:g}",
    }

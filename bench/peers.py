"""Other trackers to measure beside: each in a folder of its own outside the environment, installed once per machine.

What can't be installed (no network, no wheel for this Python) is said in its row, and stops nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from bench import peerchild
from tests import packages

# Peer -> what pip installs for it. mlflow-skinny is mlflow's own client; with these two it has the store of its UI.
PACKAGES = {
    "trackio": ("trackio",),
    "mlflow": ("mlflow-skinny", "sqlalchemy", "alembic"),
    "tensorboard": ("tensorboard", "tensorboardX", "setuptools<80"),
}
RUN_TIMEOUT_SECONDS = 1800.0


def run(peer: str, folder: Path, call: str, program: ModuleType = peerchild) -> Any:
    """Run a call of bench/peerchild.py, or another program, with `peer` installed, in `folder`.

    Returns what it printed last, as JSON.
    Raises PeerMissing, with the reason in few words, where it can't be installed or fails.
    """
    site = install(peer)
    folder.mkdir(parents=True, exist_ok=True)
    known = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    here = {"HOME": str(folder), "TRACKIO_DIR": str(folder / "trackio"), "HF_HUB_OFFLINE": "1"}
    source = f"{Path(program.__file__ or '').read_text(encoding='utf-8')}\n\n{call}\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", source],
        cwd=folder,
        env={**known, **here, "PYTHONPATH": str(site), "PYTHONPYCACHEPREFIX": str(site / "compiled")},
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_SECONDS,
    )
    if done.returncode != 0:
        raise PeerMissing(f"{peer} failed: {(done.stderr.strip().splitlines() or ['?'])[-1][:100]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


class PeerMissing(Exception):
    """A peer can't be measured here; the message says why."""


def or_why(measure: Callable[[], Any]) -> tuple[Any, str]:
    """Return what `measure` returns, or None and why there is nothing."""
    try:
        return measure(), ""
    except PeerMissing as error:
        return None, str(error)


def install(peer: str) -> Path:
    """Return the folder that holds `peer`, installing it with pip where it is missing; raises PeerMissing."""
    try:
        return packages.cached(peer, lambda target: packages.pip_install(target, *PACKAGES[peer]), "runstore-bench")
    except subprocess.TimeoutExpired as error:
        raise PeerMissing(f"{peer} left out: pip took more than {packages.INSTALL_TIMEOUT_SECONDS:.0f} s") from error
    except RuntimeError as error:
        raise PeerMissing(f"{peer} left out: it could not be installed") from error

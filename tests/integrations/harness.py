"""Run an example through the shim, or with stock wandb, and look at what was recorded through the index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runstore.query.stock import Api
from tests.conformance import stock
from tests.integrations.environment import environment
from tests.timing import HANGS_SECONDS

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
STOCK = "0.31.0"


@dataclass
class Trained:
    """What a program left behind: its folder, what it said, and the facts that it noted about itself."""

    folder: Path
    output: str
    facts: list[dict[str, Any]]

    def fact(self, name: str) -> Any:
        """Return a fact that was noted once."""
        (found,) = [facts[name] for facts in self.facts if name in facts]
        return found

    @contextmanager
    def api(self) -> Iterator[Api]:
        """Open an index of its own over the run directories."""
        api = Api(index=self.folder / "index.db", refresh=False)
        try:
            api.catch_up_below(self.folder)
            yield api
        finally:
            api.close()


def train(
    folder: Path, example: str, *arguments: str, launcher: Sequence[str] = ("python",), with_stock: bool | str = False,
    **variables: str,
) -> Trained:  # fmt: skip
    """Run examples/`example` in `folder` by `runstore run`, or with stock wandb offline; it must end well.

    `launcher` is what starts it, of the environment's commands, such as ("composer", "-n", "2"). `with_stock` may name
    a version, for libraries that the newest serves no more.
    """
    outcome = attempt(folder, example, *arguments, launcher=launcher, with_stock=with_stock, **variables)
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr[-8000:]
    return Trained(folder, outcome.stdout + outcome.stderr, noted_in(folder))


def noted_in(folder: Path) -> list[dict[str, Any]]:
    """Return the facts that programs in `folder` noted, in order of time."""
    noted = folder / "facts.jsonl"
    return [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []


def attempt(
    folder: Path, example: str, *arguments: str, launcher: Sequence[str] = ("python",), with_stock: bool | str = False,
    **variables: str,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """As `train`, whatever becomes of it."""
    binaries = environment() / "bin"
    command = [str(binaries / launcher[0]), *launcher[1:], str(EXAMPLES / example), *arguments]
    if not with_stock:
        command = [sys.executable, "-m", "runstore", "run", "--", *command]
    return subprocess.run(
        command,
        cwd=folder,
        env=_environment(folder, binaries, with_stock) | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
        check=False,
    )


def _environment(folder: Path, binaries: Path, with_stock: bool | str) -> dict[str, str]:
    """Return an environment without settings, keys or a home of the person who runs this."""
    (folder / "user").mkdir(exist_ok=True)
    version = with_stock if isinstance(with_stock, str) else STOCK
    library = stock.install(version) if with_stock else ROOT
    return {
        "PATH": os.pathsep.join([str(binaries), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(library),
        "HOME": str(folder / "user"),
        "RUNSTORE_HOME": str(folder / "home"),
        "WANDB_DIR": str(folder),
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "EXAMPLE_FACTS": str(folder / "facts.jsonl"),
        "EXAMPLE_RETRIEVES": "0" if with_stock else "1",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }

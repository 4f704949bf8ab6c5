"""Programs in fresh processes that ask for artifacts, and say in JSON what they found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from runstore.sdk.artifacts.artifact import Artifact
from tests.timing import HANGS_SECONDS

ROOT = Path(__file__).parents[2]


def ask(source: str, cwd: Path, **environment: str) -> Any:
    """Run a program that has `answer(value)` for what it found, in a process of its own; return that."""
    program = "import json\nimport runstore\ndef answer(value):\n    print(json.dumps(value))\n" + textwrap.dedent(
        source
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "WANDB_SILENT": "true", **environment},
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def made(content: str, name: str = "net", kind: str = "model", file: str = "weights.txt") -> Artifact:
    """Return an artifact with one file."""
    artifact = Artifact(name, kind)
    with artifact.new_file(file) as opened:
        opened.write(content)
    return artifact


def tree(folder: str | Path) -> dict[str, bytes]:
    """Return all files and links below a folder by their paths; empty folders are there too, as `path/`."""
    found = {}
    for above, folders, files in os.walk(folder):
        for name in files:
            path = Path(above, name)
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
        if not folders and not files and above != str(folder):
            found[Path(above).relative_to(folder).as_posix() + "/"] = b""
    return found

"""Commands start quickly because they import only what they need; this holds the list of what that is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.index.writing import plain_rows, write_log

HEAVY = {"numpy", "pandas", "google.protobuf", "tabulate", "watchdog", "httpx", "psutil", "pyarrow", "runstore.sdk.run"}
PROGRAM = """
import sys
from runstore.cli.main import cli
cli(sys.argv[1:], standalone_mode=False)
print(*sys.modules, sep="\\n", file=sys.stderr)
"""


def imported(folder: Path, *arguments: str) -> set[str]:
    """Return the modules that a command has imported when it ends."""
    environment = {**os.environ, "RUNSTORE_HOME": str(folder / "home"), "WANDB_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines())


def test_listing_runs_that_are_indexed_imports_nothing_heavy(tmp_path: Path) -> None:
    write_log(tmp_path, plain_rows(range(3)))
    assert "numpy" in imported(tmp_path, "runs", "list")  # which indexes
    assert not HEAVY & imported(tmp_path, "runs", "list")
    assert not HEAVY & imported(tmp_path, "runs", "list", "--filter", "loss<2 state:finished", "--columns", "id,loss")


def test_help_imports_nothing_heavy_and_opens_no_index(tmp_path: Path) -> None:
    assert not (HEAVY | {"runstore.index.indexer"}) & imported(tmp_path, "runs", "list", "--help")
    assert not (tmp_path / "home").exists()

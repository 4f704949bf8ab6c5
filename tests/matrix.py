"""Run the tests under the oldest and newest Python and protobuf that we promise: `make test-matrix`.

Each pair has an environment of its own in the cache folder, made where it is missing. An interpreter that is not on
this machine fails the run: what was not tried is not promised.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.10", "3.13")
PROTOBUFS = ("4.21.1", "7.36.2")
# Conformance with stock wandb, kills by the dozen and packaging don't depend on these versions, and take long.
TESTS = ("core", "index", "query", "runlog", "sdk", "shim", "syncd", "cli")
# What protobuf's version can change; enough where each of the two versions has had all the tests with another partner.
TESTS_OF_PROTOBUF = ("core", "runlog", "index/test_columns.py", "index/test_indexer.py")
WHOLE = (("3.10", "4.21.1"), ("3.13", "7.36.2"))


def main() -> int:
    """Run every pair; return 1 if any failed."""
    failed = [pair for pair in ((p, b) for p in PYTHONS for b in PROTOBUFS) if not passes(*pair)]
    for python, protobuf in failed:
        print(f"FAILED: Python {python} with protobuf {protobuf}", flush=True)
    return 1 if failed else 0


def passes(python: str, protobuf: str) -> bool:
    """Return whether the tests pass under one pair of versions."""
    print(f"--- Python {python}, protobuf {protobuf}", flush=True)
    interpreter = environment(python, protobuf)
    chosen = TESTS if (python, protobuf) in WHOLE else TESTS_OF_PROTOBUF
    tests = [str(ROOT / "tests" / name) for name in chosen]
    command = [str(interpreter), "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def environment(python: str, protobuf: str) -> Path:
    """Return the interpreter of an environment with these versions; it sees this checkout, not a copy."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runstore-tests"
    folder = cache / f"matrix-python{python}-protobuf{protobuf}"
    interpreter = folder / "bin" / "python"
    base = find(python)
    if not interpreter.exists():
        subprocess.run([base, "-m", "venv", str(folder)], check=True)
    # Quick where all is there; follows the checkout where its dependencies have changed.
    packages = ["-e", f"{ROOT}[dev]", f"protobuf=={protobuf}"]
    subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", *packages], check=True)
    return interpreter


def find(python: str) -> str:
    """Return a working interpreter of that version: on the PATH, or one that pyenv keeps."""
    kept = sorted(
        (Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions").glob(f"{python}.*/bin/python")
    )
    for candidate in (shutil.which(f"python{python}"), *map(str, kept)):
        # A shim of pyenv's is on the PATH for versions that are not chosen, and fails.
        if candidate and subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode == 0:
            return candidate
    raise SystemExit(f"Python {python} is not on this machine: install it, or name it on the PATH")


if __name__ == "__main__":
    sys.exit(main())

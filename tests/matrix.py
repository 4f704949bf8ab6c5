"""Run the tests under the oldest and newest Python and protobuf that we promise: `make test-matrix`.

Each pair has an environment of its own in the cache folder, made where it is missing. An interpreter that is not on
this machine fails the run: what was not tried is not promised.

What is run under which pair follows from what a version can change. The whole suite is run by `make test`, under a
version between the two.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.10", "3.13")
PROTOBUFS = ("4.21.1", "7.36.2")
# Conformance with stock wandb, kills by the dozen, pages in a browser and packaging don't depend on these versions,
# and take long.
TESTS = ("core", "index", "query", "runlog", "sdk", "shim", "syncd", "cli", "web")
# What protobuf's version can change; enough where each of the two versions has had all the tests with another partner.
TESTS_OF_PROTOBUF = ("core", "runlog", "index/test_columns.py", "index/test_indexer.py")
# Pair of versions -> what is run.
PAIRS = {
    (PYTHONS[0], PROTOBUFS[0]): TESTS,
    (PYTHONS[0], PROTOBUFS[-1]): TESTS_OF_PROTOBUF,
    (PYTHONS[-1], PROTOBUFS[0]): TESTS_OF_PROTOBUF,
    (PYTHONS[-1], PROTOBUFS[-1]): TESTS,
}
# As in the Makefile, where the reasons stand.
_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "4", "--dist", "worksteal")


def main() -> int:
    """Run every pair; return 1 if any failed."""
    failed = [pair for pair in PAIRS if not passes(*pair)]
    for python, protobuf in failed:
        print(f"FAILED: Python {python} with protobuf {protobuf}", flush=True)
    return 1 if failed else 0


def passes(python: str, protobuf: str) -> bool:
    """Return whether the tests pass under one pair of versions."""
    print(f"--- Python {python}, protobuf {protobuf}", flush=True)
    interpreter = environment(python, protobuf)
    command = [str(interpreter), *_PYTEST, *_paths(PAIRS[python, protobuf])]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def _paths(names: tuple[str, ...]) -> list[str]:
    """Return the paths of files and folders of tests; ends the run if one is not there, which pytest may not say."""
    paths = [ROOT / "tests" / name for name in names]
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise SystemExit(f"{__file__} names what is not there: {', '.join(missing)}")
    return list(map(str, paths))


def environment(python: str, protobuf: str) -> Path:
    """Return the interpreter of an environment with these versions; it sees this checkout, not a copy."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runstore-tests"
    folder = cache / f"matrix-python{python}-protobuf{protobuf}"
    interpreter, made_for = folder / "bin" / "python", folder / "made-for.txt"
    base = find(python)
    recipe = _recipe(base)
    if interpreter.exists() and made_for.exists() and made_for.read_text() == recipe:
        return interpreter
    if not interpreter.exists():
        subprocess.run([base, "-m", "venv", str(folder)], check=True)
    made_for.unlink(missing_ok=True)
    packages = ["-e", f"{ROOT}[dev]", f"protobuf=={protobuf}"]
    subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", *packages], check=True)
    made_for.write_text(recipe)
    return interpreter


def _recipe(base: str) -> str:
    """Return what an environment follows: the interpreter, and the checkout with what it needs."""
    needs = b"".join((ROOT / name).read_bytes() for name in ("setup.cfg", "pyproject.toml"))
    return f"{base}\n{ROOT}\n{hashlib.sha256(needs).hexdigest()}\n"


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

"""Run one program twice, with stock wandb and with runstore, and say where what they recorded differs.

A scenario is a script in the folder `scenarios`. Each of its public functions makes one run, whose id is the
function's name, and may return what it saw. The script imports wandb; for our turn that one line reads
`import runstore as wandb`. Both turns start in folders of their own with the same files, and an exception in one
function does not keep the others from their turn.

Records are compared in their normal form (normalised.py), so that every difference that is left means something.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import runstore
from tests import torch_environment
from tests.conformance import stock
from tests.conformance.normalised import CATEGORIES, NormalForm, normal_form
from tests.timing import HANGS_SECONDS

SCENARIOS = Path(__file__).parent / "scenarios"
ENDINGS = tuple(sorted(path.stem for path in (SCENARIOS / "endings").glob("[a-z]*.py")))
PROGRAM = "train.py"
VERSION = stock.STOCK_VERSIONS[0]

_IMPORT = "import wandb\n"
_OUTCOMES = "outcomes.json"
# An argument that can't be meant so: stock raises one or the other of these, we mostly a UsageError.
_REFUSALS = frozenset(
    ("TypeError", "ValueError", "KeyError", "AttributeError", "AssertionError", "ValidationError", "RunstoreError")
)
# Behind the scenario, so that its line numbers stay. What a function says must not depend on who ran before it.
_DRIVER = """

def _drive(names):
    import json
    import traceback

    def told(value):
        return [each.__name__ for each in value.__mro__] if isinstance(value, type) else repr(value)

    outcomes = {}
    for name in names:
        outcome = outcomes[name] = {"raised": None, "returned": None, "trace": None}
        try:
            outcome["returned"] = globals()[name]()
        except Exception as error:
            outcome["raised"], outcome["trace"] = told(type(error)), traceback.format_exc()
        wandb.finish()
    with open(OUTCOMES, "w") as file:
        json.dump(outcomes, file, default=told)

"""


@dataclass(frozen=True)
class Difference:
    """One thing that two normal forms don't agree on; MISSING stands for what one of them lacks."""

    category: str
    name: str
    stock: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.category} | {self.name} | stock: {_short(self.stock)} | ours: {_short(self.ours)}"


MISSING = "<missing>"


@dataclass(frozen=True)
class Turn:
    """What one of the two left: its folder, and the run directories by run id."""

    folder: Path
    directories: dict[str, list[Path]]
    outcomes: dict[str, dict[str, Any]]
    returncode: int
    stdout: str
    stderr: str

    def form(self, run_id: str) -> NormalForm:
        """Return the normal form of one run; everything but `program` is empty where there is no log."""
        form: NormalForm = {category: {} for category in CATEGORIES}
        if directories := self.directories.get(run_id):
            form = self.form_of(directories[-1])
        form["run"]["logs"] = len(self.directories.get(run_id, []))
        outcome = self.outcomes.get(run_id, {})
        form["program"] = {"raised": outcome.get("raised")} | _named("returned", outcome.get("returned"))
        return form

    def form_of(self, directory: Path) -> NormalForm:
        """Return the normal form of the log in one run directory, for runs that have several."""
        return normal_form(directory, self.folder)


@dataclass(frozen=True)
class Pair:
    """Both turns of one scenario."""

    stock: Turn
    ours: Turn

    def differences(self, run_id: str) -> list[Difference]:
        """Return where the two turns' records of one run differ."""
        stock_form, our_form = _without_unmatched_records(self.stock.form(run_id), self.ours.form(run_id))
        our_form["program"] = _caught_alike(stock_form["program"], our_form["program"])
        return compare(stock_form, our_form)


def _without_unmatched_records(*forms: NormalForm) -> list[NormalForm]:
    """Return the forms as they are, or, where one of them has no log, only what is not in a log."""
    if len({bool(form["run"]["logs"]) for form in forms}) == 1:
        return list(forms)
    empty: NormalForm = {category: {} for category in CATEGORIES}
    return [empty | {"run": {"logs": form["run"]["logs"]}, "program": form["program"]} for form in forms]


def _caught_alike(stock_value: Any, our_value: Any) -> Any:
    """Return `our_value` with stock's exceptions for ours, where a program that catches those catches ours.

    Exceptions are lists of the names of their classes, their own first.
    """
    if isinstance(our_value, dict) and isinstance(stock_value, dict):
        return {key: _caught_alike(stock_value.get(key), item) for key, item in our_value.items()}
    if not isinstance(our_value, list) or not isinstance(stock_value, list):
        return our_value
    if our_value[-1:] == stock_value[-1:] == ["object"]:
        refused = not _REFUSALS.isdisjoint(stock_value) and not _REFUSALS.isdisjoint(our_value)
        return stock_value if refused or stock_value[0] in our_value else our_value
    if len(our_value) != len(stock_value):
        return our_value
    return [_caught_alike(*both) for both in zip(stock_value, our_value, strict=True)]


def compare(stock_form: NormalForm, our_form: NormalForm) -> list[Difference]:
    """Return the differences between two normal forms, in the order of the categories and names."""
    found = []
    for category in CATEGORIES:
        one, other = stock_form[category], our_form[category]
        for name in sorted(one.keys() | other.keys()):
            left, right = one.get(name, MISSING), other.get(name, MISSING)
            if not same(left, right):
                found.append(Difference(category, name, left, right))
    return found


def same(one: Any, other: Any) -> bool:
    """Return whether two values of JSON are equal; True is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def run_ids(topic: str) -> list[str]:
    """Return the names of a scenario's public functions, which are the ids of its runs."""
    tree = ast.parse((SCENARIOS / f"{topic}.py").read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def run_pair(topic: str, folder: Path, only: str | None = None) -> Pair:
    """Run a scenario twice, below `folder`: "surroundings" in a repository, "watched" with torch; or one run of it."""
    source = (SCENARIOS / f"{topic}.py").read_text()
    source += _DRIVER.replace("OUTCOMES", repr(_OUTCOMES)) + f"\n_drive({[only] if only else run_ids(topic)!r})\n"
    sampled = topic in ("sampled", "planted")
    beside = [torch_environment.install()] if topic == "watched" else []
    return run_source(source, folder, git=topic == "surroundings", sampled=sampled, beside=beside)


def run_ending(name: str, folder: Path) -> Pair:
    """Run a program that ends in a way of its own; its run is called as the program."""
    return run_source((SCENARIOS / "endings" / f"{name}.py").read_text(), folder)


def run_source(
    source: str, folder: Path, *, git: bool = False, sampled: bool = False, beside: Sequence[Path] = ()
) -> Pair:
    """Run a program that imports wandb twice, below `folder`, and return both turns.

    With `git` it runs in a repository, with `sampled` system metrics are recorded. `beside` are folders that it can
    import from as well.
    """
    assert source.count(_IMPORT) == 1
    stock_folder, our_folder = folder / "stock", folder / "ours"
    _prepare(stock_folder, source, git)
    _prepare(our_folder, source.replace(_IMPORT, "import runstore as wandb\n"), git)
    # Stock samples nothing where the path of the temporary folder is too long for the name of a socket.
    with tempfile.TemporaryDirectory(prefix="stock-", dir="/tmp") as short:
        both = {"WANDB_MODE": "offline", "WANDB_X_DISABLE_STATS": "false" if sampled else "true", "TMPDIR": short}
        stocks, ours = (
            {**both, "PYTHONPATH": os.pathsep.join(map(str, (first, *beside)))}
            for first in (stock.install(VERSION), Path(runstore.__file__).parent.parent)
        )
        done = stock.run_file(VERSION, PROGRAM, stock_folder, stocks)
        return Pair(_turn(stock_folder, done), _turn(our_folder, _run_ours(our_folder, ours)))


def _prepare(folder: Path, source: str, git: bool) -> None:
    folder.mkdir(parents=True)
    (folder / PROGRAM).write_text(source)
    (folder / "data").mkdir()
    (folder / "data" / "a.txt").write_text("the first\n")
    (folder / "data" / "b.bin").write_bytes(bytes(range(256)))
    (folder / "data" / "below").mkdir()
    (folder / "data" / "below" / "c.txt").write_text("the third\n")
    if git:
        _make_repository(folder)


def _make_repository(folder: Path) -> None:
    """Commit the same file at the same time in every folder, so that the commits bear the same name."""
    author = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _AUTHOR.items()}
    environment = {**os.environ, **author, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    (folder / "kept.txt").write_text("as committed\n")
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "kept.txt"],
        ["commit", "--quiet", "--message=the only one"],
        ["remote", "add", "origin", "https://example.org/somebody/something.git"],
    ):
        subprocess.run(["git", *command], cwd=folder, env=environment, check=True)
    (folder / "kept.txt").write_text("changed since\n")


_AUTHOR = {"NAME": "somebody", "EMAIL": "somebody@example.org", "DATE": "2026-01-01T00:00:00Z"}


def _run_ours(folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    home = folder / ".stock-home"  # as stock's turn has it
    home.mkdir()
    clean = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "RUNSTORE_HOME": str(home / "runstore"),
        "WANDB_DIR": str(folder),
        "WANDB_SILENT": "false",
    }
    return subprocess.run(
        [sys.executable, PROGRAM],
        cwd=folder,
        env={**clean, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )


def _turn(folder: Path, done: subprocess.CompletedProcess[str]) -> Turn:
    directories: dict[str, list[Path]] = {}
    for directory in sorted(folder.glob("wandb/offline-run-*-*")):
        directories.setdefault(directory.name.split("-", 3)[3], []).append(directory)
    outcomes = folder / _OUTCOMES
    heard = json.loads(outcomes.read_text()) if outcomes.exists() else {}
    return Turn(folder, directories, heard, done.returncode, done.stdout, done.stderr)


def _named(name: str, value: Any) -> dict[str, Any]:
    """Return what a function returned, by name where that is a dict."""
    if isinstance(value, dict):
        return {f"{name} {key}": item for key, item in value.items()}
    return {name: value}


def _short(value: Any) -> str:
    text = MISSING if value is MISSING else json.dumps(_first_names(value), ensure_ascii=False, default=repr)
    return text if len(text) <= 400 else f"{text[:200]} ... {text[-180:]}"


def _first_names(value: Any) -> Any:
    """Return `value` with an exception's own class for the list of its classes."""
    if isinstance(value, list):
        return value[0] if value[-1:] == ["object"] else [_first_names(item) for item in value]
    return value

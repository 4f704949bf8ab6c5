"""Imports go one way: the file, the process, SQLite, reading, the daemon, the command line. This test holds it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import runstore

ROOT = Path(__file__).parents[1]
BASE = {"errors", "settings", "paths", "version"}

# Part -> the parts that it may import. A part may always import itself.
ALLOWED = {
    "errors": set(),
    "version": set(),
    "paths": {"errors"},
    "settings": {"errors", "paths"},
    "runlog": BASE,
    "core": BASE | {"runlog"},
    "blobs": BASE,
    "sdk": BASE | {"runlog", "core", "blobs"},
    "index": BASE | {"runlog", "core", "blobs"},
    "query": BASE | {"runlog", "core", "index"},
    "web": BASE | {"core", "index", "query"},
    "syncd": BASE | {"runlog", "core", "index"},
    "syncd.hub": BASE | {"runlog", "core", "index", "query", "web", "syncd"},
    # Of the sdk how a part of a run is ended with it, of runlog how messages of others are read.
    "integrations": BASE | {"", "sdk", "runlog", *runstore.__all__},
    "shim": BASE | {"", "sdk", "cli", "integrations", *runstore.__all__},  # and of the sdk what others reach into
    "cli": BASE | {"runlog", "core", "sdk", "index", "query", "web", "syncd", "syncd.hub", "shim"},
    "__init__": BASE | {"sdk"},
    "__main__": {"cli"},
}
# Imports inside functions or for type checkers that go another way, each with its reason.
EXCEPTIONS = {
    ("__init__", "query"),  # runstore.Api, loaded at its first use
    ("__init__", "shim"),  # runstore.install_as_wandb
    ("sdk", "integrations"),  # sync_tensorboard, for runs that ask for it
    ("query", "syncd"),  # artifacts that are not on this machine, from the hubs that the user has named
    ("sdk", "query"),  # artifacts of other runs, loaded at the call that asks for one, or claims a version
    ("query", "sdk"),  # sdk's class, at the call that hands an Artifact back
}


@dataclass(frozen=True)
class Import:
    file: str
    line: int
    importer: str
    imported: str
    at_top: bool


def part_of(module: str) -> str:
    """Return the part of a dotted name below `runstore`; "" for the package itself."""
    names = module.split(".")[1:]
    if names[:2] == ["syncd", "hub"]:
        return "syncd.hub"
    return names[0] if names else ""


def modules() -> Iterator[tuple[Path, str]]:
    for folder, name in (
        (ROOT / "runstore", "runstore"),
        (ROOT / "syncd", "runstore.syncd"),
        (ROOT / "cli", "runstore.cli"),
    ):
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder)
            linked = folder.name == "runstore" and inside.parts[0] in ("syncd", "cli")
            if not linked and path.name != "record_pb2.py":
                yield path, ".".join([name, *inside.with_suffix("").parts])


def imports() -> Iterator[Import]:
    for path, module in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = {id(node) for node in tree.body}
        for node in ast.walk(tree):
            if not isinstance(node, (ast.Import, ast.ImportFrom)):
                continue
            for imported in imported_modules(node):
                if imported.split(".")[0] == "runstore":
                    yield Import(
                        str(path.relative_to(ROOT)), node.lineno, part_of(module), part_of(imported), id(node) in top
                    )


def imported_modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert node.level == 0, "imports are written in full"
    # `from runstore import errors` names modules as well.
    return [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "runstore" else [node.module or ""]


def test_every_part_imports_only_what_lies_below_it() -> None:
    wrong = [
        f"{found.file}:{found.line}: {found.importer} imports {found.imported}"
        for found in imports()
        if found.imported != found.importer
        and found.imported not in ALLOWED[found.importer]
        and (found.at_top or (found.importer, found.imported) not in EXCEPTIONS)
    ]
    assert wrong == []


def test_every_exception_is_still_needed() -> None:
    used = {(found.importer, found.imported) for found in imports() if not found.at_top}
    assert used >= EXCEPTIONS


def test_every_part_is_in_the_table() -> None:
    assert {part_of(module) for _, module in modules()} == set(ALLOWED)


@pytest.mark.parametrize("folder", ["syncd", "cli"])
def test_links_show_the_same_tree_under_the_installed_name(folder: str) -> None:
    link = ROOT / "runstore" / folder
    assert link.is_symlink()
    assert link.readlink() == Path("..") / folder
    assert link.resolve() == ROOT / folder

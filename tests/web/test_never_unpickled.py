"""What runs logged is read as bytes, text and JSON: nothing that can hold a program is ever loaded."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import runstore

PARTS = [Path(runstore.__file__).parent / part for part in ("web", "query", "index", "core", "blobs", "runlog")]
LOADERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "torch", "code", "runpy"}


def sources() -> list[Path]:
    return [path for part in PARTS for path in sorted(part.rglob("*.py")) if "front" not in path.parts]


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_no_module_that_reads_runs_can_load_a_program(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not LOADERS & {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] not in LOADERS
        elif isinstance(node, ast.Call):
            assert not isinstance(node.func, ast.Name) or node.func.id not in ("eval", "exec", "compile")
            assert all(keyword.arg != "allow_pickle" for keyword in node.keywords)
            # YAML of a kind that makes objects.
            assert not (isinstance(node.func, ast.Attribute) and node.func.attr in ("unsafe_load", "full_load"))

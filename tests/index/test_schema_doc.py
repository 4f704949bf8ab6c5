"""docs/index_schema.md and docs/datasette.yaml name every table and column of the index, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from runstore.index.database import open_index

DOCS = Path(__file__).parents[2] / "docs"
Tables = dict[str, list[tuple[str, str]]]  # name -> column and type


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    connection = open_index(tmp_path / "index.db")
    found: Tables = {}
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    for (name,) in names.fetchall():
        columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
        found[name] = [(column, kind) for _, column, kind, *_ in columns]
    connection.close()
    return found


def test_every_table_and_column_is_described_in_its_order(tables: Tables) -> None:
    described: Tables = {}
    text = (DOCS / "index_schema.md").read_text()
    for name, section in re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        described[name] = re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \|$", section, re.MULTILINE)
    assert described == tables


def test_the_metadata_of_datasette_speaks_of_these_tables(tables: Tables, tmp_path: Path) -> None:
    metadata: dict[str, Any] = yaml.safe_load((DOCS / "datasette.yaml").read_text())
    index = metadata["databases"]["index"]
    assert index["tables"].keys() == tables.keys()
    for name, said in index["tables"].items():
        columns = {column for column, _ in tables[name]}
        named = {said.get("label_column"), said.get("sort_desc"), *said.get("facets", [])} - {None}
        assert named <= columns, name

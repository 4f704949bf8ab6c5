"""A real Datasette opens the index with the metadata of docs/, and its SQL has the points."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from runstore.index.database import index_path
from runstore.query.api import Api
from tests.index.writing import config, row, write_log
from tests.packages import install
from tests.timing import HANGS_SECONDS

DATASETTE_VERSION = "0.65.5"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """What the entry point in setup.cfg does where both are installed in one environment."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "plugin_of_runstore.py").write_text(
        "from runstore.query.sql.datasette_plugin import prepare_connection\n"
    )
    return folder


def page(path: str, plugins: Path) -> Any:
    """Return what Datasette answers to a request, as JSON."""
    site = install("datasette", DATASETTE_VERSION)
    command = [sys.executable, "-W", "ignore", "-m", "datasette", str(index_path()), "--plugins-dir", str(plugins)]
    command += ["--metadata", str(ROOT / "docs" / "datasette.yaml"), "--setting", "sql_time_limit_ms", "10000"]
    done = subprocess.run(
        [*command, "--get", path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (site, ROOT, sysconfig.get_path("purelib"))))},
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_points_are_in_its_sql_and_tables_in_its_pages(
    tmp_path: Path, plugins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    write_log(tmp_path, [config({"lr": 0.1}), *(row(step, {"loss": step / 2}) for step in range(5))])
    Api().close()
    query = "select run, max(step), max(points.value), config.value from points join config using (run)"
    rows = page("/index.json?sql=" + quote(f"{query} where points.key = 'loss'"), plugins)["rows"]
    assert rows == [["r1", 4, 2.0, 0.1]]
    asked = page("/index/points_of_a_metric.json?_shape=array&run=r1&key=loss", plugins)
    assert asked[3] == {"step": 3, "value": 1.5}
    (found,) = page("/index/runs.json?_shape=array", plugins)
    assert found["run_id"] == "r1"
    hidden = {table["name"] for table in page("/index.json", plugins)["tables"] if table["hidden"]}
    assert hidden >= {"kept", "folders"}

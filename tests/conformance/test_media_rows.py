"""Rows of a history that stock tools wrote hold media as one value, as ours do."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from runstore.query.api import Api
from tests.conformance import stock
from tests.query.test_media_rows import rows

STOCK = """
import wandb
run = wandb.init(project="p", id="stock")
run.log({"loss": 1.0, "t": wandb.Table(columns=["a"], data=[[1]]), "nest": {"page": wandb.Html("<p>x</p>"), "x": 1}})
run.finish()
"""


@pytest.mark.parametrize("version", [stock.STOCK_VERSIONS[0], stock.STOCK_VERSIONS[-1]])
def test_logs_of_stock_tools_give_the_same(version: str, tmp_path: Path) -> None:
    done = stock.run_script(version, STOCK, tmp_path)
    assert done.returncode == 0, done.stderr
    with closing(Api(tmp_path / "i.db", refresh=False)) as api:
        api.catch_up_below(tmp_path)
        (first,) = rows(api.run("stock"))
        assert rows(api.run("stock"), "loss", "t") == [{"_step": 0, "loss": 1.0, "t": first["t"]}]
    assert first.keys() == {"_step", "loss", "t", "nest.page", "nest.x"}
    assert (first["t"]["_type"], first["t"]["nrows"]) == ("table-file", 1)
    assert (first["nest.page"]["_type"], first["nest.x"]) == ("html-file", 1)

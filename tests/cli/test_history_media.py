"""`runs history` of tables and pictures: one object in JSON, columns in CSV, a word for people."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.commands import Bench

WITH_TABLE = """
    import runstore
    with runstore.init(project="demo", id="m") as run:
        table = runstore.Table(columns=["a"], data=[[1], [2]])
        run.log({"loss": 1.0, "nest": {"x": 1}, "t": table})
        run.log({"loss": 0.5, "h": runstore.Histogram(np_histogram=([1, 2], [0, 1, 2]))})
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = Bench(tmp_path_factory.mktemp("media"))
    done = bench.train(WITH_TABLE)
    assert done.returncode == 0, done.stderr
    return bench


def test_json_has_an_object_for_each_media_value(bench: Bench) -> None:
    first, second = bench.json("runs", "history", "m")
    assert (first["t"]["_type"], first["t"]["nrows"], first["nest.x"]) == ("table-file", 2, 1)
    assert second["h"] == {"_type": "histogram", "bins": [0, 1, 2], "values": [1, 2]}
    assert bench.json("runs", "history", "m", "--keys", "loss,t") == [{"_step": 0, "loss": 1.0, "t": first["t"]}]
    assert bench.json("runs", "history", "m", "--keys", "nest") == []


def test_csv_has_a_column_for_each_leaf(bench: Bench) -> None:
    (only,) = csv.DictReader(io.StringIO(bench.runstore("runs", "history", "m", "--keys", "loss,h", "--csv").stdout))
    assert only == {"_step": "1", "h._type": "histogram", "h.bins": "[0,1,2]", "h.values": "[1,2]", "loss": "0.5"}


def test_the_table_for_people_says_what_it_is(bench: Bench) -> None:
    header, line = bench.runstore("runs", "history", "m", "--keys", "t").stdout.splitlines()
    assert header.split() == ["_step", "t"]
    assert line.split()[:2] == ["0", "table-file"]
    assert "media/table/t_" in line


def test_a_shell_completes_the_keys_of_media(bench: Bench) -> None:
    bench.runstore("runs", "list")
    for words in ("runstore runs history m --keys", "runstore export id:m --keys"):
        done = bench.runstore(
            COMP_WORDS=f"{words} loss,", COMP_CWORD=str(len(words.split())), _RUNSTORE_COMPLETE="bash_complete"
        )
        offered = {line.partition(",")[2] for line in done.stdout.splitlines()}
        assert {"loss,h", "loss,t", "loss,t.nrows", "loss,loss"} <= offered
        assert "loss,nest" not in offered


def test_a_hub_shows_the_same(bench: Bench, tmp_path: Path) -> None:
    with bench.hub():
        bench.runstore("sync", "--remote", "lab")
        for options in ([], ["--keys", "t,loss"], ["--csv"], ["--plot"]):
            here = bench.runstore("runs", "history", "m", *options).stdout
            assert bench.runstore("runs", "history", "m", *options, "--remote", "lab").stdout == here

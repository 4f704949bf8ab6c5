"""`runstore sql`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.commands import ONE_RUN, Bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A folder with one run."""
    bench = Bench(tmp_path_factory.mktemp("sql"))
    done = bench.train(ONE_RUN)
    assert done.returncode == 0, done.stderr
    return bench


def test_a_table_for_people_by_default(bench: Bench) -> None:
    said = bench.runstore("sql", "select run, step, value from points where key = 'loss' and step < 2").stdout
    assert [line.split() for line in said.splitlines()] == [
        ["run", "step", "value"],
        ["one", "0", "1"],
        ["one", "1", "0.5"],
    ]


def test_json_is_an_array_of_objects_with_every_column_once(bench: Bench) -> None:
    rows = bench.json("sql", "select run, step, value, value from history where key in ('bad', 'worse') order by key")
    assert rows == [
        {"run": "one", "step": 10, "value": None, "value_4": None},
        {"run": "one", "step": 10, "value": "-Infinity", "value_4": "-Infinity"},
    ]
    assert bench.json("sql", "select 1 from points where 0") == []


def test_csv_has_a_header_line(bench: Bench) -> None:
    said = bench.runstore("sql", "select key, value from config order by key", "--csv").stdout
    assert said == "key,value\nlr,0.1\nnet.depth,3\n"


def test_a_query_from_stdin(bench: Bench) -> None:
    command = [sys.executable, "-m", "runstore", "sql", "-", "--json"]
    done = subprocess.run(
        command,
        cwd=bench.folder,
        env=bench.environment,
        input="select count(*) as n from runs",
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout) == [{"n": 1}]


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("select * from nix", 3, "no such table: nix; there are runs, config"),
        ("select nix from runs", 2, "no such column: nix; docs/reading.md"),
        ("selec", 2, "syntax error"),
        ("delete from main.runs", 2, "can be read, not written"),
        ("select 1; select 2", 2, "one statement at a time"),
        ("attach 'made.db' as other", 2, "no other file"),
        ("vacuum into 'made.db'", 2, "no other file"),
        ("", 0, ""),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(bench: Bench, query: str, code: int, words: str) -> None:
    if code:
        assert words in bench.sentence("sql", query, code=code)
    else:
        bench.runstore("sql", query)

"""Conditions find the runs that fulfil them, whether SQLite is asked or the rows are looked at."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore.core.conditions import Compare, Condition, Either, Every, Exists, Matches, Not, OneOf, Order
from runstore.core.filters import parse_filter, parse_order
from runstore.errors import UsageError
from runstore.index.indexer import Indexer
from runstore.query.filtering.plain import in_sql
from runstore.query.filtering.predicate import predicate
from runstore.query.filtering.select import select
from tests.index.writing import config, exit_record, header, log_path, plain_rows, row, run, summary, write

DAY = 86400.0
NOW = 100 * DAY


def written(folder: Path, run_id: str, day: float, bodies: list[bytes], **more: Any) -> None:
    record = run(run_id, **{"project": "p", **more})
    write(log_path(folder, run_id, run_id), [header(started=day * DAY), record, *bodies])


@pytest.fixture(scope="module")
def indexer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexer]:
    folder = tmp_path_factory.mktemp("select")
    done = [row(0, {"loss": 0.5}), exit_record()]
    tagged = {"tags": ["old", "baseline"], "notes": "Ganz gut: 100%"}
    written(
        folder, "a", 10, [config({"lr": 0.1, "net": {"depth": 3}, "amp": True}), *done], display_name="First", **tagged
    )
    written(folder, "b", 20, [config({"lr": "0.1", "net.depth": 4, "sizes": [1, 2]}), *done], tags=["baseline"])
    written(
        folder, "c", 30, [*plain_rows(range(5)), row(5, {"loss": math.nan, "lr": 1e-4}), exit_record(1)], entity="me"
    )
    written(folder, "d", 40, [summary({"loss": math.inf, "note": "bad"}), exit_record(0)], project="other")
    written(folder, "e", 99, [config({"lr": 3}), row(7, {"loss": -1})])
    indexer = Indexer(folder / "index.db")
    indexer.catch_up_below(folder)
    yield indexer
    indexer.close()


def found(indexer: Indexer, text: str, order: str = "", limit: int | None = None) -> str:
    return "".join(run.id for run in select(indexer.connection, parse_filter(text, NOW), parse_order(order), limit))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", "abcde"),
        ("lr<=0.1", "ac"),
        ("lr!=0.1", "bcde"),
        ('lr="0.1"', "b"),
        ("config.lr>0 -lr:3", "a"),
        ("net.depth>=3", "ab"),
        ("amp:true", "a"),
        ("amp:1", ""),
        ("sizes:2", "b"),
        ("has:lr", "abce"),
        ("-has:config.lr", "cd"),
        ("has:summary.loss", "abcde"),  # NaN is a value
        ("summary.loss<1e9", "abe"),  # that nothing is smaller than
        ("summary.loss>1e9", "d"),
        ("tag:baseline -tag:old", "b"),
        ("tag!=baseline", "cde"),
        ("tag in (old, new)", "a"),
        ("state:finished", "abd"),
        ("state in (failed, running)", "ce"),
        ("exit_code!=0", "ce"),
        ("-has:exit_code", "e"),
        ("last_step>5", "e"),
        ("name:First", "a"),
        ("name:b", "b"),
        ("name:/^f/i", "a"),
        ("entity:me or project:other", "cd"),
        ("created>30d", "e"),
        ("created<1970-01-21", "a"),
        ("created:1970-01-21", "b"),
        ("gUT", "a"),
        ('"100%"', "a"),
        ("/^[ce]$/", "ce"),
        ("summary.note:/a/ or not project:p", "d"),
        ("a or (b and lr>3)", "ab"),  # `baseline` holds an a
    ],
)
def test_filters_find_runs(indexer: Indexer, text: str, ids: str) -> None:
    assert found(indexer, text) == ids


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ("-created", "edcba"),
        ("summary.loss", "eabdc"),  # NaN is last, and so is what has no value
        ("-summary.loss", "dabec"),
        ("-lr", "beacd"),  # text after numbers, so before them this way
        ("state,-last_step", "cabde"),
        ("entity,-id", "cedba"),
        ("tags", "badec"),
    ],
)
def test_runs_are_ordered_by_any_field(indexer: Indexer, order: str, ids: str) -> None:
    assert found(indexer, "", order) == ids


def test_pages_of_a_selection_make_up_the_whole(indexer: Indexer) -> None:
    for text in ("project:p", "has:summary.loss"):
        for order in (Order(("id",)), Order(("summary.loss",), True)):
            whole = [run.id for run in select(indexer.connection, parse_filter(text), [order])]
            pages = [select(indexer.connection, parse_filter(text), [order], 2, at) for at in (0, 2, 4)]
            assert [run.id for page in pages for run in page] == whole


def test_only_runs_below_a_path_are_found(indexer: Indexer) -> None:
    (path,) = indexer.connection.execute("SELECT path FROM logs WHERE path LIKE '%run-b.wandb'").fetchone()
    (found,) = select(indexer.connection, parse_filter("tag:baseline"), below=[Path(path).parent])
    assert found.id == "b"
    assert select(indexer.connection, below=[]) == []


@pytest.mark.parametrize("condition", [Compare("color", "=", 1), Not(Exists("config")), Matches("step", "a")])
def test_an_unknown_field_is_named(indexer: Indexer, condition: Condition) -> None:
    with pytest.raises(UsageError, match="runs have no field"):
        select(indexer.connection, condition)
    with pytest.raises(UsageError, match="runs have no field 'color'"):
        select(indexer.connection, order=[Order(("color",))])


VALUES = st.sampled_from(
    ["", "a", "b", "p", "me", "First", 0, 1, 5, 30 * DAY, 2**70, 0.5, True, None, "1970-01-21", "x"]
)
PLAIN = st.sampled_from(["id", "name", "entity", "project", "notes", "created_at", "last_step", "exit_code", "runtime"])
COMPARES = st.builds(Compare, PLAIN, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), VALUES)
SIMPLE = COMPARES | st.builds(OneOf, PLAIN, st.lists(VALUES, max_size=3).map(tuple)) | st.builds(Exists, PLAIN)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda part: (
        st.builds(Not, part)
        | st.builds(Every, st.lists(part, max_size=3).map(tuple))
        | st.builds(Either, st.lists(part, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


@given(CONDITIONS)
def test_sqlite_and_python_find_the_same(indexer: Indexer, condition: Condition) -> None:
    holds = predicate(condition)
    every = select(indexer.connection)
    wanted = [run.id for run in every if holds(run.fields)]
    assert [run.id for run in select(indexer.connection, condition)] == wanted
    sql = in_sql(condition)
    if sql is not None:
        asked = indexer.connection.execute(f"SELECT {sql.text} FROM runs", sql.arguments)
        assert {answer for (answer,) in asked} <= {0, 1}

"""What docs/filters.md says is so: every example is read, finds some runs and not all, and wrong ones look as shown."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.core.filter_fields import FIELDS, STATES
from runstore.core.filters import parse_filter
from runstore.errors import WrongFilter
from runstore.index import state
from runstore.index.indexer import Indexer
from runstore.query.filtering import fields
from runstore.query.filtering.select import select
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Record
from tests.index.writing import config, exit_record, header, log_path, row, run, write

PAGE = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")
JANUARY = 1_769_862_600.0  # 2026-01-31 12:30


def examples() -> list[str]:
    first_cells = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    found = [text for cell in first_cells for text in re.findall(r"`([^`]+)`", cell)]
    return found + re.findall(r"^    runstore .*--filter '([^']+)'", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def indexer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexer]:
    folder = tmp_path_factory.mktemp("documented")
    everything = config({"lr": 5e-4, "arch": "vit"})
    tagged = run("everything", "p", display_name="vit-7", tags=["baseline"], notes="a b c warmup, a long warm-up")
    write(
        log_path(folder, "e", "everything"),
        [header(started=time.time() - 60), tagged, everything, row(0, {"loss": 0.1})],
    )
    other = run("other", "p", display_name="mlp", tags=["old"])
    body = [config({"lr": 0.5, "arch": "mlp"}), exit_record()]
    write(log_path(folder, "o", "other"), [header(started=JANUARY), other, *body])
    long = codec.encode(Record(exit={"exit_code": 0, "runtime": 11_000}))
    write(log_path(folder, "l", "long"), [header(started=1.0), run("long", "p"), config({"arch": "resnet"}), long])
    indexer = Indexer(folder / "index.db")
    indexer.catch_up_below(folder)
    yield indexer
    indexer.close()


@pytest.mark.parametrize("text", examples())
def test_an_example_finds_some_runs_and_not_all(indexer: Indexer, text: str) -> None:
    found = [found.id for found in select(indexer.connection, parse_filter(text))]
    assert 0 < len(found) < 3


def test_the_fields_are_those_that_runs_have() -> None:
    described = re.findall(r"`(\w+)`", PAGE.split("## Keys")[1].split("Every other key")[0])
    assert set(described) == set(FIELDS)
    assert set(FIELDS.values()) == set(fields.FIELDS)
    assert STATES == state.STATES
    assert f"the states: {', '.join(STATES)} |" in PAGE


def test_a_wrong_filter_looks_as_shown() -> None:
    text, shown = re.findall(r"--filter '([^']+)'\n((?:    .+\n){3})", PAGE)[0]
    with pytest.raises(WrongFilter) as caught:
        parse_filter(text)
    assert f"runstore: {caught.value}".splitlines() == [line[4:] for line in shown.splitlines()]

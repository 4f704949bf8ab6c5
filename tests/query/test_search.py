"""Text is found wherever a person would look for it, and where it stands is told exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore.index.indexer import Indexer
from runstore.query.search import Hit, pattern_of, search
from tests.index.writing import config, exit_record, header, log_path, output, run, write

LINES = ["Loss 0.5", "100% of 3_000", "", "Épuisé: mémoire", "a\\b", "tail  "]


@pytest.fixture(scope="module")
def indexer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexer]:
    folder = tmp_path_factory.mktemp("search")
    said = run("r1", display_name="Big loss", notes="loss of sleep", tags=["lossy"])
    body = [config({"loss": {"kind": "mse"}, "lr": float("inf"), "_wandb": {"loss": 1}}), exit_record()]
    log = write(log_path(folder, "a", "r1"), [header(started=1.0), said, output("\n".join(LINES) + "\n"), *body])
    copy = folder / "copies" / "wandb" / log.parent.name / log.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(log.read_bytes())
    write(log_path(folder, "b", "r2"), [header(started=2.0), run("r2"), output("loss of r2\n" * 2000)])
    indexer = Indexer(folder / "index.db")
    indexer.catch_up_below(folder)
    yield indexer
    indexer.close()


def found(indexer: Indexer, text: str, *, regex: bool = False, case: bool = False) -> list[Hit]:
    pattern = pattern_of(text, regex=regex, case=case)
    return list(search(indexer.connection, pattern, None if regex else text))


def places(hits: list[Hit]) -> list[str]:
    return [f"{hit.run.run_id} {hit.field}" + (f":{hit.line}" if hit.line else "") for hit in hits]


def test_names_notes_tags_config_and_console_are_searched(indexer: Indexer) -> None:
    hits = [hit for hit in found(indexer, "LOSS") if hit.run.run_id == "r1"]
    assert places(hits) == ["r1 name", "r1 notes", "r1 tags", "r1 config.loss.kind", "r1 console:1"]
    assert hits[0].spans == ((4, 8),)
    assert places(found(indexer, "Loss", case=True)) == ["r1 console:1"]


@pytest.mark.parametrize(("text", "line"), [("% of 3_", 2), ("0_", 0), ("ÉPUISÉ", 4), ("\\b", 5), ("l  ", 6)])
def test_signs_of_any_language_stand_for_themselves(indexer: Indexer, text: str, line: int) -> None:
    assert places(found(indexer, text)) == ([f"r1 console:{line}"] if line else ["r1 console:2"][:0])


def test_a_copy_of_a_log_is_searched_once(indexer: Indexer) -> None:
    assert len(found(indexer, "mémoire")) == 1
    assert len(found(indexer, "loss of r2")) == 2000


@pytest.mark.parametrize(
    ("text", "lines"),
    [("^100", [2]), ("5$", [1]), (r"\Aa", [5]), (r"b\Z", [5]), (r"3_000(?!\s)", [2]), ("e:.m", [])],
)
def test_an_expression_sees_a_line_at_a_time(indexer: Indexer, text: str, lines: list[int]) -> None:
    hits = [hit for hit in found(indexer, text, regex=True) if hit.run.run_id == "r1"]
    assert [hit.line for hit in hits if hit.field == "console"] == lines


@given(st.text(alphabet="losOf 0.5%_\\^$*[]r2é", min_size=1, max_size=4), st.booleans())
def test_lines_are_found_as_one_by_one(indexer: Indexer, text: str, regex: bool) -> None:
    try:
        pattern = pattern_of(text, regex=regex)
    except re.error:
        return
    lines = indexer.connection.execute(
        "SELECT path, line + 1, text FROM console JOIN logs ON log = logs.id WHERE path NOT LIKE '%/copies/%'"
    ).fetchall()
    wanted = sum(1 for *_, line in lines if any(match.group() for match in pattern.finditer(line)))
    hits = [hit for hit in search(indexer.connection, pattern, None if regex else text) if hit.field == "console"]
    assert len(hits) == wanted

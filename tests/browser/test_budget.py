"""What pages weigh: bytes as they travel, packed, with their headers. How long they take is measured in bench/."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from bench import corpus
from tests.browser import corpora, parts, serving
from tests.browser.chrome import SLOW_LINK, Visitor, came, quiet
from tests.browser.serving import Served
from tests.commands import Bench
from tests.timing import eventually

SHELL_BYTES = 60_000
FIRST_SCREEN_BYTES = 170_000
CHART_BYTES = 14_000  # of 20 runs
TABLE_BYTES = 10_000  # of 200 runs x 18 columns
IDLE_BYTES = 1_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """1,000 runs of 50 metrics."""
    yield from served_corpus(tmp_path_factory, corpus.Corpus(1_000, keys=50, steps=40, projects=1))


@pytest.fixture(scope="module")
def most(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """10,000 runs."""
    yield from served_corpus(tmp_path_factory, corpus.Corpus(10_000, keys=3, steps=3, projects=1))


def served_corpus(factory: pytest.TempPathFactory, made: corpus.Corpus) -> Iterator[Served]:
    """Serve a corpus in one project, which is written once by whichever of pytest's processes comes first."""
    base = factory.getbasetemp()
    shelf = base.parent if base.name.startswith("popen-") else base

    def fill(folder: Path) -> None:
        corpus.make(folder, made)

    def index(folder: Path) -> None:
        Bench(folder).runstore("runs", "list", "--limit", "1")

    folder = corpora.shared(shelf, f"browser-{made.runs}", fill, index)
    with serving.ui(Bench(folder), "--read-only", name=base.name) as pages:
        yield pages


def test_the_first_screen_of_a_thousand_runs_over_a_slow_line(many: Served, visit: Callable[..., Visitor]) -> None:
    visitor = visit(many)
    visitor.over(SLOW_LINK)
    page = visitor.enter("p/baseline")
    parts.rows(page).first.wait_for()
    parts.chart(page, "accuracy").wait_for()
    quiet(visitor)
    assert visitor.costs.total() <= FIRST_SCREEN_BYTES, visitor.costs.bytes
    assert visitor.costs.total("/assets/", many.url + "p/") <= SHELL_BYTES, visitor.costs.bytes
    visitor.costs.clear()
    page.goto(f"{many.url}p/baseline?sort=name")
    parts.rows(page).first.wait_for()
    parts.chart(page, "accuracy").wait_for()
    quiet(visitor)
    assert visitor.costs.total("/assets/") == 0, "what was loaded once is not loaded again"


@pytest.mark.parametrize("coding", ["gzip", "gzip, br"])
def test_the_code_of_the_first_screen_however_it_is_packed(
    many: Served, visit: Callable[..., Visitor], coding: str
) -> None:
    visitor = visit(many)
    visitor.take_only(coding)
    packed = []
    visitor.page.on("response", lambda answer: packed.append(answer.headers.get("content-encoding", "")))
    page = visitor.enter("p/baseline")
    parts.rows(page).first.wait_for()
    parts.chart(page, "accuracy").wait_for()
    quiet(visitor)
    assert visitor.costs.total("/assets/", many.url + "p/") <= SHELL_BYTES, visitor.costs.bytes
    assert ("br" in packed) is ("br" in coding), "else nothing is shown of this coding"


def test_only_the_newest_ten_are_drawn_and_at_most_a_hundred(many: Served, visit: Callable[..., Visitor]) -> None:
    page = visit(many).enter("p/baseline")
    page.get_by_role("button", name="How many runs are drawn").get_by_text("10 of 1,000 drawn").wait_for()
    page.goto(f"{many.url}p/baseline?top=1000")
    page.get_by_role("button", name="How many runs are drawn").get_by_text("100 of 1,000 drawn").wait_for()
    expect(parts.chart(page, "accuracy")).to_have_attribute("aria-label", parts.saying("100 runs"))


def test_two_hundred_rows_of_eighteen_columns(many: Served, visit: Callable[..., Visitor]) -> None:
    visitor = visit(many)
    keys = ",".join(f"summary.layer.{place}.norm" for place in range(18))
    page = visitor.enter(f"p/baseline/table?columns={keys}")
    parts.rows(page).first.wait_for()
    quiet(visitor)
    assert visitor.costs.total("api/runs") <= TABLE_BYTES, visitor.costs.bytes


def test_a_chart_of_twenty_runs(many: Served, visit: Callable[..., Visitor]) -> None:
    visitor = visit(many)
    page = visitor.enter("p/baseline?top=20&charts=^loss$")
    expect(parts.chart(page, "loss")).to_have_attribute("aria-label", parts.saying("20 runs"))
    quiet(visitor)
    assert visitor.costs.total("api/charts") <= CHART_BYTES, visitor.costs.bytes


def test_an_idle_tick(many: Served, visit: Callable[..., Visitor]) -> None:
    visitor = visit(many)
    page = visitor.enter("p/baseline")
    parts.rows(page).first.wait_for()
    parts.chart(page, "accuracy").wait_for()
    quiet(visitor)
    visitor.costs.clear()
    page.evaluate("dispatchEvent(new Event('online'))")  # what the next tick does, at once
    came(visitor, "api/changes")
    quiet(visitor)
    assert visitor.costs.total() <= IDLE_BYTES, visitor.costs.bytes


def test_ten_thousand_runs_scroll_filter_and_sort_on_the_server(most: Served, visit: Callable[..., Visitor]) -> None:
    visitor = visit(most)
    page = visitor.enter("p/baseline/table")
    parts.rows(page).first.wait_for()
    expect(parts.table(page)).to_have_attribute("aria-rowcount", "10001")
    assert parts.rows(page).count() < 120
    page.get_by_role("region", name="Runs", exact=True).focus()
    page.keyboard.press("End")
    parts.table(page).get_by_role("link", name="try-0", exact=True).wait_for()
    parts.sort_by(page, "seed", "ascending")
    parts.when_names(page, ["try-0", "try-1", "try-2"])
    box = page.get_by_role("combobox", name="Filter")
    box.fill("config.optimizer=adam seed>=5000")
    box.press("Enter")
    eventually(lambda: 0 < int(parts.table(page).get_attribute("aria-rowcount") or 0) < 2000)
    assert visitor.costs.total("api/") < 150_000, visitor.costs.bytes

"""The pages over what was delivered to a hub, from which the run directories are gone: all of them, by a browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import corpora, parts, serving
from tests.browser.chrome import Visitor
from tests.browser.serving import Served
from tests.browser.test_media import BLOCKED
from tests.commands import Bench

_DELIVERED = ("*-media", "*-talks", "*-prepare-*", "*-early", "*-late", "*-evaluate", "*-lr*", "*-failed")


@pytest.fixture(scope="module")
def delivered(trained: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hub with most of the runs."""
    bench = Bench(tmp_path_factory.mktemp("delivered"))
    for pattern in _DELIVERED:
        for directory in (trained.folder / "wandb").glob(f"offline-run{pattern}"):
            shutil.copytree(directory, bench.folder / "wandb" / directory.name)
    with serving.hub(bench) as pages:
        bench.runstore("sync", "--remote", "lab")
        # Pages show what is indexed; a command waits for the index of all that came before.
        assert len(bench.json("runs", "list", "--remote", "lab")) == len(list((bench.folder / "wandb").iterdir()))
        shutil.rmtree(bench.folder / "wandb")
        yield pages


@pytest.fixture
def guest(visit: Callable[..., Visitor], delivered: Served) -> Visitor:
    return visit(delivered)


def test_a_project_has_its_table_and_charts(guest: Visitor) -> None:
    page = guest.enter()
    page.get_by_role("link", name="digits", exact=True).first.click()
    expect(parts.chart(page, "train/loss")).to_have_attribute("aria-label", parts.saying("10 runs"))
    page.get_by_role("combobox", name="Filter").fill("/^lr 0.3 seed/")
    parts.when_listed(page, [f"lr 0.3 seed {seed}" for seed in (0, 1, 2)])


def test_runs_are_compared_and_grouped(guest: Visitor) -> None:
    page = guest.enter("compare?runs=digits/lr0.1-s0,digits/lr0.3-s0")
    expect(page.get_by_role("row", name=re.compile("^lr 0.1 0.3"))).to_be_visible()
    page = guest.enter("p/digits/groups?by=group")
    expect(page.get_by_role("status").filter(has_text="13 runs in 5 groups")).to_be_visible()


def test_media_are_shown_from_delivered_files(guest: Visitor) -> None:
    guest.tolerate(BLOCKED)
    page = guest.enter("r/media/media?tab=media")
    picture = parts.panel(page, "image").locator("img").first
    expect(picture).to_have_js_property("naturalWidth", 64)
    expect(parts.panel(page, "guesses").get_by_role("row").nth(1)).to_contain_text("cat")
    expect(parts.panel(page, "guesses").locator("img").first).to_have_js_property("naturalWidth", 64)  # of an artifact
    expect(parts.panel(page, "line").get_by_role("img").first).to_be_visible()


def test_what_a_run_printed_is_read_and_searched(guest: Visitor) -> None:
    page = guest.enter("r/console/talks?tab=logs")
    expect(page.get_by_text("line 0000 of five thousand")).to_be_visible()
    page.get_by_role("searchbox").fill("line 4321")
    expect(page.get_by_role("status").filter(has_text="1 of 1 line")).to_be_attached()


def test_files_are_previewed(guest: Visitor) -> None:
    page = guest.enter("r/digits/failed?tab=files")
    page.get_by_role("button", name="diff.patch").click()
    expect(page.get_by_text("depth = 4")).to_be_visible()


def test_artifacts_have_their_files_and_where_they_come_from(guest: Visitor, tmp_path: Path) -> None:
    page = guest.enter("p/pipeline/artifacts")
    page.get_by_role("link", name="flowers", exact=True).click()
    page.get_by_role("navigation", name="Parts of this version").get_by_role("link", name="Files").click()
    with page.expect_download() as waited:
        page.get_by_role("link", name="rows.csv").click()
    waited.value.save_as(tmp_path / "rows.csv")
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 201
    page.get_by_role("navigation", name="Parts of this version").get_by_role("link", name="Lineage").click()
    expect(page.get_by_role("link", name="run pipeline/late")).to_be_visible()


def test_nothing_is_offered_to_be_edited(guest: Visitor) -> None:
    page = guest.enter("r/digits/failed")
    page.get_by_role("region", name="Facts").wait_for()
    for name in ("Change the name", "Change the notes", "+ tag"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)


def test_the_sync_page_says_what_is_held(guest: Visitor) -> None:
    page = guest.enter("sync")
    expect(page.get_by_role("heading", name="What this hub holds")).to_be_visible()
    expect(page.get_by_text("in 4 projects")).to_be_visible()


@pytest.fixture
def awaiting(tmp_path: Path) -> Iterator[Served]:
    """A hub that nothing has been delivered to yet."""
    with serving.hub(Bench(tmp_path)) as pages:
        yield pages


def test_a_run_that_trains_is_followed_while_it_is_delivered(awaiting: Served, visit: Callable[..., Visitor]) -> None:
    bench = awaiting.bench
    shutil.copy(corpora.PROGRAMS / "live.py", bench.folder)
    with corpora.live(bench, "grows") as log:
        log(3)
        with bench.daemon():
            page = visit(awaiting).enter("p/live")
            expect(parts.chart(page, "loss")).to_have_attribute("aria-label", parts.saying("values from 0.25 to 1"))
            log(5)
            expect(parts.chart(page, "loss")).to_have_attribute("aria-label", parts.saying("from 0.1"))

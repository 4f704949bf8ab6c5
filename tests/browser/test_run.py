"""The page of one run: what it was, what it printed, its files; and edits, which outlive the index."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import corpora, parts, serving
from tests.browser.chrome import Visitor, quiet
from tests.browser.serving import Served
from tests.commands import Bench
from tests.timing import PATIENCE_SECONDS, eventually


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Served]:
    """Pages over one run of their own, which may be edited."""
    bench = Bench(tmp_path)
    assert (
        bench.train("import runstore\nwith runstore.init(project='p', id='r') as run: run.log({'a': 1})").returncode
        == 0
    )
    bench.runstore("runs", "list")
    with serving.ui(bench) as pages:
        yield pages


def fact(page: Page, name: str) -> str:
    """Return what the overview says of the run under this name."""
    facts = page.get_by_role("region", name="Facts")
    term = facts.get_by_role("term").filter(has_text=name)
    return str(term.locator("xpath=following-sibling::*[1]").inner_text())


def test_the_overview_says_what_where_and_from_which_code(visitor: Visitor) -> None:
    page = visitor.enter("r/digits/failed")
    page.get_by_role("region", name="Facts").wait_for()
    assert page.get_by_text("failed, exit code 1").is_visible()
    assert len(fact(page, "Git commit").split()[0]) == 12
    assert "Python" in fact(page, "Python")
    page.get_by_role("region", name="Uncommitted changes").get_by_role("button", name="show").click()
    page.get_by_text("depth = 4").wait_for()


def test_the_command_can_be_typed_again(visitor: Visitor) -> None:
    page = visitor.enter("r/digits/lr0.1-s0")
    page.get_by_role("region", name="Facts").wait_for()
    assert "train.py sweep" in fact(page, "Command")


def test_the_config_is_a_tree_that_can_be_searched(visitor: Visitor) -> None:
    page = visitor.enter("r/digits/lr0.1-s0")
    config = page.get_by_role("region", name="Config")
    config.get_by_role("term").filter(has_text="decay").wait_for()
    config.get_by_role("button", name="optimizer").click()
    expect(config.get_by_role("term").filter(has_text="decay")).to_have_count(0)
    config.get_by_role("searchbox").fill("deca")
    expect(config.get_by_role("term")).to_have_count(1)


def test_edits_are_in_the_log_and_outlive_the_index(alone: Served, visit: Callable[..., Visitor]) -> None:
    hostile = "<script>window.hacked=1</script>"
    visitor = visit(alone)
    page = visitor.enter("r/p/r")
    page.get_by_role("button", name="Change the name").click()
    page.get_by_role("textbox", name="Name of the run").fill("a better name")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="a better name").wait_for()
    page.get_by_role("button", name="Change the notes").click()
    page.get_by_role("textbox", name="Notes of the run").fill(f"line one\n{hostile}")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("region", name="Notes").get_by_text(hostile).wait_for()
    page.get_by_role("button", name="+ tag").click()
    page.get_by_role("textbox", name="New tag").fill("good")
    page.keyboard.press("Enter")
    page.get_by_role("list", name="Tags").get_by_text("good").wait_for()
    assert list(alone.bench.folder.glob("wandb/*/*.edits.rslog"))
    alone.bench.runstore("index", "rebuild")
    page.reload()
    page.get_by_role("heading", name="a better name").wait_for()
    page.get_by_role("region", name="Notes").get_by_text(hostile).wait_for()
    page.get_by_role("list", name="Tags").get_by_text("good").wait_for()
    assert page.evaluate("window.hacked") is None
    page.get_by_role("button", name="Take the tag good away").click()
    expect(page.get_by_role("list", name="Tags").get_by_text("good")).to_have_count(0)


def test_an_edit_shows_at_once_while_somebody_writes_to_the_index(alone: Served, visit: Callable[..., Visitor]) -> None:
    page = visit(alone).enter("r/p/r")
    page.get_by_role("button", name="Change the name").wait_for()
    index = alone.bench.folder / "home" / "index.db"
    with closing(sqlite3.connect(index, timeout=PATIENCE_SECONDS, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        page.get_by_role("button", name="Change the name").click()
        page.get_by_role("textbox", name="Name of the run").fill("named meanwhile")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("heading", name="named meanwhile").wait_for()
        page.reload()
        page.get_by_role("heading", name="named meanwhile").wait_for()
        page.get_by_role("link", name="p", exact=True).first.click()
        parts.table(page).get_by_role("link", name="named meanwhile").wait_for()
        other.execute("ROLLBACK")


def test_a_file_whose_name_is_no_text_is_opened(alone: Served, visit: Callable[..., Visitor], tmp_path: Path) -> None:
    (files,) = alone.bench.folder.glob("wandb/*/files")
    with open(os.path.join(os.fsencode(files), b"caf\xe9.txt"), "w") as file:
        file.write("au lait")
    page = visit(alone).enter("r/p/r?tab=files")
    page.get_by_role("button", name="caf\\xe9.txt").click()
    page.get_by_role("complementary", name="caf\\xe9.txt").get_by_text("au lait").wait_for()
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download").click()
    coming.value.save_as(tmp_path / "kept.txt")
    assert (tmp_path / "kept.txt").read_text() == "au lait"


def test_read_only_pages_offer_no_edit_and_refuse_one(visit: Callable[..., Visitor], trained: Bench) -> None:
    with serving.ui(trained, "--read-only", name="readonly") as pages:
        visitor = visit(pages)
        visitor.tolerate("40")
        page = visitor.enter("r/digits/failed")
        page.get_by_role("region", name="Facts").wait_for()
        assert not page.get_by_role("button", name="Change the name").count()
        said = page.evaluate(
            """async (token) => {
                const body = JSON.stringify({ ref: "digits/failed", name: "x" });
                const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
                return (await fetch("/api/run/edit", { method: "POST", body, headers })).status;
            }""",
            pages.token,
        )
        assert 400 <= said < 500


def test_the_console_is_fetched_in_parts_and_shows_colours_and_errors(visitor: Visitor) -> None:
    page = visitor.enter("r/console/talks?tab=logs")
    console = page.get_by_role("region", name="Console")
    console.get_by_text("red words").wait_for()
    assert console.get_by_text("<img src=x onerror=window.hacked=1> is text").is_visible()
    assert page.evaluate("window.hacked") is None
    colour = "element => getComputedStyle(element).color"
    red = console.get_by_text("red words", exact=True).evaluate(colour)
    assert red != console.get_by_text("line 0000 of five thousand").evaluate(colour)
    assert console.get_by_role("button", name="Line").count() < 200
    assert visitor.costs.total("api/console") < 30_000
    page.get_by_role("button", name="To the end").click()
    console.get_by_text("the last line").wait_for()


def test_the_console_is_searched_on_the_server(visitor: Visitor) -> None:
    page = visitor.enter("r/console/talks?tab=logs")
    page.get_by_role("region", name="Console").get_by_text("red words").wait_for()
    page.get_by_role("searchbox", name="Search the console").fill("line 4321")
    page.get_by_text("line 4321 of five thousand").first.wait_for()


def test_the_console_is_followed_while_it_grows(visit: Callable[..., Visitor], served: Served) -> None:
    with corpora.live(served.bench, "prints") as log:
        log(1)
        visitor = visit(served)
        visitor.tolerate("404")  # the page was opened before the run was known
        page = visitor.enter("r/live/prints?tab=logs")
        page.get_by_text("step 1", exact=True).wait_for()
        log(4)
        page.get_by_text("step 6", exact=True).wait_for()


def test_files_are_listed_shown_and_downloaded(visitor: Visitor) -> None:
    page = visitor.enter("r/digits/failed?tab=files")
    files = page.get_by_role("table", name="Files")
    files.get_by_role("button", name="requirements.txt").click()
    page.get_by_text("numpy==").first.wait_for()
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download").first.click()
    assert "numpy==" in Path(coming.value.path()).read_text(encoding="utf-8")


def test_hostile_files_are_shown_as_text_or_not_at_all(visitor: Visitor) -> None:
    page = visitor.enter()
    page.get_by_role("link", name="<img src=x onerror=window.hacked=1>").first.click()
    page.get_by_role("region", name="Runs").get_by_role("rowheader").get_by_role("link").first.click()
    page.get_by_role("navigation", name="Parts of the run").get_by_role("link", name="Files").click()
    files = page.get_by_role("table", name="Files")
    files.get_by_role("button", name="evil.svg").wait_for()
    assert not files.get_by_text("secret.txt").count(), "a link out of the run's folder is not shown"
    for name in ("evil.svg", "evil.html", "=cmd.txt", "strange.bin"):
        files.get_by_role("button", name=name, exact=True).click()
        page.get_by_role("complementary", name=name, exact=True).wait_for()
        quiet(visitor)
    eventually(lambda: page.evaluate("window.hacked") is None)
    assert all(frame.evaluate("window.hacked") is None for frame in page.frames)

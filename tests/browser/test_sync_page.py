"""The sync page: what is durable and indexed here, and where it goes; each state in words that are true."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import serving
from tests.browser.chrome import Visitor
from tests.browser.serving import Served
from tests.commands import ONE_RUN, Bench


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Served]:
    """Pages over one run, of which something may be delivered."""
    bench = Bench(tmp_path)
    assert bench.train(ONE_RUN).returncode == 0
    with serving.ui(bench) as pages:
        yield pages


def state(page: Page) -> Locator:
    """What is said of all runs; the first answer may be of before the index has read them."""
    return page.locator(".head").get_by_role("status")


def test_the_page_tells_what_is_durable_indexed_and_delivered_where(visitor: Visitor) -> None:
    page = visitor.enter("sync")
    expect(page.get_by_role("heading", name="Durable")).to_be_visible()
    expect(page.get_by_text("Runs are delivered nowhere yet")).to_be_visible()
    page.get_by_label("also those that are settled").check()
    page.get_by_label("Find a run by its path").fill("pipeline/ev")
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("link", name="pipeline/evaluate")).to_be_visible()


def test_where_nothing_is_delivered_nothing_waits_for_that(alone: Served, visit: Callable[..., Visitor]) -> None:
    page = visit(alone).enter("sync")
    expect(state(page)).to_have_text("all is indexed")
    expect(page.get_by_text("1 run, and the index has read all of it")).to_be_visible()
    bad = alone.bench.folder / "wandb" / "offline-run-20260101_000000-bad" / "run-bad.wandb"
    bad.parent.mkdir()
    bad.write_bytes(b"something else" * 100)
    expect(page.get_by_text(re.compile("1 file can.t be read"))).to_be_visible()
    expect(page.get_by_text("run-bad.wandb")).to_be_visible()


def test_a_target_that_is_down_is_said_to_be(alone: Served, visit: Callable[..., Visitor]) -> None:
    bench = alone.bench
    bench.runstore("remote", "add", "away", "http://127.0.0.1:9", "--token", "t")
    page = visit(alone).enter("sync")
    expect(page.get_by_role("cell", name="not watched")).to_be_visible()
    expect(state(page)).to_have_text("1 log waits")
    with bench.daemon():
        page.reload()
        expect(page.get_by_text("no answer")).to_be_visible()


def test_a_target_holds_all_and_then_disagrees(alone: Served, visit: Callable[..., Visitor]) -> None:
    bench = alone.bench
    with serving.hub(bench):
        bench.runstore("sync", "--remote", "lab")
        page = visit(alone).enter("sync")
        expect(page.get_by_text("Nothing waits: 1 run, indexed and delivered")).to_be_visible()
        (log,) = bench.folder.glob("wandb/*/run-one.wandb")
        changed = bytearray(log.read_bytes())
        changed[1000] ^= 1
        log.write_bytes(changed + b"more")
        bench.command("sync", "--remote", "lab")
        page.reload()
        expect(page.get_by_role("cell", name="failed")).to_be_visible()
        expect(page.get_by_text("lab holds other bytes for this log").first).to_be_visible()


def test_a_folder_for_bundles_awaits_receipts(alone: Served, visit: Callable[..., Visitor]) -> None:
    bench = alone.bench
    (bench.folder / "stick").mkdir()
    bench.runstore("remote", "add", "stick", str(bench.folder / "stick"), "--kind", "bundle")
    bench.runstore("sync", "--remote", "stick")
    page = visit(alone).enter("sync")
    expect(page.get_by_role("cell", name="receipt awaited")).to_be_visible()
    expect(state(page)).to_have_text("1 log waits")

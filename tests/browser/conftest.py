"""Browser tests: a real server, a real browser, runs of real programs. What can't be had here is the reason to skip."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from runstore.web.shell import is_built
from tests.browser import chrome, corpora, serving
from tests.browser.chrome import Visitor
from tests.browser.serving import Served
from tests.commands import Bench


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what can't run here, and say what to install."""
    missing = "Chromium is not here: apt-get install chromium" if chrome.CHROMIUM is None else ""
    missing = missing or ("" if is_built() else "the front end is not built: make ui")
    for item in items:
        if missing and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=missing))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Of these tests only: playwright's event loop is in the way of tests that have one of their own."""
    with chrome.launched() as launched:
        yield launched


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A copy of all runs, for this process; trained once, whichever of pytest's processes comes first."""
    base = tmp_path_factory.getbasetemp()
    shelf = base.parent if base.name.startswith("popen-") else base
    made = corpora.shared(shelf, "browser-corpus", lambda folder: corpora.train(Bench(folder)))
    own = base / "browser"
    shutil.copytree(made, own, symlinks=True, ignore=shutil.ignore_patterns("home"))
    bench = Bench(own)
    bench.runstore("runs", "list")
    return bench


@pytest.fixture(scope="session")
def served(trained: Bench) -> Iterator[Served]:
    with serving.ui(trained) as pages:
        yield pages


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Open tabs; the test fails if anything on them went wrong, or if their server says that something did."""
    visitors: list[Visitor] = []

    def visit(served: Served, **settings: Any) -> Visitor:
        visitors.append(Visitor(browser, served, **settings))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.context.close()
    for visitor in visitors:
        visitor.ensure_faultless()
        assert "Traceback" not in visitor.served.complaint(), visitor.served.complaint()


@pytest.fixture
def visitor(visit: Callable[..., Visitor], served: Served) -> Visitor:
    return visit(served)

"""Every test here has a folder of its own for its runs, an index of its own, and pages over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import runstore
from runstore.web.reading import Reader
from runstore.web.site import Site
from tests.sdk.conftest import forget_settings
from tests.web.asking import Asking
from tests.web.looking import CaughtUpAtOnce


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return the folder in which the test works, and whose `wandb` holds its runs; an open run is ended after it."""
    forget_settings(tmp_path, monkeypatch, request)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    runstore.finish()


@pytest.fixture
def site() -> Iterator[Site]:
    """The runs of this test, which are caught up with before each answer."""
    watch = CaughtUpAtOnce()
    site = Site(Reader(), watch=watch)
    yield site
    watch.close()
    site.close()


@pytest.fixture
def asking(site: Site) -> Asking:
    """Requests to the pages, with the token."""
    return Asking(site)

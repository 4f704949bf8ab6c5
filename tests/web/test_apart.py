"""Searches that would take for ever: they are stopped, and nobody else waits for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.requests import ClientDisconnect, Request

import runstore
from runstore.errors import RunstoreError
from runstore.query.api import Api
from runstore.web.answerers import Answerers
from runstore.web.apart import Apart, TookTooLong
from runstore.web.app import create_app
from runstore.web.asking import Asked
from runstore.web.routes.console import find
from runstore.web.site import Site
from tests.commands import children
from tests.timing import PATIENCE_SECONDS, eventually
from tests.web.asking import TOKEN, Asking

ENDLESS = "(a+)+$"
_TEXT = "a" * 60 + "b"


@pytest.fixture(autouse=True)
def run(folder: Path) -> None:
    """A run whose name and console are made for an expression."""
    with runstore.init(project="demo", id="r1", name=_TEXT, settings={"console": "off"}) as run:
        run.write_logs(_TEXT)
    Api().close()


@pytest.fixture
def hurried(asking: Asking, request: pytest.FixtureRequest) -> Iterator[Asking]:
    """Pages that let nobody search for long; `request.param` seconds where a test says so."""
    asking.site.apart = Apart(None, seconds=getattr(request, "param", 0.5))
    yield asking
    asking.site.apart.close()


@pytest.mark.parametrize("hurried", [3.0], indirect=True)  # in which the process has come to the expression
def test_an_endless_expression_is_stopped_and_not_tried_again_at_once(
    hurried: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = hurried.refusal("/api/console/find", ref="demo/r1", text=ENDLESS, regex=1, status=400)
    assert "stopped after 3 seconds" in said
    with monkeypatch.context() as patched:
        patched.setattr(Answerers, "take", None)  # no process is asked
        assert said == hurried.refusal("/api/console/find", ref="demo/r1", text=ENDLESS, regex=1, status=400)
    monkeypatch.setattr(hurried.site.apart, "_seconds", PATIENCE_SECONDS)  # what has an end has all the time for it
    assert hurried.get("/api/console/find", ref="demo/r1", text="a+b", regex=1)["total"] == 1


@pytest.mark.parametrize("path", ["/api/runs", "/api/sweep", "/api/groups"])
def test_an_endless_expression_in_a_filter_is_stopped_too(hurried: Asking, path: str) -> None:
    for text in (f"/{ENDLESS}/", f"name=/{ENDLESS}/", f"not (tag:x or /{ENDLESS}/i)"):
        body = {"project": "demo", "filter": text, "limit": 5}
        assert "stopped after" in hurried.refusal(path, body=body, status=400)


def test_an_expression_that_ends_finds_what_any_filter_finds(asking: Asking) -> None:
    body = {"project": "demo", "filter": "/^a+b$/", "limit": 5}
    assert asking.post("/api/runs", body)["rows"]["refs"] == ["demo/r1"]
    assert asking.post("/api/runs", {**body, "filter": "/x/"})["found"] == 0
    assert asking.post("/api/runs", {**body, "filter": "name:/(/"})["wrong"]["column"] == 5
    assert asking.post("/api/sweep", body)["total"] == 1


def test_others_are_answered_while_many_search(site: Site) -> None:
    site.apart = Apart(None, seconds=PATIENCE_SECONDS)
    others = children(os.getpid())  # other tests of this process may have servers

    async def ask_all() -> list[int]:
        transport = httpx.ASGITransport(app=create_app(site, TOKEN))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answered: list[int] = []
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:

            async def search(number: int) -> None:
                params = {"ref": "demo/r1", "text": f"{ENDLESS}{number}", "regex": "1"}
                answered.append((await client.get("/api/console/find", params=params)).status_code)

            async with anyio.create_task_group() as searches:
                for number in range(4):
                    searches.start_soon(search, number)
                while len(children(os.getpid()) - others) < 2:
                    await anyio.sleep(0.01)
                for _ in range(20):
                    assert (await client.get("/api/projects")).status_code == 200
                searches.cancel_scope.cancel()
        return answered

    assert anyio.run(ask_all) == []
    site.apart.close()


def test_whose_browser_goes_away_searches_no_longer() -> None:
    apart = Apart(None, seconds=600)
    asked = Asked({"ref": "demo/r1", "text": ENDLESS, "regex": "1"})
    others = children(os.getpid())  # other tests of this process may have servers

    async def leave() -> dict[str, str]:
        while children(os.getpid()) <= others:
            await anyio.sleep(0.01)
        await anyio.sleep(0.1)
        return {"type": "http.disconnect"}

    async def search() -> None:
        with pytest.raises(ClientDisconnect):
            await apart.answer(Request({"type": "http"}, leave), find, asked)

    anyio.run(search)
    assert eventually(lambda: children(os.getpid()) <= others)


def test_a_process_that_died_otherwise_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    async def search() -> None:
        with pytest.raises(RunstoreError, match="the process that searches ended") as error:
            await Apart(None).answer(Request({"type": "http"}, _stay), failing, Asked({}))
        assert not isinstance(error.value, TookTooLong)

    anyio.run(search)
    assert "ZeroDivisionError" in capfd.readouterr().err


async def _stay() -> dict[str, str]:
    await anyio.sleep_forever()
    return {}


def failing(api: Api, asked: Asked) -> object:
    """A question with a mistake in it."""
    return 1 / 0

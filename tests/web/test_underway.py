"""Questions that take long: they end with whoever asked them, or after a while, and nobody else waits for them."""

from __future__ import annotations

import threading
import time

import anyio
import httpx
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.routing import BaseRoute

import runstore
from runstore.errors import Stopped
from runstore.query.api import Api
from runstore.web.app import create_app
from runstore.web.asking import Asked
from runstore.web.reading import Reader
from runstore.web.site import Site
from runstore.web.underway import Lanes, UnderWay
from tests.timing import PATIENCE_SECONDS
from tests.web.asking import TOKEN, Asking

_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
ended: list[str] = []
held: list[str] = []
goes_on = threading.Event()


def in_one_statement(api: Api, asked: Asked) -> object:
    return api.connection.execute(_ENDLESS).fetchone()


def in_many_statements(api: Api, asked: Asked) -> object:
    try:
        while True:
            api.connection.execute("SELECT 1").fetchone()
    except Stopped:
        ended.append("many")
        raise


def writing(api: Api, asked: Asked) -> object:
    time.sleep(0.3)
    api.connection.execute("SELECT 1").fetchone()
    ended.append("written")
    return "done"


def holding(api: Api, asked: Asked) -> object:
    held.append("here")
    return goes_on.wait(PATIENCE_SECONDS)


@pytest.fixture
def hurried(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Pages with questions that have no end, for which there are 0.5 s, of which 0.1 s count as quick."""
    with runstore.init(project="demo", id="r1") as run:
        run.log({"loss": 1})
    from runstore.web.routes import projects

    def routes(site: Site) -> list[BaseRoute]:
        slow = [site.get("/api/one", in_one_statement), site.get("/api/many", in_many_statements)]
        slow.append(site.get("/api/holding", holding))
        return [*slow, site.change("/api/write", writing), *projects.routes(site)]

    monkeypatch.setattr("runstore.web.app.routes_of", routes)
    site.lanes = Lanes(seconds=0.5, slow_seconds=0.1)
    ended.clear()
    held.clear()
    goes_on.clear()
    return site


@pytest.mark.parametrize("path", ["/api/one", "/api/many"])
def test_a_question_without_an_end_is_stopped(hurried: Site, path: str) -> None:
    asking = Asking(hurried)
    assert "longer than 0.5 seconds" in asking.refusal(path, status=400)
    hurried.lanes = Lanes()  # what has an end has all the time for it
    assert [project["name"] for project in asking.get("/api/projects")] == ["demo"]


@pytest.mark.parametrize("question", [in_one_statement, in_many_statements])
def test_a_question_ends_with_the_page_that_asked(hurried: Site, question: object) -> None:
    reader, began, over = Reader(), threading.Event(), threading.Event()

    def ask(under_way: UnderWay) -> object:
        began.set()
        try:
            return reader.answer(question, Asked({}), under_way)  # type: ignore[arg-type]
        finally:
            over.set()

    async def leave() -> dict[str, str]:
        while not began.is_set():
            await anyio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def search() -> None:
        with pytest.raises(ClientDisconnect):
            await Lanes(seconds=600).answer(Request({"type": "http"}, leave), ask)

    anyio.run(search)
    assert over.is_set()
    reader.close()


def test_others_are_answered_while_all_slow_places_are_taken(hurried: Site) -> None:
    async def ask_all() -> list[int]:
        transport = httpx.ASGITransport(app=create_app(hurried, TOKEN))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answered: list[int] = []
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:

            async def ask() -> None:
                answered.append((await client.get("/api/holding")).status_code)

            async with anyio.create_task_group() as slow:
                for _ in range(8):
                    slow.start_soon(ask)
                while len(held) < 8:
                    await anyio.sleep(0.01)
                for _ in range(20):
                    assert (await client.get("/api/projects")).status_code == 200
                assert not answered
                goes_on.set()
        return answered

    hurried.lanes = Lanes(seconds=PATIENCE_SECONDS, slow_seconds=0.1)
    try:
        assert anyio.run(ask_all) == [200] * 8
    finally:
        goes_on.set()


def test_a_change_is_done_whoever_goes_away(hurried: Site) -> None:
    """What was begun to be written is not given up in its middle."""
    hurried.lanes = Lanes(seconds=0.1)
    assert Asking(hurried).post("/api/write", {}) == "done"
    assert ended == ["written"]


def test_what_was_stopped_just_after_its_end_is_lent_to_nobody(hurried: Site) -> None:
    reader = Reader()
    with reader.api() as api:
        api.stop()
    with reader.api() as another:
        assert another is not api
        assert another.connection.execute("SELECT 1").fetchone() == (1,)
    reader.close()

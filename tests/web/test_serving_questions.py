"""What a request to the JSON API is answered with, whatever it asks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import BaseRoute

import runstore
from runstore.errors import IndexDamaged, IndexUnusable, NotFound, StorageError, UsageError, WrongFilter
from runstore.query.api import Api
from runstore.web import site as site_module
from runstore.web.asking import Asked, Question
from runstore.web.site import Site
from tests.web.asking import TOKEN, Asking


def logged(run_id: str = "one", **config: object) -> None:
    with runstore.init(project="demo", id=run_id, config=config) as run:
        run.log({"loss": 0.5})


def asked_with(site: Site, question: Question, monkeypatch: pytest.MonkeyPatch) -> Asking:
    """Return pages that answer /api/test with this, whether it is asked in a URL or a body."""

    def routes(site: Site) -> list[BaseRoute]:
        return [site.get("/api/test", question), site.ask("/api/test", question)]

    monkeypatch.setattr("runstore.web.app.routes_of", routes)
    return Asking(site)


def test_projects_are_listed_as_they_are_now(asking: Asking) -> None:
    assert asking.get("/api/projects") == []
    logged()
    (project,) = asking.get("/api/projects")
    assert project["name"] == "demo"


def test_numbers_that_json_lacks_come_by_name(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = asked_with(site, lambda api, asked: {"a": [math.nan, math.inf, -math.inf], 1: None}, monkeypatch)
    assert asking.get("/api/test") == {"a": ["NaN", "Infinity", "-Infinity"], "1": None}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("no such run"), 404),
        (UsageError("no such field"), 400),
        (StorageError("the disk is full"), 507),
        (IndexUnusable("locked"), 503),
    ],
)
def test_an_error_is_one_sentence_with_a_status(
    site: Site, error: Exception, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(api: Api, asked: Asked) -> object:
        raise error

    asking = asked_with(site, fails, monkeypatch)
    assert asking.refusal("/api/test", status=status) == str(error)


def test_a_wrong_filter_says_where_it_is_wrong(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(api: Api, asked: Asked) -> object:
        raise WrongFilter("there is no operator =<", "lr=<1", 2)

    answer = asked_with(site, fails, monkeypatch).request("GET", "/api/test")
    assert answer.status_code == 400
    assert answer.json() == {"error": "there is no operator =<", "column": 2}


def test_what_nobody_expected_is_said_without_its_details(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(api: Api, asked: Asked) -> object:
        raise ValueError("/home/ada/secret")

    asking = asked_with(site, fails, monkeypatch)
    with pytest.raises(ValueError, match="secret"):  # which is for the terminal that the server was started in
        asking.request("GET", "/api/test")
    answer = asking.request("GET", "/api/test", is_raised=False)
    assert answer.status_code == 500
    assert answer.json() == {"error": "the server failed over this; where it was started stands why"}
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_an_index_that_turns_out_damaged_is_asked_once_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_before: list[Api] = []

    def fails_once(api: Api, asked: Asked) -> object:
        asked_before.append(api)
        if len(asked_before) == 1:
            raise IndexDamaged("set aside")
        return "answered"

    assert asked_with(site, fails_once, monkeypatch).get("/api/test") == "answered"
    assert asked_before[0] is not asked_before[1]


def test_an_index_that_is_deleted_meanwhile_is_built_anew(asking: Asking, folder: Path) -> None:
    logged()
    assert asking.get("/api/projects")
    for path in (folder / "home").glob("index.db*"):
        path.unlink()
    assert [project["name"] for project in asking.get("/api/projects")] == ["demo"]


@pytest.mark.parametrize("body", [b"[]", b"{", b"1", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(asking: Asking, body: bytes) -> None:
    answer = asking.request("POST", "/api/run/edit", headers={"Content-Type": "application/json"}, content=body)
    assert answer.status_code == 400
    assert "body of the request" in answer.json()["error"]


def test_a_body_without_end_is_refused_before_it_is_read(asking: Asking) -> None:
    body = b'{"a": "' + b"x" * (site_module.MOST_BODY_BYTES + 1)
    answer = asking.request("POST", "/api/run/edit", headers={"Content-Type": "application/json"}, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "a request is 4,194,304 bytes at most"


@pytest.mark.parametrize(
    ("accepted", "is_packed"), [("gzip", True), ("br;q=1, gzip;q=0.5", True), ("gzip;q=0", False), ("", False)]
)
def test_long_answers_travel_packed_to_whoever_takes_that(
    site: Site, accepted: str, is_packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = asked_with(site, lambda api, asked: ["the same"] * 1000, monkeypatch)
    answer = asking.request("GET", "/api/test", headers={"Accept-Encoding": accepted})
    assert answer.json() == ["the same"] * 1000
    assert (answer.headers.get("content-encoding") == "gzip") is is_packed
    assert (int(answer.headers["content-length"]) < 1000) is is_packed


def test_short_answers_are_not_packed(asking: Asking) -> None:
    answer = asking.request("GET", "/api/projects", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


def test_parameters_are_checked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def question(api: Api, asked: Asked) -> Any:
        return [asked.text("ref"), asked.number("limit", 5, 10)]

    asking = asked_with(site, question, monkeypatch)
    assert asking.get("/api/test", ref="a") == ["a", 5]
    assert asking.get("/api/test", ref="a", limit="10") == ["a", 10]
    assert "'ref' is missing" in asking.refusal("/api/test", status=400)
    for wrong in ("11", "-1", "1e3", "٣", "1_0", "", "9" * 30):
        assert "limit is a whole number from 0 to 10" in asking.refusal("/api/test", status=400, ref="a", limit=wrong)


def test_many_questions_are_answered_at_once(site: Site) -> None:
    """More than there are connections to the index."""
    import anyio

    from runstore.web.app import create_app

    logged()

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app=create_app(site, TOKEN))
        found: list[int] = []
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:

            async def one() -> None:
                answer = await client.get("/api/projects", headers={"Authorization": f"Bearer {TOKEN}"})
                found.append(len(answer.json()))

            async with anyio.create_task_group() as group:
                for _ in range(40):
                    group.start_soon(one)
        return found

    assert anyio.run(ask) == [1] * 40


def test_bodies_are_checked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def question(api: Api, asked: Asked) -> Any:
        return [asked.body_text("ref"), asked.body_texts("sort", 2), asked.body_number("limit", 10, 5)]

    asking = asked_with(site, question, monkeypatch)
    assert asking.post("/api/test", {"ref": "a"}) == ["a", None, 5]
    assert asking.post("/api/test", {"ref": "a", "sort": ["b", "c"], "limit": 10}) == ["a", ["b", "c"], 10]
    assert "ref is a text, not None" in asking.refusal("/api/test", body={}, status=400)
    for wrong in ("b", ["a", "b", "c"], [1]):
        assert "up to 2 texts" in asking.refusal("/api/test", body={"ref": "a", "sort": wrong}, status=400)
    for limit in (-1, 11, True, 1.5, "1"):
        assert "from 0 to 10, not" in asking.refusal("/api/test", body={"ref": "a", "limit": limit}, status=400)

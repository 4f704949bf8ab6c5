"""Addresses that need no token: each stands for one thing of one run, and only this server can have made it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore.errors import NotFound
from runstore.web.site import Site
from runstore.web.tickets import Ticket, Tickets, made_for
from tests.web.asking import Asking
from tests.web.runfiles import run_with_files

# As the system has them: whatever is no UTF-8 comes as lone surrogates.
names = st.binary(min_size=1, max_size=40).map(lambda raw: raw.replace(b"\0", b"_").decode("utf-8", "surrogateescape"))


def ticket_in(address: str) -> str:
    return address.split("/")[1]


@given(path=names, name=names | st.just(""))
def test_an_address_is_read_as_it_was_made(path: str, name: str) -> None:
    tickets = Tickets()
    address = tickets.address("team/p/one", "files", path, "image", name)
    assert address.isascii()
    assert address.count("/") == 2
    expected = name or path.rpartition("/")[2]
    assert tickets.read(ticket_in(address)) == Ticket("team/p/one", "files", path, "image", expected)


def test_an_address_of_another_server_is_refused() -> None:
    address = Tickets().address("p/one", "files", "a.png")
    with pytest.raises(NotFound, match="load the page anew"):
        Tickets().read(ticket_in(address))


@pytest.mark.parametrize("other", ["p/two", "files", "b.png", "download"])
def test_an_address_is_good_for_one_thing_alone(other: str) -> None:
    """Whoever has one can't make it one of another file, run or way."""
    tickets = Tickets()
    mine = tickets.address("p/one", "blobs", "a.png", "file")
    given = {"ref": "p/one", "kind": "blobs", "path": "a.png", "way": "file"}
    changed = {"p/two": "ref", "files": "kind", "b.png": "path", "download": "way"}[other]
    wanted = {**given, changed: other}
    theirs = Tickets().address(wanted["ref"], wanted["kind"], wanted["path"], wanted["way"])  # type: ignore[arg-type]
    content, digest = ticket_in(theirs).split(".")[0], ticket_in(mine).split(".")[1]
    with pytest.raises(NotFound):
        tickets.read(f"{content}.{digest}")


@pytest.mark.parametrize("ticket", ["", ".", "x", "x.y", "[].", "WyJhIl0.", "é.é", "\ud800.x"])
def test_what_was_never_an_address_is_refused(ticket: str) -> None:
    with pytest.raises(NotFound):
        Tickets().read(ticket)


def test_the_secret_is_not_in_what_errors_print() -> None:
    tickets = Tickets(b"s3cret")
    assert "s3cret" not in repr(tickets)


def test_bytes_come_without_a_token_to_whoever_has_the_address(asking: Asking) -> None:
    run_with_files({"a.txt": b"hello"})
    asking.get("/api/projects")  # which brings the run into the index
    address = asking.site.tickets.address("demo/one", "files", "a.txt")
    assert asking.request("GET", f"/{address}", is_known=False).content == b"hello"


def test_bytes_come_to_nobody_by_their_path(asking: Asking) -> None:
    run_with_files({"a.txt": b"hello"})
    asking.get("/api/projects")
    address = asking.site.tickets.address("demo/one", "files", "a.txt")
    content, _, digest = ticket_in(address).partition(".")
    wrong = digest[:-1] + ("A" if digest[-1] != "A" else "B")
    for path in ("raw/demo/one/a.txt", f"raw/{content}/a.txt", f"raw/{content}./a.txt", f"raw/{content}.{wrong}/a.txt"):
        answer = asking.request("GET", f"/{path}")
        assert b"hello" not in answer.content
        assert answer.status_code == 404 or answer.headers["content-type"].startswith("text/html")


def test_an_address_of_what_is_gone_says_so(asking: Asking) -> None:
    run_with_files({})
    asking.get("/api/projects")
    address = asking.site.tickets.address("demo/one", "files", "gone.png")
    answer = asking.request("GET", f"/{address}")
    assert answer.status_code == 404
    assert answer.json()["error"] == "run one has no file 'gone.png' in its run directory"
    assert asking.request("GET", "/" + asking.site.tickets.address("demo/none", "files", "x")).status_code == 404


def test_an_address_is_good_as_long_as_the_token_that_it_was_made_for() -> None:
    good = {"ada", "bob"}
    tickets = Tickets(is_good=good.__contains__)
    addresses = {}
    for holder in ("ada", "bob"):
        with made_for(holder):
            addresses[holder] = ticket_in(tickets.address("p/one", "files", "a.png"))
    good.remove("ada")
    assert tickets.read(addresses["bob"]).path == "a.png"
    with pytest.raises(NotFound, match="token"):
        tickets.read(addresses["ada"])


def test_who_asked_is_in_the_addresses_of_an_answer(site: Site) -> None:
    run_with_files({"a.txt": b"hello"})
    tokens = {"one": "1", "two": "2"}

    async def check(token: str) -> str | None:
        return tokens.get(token)

    site.tickets = Tickets(is_good=lambda mark: mark in tokens.values())
    asking = Asking(site, check)
    headers = {"Authorization": "Bearer one"}
    opened = asking.request("GET", "/api/files/open?ref=demo/one&name=a.txt", headers=headers).json()
    assert asking.request("GET", f"/{opened['file']}", is_known=False).content == b"hello"
    del tokens["one"]
    assert asking.request("GET", f"/{opened['file']}", is_known=False).status_code == 404

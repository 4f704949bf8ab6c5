"""The front end's files: the one page, wherever it is asked for, and assets that browsers keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore.web import shell
from tests.web.asking import Asking

SCRIPT = b"export const a = 1;\n" * 100
BROTLI = bytes.fromhex("1bcf07f81d0776acb1ced9d36927a43548cc1cddec091b6b851db7375588833582499e10bb7dbb9000")  # the same


@pytest.fixture(autouse=True)
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages as Vite builds them."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text(
        '<!doctype html>\n<html><head>\n<script src="./assets/a-1.js"></script></head></html>'
    )
    (static / "assets" / "a-1.js").write_bytes(SCRIPT)
    (static / "assets" / "tiny-2.css").write_bytes(b"a{}")
    (tmp_path / "secret.js").write_bytes(b"not ours to show")
    monkeypatch.setattr(shell, "STATIC", static)
    return static


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/", "./"),
        ("/sync", "./"),
        ("/p/demo", "../"),
        ("/r/team/demo/one?tab=logs", "../../../"),
        ("/r/a%2Fb/one", "../../"),  # a name with a slash in it is one part of the address
        ("/p/two%0Alines", "../"),
        ("/p/demo/", "../../"),
    ],
)
def test_every_address_leads_to_the_page_and_from_it_back_to_the_root(asking: Asking, path: str, root: str) -> None:
    answer = asking.request("GET", path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert f'<head><base href="{root}">' in answer.text
    assert answer.headers["cache-control"] == "no-cache"


def test_assets_are_kept_for_ever_and_travel_packed(asking: Asking) -> None:
    answer = asking.request("GET", "/assets/a-1.js", headers={"Accept-Encoding": "br, gzip"})
    assert answer.content == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(SCRIPT) / 5
    assert "immutable" in answer.headers["cache-control"]
    assert "max-age=31536000" in answer.headers["cache-control"]
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["vary"] == "Accept-Encoding"


def test_brotli_that_was_made_with_the_pages_travels_where_it_is_taken(asking: Asking, static: Path) -> None:
    (static / "assets" / "a-1.js.br").write_bytes(BROTLI)
    answer = asking.request("GET", "/assets/a-1.js", headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert answer.headers["content-encoding"] == "br"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert int(answer.headers["content-length"]) == len(BROTLI)
    for accepted, coding in (("gzip, br;q=0", "gzip"), ("identity", None)):
        answer = asking.request("GET", "/assets/a-1.js", headers={"Accept-Encoding": accepted})
        assert answer.headers.get("content-encoding") == coding
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("accepted", ["identity", "", "gzip;q=0", "br", "gzip; q=0.000"])
def test_who_takes_no_gzip_gets_none(asking: Asking, accepted: str) -> None:
    answer = asking.request("GET", "/assets/a-1.js", headers={"Accept-Encoding": accepted})
    assert answer.content == SCRIPT
    assert "content-encoding" not in answer.headers


def test_the_page_travels_packed(asking: Asking) -> None:
    plain = asking.request("GET", "/p/demo", headers={"Accept-Encoding": "identity"})
    answer = asking.request("GET", "/p/demo", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert (answer.headers["content-encoding"], answer.text) == ("gzip", plain.text)
    assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


def test_scripts_and_styles_may_do_nothing_by_themselves_and_all_else_is_under_the_policy_of_pages(
    asking: Asking, static: Path
) -> None:
    (static / "assets" / "drawn-3.svg").write_bytes(b"<svg/>")
    policy = {
        name: asking.request("GET", f"/{name}").headers["content-security-policy"]
        for name in ("assets/a-1.js", "assets/tiny-2.css", "assets/drawn-3.svg", "p/demo")
    }
    assert policy["assets/a-1.js"] == policy["assets/tiny-2.css"] == "default-src 'none'"
    assert policy["assets/drawn-3.svg"] == policy["p/demo"]
    assert "script-src 'self'" in policy["p/demo"]
    headers = asking.request("GET", "/assets/a-1.js").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_what_is_small_is_not_packed(asking: Asking) -> None:
    answer = asking.request("GET", "/assets/tiny-2.css", headers={"Accept-Encoding": "gzip"})
    assert answer.content == b"a{}"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "name",
    [
        "../index.html",
        "..%2f..%2fsecret.js",
        "%2e%2e/secret.js",
        "..",
        ".hidden.js",
        "nothing.js",
        "a-1.js%00",
        "a.php",
    ],
)
def test_nothing_but_assets_is_an_asset(asking: Asking, name: str) -> None:
    answer = asking.request("GET", f"/assets/{name}")
    assert b"not ours" not in answer.content
    assert answer.status_code == 404 or answer.headers["content-type"].startswith("text/html")


def test_without_the_front_end_the_page_says_how_to_build_it(asking: Asking, static: Path) -> None:
    (static / "index.html").unlink()
    answer = asking.request("GET", "/p/demo")
    assert answer.status_code == 503
    assert answer.text == f"{shell.NOT_BUILT}\n"
    assert asking.get("/api/projects") == []

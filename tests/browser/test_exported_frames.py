"""A logged page in an exported file tries all ways out of its frame: nothing is asked of a server that listens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chrome import PATIENCE_MILLISECONDS
from tests.commands import Bench

PROGRAM = """
import runstore

with runstore.init(project="escapes", id="escapes") as run:
    run.log({"page": runstore.Html(open("page.html").read(), inject=False)})
"""
PAGE = """<!doctype html><p id="said">inside</p>
<img src="URL/img"><link rel="stylesheet" href="URL/css"><script src="URL/js"></script>
<style>@import url(URL/import); p { background: url(URL/ground); color: rgb(255, 0, 0) }</style>
<p style="font-weight: 700">styled</p>
<script>
  const say = (word) => { document.getElementById("said").textContent += " " + word; };
  const tried = (what, then) => { try { what(); say(then + " reached"); } catch { say("no " + then); } };
  const added = (name, more) => document.body.appendChild(Object.assign(document.createElement(name), more));
  tried(() => parent.document.body, "parent");
  tried(() => { top.location = "URL/top"; }, "top");
  added("script", { nonce: document.currentScript.nonce, src: "URL/nonced" });
  added("iframe", { src: "URL/frame" });
  added("iframe", { srcdoc: '<img src="URL/nested">' });
  added("form", { action: "URL/form" }).submit();
  navigator.sendBeacon("URL/beacon");
  Promise.allSettled([fetch("URL/fetch"), import("URL/module.js")]).then((all) => {
    say(all.every((one) => one.status === "rejected") ? "no requests" : "requests");
  });
</script>"""


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a server, and what it was asked for so far."""
    asked: list[str] = []

    class Noting(StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline()
            if line:  # browsers also connect ahead of what they then don't ask for
                asked.append(line.decode())

    class Listening(ThreadingTCPServer):
        daemon_threads = True  # those that wait for what a browser never says are not waited for

    with Listening(("127.0.0.1", 0), Noting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()


def test_a_logged_page_reaches_neither_the_file_around_it_nor_anybody(
    browser: Browser, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, asked = listener
    bench = Bench(tmp_path)
    (tmp_path / "page.html").write_text(PAGE.replace("URL", url))
    bench.train(PROGRAM)
    bench.runstore("export", "escapes", "escapes.html", "--to", "html")
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        page = context.new_page()
        page.goto((tmp_path / "escapes.html").as_uri())
        page.get_by_role("region", name="page", exact=True).scroll_into_view_if_needed()
        inside = page.frame_locator("iframe")
        expect(inside.locator("#said")).to_have_text("inside no parent no top no requests")
        styled = inside.get_by_text("styled")
        assert styled.evaluate("one => [getComputedStyle(one).fontWeight, getComputedStyle(one).color]") == [
            "700",
            "rgb(255, 0, 0)",
        ]
        styled.evaluate("(one, url) => { setTimeout(() => { location.href = url; }); }", f"{url}/self")
        expect(styled).to_have_count(0)  # it tried to go elsewhere, and is an error now
        assert page.url.startswith("file:")
        assert asked == []

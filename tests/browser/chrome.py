"""Debian's Chromium, and somebody who looks at pages with it: what went wrong on them, and what they cost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.browser.serving import Served
from tests.timing import PATIENCE_SECONDS, eventually

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MILLISECONDS = PATIENCE_SECONDS * 1000  # for what a page shows
QUIET_MILLISECONDS = 600  # a page that asks for nothing for so long has what it wants
SLOW_LINK = {"offline": False, "latency": 100, "downloadThroughput": 250_000, "uploadThroughput": 250_000}
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 320, "height": 640}


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser without anything of whoever runs the tests."""
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Costs:
    """What came over the line, as the browser counts it: bytes with headers, packed as they travelled."""

    bytes: dict[str, int] = field(default_factory=dict)
    _asked: dict[str, str] = field(default_factory=dict)

    def asked(self, event: dict[str, Any]) -> None:
        self._asked[event["requestId"]] = event["request"]["url"]

    def ended(self, event: dict[str, Any]) -> None:
        url = self._asked.get(event["requestId"], "?")
        self.bytes[url] = self.bytes.get(url, 0) + int(event["encodedDataLength"])

    def total(self, *parts: str) -> int:
        """Return the bytes of all addresses that contain any of `parts`; of all without parts."""
        return sum(size for url, size in self.bytes.items() if not parts or any(part in url for part in parts))

    def count(self, part: str) -> int:
        """Return how many addresses contain `part`."""
        return sum(part in url for url in self.bytes)

    def clear(self) -> None:
        self.bytes.clear()


class Visitor:
    """One tab at one server. `faults` are errors in the console and in scripts, and requests that went elsewhere."""

    def __init__(self, browser: Browser, served: Served, **settings: Any) -> None:
        self.served = served
        self.context: BrowserContext = browser.new_context(**{"viewport": WIDE, **settings})
        self.context.set_default_timeout(PATIENCE_MILLISECONDS)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.tolerated: list[str] = []
        self.costs = Costs()
        self.asked = 0  # requests so far, and those of them that are under way
        self.under_way: set[Request] = set()
        self._origin = served.url
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.context.on("request", self._on_request)
        self.page.on("request", self._on_asked)
        self.page.on("requestfinished", self._on_ended)
        self.page.on("requestfailed", self._on_ended)
        self._tools = self.context.new_cdp_session(self.page)
        self._tools.send("Network.enable")
        self._tools.on("Network.requestWillBeSent", self.costs.asked)
        self._tools.on("Network.loadingFinished", self.costs.ended)

    def enter(self, path: str = "") -> Page:
        """Go to a page as whoever was given its address: with the token in it."""
        self.page.goto(f"{self.served.url}{path}#token={self.served.token}")
        return self.page

    def over(self, link: dict[str, Any]) -> None:
        """Let everything that follows travel over such a line."""
        self._tools.send("Network.emulateNetworkConditions", link)

    def take_only(self, coding: str) -> None:
        """Take answers that are packed so and in no other way, as behind some proxies: `gzip`."""
        self._tools.send("Network.setExtraHTTPHeaders", {"headers": {"Accept-Encoding": coding}})

    def tolerate(self, words: str) -> None:
        """Take errors with these words as what the test is about."""
        self.tolerated.append(words)

    def ensure_faultless(self) -> None:
        """Fail if anything went wrong that was not tolerated."""
        faults = [fault for fault in self.faults if not any(words in fault for words in self.tolerated)]
        assert not faults, "\n".join(faults)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_request(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob", "about") and not request.url.startswith(self._origin):
            self.faults.append(f"left the origin: {request.url}")

    def _on_asked(self, request: Request) -> None:
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self.under_way.clear()  # with a page goes what it asked for, and nobody says of that how it ended
        self.asked += 1
        self.under_way.add(request)

    def _on_ended(self, request: Request) -> None:
        self.under_way.discard(request)


def came(visitor: Visitor, part: str) -> int:
    """Wait until something came from an address with this part; return its bytes."""

    def size() -> int:
        visitor.page.wait_for_timeout(50)  # the browser's messages are only taken in while we wait for it
        return visitor.costs.total(part)

    return int(eventually(size))


def quiet(visitor: Visitor) -> None:
    """Wait until the page asks for nothing any more; what it is to show has been waited for before.

    The browser's own "networkidle" says so once for each page, also while that computes what it will ask for.
    """

    def is_quiet() -> bool:
        before = visitor.asked
        visitor.page.wait_for_timeout(QUIET_MILLISECONDS)
        visitor.page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")  # it had its turn
        return visitor.asked == before and not visitor.under_way

    eventually(is_quiet)

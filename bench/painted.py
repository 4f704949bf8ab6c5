"""When a page is all there: the moment from which on its picture no longer changes, and what came over the line until.

It asks nothing of the page itself but whether what is waited for is there at all, so that pages of different makers are
measured alike, and none is taken for done while it only says that it is loading.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
from PIL import Image
from playwright.sync_api import Browser, CDPSession, Page

SETTLED_SECONDS = 6.0
TIMEOUT_SECONDS = 120.0
LONGEST_REQUEST_SECONDS = 15.0  # some are never said to have ended
SMALL_BYTES = 20_000  # what a page may ask for every second without an end
# A caret, an age that says "3 s ago": so much of the picture may differ from the last one.
SAME_SHARE = 0.002
VIEW = {"width": 1440, "height": 900}


@dataclass(frozen=True)
class Painted:
    """Seconds until the picture no longer changed, bytes as they travelled, and the last picture, as PNG."""

    seconds: float
    bytes: int
    picture: bytes


class NeverPainted(Exception):
    """A page can't be measured: it shows nothing, or goes on changing."""


class Watcher:
    """Takes pictures of a page whenever it changes, and counts what it loads."""

    def __init__(self, page: Page) -> None:
        self._tools: CDPSession = page.context.new_cdp_session(page)
        self._page = page
        self._frames: list[tuple[float, bytes]] = []
        self._loaded: list[tuple[float, int, str]] = []  # when, how much, from where
        self._awaited: dict[str, float] = {}
        self._asked: dict[str, str] = {}  # the address of each request that has no answer yet
        self._is_watching = False
        self._tools.on("Page.screencastFrame", self._on_frame)
        self._tools.on("Network.requestWillBeSent", self._on_asked)
        self._tools.on("Network.loadingFinished", self._on_loaded)
        self._tools.on("Network.loadingFailed", self._on_failed)
        self._tools.send("Network.enable")

    def over(self, link: dict[str, Any] | None) -> None:
        """Let everything travel over such a line; None: as fast as it goes."""
        if link:
            self._tools.send("Network.emulateNetworkConditions", link)

    def watch(self, act: Callable[[Page], object], shown: str) -> Painted:
        """Let `act` do something, and return when the page had settled after it, and showed what has this CSS selector.

        Raises NeverPainted.
        """
        self._frames, self._loaded = [], []
        self._is_watching = True
        self._tools.send("Page.startScreencast", {"format": "png", "maxWidth": 720, "maxHeight": 450})
        began = time.monotonic()
        act(self._page)
        while not (self._has_settled(began) and self._page.locator(shown).count()):
            if time.monotonic() - began > TIMEOUT_SECONDS:
                raise NeverPainted("the page never came to rest")
            self._page.wait_for_timeout(100)
        self._is_watching = False
        self._tools.send("Page.stopScreencast")
        ended = self._changed_at()
        if ended <= began or _is_blank(self._frames[-1][1]):
            raise NeverPainted("the page never showed anything")
        travelled = sum(size for at, size, _ in self._loaded if at <= ended)
        return Painted(ended - began, travelled, self._page.screenshot())

    def _has_settled(self, began: float) -> bool:
        """Whether no code is on its way, and nothing new came or moved for a while."""
        first: dict[str, float] = {}  # what is asked again and again shows by what it changes
        for at, size, address in self._loaded:
            if size > SMALL_BYTES:
                first.setdefault(address, at)
        came = max(first.values(), default=began)
        now = time.monotonic()
        is_loading = any(now - asked < LONGEST_REQUEST_SECONDS for asked in self._awaited.values())
        return not is_loading and now - max(began, came, self._changed_at()) >= SETTLED_SECONDS

    def _on_asked(self, event: dict[str, Any]) -> None:
        self._asked[event["requestId"]] = event["request"]["url"]
        # What pages ask for again and again is no sign; and of a worker's requests it is never said that they ended.
        if event["loaderId"] and event.get("type") in ("Document", "Script", "Stylesheet"):
            self._awaited[event["requestId"]] = time.monotonic()

    def _changed_at(self) -> float:
        """Return when the picture became what it is now."""
        if not self._frames:
            return 0.0
        last, since = self._frames[-1][1], self._frames[-1][0]
        for at, picture in reversed(self._frames):
            if picture is not last and not _are_same(picture, last):
                return since
            since = at
        return since

    def _on_frame(self, event: dict[str, Any]) -> None:
        if not self._is_watching:
            return
        self._tools.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})
        picture = base64.b64decode(event["data"])
        if not self._frames or self._frames[-1][1] != picture:
            self._frames.append((time.monotonic(), picture))

    def _on_loaded(self, event: dict[str, Any]) -> None:
        self._awaited.pop(event["requestId"], None)
        address = self._asked.pop(event["requestId"], "")
        self._loaded.append((time.monotonic(), int(event["encodedDataLength"]), address))

    def _on_failed(self, event: dict[str, Any]) -> None:
        self._awaited.pop(event["requestId"], None)
        self._asked.pop(event["requestId"], None)


def opened(browser: Browser, address: str, shown: str, link: dict[str, Any] | None = None) -> Painted:
    """Open an address as somebody who was never there before, and wait for what has this CSS selector."""
    with browser.new_context(viewport=VIEW, reduced_motion="reduce") as context:
        watcher = Watcher(context.new_page())
        watcher.over(link)
        return watcher.watch(lambda page: page.goto(address, wait_until="commit"), shown)


def _is_blank(picture: bytes) -> bool:
    return float(numpy.asarray(Image.open(io.BytesIO(picture)).convert("L")).std()) < 1


def _are_same(one: bytes, other: bytes) -> bool:
    if one == other:
        return True
    first, second = (numpy.asarray(Image.open(io.BytesIO(each)).convert("L"), numpy.int16) for each in (one, other))
    return first.shape == second.shape and float((abs(first - second) > 24).mean()) < SAME_SHARE

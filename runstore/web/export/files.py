"""Files of runs as data in the page, each once, until the page is full."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from typing import Any

from runstore.errors import NotFound
from runstore.query.api import Api
from runstore.web.contenttypes import shown_as
from runstore.web.places import read_begin
from runstore.web.reading import run_of
from runstore.web.site import Site

MOST_FILE_BYTES = 4 << 20
MOST_BYTES = 24 << 20  # of all of a page
# What pages draw by libraries of more than a megabyte, or can't draw at all, is not worth its bytes.
_NOT_DRAWN = frozenset(("plotly", "other"))
_DATA = "application/octet-stream"
# What a browser shows inside of a page, and can't run anything: SVG as a picture has no scripts.
_SHOWN = ("image/", "audio/", "video/")


class Embedded:
    """Takes files in that views name; counts what it leaves out.

    `found` are the files, each with its type and its bytes in base64; `kinds` says for which kinds of media they are.
    """

    def __init__(self, site: Site, api: Api) -> None:
        self._site, self._api = site, api
        self._room = MOST_BYTES
        self._places: dict[tuple[str, str, str], str | None] = {}
        self.found: list[dict[str, str]] = []
        self.kinds: Counter[str] = Counter()
        self.left_out = 0

    def view(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """Return a view of media whose files are named by their places in this page; null where they are not in it."""
        kind = view["kind"]
        if kind == "list":
            return {**view, "views": [self.view(one) for one in view["views"]]}
        if "items" not in view:
            return dict(view)
        return {**view, "items": [self._item(item, kind) for item in view["items"]]}

    def whole_view(self, view: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return a view as `view` does if there is room for all its files; None, and take none of them, if not."""
        room, count, left_out, kinds = self._room, len(self.found), self.left_out, self.kinds.copy()
        shown = self.view(view)
        if self.left_out == left_out:
            return shown
        taken = {f"file-{place}" for place in range(count, len(self.found))}
        self._places = {file: place for file, place in self._places.items() if place not in taken}
        del self.found[count:]
        self._room, self.left_out, self.kinds = room, left_out, kinds
        return None

    def _item(self, item: Mapping[str, Any], kind: str) -> dict[str, Any]:
        src = None if kind in _NOT_DRAWN else self._place(item.get("src"), kind)
        changed: dict[str, Any] = {"src": src}
        if "download" in item:
            changed["download"] = src
        if "masks" in item:
            changed["masks"] = [{**mask, "src": self._place(mask.get("src"), kind)} for mask in item["masks"]]
        return {**item, **changed}

    def _place(self, address: str | None, kind: str) -> str | None:
        """Return what the page calls the file at an address of these pages; None where there is no room for it."""
        if address is None:
            self.left_out += 1
            return None
        ticket = self._site.tickets.read(address.split("/")[1])
        file = ticket.run_ref, ticket.kind, ticket.path
        if file not in self._places:
            self._places[file] = self._taken(*file, shown_as(ticket.name, ticket.as_).media_type)
            self.left_out += self._places[file] is None
        if self._places[file] is not None:
            self.kinds[kind] += 1
        return self._places[file]

    def _taken(self, run_ref: str, kind: str, path: str, media_type: str) -> str | None:
        most = min(MOST_FILE_BYTES, self._room)
        try:
            with self._site.places.open(run_of(self._api, run_ref), kind, path) as file:
                content = read_begin(file, most + 1)
        except (NotFound, OSError):
            return None
        if len(content) > most:
            return None
        self._room -= len(content)
        shown = media_type if media_type.startswith(_SHOWN) else _DATA
        self.found.append({"type": shown, "data": base64.b64encode(content).decode()})
        return f"file-{len(self.found) - 1}"

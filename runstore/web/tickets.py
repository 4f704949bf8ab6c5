"""Addresses of bytes that show no token: <img>, <video>, <iframe> and downloads can send no header.

    site.tickets.address(run_ref(path), "files", "media/images/a.png", as_="image")  ->  "raw/.../a.png"

Returns an address relative to the root of the UI, to be put into an answer; it holds until the server ends. Whoever
has it can read this one thing in this one way, and nothing else: run, kind, path and way are in the address, under
a keyed digest (HMAC) whose key only this process has.

`kind` is "files", for a path below the run's `files/`, or "blobs", for a name in its `blobs/`. `as_` says how it is
answered; whatever was asked, what is no such thing comes as a download:

    file       pictures, sound, video; texts as text/plain; HTML, SVG and whatever else as downloads
    image      pictures, SVG too: with a policy of its own, under which it runs no script and loads nothing
    frame      HTML, for a sandboxed iframe: with a policy of its own, under which it has no origin and loads nothing
    download   a download, whatever it is

Where tokens can be revoked, as on a hub, an address says for whom it was made (`made_for`, which the guard calls), and
is good only as long as that one's token is.

`name` is what a download is called, and what tells the type; by default the end of the path. Blobs need one.
Scripts can fetch() any of them. Byte ranges are served. Nothing is looked up here: an address of a file that is not
there leads to 404.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias, cast
from urllib.parse import quote, unquote_to_bytes

import orjson

from runstore.errors import NotFound

Kind: TypeAlias = Literal["files", "blobs"]
Way: TypeAlias = Literal["file", "image", "frame", "download"]

_UNFIT = re.compile(rb"[\x00-\x1f/\\\x7f]")
_DIGEST_BYTES = 16  # 128 bits: nobody guesses one while the server runs
_holder: ContextVar[str] = ContextVar("holder", default="")


@contextmanager
def made_for(holder: str) -> Iterator[None]:
    """Let addresses that are made here be for whoever holds a token, by its mark; "" for a token that stays good."""
    before = _holder.set(holder)
    try:
        yield
    finally:
        _holder.reset(before)


def _always(holder: str) -> bool:
    return True


class Ticket(NamedTuple):
    """What an address stands for."""

    run_ref: str
    kind: Kind
    path: str
    as_: Way
    name: str


@dataclass(frozen=True)
class Tickets:
    """Makes addresses and reads them."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    is_good: Callable[[str], bool] = _always  # whether the token of a holder is

    def address(self, run_ref: str, kind: Kind, path: str, as_: Way = "file", name: str = "") -> str:
        """Return the relative address of bytes of a run."""
        name = name or path.rpartition("/")[2]
        content = _packed(orjson.dumps([run_ref, kind, _as_text(path), as_, _as_text(name), _holder.get()]))
        # The name at the end is for people: where a browser takes it from, it is that of a file.
        return f"raw/{content}.{self._digest(content)}/{quote(_UNFIT.sub(b'_', os.fsencode(name)), safe='')}"

    def read(self, ticket: str) -> Ticket:
        """Return what an address stands for. Raises NotFound for one that was not made here."""
        content, _, digest = ticket.partition(".")
        if not ticket.isascii() or not hmac.compare_digest(digest, self._digest(content)):
            raise NotFound("this address is no longer good: load the page anew")
        run_ref, kind, path, as_, name, holder = orjson.loads(_unpacked(content))
        if not self.is_good(holder):
            raise NotFound("this address is no longer good: the token that it was made for is not")
        return Ticket(run_ref, cast(Kind, kind), _as_path(path), cast(Way, as_), _as_path(name))

    def _digest(self, content: str) -> str:
        return _packed(hmac.digest(self.secret, content.encode(), "sha256")[:_DIGEST_BYTES])


def _as_text(path: str) -> str:
    """Return a path as JSON can hold it: bytes that are no UTF-8 come as surrogates, which it can't."""
    return quote(os.fsencode(path), safe="/ ")


def _as_path(text: str) -> str:
    return os.fsdecode(unquote_to_bytes(text))


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise NotFound("this address is no longer good: load the page anew") from error

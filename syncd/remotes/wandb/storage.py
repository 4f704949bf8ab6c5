"""Bring bytes to where a W&B server wants them: several uploads at once, each to an address that was made for it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

import httpx

from runstore.syncd.remotes.wandb.answers import words
from runstore.syncd.remotes.wandb.bodies import Body, told
from runstore.syncd.remotes.wandb.connection import WandbConnection

_T = TypeVar("_T")

# What a storage says to an address whose time is over, or which is not for these bytes.
_PERHAPS_EXPIRED = frozenset((400, 401, 403))


class _Stopped(Exception):
    """Another upload has failed; this one is given up."""


class Uploads:
    """Several uploads that end together. `progress` is never called by two threads at once, and may end all."""

    def __init__(self, connection: WandbConnection, progress: Callable[[int], None]) -> None:
        self._connection, self._progress = connection, progress
        self._lock = threading.Lock()
        self._is_over = False

    def put(self, body: Body, headers: Mapping[str, str], url: str, another_url: Callable[[], str]) -> str:
        """Send a body to `url`; return why it was refused, "" where it was not.

        An address that may have expired is asked for anew, once. Raises what WandbConnection.put raises.
        """
        response = self._put(body, headers, url)
        if response.status_code in _PERHAPS_EXPIRED:
            anew = another_url()
            if anew:
                response = self._put(body, headers, anew)
        return "" if response.is_success else f"{words(response)} (HTTP {response.status_code})"

    def each(self, work: Callable[[_T], None], items: Sequence[_T]) -> None:
        """Do `work` for every item, several at once where the storage lets them wait. The first failure ends the
        others, and is raised.
        """
        for at, item in enumerate(items):
            at_once = self._connection.overlap.at_once
            if at_once > 1 and at + 1 < len(items):
                self._together(work, items[at:], at_once)
                return
            work(item)

    def _together(self, work: Callable[[_T], None], items: Sequence[_T], at_once: int) -> None:
        with ThreadPoolExecutor(at_once) as pool:
            try:
                for done in as_completed([pool.submit(work, item) for item in items]):
                    with contextlib.suppress(_Stopped):  # what stopped it comes too
                        done.result()
            except BaseException:
                self._is_over = True
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _put(self, body: Body, headers: Mapping[str, str], url: str) -> httpx.Response:
        began = time.monotonic()
        response = self._connection.put(url, lambda: told(body, self._sent), body.size, headers)
        self._connection.overlap.took(time.monotonic() - began, body.size)
        return response

    def _sent(self, size: int) -> None:
        with self._lock:
            if self._is_over:
                raise _Stopped
            self._is_over = True  # unless the progress goes on
            self._progress(size)
            self._is_over = False


def headers_of(lines: object) -> dict[str, str]:
    """Return headers that a server gives as a list of lines `name:value`; what is no such line is left out."""
    found: dict[str, str] = {}
    for line in lines if isinstance(lines, list) else []:
        name, colon, value = str(line).partition(":")
        # The length is ours, of the bytes that are there; what no header can say, nobody can have meant.
        if colon and name.strip().lower() != "content-length" and str(line).isascii():
            found[name.strip()] = value.strip()
    return found


def batches(items: Sequence[_T], size: int) -> Iterable[Sequence[_T]]:
    """Yield the items in order, so many at once."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

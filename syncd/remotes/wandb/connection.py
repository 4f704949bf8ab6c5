"""Requests to a W&B server and to the storage where it wants files, and what their answers mean.

The key goes to the server alone, with each request to it by itself: what signs an address of a storage is its own
permission, and a redirect is not followed with a key.
"""

from __future__ import annotations

import base64
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NoReturn

import httpx

from runstore.errors import (
    RemoteConflict,
    RemoteError,
    RemoteFailed,
    RemoteRefused,
    RemoteUnfit,
    RemoteUnreachable,
    UsageError,
)
from runstore.syncd.remotes import direct
from runstore.syncd.remotes.bounded import whole
from runstore.syncd.remotes.overhttp import checked_url, distrust, retry_after
from runstore.syncd.remotes.wandb.answers import json_of, words
from runstore.syncd.remotes.wandb.overlap import Overlap
from runstore.syncd.remotes.wandb.pace import Pace, Tries
from runstore.version import VERSION

# A bucket takes its time with large files, and writes 250 MB of rows to a database.
_TIMEOUT = httpx.Timeout(180.0, connect=10.0)
_STORAGE_TIMEOUT = httpx.Timeout(300.0, connect=10.0)
# "Not now": of the server, or of a proxy before it.
_NOT_NOW = frozenset((408, 429, 502, 503, 504, 507))
# What only a change of what is sent can help; those who know more say more.
_OF_WHAT_WAS_SENT = frozenset((400, 404, 409, 410, 413, 414, 415, 422))
_NO_SERVER_SAYS = frozenset((405, 426, 501, 505))
_REDIRECTS_MAX = 3

Content = bytes | Iterable[bytes]


class WandbConnection:
    """The server at `url`, over one pool of connections; `pause` waits so many seconds.

    Raises UsageError where nothing can be at `url`, or `key` can't be one.
    """

    def __init__(
        self,
        url: str,
        key: str,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = _server_url(url)
        self._authorization = _basic(self.url, key)
        self._pause = pause
        self._paces: dict[str, Pace] = defaultdict(lambda: Pace(pause))
        self._transport = transport or direct.transport()
        self.overlap = Overlap()  # of uploads

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def post(
        self,
        path: str,
        content: bytes,
        headers: Mapping[str, str] | None = None,
        passes: frozenset[int] = frozenset(),
    ) -> httpx.Response:
        """Return the server's answer to JSON, good or bad, but for what is the trouble of the server or its key.

        Raises RemoteUnreachable, RemoteFailed, RemoteRefused and RemoteUnfit for those. A status of `passes` may be
        another one at the next try.
        """
        given = {"Authorization": self._authorization, "Content-Type": "application/json", "Accept-Encoding": "gzip"}
        given |= {"User-Agent": f"runstore/{VERSION}", "Content-Length": str(len(content)), **(headers or {})}
        pace, url = self._paces[path.split("/")[1]], _parsed(self.url + path)

        def once() -> httpx.Response:
            pace.wait(self.url)
            answer = self._answer_to(httpx.Request("POST", url, headers=given, content=content), _TIMEOUT)
            pace.heard(answer)
            return answer

        return self._of_the_server(self._tried(once, passes))

    def put(
        self, url: str, content: Callable[[], Content], size: int, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Give `size` bytes to the storage at `url`, from the beginning for each try; return what it says, good or bad.

        Raises RemoteUnreachable and RemoteFailed where that may pass, and what `content` raises.
        """
        given = {**(headers or {}), "Content-Length": str(size)}

        def once() -> httpx.Response:
            target = httpx.URL(f"{self.url}{url}" if url.startswith("/") else url)
            for _ in range(_REDIRECTS_MAX):
                request = httpx.Request("PUT", target, headers=given, content=content())
                answer = self._answer_to(request, _STORAGE_TIMEOUT)
                if answer.status_code not in (307, 308) or not answer.has_redirect_location:
                    break
                target = target.join(answer.headers["Location"])
            return answer

        return self._tried(once)

    def answer(self, response: httpx.Response) -> dict[str, Any]:
        """Return the JSON object of a good answer. Raises RemoteUnfit where it is none, RemoteUnreachable for half."""
        value = json_of(response)
        if value is None and "json" in response.headers.get("Content-Type", ""):
            raise RemoteUnreachable(f"{self.url}: an answer that breaks off in the middle; try again")
        return value if value is not None else self.not_a_server("its answer is no JSON")

    def refusal(self, what: str, response: httpx.Response) -> RemoteError:
        """Return the error to raise for a bad answer to `what` was asked."""
        kind = RemoteConflict if response.status_code in _OF_WHAT_WAS_SENT else RemoteError
        return kind(f"{self.url} refused {what}: {words(response)} (HTTP {response.status_code})")

    def not_a_server(self, why: str) -> NoReturn:
        """Raise RemoteUnfit for an answer that no W&B server gives: a login page of a proxy says 200 as well."""
        raise RemoteUnfit(f"{self.url}: what answers there is not a W&B server ({why}); check the URL")

    def _of_the_server(self, response: httpx.Response) -> httpx.Response:
        """Return an answer that a W&B server gives to somebody whom it knows; raises what any other means."""
        status = response.status_code
        if status in (401, 403):
            what = "refused the API key" if status == 401 else "does not allow that with this API key"
            raise RemoteRefused(
                f"{self.url} {what}: {words(response)} (HTTP {status}); "
                f"give it another: runstore login --host {self.url}"
            )
        if response.has_redirect_location:
            raise RemoteUnfit(
                f"{self.url}: sends on to {response.headers['Location']}; nothing was sent there. "
                "Where that is the server, give its URL"
            )
        if status in _NO_SERVER_SAYS:
            self.not_a_server(f"HTTP {status}")
        return response

    def _answer_to(self, request: httpx.Request, timeout: httpx.Timeout) -> httpx.Response:
        request.extensions["timeout"] = timeout.as_dict()
        try:
            response = self._transport.handle_request(request)
            response.request = request
            try:
                return response if response.is_closed else whole(response)
            finally:
                response.close()
        except httpx.RequestError as error:
            error.request = request  # not every transport says which
            raise

    def _tried(self, once: Callable[[], httpx.Response], also: frozenset[int] = frozenset()) -> httpx.Response:
        """Return an answer that tells something, after a few tries; raises what is left after them."""
        tries = Tries(self._pause)
        while True:
            failure: RemoteError | None
            try:
                response = once()
            except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
                raise RemoteError(f"{self.url}: asked for a request that can't be made ({error})") from error
            except httpx.HTTPError as error:
                failure = self._unreachable(error)
                nobody_there = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                if nobody_there or not tries.again(0.0):  # in a second nobody will be there either
                    raise failure from error
                continue
            failure = self._passing(response)
            if failure is None and response.status_code not in also:
                return response
            if not tries.again(retry_after(response)):
                if failure is None:
                    return response
                raise failure

    def _passing(self, response: httpx.Response) -> RemoteError | None:
        """Return the error to raise, where no later try goes better, for an answer that says so; None for others."""
        status = response.status_code
        if status in _NOT_NOW:
            sentence = f"{self.url}: {words(response)} (HTTP {status}); try again later"
            return RemoteUnreachable(sentence, retry_after(response))
        if status >= 500 and status not in _NO_SERVER_SAYS:
            return RemoteFailed(f"{self.url}: {words(response)} (HTTP {status})")
        return None

    def _unreachable(self, error: httpx.HTTPError) -> RemoteError:
        reason = distrust(error)
        if reason:
            return RemoteUnfit(
                f"{self.url}: the certificate of {error.request.url.host} can't be trusted ({reason}); nothing was "
                "sent. Where it is your own, set SSL_CERT_FILE to the file of the authority that signed it"
            )
        return RemoteUnreachable(
            f"{self.url}: no answer from {error.request.url.host} ({str(error) or type(error).__name__}); nothing is "
            "lost, see that the network reaches it, then try again"
        )


@lru_cache(maxsize=64)
def _parsed(url: str) -> httpx.URL:
    """Return a URL; those that are asked often are read once."""
    return httpx.URL(url)


def _server_url(url: str) -> str:
    example = "https://api.wandb.ai"
    checked = checked_url(url, "a W&B server", example)
    parsed = httpx.URL(checked)
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise UsageError(f"a W&B server's URL is a host, and perhaps a path, like {example}; no key belongs into it")
    is_theirs = parsed.host == "wandb.ai" or parsed.host.endswith(".wandb.ai")
    if is_theirs and not (parsed.host.startswith("api.") and parsed.scheme == "https"):
        raise UsageError(f"{url!r} is no server of W&B's to deliver to; its own is {example}")
    return checked


def _basic(url: str, key: str) -> str:
    key = key.strip()
    if not key:
        raise UsageError(
            f"there is no API key for {url}: keep one with `runstore login --host {url}`, or set WANDB_API_KEY; "
            "nothing was sent"
        )
    if not (key.isascii() and key.isprintable()):
        raise UsageError(f"the API key for {url} has characters that no key has; paste it again")
    return "Basic " + base64.b64encode(f"api:{key}".encode()).decode("ascii")

"""Requests to a hub, and what its answers mean. What is asked, and why, is the business of those who ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import httpx
import orjson

from runstore.errors import (
    NotFound,
    RemoteConflict,
    RemoteError,
    RemoteFailed,
    RemoteRefused,
    RemoteUnfit,
    RemoteUnreachable,
    UsageError,
)
from runstore.syncd import wire
from runstore.syncd.remotes.bounded import whole
from runstore.syncd.remotes.overhttp import checked_url, distrust, retry_after
from runstore.syncd.remotes.pairing import hooks

_T = TypeVar("_T")

# The answer to a range waits for the hub's disk, which may be busy; a connection that can't be made is known sooner.
TIMEOUT = httpx.Timeout(60.0, connect=10.0)
# "Not now": what a proxy says for a hub that is not there, or one that has too much to do, or a full disk.
_NOT_NOW = frozenset((429, 502, 503, 504, 507))
# "Upgrade required", "not supported", "gone": what a hub that speaks another version of the protocol may say.
_OTHER_VERSION = frozenset((410, 426, 501, 505))
_GOOD = frozenset((200, 206))


class HubConnection:
    """The hub at `url`, over one pool of connections.

    Raises UsageError where `url` is not http:// or https://, or `token` can't be one.
    """

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = checked_url(url, "a hub", "http://host:8765")
        token = token.strip()
        if not token:
            raise UsageError(
                f"there is no token for {self.url}: set RUNSTORE_TOKEN to it, or keep it with "
                "`runstore remote add NAME URL --token T`; nothing was sent"
            )
        if not (token.isascii() and token.isprintable()):
            raise UsageError(f"the token for {self.url} has characters that no token has; paste it again")
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=TIMEOUT,
            transport=transport,
            event_hooks=hooks(),
            verify=self.url.startswith("https:"),  # reading who is trusted takes 50 ms, and http asks nobody
        )
        self._about: dict[str, Any] | None = None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def about(self) -> dict[str, Any]:
        """Return what the hub says of itself; asked once. Raises RemoteUnfit where that is no hub we can talk to."""
        if self._about is None:
            response = self.send("GET", "/v1/hub")
            if response.status_code in (404, 405):
                self.not_a_hub()
            self._about = self.answer(self.checked(response), dict)
        return self._about

    def has(self, feature: str) -> bool:
        """Return whether the hub says that it can do this."""
        features = self.about().get("features", [])
        return isinstance(features, list) and feature in features

    def lacks(self, feature: str) -> str:
        """Return, in a sentence, that the hub is too old for `feature`; "" where it has it."""
        if self.has(feature):
            return ""
        version = self.about().get("version", "unknown")
        return f"the hub at {self.url} is too old to keep artifacts (version {version}): install a newer runstore there"

    def request(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, content: bytes | None = None
    ) -> httpx.Response:
        """Return the answer to a request; raises what a bad one means."""
        return self.checked(self.send(method, path, params=params, content=content))

    def send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        content: bytes | Iterator[bytes] | None = None,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> httpx.Response:
        """Return whatever is answered. Raises RemoteUnreachable where nothing is."""
        try:
            with self._client.stream(method, path, params=params, content=content, timeout=timeout) as response:
                return whole(response)
        except httpx.HTTPError as error:
            raise self.unreachable(error) from error

    def streamed(self, path: str, start: int) -> Iterator[bytes]:
        """Yield the bytes that are at `path`, from `start` on, as they come; none where there are not so many."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with self._client.stream("GET", path, headers=headers) as response:
                if start and response.status_code == 416:
                    return
                self.checked(response if response.status_code in _GOOD else whole(response))
                if start and response.status_code != 206:
                    raise RemoteError(f"{self.url}: does not send a part of a file, as a hub does; is a proxy between?")
                yield from response.iter_raw()
        except httpx.HTTPError as error:
            raise self.unreachable(error) from error

    def unreachable(self, error: httpx.HTTPError) -> RemoteError:
        """Return the error to raise for a request that got no answer."""
        reason = distrust(error)
        if reason:
            return RemoteUnfit(
                f"{self.url}: its certificate can't be trusted ({reason}); nothing was sent. Where it is your own, "
                "set SSL_CERT_FILE to the file of the authority that signed it"
            )
        return RemoteUnreachable(
            f"{self.url}: no answer ({str(error) or type(error).__name__}); nothing is lost, "
            "see that `runstore hub` runs there and that the network reaches it, then try again"
        )

    def checked(self, response: httpx.Response) -> httpx.Response:
        """Return a response that is good, or raise what its status means."""
        status = response.status_code
        if status in _GOOD:
            return response
        if status in (401, 403):
            raise RemoteRefused(
                f"the hub at {self.url} refused the token; make one with `runstore hub token create NAME` there "
                "and give it with `runstore remote add`"
            )
        if response.has_redirect_location:
            raise RemoteUnfit(
                f"{self.url}: sends on to {response.headers['Location']}; nothing was sent there. "
                "Where that is the hub, give its URL: runstore remote add NAME URL"
            )
        reason = self.reason(response)
        if status in _NOT_NOW:
            why = "the hub is not there at the moment" if reason == _NO_REASON else reason
            raise RemoteUnreachable(f"{self.url}: {why} (HTTP {status}); try again later", retry_after(response))
        if status in _OTHER_VERSION:
            raise RemoteUnfit(
                f"{self.url}: {reason} (HTTP {status}); the newer of both sides says what the other needs"
            )
        if status == 409:
            raise RemoteConflict(f"{self.url}: {reason}")
        if status == 404 and response.request.method == "GET" and reason != _NO_REASON:
            raise NotFound(f"{self.url}: {reason}")
        if status >= 500:
            raise RemoteFailed(f"{self.url}: {reason} (HTTP {status})")
        raise RemoteError(f"{self.url}: {reason} (HTTP {status})")

    def reason(self, response: httpx.Response) -> str:
        """Return the sentence in a refusal."""
        try:
            body = orjson.loads(response.content)
        except ValueError:
            return _NO_REASON
        return str(body["error"]) if isinstance(body, dict) and "error" in body else _NO_REASON

    def field(self, response: httpx.Response, name: str, kind: type[_T]) -> _T:
        """Return one value of an answer that is an object; raises RemoteError where it is not there, or no `kind`."""
        value = self.answer(response, dict).get(name)
        return value if isinstance(value, kind) else self.not_a_hub()

    def answer(self, response: httpx.Response, kind: type[_T]) -> _T:
        """Return an answer's value; raises RemoteError where it is no JSON, or no `kind`."""
        try:
            value = wire.decode(response.content)
        except ValueError:
            self.not_a_hub()
        return value if isinstance(value, kind) else self.not_a_hub()

    def not_a_hub(self) -> NoReturn:
        """Raise RemoteUnfit for an answer that no hub gives: a login page of a hotel or a proxy says 200 as well."""
        raise RemoteUnfit(
            f"{self.url}: what answers there is not a runstore hub; check the URL with `runstore remote`. "
            "A W&B server is added with --kind wandb"
        )


_NO_REASON = "what answers there gave no reason that a hub would give"

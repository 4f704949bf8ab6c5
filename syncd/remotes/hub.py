"""A runstore hub as a target, over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import httpx
import orjson

from runstore.core.segments import Mark
from runstore.errors import NotFound, RemoteConflict, RemoteError, RemoteRefused, RemoteUnreachable, UsageError
from runstore.syncd import wire
from runstore.syncd.remotes.base import FileEntry

_T = TypeVar("_T")

# The answer to a range waits for the hub's disk, which may be busy; a connection that can't be made is known sooner.
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_ENTRIES_AT_ONCE = 1000  # of a manifest: a few hundred kB of the 8 MiB that a hub takes
_FILE_PIECE_BYTES = 1 << 20
# What a proxy says for a hub that is not there.
_GATEWAY = frozenset((502, 503, 504))


class HubRemote:
    """The hub at `url`, over one pool of connections.

    Raises UsageError where `url` is not http:// or https://, or `token` can't be one.
    """

    def __init__(
        self, url: str, token: str, *, name: str = "hub", transport: httpx.BaseTransport | None = None
    ) -> None:
        self.name = name
        self.url = _checked_url(url)
        token = token.strip()
        if not (token and token.isascii() and token.isprintable()):
            raise UsageError(f"the token for {self.url} is empty, or has characters that no token has; paste it again")
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=_TIMEOUT, transport=transport)
        self._identity: str | None = None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def identity(self) -> str:
        """Return "hub:" and the id that the hub keeps in its data folder; asked once."""
        if self._identity is None:
            self._identity = f"hub:{self._field(self._request('GET', '/v1/hub'), 'hub', str)}"
        return self._identity

    def mark(self, log_id: str) -> Mark:
        """Return what the hub durably holds of a log."""
        return self._mark(self._request("GET", f"/v1/logs/{log_id}"))

    def append(self, log_id: str, offset: int, data: bytes) -> Mark:
        """Send a range and return what the hub durably holds now. Raises RemoteConflict where it holds other bytes."""
        return self._mark(self._request("PUT", f"/v1/logs/{log_id}", params={"offset": offset}, content=data))

    def missing_files(self, log_id: str, entries: Iterable[FileEntry]) -> set[str]:
        """Send the manifest, in parts, and return the digests of which the hub lacks the bytes."""
        missing: set[str] = set()
        rest = iter(entries)
        while part := list(islice(rest, _ENTRIES_AT_ONCE)):
            answer = self._request("POST", f"/v1/logs/{log_id}/files", content=orjson.dumps({"files": part}))
            missing.update(self._field(answer, "missing", list))
        return missing

    def put_file(self, digest: str, path: Path) -> None:
        """Send a file's bytes. Raises RemoteConflict where they don't have that digest, OSError for the local file."""
        with path.open("rb") as file:
            pieces = iter(lambda: file.read(_FILE_PIECE_BYTES), b"")
            response = self._send("PUT", f"/v1/blobs/{digest}", content=pieces)
        if response.status_code == 400:
            raise RemoteConflict(f"{path}: {self._reason(response)}")
        self._checked(response)

    def runs(self) -> list[dict[str, Any]]:
        """Return every run that the hub knows."""
        return self._answer(self._request("GET", "/v1/runs"), list)

    def run(self, path: str) -> dict[str, Any]:
        """Return one run. Raises NotFound."""
        return self._answer(self._request("GET", "/v1/run", params={"path": path}), dict)

    def history(self, path: str, keys: Sequence[str], samples: int | None = None) -> list[dict[str, Any]]:
        """Return a run's rows; every metric where `keys` is empty. Raises NotFound."""
        params: dict[str, Any] = {"path": path, "keys": list(keys)}
        if samples is not None:
            params["samples"] = samples
        return self._answer(self._request("GET", "/v1/history", params=params), list)

    def counters(self) -> dict[str, int]:
        """Return what has arrived at the hub since it started."""
        return self._answer(self._request("GET", "/v1/counters"), dict)

    def _request(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, content: bytes | None = None
    ) -> httpx.Response:
        return self._checked(self._send(method, path, params=params, content=content))

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        content: bytes | Iterator[bytes] | None = None,
    ) -> httpx.Response:
        try:
            return self._client.request(method, path, params=params, content=content)
        except httpx.HTTPError as error:
            raise RemoteUnreachable(
                f"{self.url}: no answer ({str(error) or type(error).__name__}); nothing is lost, "
                "see that `runstore hub` runs there and that the network reaches it, then try again"
            ) from error

    def _checked(self, response: httpx.Response) -> httpx.Response:
        """Return a response that is good, or raise what its status means."""
        status = response.status_code
        if status == 200:
            return response
        if status in (401, 403):
            raise RemoteRefused(
                f"the hub at {self.url} refused the token; make one with `runstore hub token create NAME` there "
                "and give it with `runstore remote add`"
            )
        if status in _GATEWAY:
            raise RemoteUnreachable(f"{self.url}: the hub is not there at the moment (HTTP {status}); try again later")
        reason = self._reason(response)
        if status == 409:
            raise RemoteConflict(f"{self.url}: {reason}")
        if status == 404 and response.request.method == "GET" and reason != _NO_REASON:
            raise NotFound(f"{self.url}: {reason}")
        raise RemoteError(f"{self.url}: {reason} (HTTP {status})")

    def _reason(self, response: httpx.Response) -> str:
        try:
            body = orjson.loads(response.content)
        except ValueError:
            return _NO_REASON
        return str(body["error"]) if isinstance(body, dict) and "error" in body else _NO_REASON

    def _mark(self, response: httpx.Response) -> Mark:
        return Mark(
            self._field(response, "size", int),
            self._field(response, "chain", str),
            self._field(response, "open_digest", str),
        )

    def _field(self, response: httpx.Response, name: str, kind: type[_T]) -> _T:
        value = self._answer(response, dict).get(name)
        return value if isinstance(value, kind) else self._not_a_hub()

    def _answer(self, response: httpx.Response, kind: type[_T]) -> _T:
        try:
            value = wire.decode(response.content)
        except ValueError:
            self._not_a_hub()
        return value if isinstance(value, kind) else self._not_a_hub()

    def _not_a_hub(self) -> NoReturn:
        # A login page of a hotel or a proxy answers 200 as well.
        raise RemoteError(f"{self.url}: what answers there is not a runstore hub; check the URL with `runstore remote`")


_NO_REASON = "what answers there gave no reason that a hub would give"


def _checked_url(url: str) -> str:
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise UsageError(f"{url!r} is not a URL ({error}); a hub's looks like http://host:8765") from error
    # httpx quotes what no host name may contain; an IPv6 address may have a zone behind a %.
    strange = "%" in parsed.host and ":" not in parsed.host
    if parsed.scheme not in ("http", "https") or not parsed.host or strange:
        raise UsageError(
            f"{url!r} is not a hub's URL; write http:// or https:// before the host, like http://host:8765"
        )
    return str(parsed).rstrip("/")

"""Ask the pages' JSON API, in this process, with no socket between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
import httpx

from runstore.web.app import create_app
from runstore.web.guard import Check, Hosts
from runstore.web.site import Site

TOKEN = "t0ken"


class Asking:
    """A browser that shows the token, unless told otherwise."""

    def __init__(self, site: Site, token: str | Check = TOKEN, hosts: Hosts | None = None) -> None:
        self.site = site
        self._app = create_app(site, token, hosts)

    def get(self, path: str, **params: Any) -> Any:
        """Return what a question is answered with; it must be answered."""
        return self._answer(self.request("GET", path, params=params))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return what a longer question, or a change, is answered with; it must be answered."""
        return self._answer(self.request("POST", path, json=dict(body)))

    def refusal(self, path: str, *, status: int, body: Mapping[str, Any] | None = None, **params: Any) -> str:
        """Return the sentence with which a question is refused, or a change where there is a body."""
        if body is None:
            answer = self.request("GET", path, params=params)
        else:
            answer = self.request("POST", path, json=dict(body))
        assert answer.status_code == status, answer.text
        return str(answer.json()["error"])

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str | bytes] | None = None,
        is_known: bool = True,
        is_raised: bool = True,
        **more: Any,
    ) -> httpx.Response:
        """Return the answer to any request; with the token only if it `is_known`.

        An error that nobody expected is raised here, unless the answer that a browser gets is wanted.
        """
        shown = {"Authorization": f"Bearer {TOKEN}"} if is_known else {}
        with_headers: dict[str, str | bytes] = {**shown, **(headers or {})}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=is_raised)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, headers=_encoded(with_headers), **more)

        return anyio.run(ask)

    def _answer(self, answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


def _encoded(headers: Mapping[str, str | bytes]) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode(), value if isinstance(value, bytes) else value.encode("latin-1"))
        for name, value in headers.items()
    ]

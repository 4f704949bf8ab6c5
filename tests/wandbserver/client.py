"""A client that says what a test wants said, right or wrong: only for the tests of the server itself."""

from __future__ import annotations

import base64
import hashlib
import json
from types import TracebackType
from typing import Any

import httpx

from tests.timing import PATIENCE_SECONDS
from tests.wandbserver.recorded import JsonObject

KEY = "0123456789" * 4

UPSERT = """
mutation UpsertBucket($input: UpsertBucketInput!) {
  upsertBucket(input: $input) {
    bucket { id name historyLineCount historyTail config project { name entity { name } } }
    inserted
  }
}
"""
CREATE_FILES = """
mutation CreateRunFiles($input: CreateRunFilesInput!) {
  createRunFiles(input: $input) { runID uploadHeaders files { name uploadUrl } }
}
"""
ALERT = """
mutation NotifyScriptableRunAlert($input: NotifyScriptableRunAlertInput!) {
  notifyScriptableRunAlert(input: $input) { success }
}
"""


class Client:
    """Says things to the server at `url`, about run "k3v9q2" in "tester/equipment"."""

    run_id = "k3v9q2"

    def __init__(self, url: str, key: str = KEY) -> None:
        self._http = httpx.Client(base_url=url, auth=("api", key), timeout=PATIENCE_SECONDS)
        self._store = httpx.Client(base_url=url, timeout=PATIENCE_SECONDS)  # without the key

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        self._store.close()

    def post(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to any POST, with the key."""
        return self._http.post(path, **options)

    def ask(self, query: str, **variables: Any) -> JsonObject:
        """Return the whole answer to a GraphQL document: `data`, and `errors` where there are any."""
        answer = self._http.post("/graphql", json={"query": query, "variables": variables})
        assert answer.status_code == 200, answer.text
        said: JsonObject = answer.json()
        return said

    def tell(self, query: str, **given: Any) -> JsonObject:
        """Return the payload of a mutation whose input is `given`, which must be accepted."""
        said = self.ask(query, input=given)
        assert "errors" not in said, said
        return dict(next(iter(said["data"].values())))

    def complaint(self, query: str, **given: Any) -> str:
        """Return what the server says against a mutation whose input is `given`."""
        said = self.ask(query, input=given)
        return str(said["errors"][0]["message"])

    def upsert(self, **given: Any) -> JsonObject:
        """Create the run, or change it; returns bucket and inserted."""
        return self.tell(UPSERT, **{"name": self.run_id, "modelName": "equipment"} | given)

    def push(self, content: bytes | None = None, **body: Any) -> httpx.Response:
        """Return the answer to a push, of a body as it is or of what it has in it."""
        raw = content if content is not None else json.dumps(body).encode()
        return self._http.post(f"/files/tester/equipment/{self.run_id}/file_stream", content=raw)

    def lines(self, name: str, offset: int, *content: str) -> httpx.Response:
        """Return the answer to a push of some lines of one stream."""
        return self.push(files={name: {"offset": offset, "content": list(content)}})

    def put(self, url: str, content: bytes, headers: list[str] | None = None, **more: str) -> httpx.Response:
        """Return the answer to a PUT with the headers that came with the address, without the key."""
        offered = dict(header.split(":", 1) for header in headers or [])
        return self._store.put(url, content=content, headers={**offered, **more})

    def put_file(self, path: str, content: bytes) -> httpx.Response:
        """Return the answer to a whole upload of a file of the run."""
        offered = self.tell(CREATE_FILES, **self.place, files=[path])
        return self.put(offered["files"][0]["uploadUrl"], content, offered["uploadHeaders"])

    @property
    def place(self) -> JsonObject:
        """How mutations name the run."""
        return {"entityName": "tester", "projectName": "equipment", "runName": self.run_id}


def md5_of(content: bytes) -> str:
    """Return an MD5 as artifacts have it, in base64."""
    return base64.b64encode(hashlib.md5(content).digest()).decode()

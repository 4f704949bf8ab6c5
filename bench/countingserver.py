"""A W&B server that keeps counts and little else, so that what is measured is the client.

It believes what it is told: of lines it looks only at how many there are, and at the last row; bytes of files are
counted and dropped. GraphQL is answered by the operation's name, with more than anyone asks for. What clients send is
checked by the server of the tests (tests/wandbserver), which is no good for measuring: it parses every row.

    python -m bench.countingserver SECONDS [FEATURE ...]

prints its URL, and tells its counts as JSON at /counts. Each answer goes back after so many seconds: 0 measures what
clients do, as much as a real server's request takes measures how they wait.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

import orjson

from bench.lighthttp import Exchange, Request

JsonObject: TypeAlias = dict[str, Any]

HISTORY, EVENTS, CONSOLE, SUMMARY = "wandb-history.jsonl", "wandb-events.jsonl", "output.log", "wandb-summary.json"
ENTITY, PROJECT = "bench", "uncategorized"


@dataclass
class Counts:
    """What has arrived. `bytes` are those of whole requests, their heads included, by kind of request.

    `rows`, `files` and `file_bytes` count each arrival, also of what was there before.
    """

    requests: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    events: int = 0
    console_lines: int = 0
    files: int = 0
    file_bytes: int = 0
    completed: int = 0
    packed: int = 0  # requests that came compressed
    unknown: list[str] = field(default_factory=list)
    processor_seconds: float = 0.0  # of the server

    def add(self, kind: str, size: int) -> None:
        """Count a request."""
        self.requests[kind] = self.requests.get(kind, 0) + 1
        self.bytes[kind] = self.bytes.get(kind, 0) + size


@dataclass
class HeldRun:
    """What is kept of a run: how many lines, and the last of its rows."""

    entity: str
    project: str
    run_id: str
    config: str = "{}"
    lines: dict[str, int] = field(default_factory=dict)
    last_row: str = ""
    summary: str = "{}"


class Server:
    """What requests mean."""

    def __init__(self, features: list[str]) -> None:
        self.url = ""
        self.counts = Counts()
        self._features = features
        self._runs: dict[tuple[str, str, str], HeldRun] = {}
        self._operations: dict[str, Callable[[JsonObject], JsonObject]] = {
            "UpsertBucket": self._upsert,
            "RunResumeStatus": self._resume_status,
            "CreateRunFiles": self._run_files,
            "ServerFeaturesQuery": self._server_features,
            "Viewer": self._viewer,
        }

    def answer(self, request: Request) -> bytes | None:
        """Return the JSON to answer with; None for what there is not."""
        if request.path == "/counts":
            self.counts.processor_seconds = time.process_time()
            return orjson.dumps(asdict(self.counts))
        first, *parts = request.path.partition("?")[0].strip("/").split("/")
        kind = {"graphql": "graphql", "files": "lines", "storage": "storage"}.get(first, "other")
        self.counts.add(kind, request.size)
        if kind == "graphql":
            return orjson.dumps(self._graphql(orjson.loads(request.body)))
        if kind == "lines":
            return self._take_lines(parts, request)
        if kind == "storage":
            self.counts.files += 1
            self.counts.file_bytes += len(request.body)
            return b"{}"
        return None

    def _take_lines(self, parts: list[str], request: Request) -> bytes:
        body = request.body
        if request.headers.get(b"content-encoding") == b"gzip":
            self.counts.packed += 1
            body = gzip.decompress(body)
        entity, project, run_id = map(unquote, parts[:3])
        self._push(self._runs[entity, project, run_id], orjson.loads(body))
        return b"{}"

    def _push(self, run: HeldRun, said: JsonObject) -> None:
        for name, chunk in said.get("files", {}).items():
            content = chunk["content"]
            run.lines[name] = chunk["offset"] + len(content)
            if name == HISTORY and content:
                self.counts.rows += len(content)
                run.last_row = content[-1]
            elif name == EVENTS:
                self.counts.events += len(content)
            elif name == CONSOLE:
                self.counts.console_lines += len(content)
            elif name == SUMMARY and content:
                run.summary = content[-1]
        self.counts.completed += said.get("complete") is True

    def _graphql(self, asked: JsonObject) -> JsonObject:
        name, said = asked.get("operationName") or "", asked.get("variables") or {}
        answer = self._operations.get(name)
        if answer is None:
            self.counts.unknown.append(name)
            return {"data": None, "errors": [{"message": f"Cannot query field of {name}"}]}
        return {"data": answer(said)}

    def _viewer(self, _: JsonObject) -> JsonObject:
        return {"viewer": {"id": "V", "entity": ENTITY, "username": ENTITY, "flags": "{}"}}

    def _server_features(self, _: JsonObject) -> JsonObject:
        return {"serverInfo": {"features": [{"name": name, "isEnabled": True} for name in self._features]}}

    def _upsert(self, said: JsonObject) -> JsonObject:
        place = (said.get("entity") or ENTITY, said.get("project") or PROJECT, said["name"])
        is_new = place not in self._runs
        run = self._runs.setdefault(place, HeldRun(*place))
        run.config = said.get("config") or run.config
        return {"upsertBucket": {"bucket": _bucket(run), "inserted": is_new}}

    def _resume_status(self, said: JsonObject) -> JsonObject:
        place = (said.get("entity") or ENTITY, said.get("project") or PROJECT, said["name"])
        run = self._runs.get(place)
        return {"model": {**_project(place[0], place[1]), "bucket": run and _bucket(run)}}

    def _run_files(self, said: JsonObject) -> JsonObject:
        folder = f"{self.url}/storage/{quote(said['run'], safe='')}"
        files = [{"name": path, "uploadUrl": f"{folder}/{quote(path)}?signature=0"} for path in said["files"]]
        return {"createRunFiles": {"runID": _opaque(said["run"]), "uploadHeaders": [], "files": files}}


def _bucket(run: HeldRun) -> JsonObject:
    tail = json.dumps([run.last_row] if run.last_row else [])
    return {
        "id": _opaque(f"{run.entity}/{run.project}/{run.run_id}"),
        "name": run.run_id,
        "displayName": run.run_id,
        "description": None,
        "sweepName": None,
        "tags": [],
        "notes": None,
        "project": _project(run.entity, run.project),
        "config": run.config,
        "wandbConfig": '{"t": 1}',
        "summaryMetrics": run.summary,
        "historyLineCount": run.lines.get(HISTORY, 0),
        "eventsLineCount": run.lines.get(EVENTS, 0),
        "logLineCount": run.lines.get(CONSOLE, 0),
        "historyTail": tail,
        "eventsTail": "[]",
    }


def _project(entity: str, project: str) -> JsonObject:
    return {"id": _opaque(f"{entity}/{project}"), "name": project, "entity": {"id": _opaque(entity), "name": entity}}


def _opaque(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def serve(delay: float, features: list[str]) -> None:
    """Serve on a port of loopback, whose URL is printed, until the process is ended."""
    server = Server(features)
    listening = await asyncio.get_running_loop().create_server(lambda: Exchange(server.answer, delay), "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    print(server.url, flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), sys.argv[2:]))

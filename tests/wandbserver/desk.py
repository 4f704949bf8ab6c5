"""What a request means: it is told apart, counted, checked, carried out and answered.

The lock is held while a request is carried out, so that each is applied as a whole; watchers are called without it.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import threading
from collections import Counter
from collections.abc import Collection, Mapping

from tests.wandbserver import graphql, uploads
from tests.wandbserver.drift import Drift
from tests.wandbserver.faults import Fault, FaultSource
from tests.wandbserver.filestream import check_push
from tests.wandbserver.holdings import Holdings
from tests.wandbserver.holds import Watcher
from tests.wandbserver.recorded import JsonObject
from tests.wandbserver.refusals import Refused
from tests.wandbserver.requests import Kind, Moment, Request, key_in, parsed_body, path_parts
from tests.wandbserver.traffic import Traffic
from tests.wandbserver.wire import Answer

# Features that a server may offer, by the names under which clients ask for them.
GZIP, STRUCTURED_CONSOLE = "FILESTREAM_GZIP", "STRUCTURED_CONSOLE_LOGS"


class FrontDesk:
    """Where all requests come in; what it notes down is read under `lock`."""

    def __init__(self, holdings: Holdings, keys: Collection[str] | None) -> None:
        self.lock = threading.Lock()
        self.holdings = holdings
        self.keys = keys
        self.faults: list[FaultSource] = []
        self.watchers: list[Watcher] = []
        self.drift = Drift()
        self.answer_headers: list[tuple[str, str]] = []
        self.operations: list[tuple[str, JsonObject]] = []
        self.unknown: list[str] = []
        self.authorizations: set[str] = set()
        self.refused: list[str] = []
        self.errors: list[str] = []
        self.requests: list[Request] = []
        self.traffic: dict[Kind, Traffic] = {}
        self._seen: Counter[tuple[str, str]] = Counter()

    def classify(self, method: str, path: str, body_start: bytes) -> Request:
        """Return what kind of request this is, and count it."""
        with self.lock:
            kind, name = self._kind_and_name(path_parts(path), body_start)
            request = Request(kind, name, method, path, self._seen[kind, name])
            self._seen[kind, name] += 1
            self.requests.append(request)
        return request

    def _kind_and_name(self, parts: list[str], body_start: bytes) -> tuple[Kind, str]:
        match parts:
            case ["graphql"]:
                return "graphql", graphql.operation_name(body_start)
            case ["files", _, _, run_id, "file_stream"]:
                return "file_stream", run_id
            case [uploads.FOLDER, token] if token in self.holdings.uploads.offered:
                upload = self.holdings.uploads.offered[token]
                return upload.kind, upload.name
        return "other", "/".join(parts)

    def fault_for(self, request: Request) -> Fault | None:
        """Return how the request fails, None if it doesn't."""
        with self.lock:
            return next((fault for source in self.faults if (fault := source(request))), None)

    def notify(self, moment: Moment, request: Request) -> None:
        """Tell the watchers; raises DroppedRequest."""
        for watcher in list(self.watchers):
            watcher(moment, request)

    def count(self, request: Request, header_bytes: int, body_bytes: int) -> None:
        """Add what came in to the traffic."""
        with self.lock:
            so_far = self.traffic.setdefault(request.kind, Traffic())
            so_far.requests += 1
            so_far.header_bytes += header_bytes
            so_far.body_bytes += body_bytes

    def count_answer(self, request: Request, answer_bytes: int) -> None:
        """Add what went back to the traffic."""
        with self.lock:
            self.traffic[request.kind].answer_bytes += answer_bytes

    def apply(self, request: Request, headers: Mapping[str, str], body: bytes) -> Answer:
        """Record one request and return what to answer with."""
        with self.lock:
            try:
                answer = self._answered(request, headers, self._decoded(request, headers, body))
                return dataclasses.replace(answer, headers=(*answer.headers, *self.answer_headers))
            except Refused as error:
                self._complain(request, str(error), error.status)
                return _json_answer({"error": str(error)}, error.status)
            except Exception as error:  # the outer edge of a request: a test reads `errors`
                self._complain(request, repr(error), 500)
                return _json_answer({"error": repr(error)}, 500)

    # A lost error is a test that passes: whatever was turned down is noted.
    def _complain(self, request: Request, reason: str, status: int) -> None:
        if status == 404:
            self.refused.append(f"{request.method} {request.path}")
        else:
            self.errors.append(f"{request.method} {request.path} ({request.name}): {reason}")

    def _decoded(self, request: Request, headers: Mapping[str, str], body: bytes) -> bytes:
        """Return the body as it was before it was compressed. Raises Refused."""
        coding = headers.get("content-encoding", "")
        if not coding:
            return body
        if coding != "gzip" or request.kind != "file_stream" or GZIP not in self.holdings.features:
            raise Refused(f"Content-Encoding {coding} was not offered", 415)
        return gzip.decompress(body)

    def _answered(self, request: Request, headers: Mapping[str, str], body: bytes) -> Answer:
        if request.kind in ("graphql", "file_stream"):
            if request.method != "POST":
                raise Refused(f"{request.method} of what takes POST", 405)
            self._check_key(headers.get("authorization", ""))
            answer = self._graphql if request.kind == "graphql" else self._push
            return _json_answer(answer(request, parsed_body(body)))
        match [request.method, *path_parts(request.path)]:
            case ["PUT", uploads.FOLDER, token]:
                etag = self.holdings.uploads.receive(token, headers, body)
                return Answer(200, b"", (("ETag", f'"{etag}"'),))
        raise Refused("not found", 404)

    def _check_key(self, authorization: str) -> None:
        """Return if the request comes with a key that is accepted. Raises Refused."""
        self.authorizations.add(authorization)
        key = key_in(authorization)
        if not key or (self.keys is not None and key not in self.keys):
            raise Refused("this key is not accepted", 401)

    def _graphql(self, request: Request, body: JsonObject) -> JsonObject:
        self.operations.append((request.name, body.get("variables") or {}))
        if refusal := self.drift.refusal_of(request.name):
            return refusal
        answer = graphql.answer(self.holdings, body)
        for error in answer.get("errors", []):
            self.errors.append(f"{request.name}: {error['message']}")
        if answer["data"] is None and answer.get("errors"):
            self.unknown.append(request.name)
        return answer | {"data": self.drift.applied_to(answer["data"])}

    def _push(self, request: Request, body: JsonObject) -> JsonObject:
        _, entity, project, run_id, _ = path_parts(request.path)
        run = self.holdings.held_run(entity, project, run_id)
        arrived = self.holdings.arrived(run)
        check_push(run, body, arrived, has_structured_console=STRUCTURED_CONSOLE in self.holdings.features)
        run.apply_push(body)
        answer: JsonObject = self.drift.applied_to({"exitcode": None, "limits": {}})
        return answer


def _json_answer(answer: JsonObject, status: int = 200) -> Answer:
    return Answer(status, json.dumps(answer).encode())

"""A W&B-compatible server on a loopback port, which records what it receives and refuses nothing.

It speaks as much of the protocol as `wandb sync` needs to finish a run, and answers from what it has
recorded: a second delivery of a run meets the line counts of the first, so that a duplicate shows up here
as a duplicate. It checks neither keys nor limits.

    with RecordingServer() as server:
        deliver(run_directory, server.url)
        rows = server.run("k3v9q2").history
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.conformance.recorded_run import JsonObject, RecordedArtifact, RecordedRun, parse_object
from tests.conformance.recording_graphql import Recording


class RecordingServer:
    """The server as a context manager: listening inside the block, gone after it. What it recorded stays."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recording = Recording()
        self._authorizations: set[str] = set()
        self._refused: list[str] = []
        self._errors: list[str] = []
        self._http = _RecordingHTTPServer(("127.0.0.1", 0), _Request)
        self._http.recorder = self
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._recording.base_url = self.url
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> RecordingServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def run(self, run_id: str) -> RecordedRun:
        """Return the run with this id, whatever its project.

        Raises LookupError if there is none, or one in each of several projects.
        """
        with self._lock:
            found = [run for run in self._recording.runs.values() if run.run_id == run_id]
        if len(found) != 1:
            raise LookupError(f"{len(found)} runs {run_id!r}; held are {sorted(self._recording.runs)}")
        return found[0]

    @property
    def runs(self) -> list[RecordedRun]:
        """All runs, in order of their first UpsertBucket."""
        with self._lock:
            return list(self._recording.runs.values())

    @property
    def artifacts(self) -> list[RecordedArtifact]:
        """All artifacts, in order of their CreateArtifact."""
        with self._lock:
            return list(self._recording.artifacts)

    @property
    def alerts(self) -> list[JsonObject]:
        """Variables of every NotifyScriptableRunAlert."""
        with self._lock:
            return list(self._recording.alerts)

    @property
    def operations(self) -> list[tuple[str, JsonObject]]:
        """(name, variables) of every GraphQL operation, in order of arrival."""
        with self._lock:
            return list(self._recording.operations)

    @property
    def unknown_operations(self) -> list[str]:
        """Names of the operations that were answered with null data."""
        with self._lock:
            return list(self._recording.unknown)

    @property
    def authorizations(self) -> set[str]:
        """Every Authorization header that came with /graphql or /files."""
        with self._lock:
            return set(self._authorizations)

    @property
    def refused(self) -> list[str]:
        """`METHOD path` of every request that was answered with 404; the telemetry of clients is among them."""
        with self._lock:
            return list(self._refused)

    @property
    def errors(self) -> list[str]:
        """`METHOD path: error` of every request that could not be understood and was answered with 500."""
        with self._lock:
            return list(self._errors)

    def answer(self, method: str, path: str, body: bytes, authorization: str | None) -> tuple[int, JsonObject]:
        """Record one request and return the status and the JSON to answer with."""
        parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
        with self._lock:
            if authorization is not None and parts[0] in ("graphql", "files"):
                self._authorizations.add(authorization)
            try:
                answer = self._route(method, parts, body)
            except Exception as error:  # the outer edge of a request: a test reads `errors`
                self._errors.append(f"{method} {path}: {error!r}")
                return 500, {"error": repr(error)}
            if answer is None:
                self._refused.append(f"{method} {path}")
                return 404, {"error": "not found"}
            return 200, answer

    def _route(self, method: str, parts: list[str], body: bytes) -> JsonObject | None:
        match method, *parts:
            case ["POST", "graphql"]:
                return self._recording.answer(parse_object(body.decode()))
            case ["POST", "files", entity, project, run_id, "file_stream"]:
                run = self._recording.find_run(entity, project, run_id)
                if run is None:
                    return None
                run.apply_push(parse_object(body.decode()))
                return {}
            case ["PUT", "upload", *target]:
                return self._store(target, body)
        return None

    def _store(self, target: list[str], body: bytes) -> JsonObject | None:
        match target:
            case ["run", entity, project, run_id, *name]:
                run = self._recording.find_run(entity, project, run_id)
                if run is None:
                    return None
                run.files["/".join(name)] = body
            case ["manifest", artifact_id]:
                self._recording.find_artifact(artifact_id).manifest = parse_object(body.decode())
            case ["artifact", artifact_id, *name]:
                self._recording.find_artifact(artifact_id).files["/".join(name)] = body
            case _:
                return None
        return {}


class _RecordingHTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    # A client that keeps its connection open must not hold up the end of a test.
    block_on_close = False
    recorder: RecordingServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a client that hung up; it does so whenever its process ends."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _RecordingHTTPServer

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent: what came in is recorded, not printed."""

    def _answer(self) -> None:
        body = self._body()
        status, answer = self.server.recorder.answer(self.command, self.path, body, self.headers["Authorization"])
        encoded = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def _body(self) -> bytes:
        if self.headers["Transfer-Encoding"] == "chunked":
            body = _read_chunked(self.rfile)
        else:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        return gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body


def _read_chunked(stream: BufferedIOBase) -> bytes:
    """Return a body in chunked transfer coding, which clients use for files of unknown or zero length."""
    body = bytearray()
    while size := int(stream.readline().split(b";")[0], 16):
        body += stream.read(size)
        stream.readline()
    while stream.readline().strip():
        pass
    return bytes(body)

"""A runstore hub as a target, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import orjson

from runstore.core.segments import Mark
from runstore.syncd.remotes.base import FileEntry
from runstore.syncd.remotes.connection import HubConnection
from runstore.syncd.remotes.uploading import FEATURE, Upload

STREAMS, BATCHES = "streams", "batches"  # what hubs that take them say that they have
_ENTRIES_AT_ONCE = 1000  # of a manifest: a few hundred kB of the 8 MiB that a hub takes


class HubRemote:
    """The hub at `url`, over one pool of connections.

    Raises UsageError where `url` is not http:// or https://, or `token` can't be one.
    """

    def __init__(
        self, url: str, token: str, *, name: str = "hub", transport: httpx.BaseTransport | None = None
    ) -> None:
        self.name, self.address = name, url
        self.connection = HubConnection(url, token, transport)

    @property
    def url(self) -> str:
        """Where the hub is, in the one spelling that it is asked under."""
        return self.connection.url

    def close(self) -> None:
        """Close the connections."""
        self.connection.close()

    def identity(self) -> str:
        """Return "hub:" and the id that the hub keeps in its data folder; asked once."""
        identity = self.connection.about().get("hub")
        return f"hub:{identity}" if isinstance(identity, str) else self.connection.not_a_hub()

    def mark(self, log_id: str) -> Mark:
        """Return what the hub durably holds of a log."""
        return self._mark(self.connection.request("GET", f"/v1/logs/{log_id}"))

    def append(self, log_id: str, offset: int, data: bytes) -> Mark:
        """Send a range and return what the hub durably holds now. Raises RemoteConflict where it holds other bytes."""
        params = {"offset": offset}
        return self._mark(self.connection.request("PUT", f"/v1/logs/{log_id}", params=params, content=data))

    def takes_streams(self) -> bool:
        """Return whether the hub is new enough for streams."""
        return self.connection.has(STREAMS)

    def append_stream(self, log_id: str, offset: int, pieces: Iterable[bytes]) -> Mark:
        """Send bytes as they are made, and return what the hub durably holds now. Raises RemoteConflict."""
        params = {"offset": offset, "streamed": 1}
        response = self.connection.send("PUT", f"/v1/logs/{log_id}", params=params, content=iter(pieces))
        return self._mark(self.connection.checked(response))

    def takes_batches(self) -> bool:
        """Return whether the hub is new enough for batches."""
        return self.connection.has(BATCHES)

    def append_all(self, ranges: Sequence[tuple[str, int, bytes]]) -> list[Mark | None]:
        """Send ranges of different logs in one request; return the mark of each, None where it was refused."""
        entries = [{"log_id": log_id, "offset": offset, "size": len(data)} for log_id, offset, data in ranges]
        content = b"".join([orjson.dumps({"logs": entries}), b"\n", *(data for _, _, data in ranges)])
        answers = self._answers(self.connection.request("POST", "/v1/logs", content=content), "logs", ranges)
        return [_mark_in(answer) for answer in answers]

    def missing_files(self, log_id: str, entries: Iterable[FileEntry]) -> set[str]:
        """Send the manifest, in parts, and return the digests of which the hub lacks the bytes."""
        missing: set[str] = set()
        rest = iter(entries)
        while part := list(islice(rest, _ENTRIES_AT_ONCE)):
            content = orjson.dumps({"files": part})
            answer = self.connection.request("POST", f"/v1/logs/{log_id}/files", content=content)
            missing.update(self.connection.field(answer, "missing", list))
        return missing

    def missing_files_of_all(self, manifests: Sequence[tuple[str, Sequence[FileEntry]]]) -> list[set[str] | None]:
        """Send the manifests of many logs in one request; return what the hub lacks of each, None for no such log."""
        content = orjson.dumps({"logs": [{"log_id": log_id, "files": entries} for log_id, entries in manifests]})
        answers = self._answers(self.connection.request("POST", "/v1/files", content=content), "missing", manifests)
        return [set(answer) if isinstance(answer, list) else None for answer in answers]

    def put_all(self, blobs: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Send small blobs, with their digests, in one request; return which of them the hub holds now."""
        entries = [{"sha256": digest, "size": len(data)} for digest, data in blobs]
        content = b"".join([orjson.dumps({"blobs": entries}), b"\n", *(data for _, data in blobs)])
        answers = self._answers(self.connection.request("POST", "/v1/blobs", content=content), "held", blobs)
        return [answer is True for answer in answers]

    def refuses_blobs(self) -> str:
        """Return that the hub is too old for artifacts, "" where it is not."""
        return self.connection.lacks(FEATURE)

    def put_file(self, digest: str, path: Path, progress: Callable[[int], None]) -> int:
        """Send what the hub lacks of a file. Raises RemoteConflict for another digest, OSError for the local file."""
        return Upload(self.connection, digest, path, progress).run()

    def runs(self) -> list[dict[str, Any]]:
        """Return every run that the hub knows."""
        return self.connection.answer(self.connection.request("GET", "/v1/runs"), list)

    def run(self, path: str) -> dict[str, Any]:
        """Return one run. Raises NotFound."""
        return self.connection.answer(self.connection.request("GET", "/v1/run", params={"path": path}), dict)

    def history(self, path: str, keys: Sequence[str], samples: int | None = None) -> list[dict[str, Any]]:
        """Return a run's rows; every metric where `keys` is empty. Raises NotFound."""
        params: dict[str, Any] = {"path": path, "keys": list(keys)}
        if samples is not None:
            params["samples"] = samples
        return self.connection.answer(self.connection.request("GET", "/v1/history", params=params), list)

    def counters(self) -> dict[str, int]:
        """Return what has arrived at the hub since it started."""
        return self.connection.answer(self.connection.request("GET", "/v1/counters"), dict)

    def _answers(self, response: httpx.Response, name: str, asked: Sequence[object]) -> list[object]:
        """Return the answers to what was asked in one request, in the same order."""
        answers = self.connection.field(response, name, list)
        return answers if len(answers) == len(asked) else self.connection.not_a_hub()

    def _mark(self, response: httpx.Response) -> Mark:
        answer = self.connection
        return Mark(
            answer.field(response, "size", int),
            answer.field(response, "chain", str),
            answer.field(response, "open_digest", str),
        )


def _mark_in(answer: object) -> Mark | None:
    match answer:
        case {"size": int(size), "chain": str(chain), "open_digest": str(digest)}:
            return Mark(size, chain, digest)
    return None

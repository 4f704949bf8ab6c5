"""A W&B-compatible server on a loopback port, which records what it receives and fails when a test says so.

It answers from what it has recorded: a second delivery of a run meets the line counts of the first, so that a
duplicate shows up here as a duplicate.

    with RecordingServer() as server:
        deliver(run_directory, server.url)
        rows = server.run("k3v9q2").history
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from types import TracebackType

from tests.wandbserver.desk import FrontDesk
from tests.wandbserver.drift import Drift
from tests.wandbserver.faults import Fault, FaultSource, Rule
from tests.wandbserver.holdings import Holdings
from tests.wandbserver.holds import Hold, Watcher
from tests.wandbserver.recorded import JsonObject, RecordedArtifact, RecordedRun
from tests.wandbserver.requests import Kind, Moment, Request
from tests.wandbserver.traffic import Traffic
from tests.wandbserver.wire import Listener


class RecordingServer:
    """The server as a context manager: listening inside the block, gone after it. What it recorded stays."""

    def __init__(
        self,
        keys: Collection[str] | None = None,
        features: Collection[str] = (),
        *,
        has_relative_uploads: bool = False,
        skips_known_files: bool = False,
        xxhash_entities: Collection[str] = (),
    ) -> None:
        """Accept the API keys `keys`, or any; offer `features` (desk.GZIP, desk.STRUCTURED_CONSOLE, holdings.DIGESTS).

        Addresses for bytes may be relative to the server's own; and files of artifacts that are stored already may
        get no address, as nothing need be put. With holdings.DIGESTS, artifacts of `xxhash_entities` may have digests
        by XXH128.
        """
        holdings = Holdings(frozenset(features), skips_known_files, frozenset(xxhash_entities))
        self._desk = FrontDesk(holdings, keys)
        self._holds: list[Hold] = []
        self._listener = Listener(self._desk)
        self.url = f"http://127.0.0.1:{self._listener.port}"
        if not has_relative_uploads:
            holdings.uploads.base_url = self.url

    def __enter__(self) -> RecordingServer:
        self._listener.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Be gone, whatever is going on; what was recorded stays. May be called again."""
        for hold in self._holds:
            hold.release()
        self._listener.close()

    def fail(self, fault: Fault, kind: str = "", name: str = "", *, skip: int = 0, times: int | None = 1) -> Rule:
        """Let `times` requests of a kind and name fail, after `skip` that don't; None means all."""
        rule = Rule(fault, kind, name, skip, times)
        self._desk.faults.append(rule)
        return rule

    def hold(self, kind: str = "", name: str = "", *, moment: Moment = "arrived", skip: int = 0) -> Hold:
        """Stop a request of a kind and name at a moment of its life, after `skip` that pass."""
        hold = Hold(kind, name, moment, skip)
        self._holds.append(hold)
        self._desk.watchers.append(hold)
        return hold

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Refuse connections inside the block; those that were there are broken. What was recorded stays."""
        self._listener.go_away()
        try:
            yield
        finally:
            self._listener.open()

    @property
    def faults(self) -> list[FaultSource]:
        """Asked about each request in this order; the first fault counts. See faults.py."""
        return self._desk.faults

    @property
    def watchers(self) -> list[Watcher]:
        """Called with each request when it has arrived, when it is applied, when it is answered. See holds.py."""
        return self._desk.watchers

    @property
    def answer_headers(self) -> list[tuple[str, str]]:
        """Come with every answer, those of faults excepted: `RateLimit-Remaining`, for instance."""
        return self._desk.answer_headers

    @property
    def drift(self) -> Drift:
        """How answers differ from the usual. See drift.py."""
        return self._desk.drift

    @drift.setter
    def drift(self, drift: Drift) -> None:
        self._desk.drift = drift

    @property
    def keys(self) -> Collection[str] | None:
        """The API keys that are accepted; None is any."""
        return self._desk.keys

    @keys.setter
    def keys(self, keys: Collection[str] | None) -> None:
        self._desk.keys = keys

    @property
    def traffic(self) -> dict[Kind, Traffic]:
        """Bytes on the wire, by kind of request."""
        with self._desk.lock:
            return dict(self._desk.traffic)

    def run(self, run_id: str) -> RecordedRun:
        """Return the run with this id, whatever its project.

        Raises LookupError if there is none, or one in each of several projects.
        """
        with self._desk.lock:
            found = [run for run in self._desk.holdings.runs.values() if run.run_id == run_id]
        if len(found) != 1:
            raise LookupError(f"{len(found)} runs {run_id!r}; held are {sorted(self._desk.holdings.runs)}")
        return found[0]

    def forget_run(self, run_id: str) -> None:
        """Drop a run, as its people do when they delete it."""
        run = self.run(run_id)
        with self._desk.lock:
            del self._desk.holdings.runs[run.entity, run.project, run.run_id]

    @property
    def runs(self) -> list[RecordedRun]:
        """All runs, in order of their first UpsertBucket."""
        with self._desk.lock:
            return list(self._desk.holdings.runs.values())

    @property
    def artifacts(self) -> list[RecordedArtifact]:
        """All artifacts, in order of their CreateArtifact."""
        with self._desk.lock:
            return list(self._desk.holdings.artifacts)

    @property
    def alerts(self) -> list[JsonObject]:
        """Variables of every NotifyScriptableRunAlert."""
        with self._desk.lock:
            return list(self._desk.holdings.alerts)

    @property
    def operations(self) -> list[tuple[str, JsonObject]]:
        """(name, variables) of every GraphQL operation, in order of arrival."""
        with self._desk.lock:
            return list(self._desk.operations)

    @property
    def unknown_operations(self) -> list[str]:
        """Names of the operations of which nothing was carried out: unfit for the schema, or refused."""
        with self._desk.lock:
            return list(self._desk.unknown)

    @property
    def requests(self) -> list[Request]:
        """Every request, in order of arrival, those that failed included."""
        with self._desk.lock:
            return list(self._desk.requests)

    @property
    def authorizations(self) -> set[str]:
        """Every Authorization header that came with /graphql or /files."""
        with self._desk.lock:
            return set(self._desk.authorizations)

    @property
    def refused(self) -> list[str]:
        """`METHOD path` of every request that was answered with 404; the telemetry of clients is among them."""
        with self._desk.lock:
            return list(self._desk.refused)

    @property
    def errors(self) -> list[str]:
        """Each request that broke a rule, and which; what tests asked for is not among them, nor is `refused`."""
        with self._desk.lock:
            return list(self._desk.errors)

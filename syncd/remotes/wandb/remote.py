"""A W&B server as a target: runs by GraphQL, their lines by `file_stream`, their files to its storage."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from runstore.errors import RemoteConflict
from runstore.syncd.remotes.graphql import GraphQLConnection, Refusal
from runstore.syncd.remotes.runs import (
    CONSOLE,
    EVENTS,
    HISTORY,
    Lines,
    OutgoingArtifact,
    RunDescription,
    RunFile,
    ServerRun,
)
from runstore.syncd.remotes.wandb import documents
from runstore.syncd.remotes.wandb.artifacts import ArtifactDelivery
from runstore.syncd.remotes.wandb.connection import WandbConnection
from runstore.syncd.remotes.wandb.digests import as_taken
from runstore.syncd.remotes.wandb.files import FileUploads
from runstore.syncd.remotes.wandb.lines import LONGEST_LINE_BYTES, MOST_BYTES, Ending, LineStream

logger = logging.getLogger("runstore.wandb")

# What servers say that they can.
GZIP, STRUCTURED_CONSOLE = "FILESTREAM_GZIP", "STRUCTURED_CONSOLE_LOGS"
_SEVERITIES = ("INFO", "WARN", "ERROR")
_COUNTS = {HISTORY: "historyLineCount", EVENTS: "eventsLineCount", CONSOLE: "logLineCount"}


class WandbRemote:
    """The W&B server at `url`, over one pool of connections; `entity` and `project` replace those of runs, and
    `pause` waits so many seconds.

    Raises UsageError where no server can be at `url`, or `key` can't be one.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        name: str = "wandb",
        entity: str = "",
        project: str = "",
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name, self.address = name, url
        self._entity, self._project = entity, project
        self._connection = WandbConnection(url, key, transport, pause)
        self._graphql = GraphQLConnection(self._connection)
        self._features: frozenset[str] | None = None

    @property
    def url(self) -> str:
        """Where the server is, in the one spelling that it is asked under."""
        return self._connection.url

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def identity(self) -> str:
        """Return "wandb:", the server's URL, and entity and project where these are the user's choice."""
        place = "/".join((self._entity, self._project)) if self._entity or self._project else ""
        return f"wandb:{self.url}" + (f"#{place}" if place else "")

    def place_of(self, entity: str, project: str) -> tuple[str, str]:
        """Return entity and project to which such runs go."""
        return self._entity or entity, self._project or project

    def find(self, entity: str, project: str, run_id: str) -> ServerRun | None:
        """Return what the server holds of a run; None where it holds none. One too old to say gives no storage id."""
        entity, project = self.place_of(entity, project)
        variables = {"entity": entity or None, "project": project or None, "name": run_id}
        try:
            model = self._graphql.ask(documents.RUN, variables).get("model")
        except Refusal as refusal:
            if not refusal.unknown_names():
                raise
            logger.warning('event=degraded server=%s operation=RunResumeStatus said="%s"', self.url, refusal)
            return ServerRun("", entity, project, run_id)
        bucket = model.get("bucket") if isinstance(model, dict) else None
        if not isinstance(bucket, dict):
            return None
        return self._server_run(bucket, model, (entity, project, run_id))

    def upsert(self, run: RunDescription) -> ServerRun:
        """Create a run, or say anew what it is."""
        entity, project = self.place_of(run.entity, run.project)
        said = {
            "id": run.storage_id,
            "name": run.run_id,
            "project": project,
            "entity": entity,
            "groupName": run.group,
            "displayName": run.name,
            "notes": run.notes,
            "commit": run.git_commit,
            "host": run.host,
            "program": run.program,
            "repo": run.git_remote,
            "jobType": run.job_type,
            "sweep": run.sweep_id,
            "tags": list(run.tags),
            "config": json.dumps(run.config, ensure_ascii=False),  # NaN stays what it is
        }
        variables = {key: value or None for key, value in said.items()}
        answer = self._graphql.payload(documents.UPSERT, variables, "upsertBucket")
        is_new = answer.get("inserted") is True
        return self._run_in(answer.get("bucket"), (entity, project, run.run_id), "UpsertBucket", is_new)

    def rewind(self, run: ServerRun, step: int) -> ServerRun:
        """Drop the rows of a run behind `step`."""
        variables = {
            "runName": run.run_id,
            "entity": run.entity,
            "project": run.project,
            "metricName": "_step",
            "metricValue": float(step),
        }
        answer = self._graphql.payload(documents.REWIND, variables, "rewindRun")
        return self._run_in(answer.get("rewoundRun"), (run.entity, run.project, run.run_id), "RewindRun")

    def push(
        self,
        run: ServerRun,
        streams: Mapping[str, Lines],
        *,
        uploaded: Sequence[str] = (),
        preempting: bool = False,
        exit_code: int | None = None,
    ) -> None:
        """Write lines, and tell which files were uploaded; with an exit code, that the run has ended."""
        ending = Ending(tuple(uploaded), preempting, exit_code)
        LineStream(self._connection, run, lambda: self._has(GZIP)).push(streams, ending)

    def most_bytes(self) -> int:
        """Return how many bytes of lines go at once."""
        return MOST_BYTES

    def longest_line(self) -> int:
        """Return how many bytes a line may have: as with W&B's own client, which drops longer ones."""
        return LONGEST_LINE_BYTES

    def put_files(self, run: ServerRun, files: Sequence[RunFile], progress: Callable[[int], None]) -> Mapping[str, str]:
        """Give the bytes of files; return why, by path, for each that was refused, or could not be read."""
        return FileUploads(self._graphql, run, progress).bring(files)

    def log_artifact(self, run: ServerRun, artifact: OutgoingArtifact, progress: Callable[[int], None]) -> None:
        """Make an artifact known with all its bytes, and commit it."""
        taken = as_taken(self._graphql, run, artifact, progress, self._has)
        ArtifactDelivery(self._graphql, run, taken, progress, self._has).deliver()

    def alert(self, run: ServerRun, title: str, text: str, level: str, wait_ms: int) -> None:
        """Send an alert of the run's to its people."""
        variables = {
            "entityName": run.entity,
            "projectName": run.project,
            "runName": run.run_id,
            "title": title,
            "text": text,
            "severity": level.upper() if level.upper() in _SEVERITIES else "INFO",
            "waitDuration": wait_ms,
        }
        answer = self._graphql.payload(documents.ALERT, variables, "notifyScriptableRunAlert")
        if answer.get("success") is not True:  # as for one too soon after another; nobody misses that
            logger.warning('event=alert-not-sent server=%s run=%s title="%s"', self.url, run.run_id, title)

    def takes_structured_console(self) -> bool:
        """Return whether lines of the console are JSON objects with level, ts and content."""
        return self._has(STRUCTURED_CONSOLE)

    def _has(self, feature: str) -> bool:
        """Return whether the server says that it can do this; asked once."""
        if self._features is None:
            try:
                info = self._graphql.ask(documents.FEATURES, {}).get("serverInfo")
            except RemoteConflict as error:  # servers did without for long
                logger.info('event=degraded server=%s operation=ServerFeaturesQuery said="%s"', self.url, error)
                info = None
            listed = info.get("features") if isinstance(info, dict) else None
            known = [entry for entry in listed or () if isinstance(entry, dict) and entry.get("isEnabled") is True]
            self._features = frozenset(str(entry.get("name")) for entry in known)
        return feature in self._features

    def _run_in(self, bucket: object, asked: tuple[str, str, str], operation: str, is_new: bool = False) -> ServerRun:
        if not isinstance(bucket, dict):
            raise RemoteConflict(f"{self.url}: its answer to {operation} has no run, and no reason")
        return self._server_run(bucket, bucket.get("project"), asked, is_new)

    def _server_run(
        self, bucket: Mapping[str, Any], project: object, asked: tuple[str, str, str], is_new: bool = False
    ) -> ServerRun:
        """Return what an answer says of a run; `asked` are entity, project and id to believe in where it says none."""
        project = project if isinstance(project, dict) else {}
        entity = project.get("entity")
        entity = entity if isinstance(entity, dict) else {}
        history = _rows(bucket.get("historyTail"))
        return ServerRun(
            str(bucket.get("id") or ""),
            str(entity.get("name") or asked[0]),
            str(project.get("name") or asked[1]),
            str(bucket.get("name") or asked[2]),
            is_new=is_new,
            lines={stream: bucket[count] for stream, count in _COUNTS.items() if isinstance(bucket.get(count), int)},
            last_row=history[-1] if history else None,
            summary=_object(bucket.get("summaryMetrics")),
            config=_plain(_object(bucket.get("config"))),
        )


def _object(text: object) -> dict[str, Any]:
    """Return the JSON object in a text, with bare NaN; {} where there is none."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _rows(text: object) -> list[dict[str, Any]]:
    """Return the rows in a JSON list of JSON texts."""
    try:
        texts = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return []
    return [row for row in map(_object, texts if isinstance(texts, list) else ()) if row]


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config without what is around each value, nor what W&B's tools keep in it."""
    return {
        key: entry["value"]
        for key, entry in config.items()
        if key != "_wandb" and isinstance(entry, dict) and "value" in entry
    }

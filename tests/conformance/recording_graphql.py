"""Answer the GraphQL operations of `wandb sync` from what has been recorded, as truthfully as that allows.

The query text is never parsed: the client's operation name decides, and the answer carries every field that
any known client version selects. An operation without an entry in the table is answered with null data and
its name is kept in `unknown`, so that a test can tell "not needed" from "not noticed".

Rules of this file: no sockets, no threads. The server that calls `answer` holds the lock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.conformance.recorded_run import CONSOLE, EVENTS, HISTORY, JsonObject, RecordedArtifact, RecordedRun

DEFAULT_ENTITY = "tester"
DEFAULT_PROJECT = "uncategorized"

_OPERATION = re.compile(r"\b(?:query|mutation)\s+(\w+)")

# Versions that deliver from Python (0.24 and older) look up the schema before they use a part of it.
_PROBE = re.compile(r'(\w+):\s*__type\(name:\s*"(\w+)"\)')
_SCHEMA = {
    "Mutation": ["createRunFiles"],
    "CreateArtifactInput": ["clientID", "sequenceClientID", "enableDigestDeduplication"],
}


@dataclass
class Recording:
    """Everything that a server has been told, and its answers to GraphQL operations.

    `base_url` is where upload addresses point to; it is set once the server's port is known.
    """

    base_url: str = ""
    runs: dict[tuple[str, str, str], RecordedRun] = field(default_factory=dict)
    artifacts: list[RecordedArtifact] = field(default_factory=list)
    alerts: list[JsonObject] = field(default_factory=list)
    operations: list[tuple[str, JsonObject]] = field(default_factory=list)
    """(name, variables) of every operation, in order of arrival."""
    unknown: list[str] = field(default_factory=list)

    def answer(self, body: JsonObject) -> JsonObject:
        """Return the response to one GraphQL request."""
        name = body.get("operationName") or _operation_name(body.get("query", ""))
        variables = body.get("variables") or {}
        self.operations.append((name, variables))
        operation = _OPERATIONS.get(name)
        if operation is None and (probed := _PROBE.findall(body["query"])):
            return {"data": {alias: _introspected(type_name) for alias, type_name in probed}}
        if operation is None:
            self.unknown.append(name)
            return {"data": None}
        return {"data": operation(self, variables)}

    def find_run(self, entity: str | None, project: str | None, run_id: str) -> RecordedRun | None:
        """Return the run, or None where it was never upserted."""
        return self.runs.get((entity or DEFAULT_ENTITY, project or DEFAULT_PROJECT, run_id))

    def find_artifact(self, artifact_id: str) -> RecordedArtifact:
        """Return the artifact; raises LookupError for an id that this server never gave out."""
        for artifact in self.artifacts:
            if artifact.artifact_id == artifact_id:
                return artifact
        raise LookupError(f"no artifact {artifact_id!r}")

    def run_to_upsert(self, variables: JsonObject) -> tuple[RecordedRun, bool]:
        """Return the run that an UpsertBucket means, and whether it is new."""
        for run in self.runs.values():
            if variables.get("id") == run.storage_id:
                return run, False
        entity = variables.get("entity") or DEFAULT_ENTITY
        project = variables.get("project") or DEFAULT_PROJECT
        run_id = variables["name"]
        inserted = (entity, project, run_id) not in self.runs
        return self.runs.setdefault((entity, project, run_id), RecordedRun(entity, project, run_id)), inserted


def _operation_name(query: str) -> str:
    matched = _OPERATION.search(query)
    return matched[1] if matched else "(anonymous)"


def _introspected(type_name: str) -> JsonObject:
    names = [{"name": name} for name in _SCHEMA.get(type_name, [])]
    return {"name": type_name, "fields": names, "inputFields": names}


def _input(variables: JsonObject) -> JsonObject:
    # Newer clients wrap their variables as {"input": ...}; older ones pass them flat.
    inner: JsonObject = variables.get("input") or variables
    return inner


def _viewer(recording: Recording, variables: JsonObject) -> JsonObject:
    viewer = {"id": "viewer", "entity": DEFAULT_ENTITY, "username": DEFAULT_ENTITY, "flags": "{}", "admin": False}
    return {"viewer": viewer | {"email": "tester@localhost", "name": DEFAULT_ENTITY, "teams": {"edges": []}}}


def _server_info(recording: Recording, variables: JsonObject) -> JsonObject:
    # No feature is on: clients then keep to the oldest forms, which every version shares.
    return {"serverInfo": {"features": [], "cliVersionInfo": {}, "latestLocalVersionInfo": None}}


def _upsert_bucket(recording: Recording, variables: JsonObject) -> JsonObject:
    run, inserted = recording.run_to_upsert(variables)
    run.apply_upsert(variables)
    bucket = _bucket(run) | {"project": {"id": run.project, "name": run.project, "entity": _named(run.entity)}}
    return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}


def _resume_status(recording: Recording, variables: JsonObject) -> JsonObject:
    """Say what is held of the run, null if nothing.

    Stock 0.31 asks only where RunRecord.resume is set, older versions only under `sync --append`. 0.31 then
    appends from `historyLineCount` on and lifts each `_step` to the last step held here + 1 at least: rows
    0, 2, 10 behind a last step 4 arrive as 5, 6, 10.
    """
    run = recording.find_run(variables.get("entity"), variables.get("project"), variables["name"])
    project = variables.get("project") or DEFAULT_PROJECT
    entity = variables.get("entity") or DEFAULT_ENTITY
    return {"model": _named(project) | {"entity": _named(entity), "bucket": run and _bucket(run)}}


def _named(name: str) -> JsonObject:
    return {"id": name, "name": name}


def _bucket(run: RecordedRun) -> JsonObject:
    """Return every field of a run that any client version selects."""
    history, events = run.lines.get(HISTORY, []), run.lines.get(EVENTS, [])
    wrapped = {key: {"value": value} for key, value in run.config.items()}
    return {
        "id": run.storage_id,
        "name": run.run_id,
        "displayName": run.display_name or run.run_id,
        "description": None,
        "notes": run.notes,
        "tags": run.tags,
        "sweepName": None,
        "config": json.dumps(wrapped | {"_wandb": {"value": run.wandb_config}}),
        "wandbConfig": json.dumps({"t": run.wandb_config.get("t", {})}),
        "summaryMetrics": json.dumps(run.summary),
        "historyLineCount": len(history),
        "eventsLineCount": len(events),
        "logLineCount": len(run.lines.get(CONSOLE, [])),
        # A JSON list of JSON texts, each one row.
        "historyTail": json.dumps(history[-1:]),
        "eventsTail": json.dumps(events[-1:]),
    }


def _rewind_run(recording: Recording, variables: JsonObject) -> JsonObject:
    """Set a run back to a step, as `resume_from` asks; null where there is no such run, which clients call an error."""
    run = recording.find_run(variables.get("entity"), variables.get("project"), variables["runName"])
    if run is None:
        return {"rewindRun": None}
    run.set_back(variables["metricName"], variables["metricValue"])
    project = {"id": run.project, "name": run.project, "entity": _named(run.entity)}
    return {"rewindRun": {"rewoundRun": _bucket(run) | {"project": project}}}


def _create_run_files(recording: Recording, variables: JsonObject) -> JsonObject:
    owner = "/".join(quote(variables[key], safe="") for key in ("entity", "project", "run"))
    base = f"{recording.base_url}/upload/run/{owner}"
    files = [{"name": name, "uploadUrl": f"{base}/{quote(name)}"} for name in variables["files"]]
    return {"createRunFiles": {"runID": variables["run"], "uploadHeaders": [], "files": files}}


def _alert(recording: Recording, variables: JsonObject) -> JsonObject:
    recording.alerts.append(variables)
    return {"notifyScriptableRunAlert": {"success": True}}


def _create_artifact(recording: Recording, variables: JsonObject) -> JsonObject:
    announced = _input(variables)
    same = ("artifactTypeName", "artifactCollectionName", "artifactCollectionNames", "digest")
    for known in recording.artifacts:
        if known.committed and all(known.announced.get(key) == announced.get(key) for key in same):
            return _artifact_answer("createArtifact", known)
    artifact = RecordedArtifact(f"artifact-{len(recording.artifacts)}", announced)
    recording.artifacts.append(artifact)
    return _artifact_answer("createArtifact", artifact)


def _artifact_answer(mutation: str, artifact: RecordedArtifact) -> JsonObject:
    state = "COMMITTED" if artifact.committed else "PENDING"
    fields: JsonObject = {"id": artifact.artifact_id, "state": state, "digest": artifact.announced.get("digest")}
    return {mutation: {"artifact": fields | {"artifactSequence": {"id": "sequence", "latestArtifact": None}}}}


def _create_manifest(recording: Recording, variables: JsonObject) -> JsonObject:
    wanted = _input(variables)
    return {"createArtifactManifest": _manifest(recording, wanted["artifactID"], wanted)}


def _update_manifest(recording: Recording, variables: JsonObject) -> JsonObject:
    """Take the part that one run adds to an artifact which several make together; nobody commits that."""
    wanted = _input(variables)
    artifact_id = wanted["artifactManifestID"].removeprefix("manifest-")
    return {"updateArtifactManifest": _manifest(recording, artifact_id, wanted)}


def _manifest(recording: Recording, artifact_id: str, wanted: JsonObject) -> JsonObject:
    upload_url = f"{recording.base_url}/upload/manifest/{artifact_id}" if wanted.get("includeUpload") else None
    file: JsonObject = {"id": f"manifest-{artifact_id}", "uploadUrl": upload_url, "uploadHeaders": []}
    return {"artifactManifest": {"id": f"manifest-{artifact_id}", "file": file}}


def _create_artifact_files(recording: Recording, variables: JsonObject) -> JsonObject:
    # As many edges as were asked for, in the same order: the client pairs them by position.
    edges = [{"node": _artifact_file(recording, file)} for file in _input(variables)["artifactFiles"]]
    return {"createArtifactFiles": {"files": {"edges": edges}}}


def _artifact_file(recording: Recording, file: JsonObject) -> JsonObject:
    path = f"{file['artifactID']}/{quote(file['name'])}"
    return {
        "id": path,
        "name": file["name"],
        "displayName": file["name"],
        "storagePath": path,
        "uploadUrl": f"{recording.base_url}/upload/artifact/{path}",
        "uploadHeaders": [],
        "uploadMultipartUrls": None,
        "artifact": {"id": file["artifactID"]},
    }


def _commit_artifact(recording: Recording, variables: JsonObject) -> JsonObject:
    artifact = recording.find_artifact(_input(variables)["artifactID"])
    artifact.committed = True
    return _artifact_answer("commitArtifact", artifact)


def _use_artifact(recording: Recording, variables: JsonObject) -> JsonObject:
    used = _input(variables)
    artifact = recording.find_artifact(used["artifactID"])
    artifact.used_by.append(used["runName"])
    return _artifact_answer("useArtifact", artifact)


_OPERATIONS: dict[str, Callable[[Recording, JsonObject], dict[str, Any]]] = {
    "Viewer": _viewer,
    "ServerInfo": _server_info,
    "ServerFeaturesQuery": _server_info,
    "UpsertBucket": _upsert_bucket,
    "RunResumeStatus": _resume_status,
    "RewindRun": _rewind_run,
    "CreateRunFiles": _create_run_files,
    "NotifyScriptableRunAlert": _alert,
    "CreateArtifact": _create_artifact,
    "CreateArtifactManifest": _create_manifest,
    "UpdateArtifactManifest": _update_manifest,
    "CreateArtifactFiles": _create_artifact_files,
    "CommitArtifact": _commit_artifact,
    "UseArtifact": _use_artifact,
}

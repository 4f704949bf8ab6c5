"""Answers to what clients ask and tell of themselves, of runs and of run files: resolvers of the schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from tests.wandbserver.holdings import DEFAULT_ENTITY, DEFAULT_PROJECT, Holdings, opaque_id, run_id_of
from tests.wandbserver.recorded import CONSOLE, EVENTS, HISTORY, JsonObject, RecordedRun, parse_object
from tests.wandbserver.refusals import Refused
from tests.wandbserver.uploads import Upload

Operation: TypeAlias = Callable[[Holdings, JsonObject], Any]
"""Takes what the server holds and the arguments of the field, of which `input` is one for every mutation."""

# What a store that signs addresses wants to see again.
RUN_FILE_HEADERS = ("X-Storage-Owner:run",)


def _viewer(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    viewer = {"id": opaque_id("User", DEFAULT_ENTITY), "entity": DEFAULT_ENTITY, "username": DEFAULT_ENTITY}
    told = {"name": DEFAULT_ENTITY, "email": "tester@localhost", "flags": "{}", "admin": False}
    return viewer | told | {"teams": {"edges": []}}


def _server_info(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    features = [{"name": name, "isEnabled": True} for name in sorted(holdings.features)]
    return {"features": features, "cliVersionInfo": {}, "latestLocalVersionInfo": None}


def entity_named(name: str) -> JsonObject:
    """Return an entity as the schema has it."""

    def takes_xxhash(info: Any) -> bool:
        return name in info.context.xxhash_entities

    return {"id": opaque_id("Entity", name), "name": name, "organization": None, "xxhashDigestsEnabled": takes_xxhash}


def _entity(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    return entity_named(arguments["name"])


def _project(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    entity = arguments.get("entityName") or DEFAULT_ENTITY
    project = arguments.get("name") or DEFAULT_PROJECT

    def bucket(info: Any, name: str, missingOk: bool = False) -> JsonObject | None:  # noqa: N803
        run = holdings.find_run(entity, project, name)
        if run is None and not missingOk:
            raise Refused(f"run {entity}/{project}/{name} not found")
        return None if run is None else _bucket(run)

    return _project_named(entity, project) | {
        "bucket": bucket,
        "run": lambda info, name: bucket(info, name, missingOk=True),
        # Artifacts are not looked up by name by who delivers; clients that train ask, and do with an unknown one.
        "artifact": None,
        "artifactType": lambda info, name: _artifact_type(holdings, name),
    }


def _artifact_type(holdings: Holdings, type_name: str) -> JsonObject:
    """Return a type as the schema has it, with what is told of its collections."""

    def collection(info: Any, name: str) -> JsonObject | None:
        algorithm = holdings.algorithm_of(type_name, name)
        told = {"id": opaque_id("Sequence", type_name, name), "name": name, "digestAlgorithm": algorithm}
        return told if algorithm else None

    return {"name": type_name, "artifactCollection": collection}


def _project_named(entity: str, project: str) -> JsonObject:
    return {"id": opaque_id("Project", entity, project), "name": project, "entity": entity_named(entity)}


def _bucket(run: RecordedRun) -> JsonObject:
    """Return a run as the schema has it."""
    history, events = run.lines.get(HISTORY, []), run.lines.get(EVENTS, [])
    wrapped = {key: {"value": value} for key, value in run.config.items()}

    def wandb_config(info: Any, keys: list[str] | None = None) -> str:
        chosen = run.wandb_config if keys is None else {key: run.wandb_config.get(key) for key in keys}
        return json.dumps(chosen)

    return {
        "id": run_id_of(run),
        "name": run.run_id,
        "displayName": run.display_name or run.run_id,
        "notes": run.notes,
        "tags": run.tags,
        "state": run.state,
        "stopped": False,
        "project": _project_named(run.entity, run.project),
        "config": json.dumps(wrapped | {"_wandb": {"value": run.wandb_config}}),
        "wandbConfig": wandb_config,
        "summaryMetrics": json.dumps(run.summary),
        "historyLineCount": len(history),
        "eventsLineCount": len(events),
        "logLineCount": len(run.lines.get(CONSOLE, [])),
        # A JSON list of JSON texts, each one row.
        "historyTail": json.dumps(history[-1:]),
        "eventsTail": json.dumps(events[-1:]),
    }


def _upsert_bucket(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    wanted = arguments["input"]
    config = None if wanted.get("config") is None else _checked_config(wanted["config"])
    run, inserted = holdings.run_to_upsert(wanted)
    run.apply_upsert(wanted, config)
    return {"bucket": _bucket(run), "inserted": inserted, "serverSettings": {"serverMessages": []}}


def _checked_config(text: str) -> JsonObject:
    """Return the config, whose every key holds {"value": ...}, and a description at most. Raises Refused."""
    try:
        config = parse_object(text)
    except ValueError as error:
        raise Refused(f"config: {error}") from None
    for key, entry in config.items():
        if not isinstance(entry, dict) or not {"value"} <= entry.keys() <= {"value", "desc"}:
            raise Refused(f"config: {key!r} does not hold a value, but {entry!r:.100}")
    if not isinstance(config.get("_wandb", {"value": {}})["value"], dict):
        raise Refused("config: `_wandb` is no object")
    return config


def _rewind_run(holdings: Holdings, arguments: JsonObject) -> JsonObject | None:
    """Set a run back to a step, as `resume_from` asks; null where there is no such run, which clients call an error."""
    wanted = arguments["input"]
    run = holdings.find_run(wanted.get("entityName"), wanted.get("projectName"), wanted["runName"])
    if run is None:
        return None
    run.set_back(wanted["metricName"], wanted["metricValue"])
    return {"rewoundRun": _bucket(run)}


def _create_run_files(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    wanted = arguments["input"]
    run = holdings.held_run(wanted["entityName"], wanted["projectName"], wanted["runName"])
    for path in wanted["files"]:
        check_path(path)
    files = [{"name": path, "uploadUrl": _address(holdings, run, path)} for path in wanted["files"]]
    return {"runID": run_id_of(run), "uploadHeaders": list(RUN_FILE_HEADERS), "files": files}


def check_path(path: str) -> None:
    """Return if the path of a file stays where it belongs. Raises Refused."""
    if not path or path.startswith("/") or "\\" in path or {"", ".", ".."} & set(path.split("/")):
        raise Refused(f"{path!r} is no relative path with forward slashes")


def _address(holdings: Holdings, run: RecordedRun, path: str) -> str:
    def take(content: bytes) -> None:
        run.files[path] = content

    return holdings.uploads.offer(Upload("file", path, take, RUN_FILE_HEADERS))


def _alert(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    told = arguments["input"]
    holdings.held_run(told["entityName"], told["projectName"], told["runName"])
    holdings.alerts.append(told)
    return {"success": True}


OPERATIONS: dict[str, Operation] = {
    "viewer": _viewer,
    "serverInfo": _server_info,
    "entity": _entity,
    "model": _project,
    "project": _project,
    "upsertBucket": _upsert_bucket,
    "rewindRun": _rewind_run,
    "createRunFiles": _create_run_files,
    "notifyScriptableRunAlert": _alert,
}
"""By field of the schema's Query and Mutation."""

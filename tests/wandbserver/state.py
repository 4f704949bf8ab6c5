"""What a server holds of a run, in a form that is equal for two deliveries of the same run.

    assert state_of(one, "k3v9q2") == state_of(other, "k3v9q2")

Order counts in history, events and console lines of one stream, and nowhere else. NaN equals itself, true is not 1,
and an int is not a float. Ids of the server, addresses, and the time of a console line's upload are left out.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from tests.wandbserver.recorded import JsonObject, RecordedArtifact, RecordedRun, parse_object
from tests.wandbserver.server import RecordingServer


def state_of(server: RecordingServer, run_id: str) -> JsonObject:
    """Return all that `server` holds of the run, by what kind of thing it is.

    run: entity, project, name, notes, tags and the like; config, _wandb, summary: plain values; history, events:
    lists of rows; console: lines by "stdout" and "stderr"; files: SHA-256 in hex by path; artifacts: by
    "type/name:digest"; used: such titles; alerts; end: exit code, complete, preempting.

    Raises LookupError where there is no such run, or one in each of several projects.
    """
    run = server.run(run_id)
    # Of one that was announced twice, since an answer got lost, the one that was committed counts.
    mine = sorted(
        (one for one in server.artifacts if run_id in {*one.run_ids, *one.used_by}), key=lambda one: one.committed
    )
    return {
        "run": _described(run),
        "config": comparable(run.config),
        "_wandb": comparable(run.wandb_config),
        "summary": comparable(run.summary),
        "history": comparable(run.history),
        "events": comparable(run.events),
        "console": {"stdout": run.console_of("stdout"), "stderr": run.console_of("stderr")},
        "files": {path: _sha256(content) for path, content in sorted(run.files.items())},
        "artifacts": {_title(artifact): _artifact(artifact) for artifact in mine},
        "used": sorted(_title(artifact) for artifact in server.artifacts if run_id in artifact.used_by),
        "alerts": sorted((_alert(alert) for alert in server.alerts if alert["runName"] == run_id), key=json.dumps),
        "end": {"exit_code": run.exit_code, "complete": run.complete, "preempting": run.preempting},
    }


def comparable(value: Any) -> Any:
    """Return JSON in a form whose == is that of JSON: NaN equals itself, and true, 1 and 1.0 are three things."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else f"{value!r} (number)"
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return value


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Return a line for each place where two states differ, with what each has there."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(one.keys() | other.keys())
        places = [
            (f"{place}.{key}".lstrip("."), one.get(key, "(nothing)"), other.get(key, "(nothing)")) for key in keys
        ]
        return [line for path, a, b in places for line in differences(a, b, path)]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{place}[{i}]")]
    return [] if one == other else [f"{place}: {one!r:.300} | {other!r:.300}"]


def _described(run: RecordedRun) -> JsonObject:
    return {
        "entity": run.entity,
        "project": run.project,
        "name": run.display_name,
        "notes": run.notes,
        "tags": sorted(run.tags),
        "group": run.group,
        "job_type": run.job_type,
        "host": run.host,
        "program": run.program,
        "commit": run.commit,
        "repo": run.repo,
        "sweep": run.sweep,
    }


def _title(artifact: RecordedArtifact) -> str:
    return f"{artifact.type}/{artifact.name}:{artifact.announced['digest']}"


def _artifact(artifact: RecordedArtifact) -> JsonObject:
    contents = (artifact.manifest or {}).get("contents", {})
    metadata = artifact.announced.get("metadata")
    return {
        "committed": artifact.committed,
        "made_by": sorted(set(artifact.run_ids)),
        "digests": artifact.announced["digestAlgorithm"],
        "aliases": sorted(artifact.aliases),
        "description": artifact.announced.get("description") or "",
        "metadata": comparable(parse_object(metadata)) if metadata else {},
        "manifest": {key: value for key, value in (artifact.manifest or {}).items() if key != "contents"},
        "entries": {path: _entry(entry) for path, entry in sorted(contents.items())},
        "files": {path: _sha256(content) for path, content in sorted(artifact.files.items())},
    }


def _entry(entry: JsonObject) -> JsonObject:
    # Where the bytes lay on the sender's disk is nothing that a reader could use.
    return {key: comparable(value) for key, value in entry.items() if key != "local_path"}


def _alert(alert: JsonObject) -> JsonObject:
    return {key: alert.get(key) for key in ("title", "text", "severity", "waitDuration")}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""One run: what it is called, what it was begun with, on which machine, and how it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.core.identity import RunPath
from runstore.errors import NotFound
from runstore.query.api import Api
from runstore.query.stored.loglist import log_facts
from runstore.query.stored.run import StoredRun
from runstore.web.asking import Asked
from runstore.web.jsontext import as_json
from runstore.web.places import Places
from runstore.web.reading import run_of
from runstore.web.refs import project_ref, run_ref
from runstore.web.site import Site
from runstore.web.texts import metadata_of

# Columns of the table `runs` that are shown as they are; "" where nothing is known.
_COLUMNS = ("host", "program", "writer", "git_commit", "git_remote", "pid")
_MOST_ALERTS = 200


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""

    def run(api: Api, asked: Asked) -> object:
        return {**overview(api, asked, site.places), "can_edit": not site.is_read_only}

    return [site.get("/api/run", run)]


def overview(api: Api, asked: Asked, places: Places) -> dict[str, Any]:
    """Answer with one run, without its history.

    What seldom changes is `still`; who says in `have` the digest of what it has of it is not sent it once more.
    """
    run = run_of(api, asked.text("ref"))
    still = _still(run, places)
    digest = hashlib.sha256(as_json(still)).hexdigest()[:16]
    return {
        **named(run),
        **_standing(run),
        "digest": digest,
        "still": None if asked.text("have", "") == digest else still,
    }


def _standing(run: StoredRun) -> dict[str, Any]:
    """Return what changes with every record of a run."""
    row = run.load()
    return {
        "heartbeat_at": row["heartbeat_at"],
        "runtime": row["runtime"],
        "exit_code": run.exit_code,
        "last_step": run.lastHistoryStep,
        "summary": dict(run.summary),
        "logs": [facts._asdict() for facts in log_facts(run.connection, run.place)],
    }


def _still(run: StoredRun, places: Places) -> dict[str, Any]:
    """Return what hardly changes while a run is going on, and is most of what there is to say of it."""
    row = run.load()
    return {
        **{column: row[column] for column in _COLUMNS},
        "entity": run.entity,
        "project": run.project,
        "project_ref": project_ref(run.entity, run.project),
        "notes": run.notes,
        "tags": run.tags,
        "group": run.group,
        "job_type": run.job_type,
        "sweep": run.sweep_name,
        "metadata": metadata_of(places, run),
        "config": run.config,
        "alerts": run.alerts()[-_MOST_ALERTS:],
        "has_patch": _has(places, run, "diff.patch"),
    }


def _has(places: Places, run: StoredRun, name: str) -> bool:
    """Whether a run has a file of this name."""
    try:
        places.open(run, "files", name).close()
    except NotFound:
        return False
    return True


def named(run: StoredRun) -> dict[str, Any]:
    """Return what every page says of a run: what it is called and how it stands."""
    ref = run_ref_of(run)
    created_at = run.load()["created_at"]
    return {"ref": ref, "id": run.id, "name": run.name, "state": run.state, "created_at": created_at}


def run_ref_of(run: StoredRun) -> str:
    """Return what URLs call a run."""
    return run_ref(RunPath(run.entity, run.project, run.id))

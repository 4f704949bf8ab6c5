"""All that is known of one version, as `runstore artifact show` tells it."""

from __future__ import annotations

from typing import Any

from runstore.query.artifacts.overview import listed
from runstore.query.artifacts.registry import Registry, Version
from runstore.query.artifacts.standing import said_of
from runstore.query.artifacts.version import versions_of
from runstore.query.artifacts.whereabouts import Whereabouts, counted, whereabouts


def described(known: Registry, version: Version) -> dict[str, Any]:
    """Return the facts of a version and where its files are, in JSON's types, under the names of docs/cli.md."""
    found = whereabouts(known, version)
    return {**facts_of(known, version), "bytes": counted(found), "entries": [entry_as_json(each) for each in found]}


def facts_of(known: Registry, version: Version) -> dict[str, Any]:
    """Return the same without what is said of its files, which are not looked at."""
    (line,) = listed(known, [version])
    said = said_of(known.connection, version)
    everywhere = versions_of(known.connection, version.client_id)
    source = everywhere[0] if everywhere else version
    users = dict.fromkeys(run for each in everywhere for run in known.used_by(each))
    return {
        **line.as_json(),
        "description": said.description,
        "metadata": said.metadata,
        "tags": said.tags,
        "updated_at": said.updated_at.replace("+00:00", "Z"),
        "ttl_seconds": said.ttl_seconds if said.ttl_seconds > 0 else None,
        "logged_as": source.qualified_name,
        "linked_to": [each.qualified_name for each in everywhere if each.linked],
        "used_by": [str(run) for run in users],
    }


def entry_as_json(found: Whereabouts) -> dict[str, Any]:
    """Return one entry of a version and where it is."""
    entry = found.entry
    return {
        "path": entry.path,
        "size": entry.size,
        "digest": entry.digest,
        "ref": entry.ref or None,
        "state": found.state,
        "file": None if found.place is None else str(found.place),
        "note": found.note,
    }

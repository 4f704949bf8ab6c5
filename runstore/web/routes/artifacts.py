"""Artifacts: the collections of a project, their versions, and what is in one of these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute

from runstore.core.moves import CollectionPath
from runstore.index.artifacts.manifestfile import ManifestMissing
from runstore.query.api import Api
from runstore.query.artifacts.automatic import is_automatic, is_of_table
from runstore.query.artifacts.describing import facts_of
from runstore.query.artifacts.difference import Changed, difference
from runstore.query.artifacts.overview import ListedCollection, ListedVersion, listed, listed_collections
from runstore.query.artifacts.registry import Registry, Version
from runstore.query.artifacts.standing import said_of
from runstore.web.artifactrefs import named_ref, parse_artifact_ref
from runstore.web.asking import Asked
from runstore.web.reading import run_of
from runstore.web.refs import parse_project_ref, project_ref, run_ref
from runstore.web.site import Site

_MOST_VERSIONS = 200  # of a page
_MOST_CHANGES = 500


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    return [
        site.get("/api/artifacts", collections),
        site.get("/api/artifact", one),
        site.get("/api/artifact/versions", versions),
        site.get("/api/artifact/difference", changes),
    ]


def collections(api: Api, asked: Asked) -> object:
    """Answer with the collections of a project, or all, in order of name, each with its newest version.

    Those that tools made by themselves are only counted, unless they are asked for, by `automatic=1`.
    """
    entity, project = parse_project_ref(asked.text("project")) if asked.text("project", "") else ("", "")
    hidden: Counter[str] = Counter()

    def wanted(path: CollectionPath, kind: str) -> bool:
        if project and path.entity != entity:  # a project without an entity is one of its own
            return False
        is_hidden = is_automatic(kind, path.name)
        hidden[kind] += is_hidden
        return not is_hidden or asked.text("automatic", "") == "1"

    found = listed_collections(api.known_artifacts(), None, entity, project, wanted)
    return {
        "collections": [_collection_json(each) for each in found],
        **automatic_json(hidden),
    }


def one(api: Api, asked: Asked) -> object:
    """Answer with all that is said of one version, but for its files."""
    known, version = asked_version(api, asked)
    facts = facts_of(known, version)
    (line,) = listed(known, [version])
    kept = ("description", "metadata", "tags", "updated_at", "ttl_seconds")
    return {
        **version_json(line),
        **{name: facts[name] for name in kept},
        "logged_as": named_ref(facts["logged_as"]),
        "linked_to": [{"name": name, "ref": named_ref(name)} for name in facts["linked_to"]],
        "used_by": [_run_json(api, name) for name in facts["used_by"]],
    }


def versions(api: Api, asked: Asked) -> object:
    """Answer with the versions of a collection, the newest first, from the `offset`-th on."""
    known = api.known_artifacts()
    found = known.versions(CollectionPath(*_named(asked)[:3]))
    offset = asked.number("offset", 0, 10**9)
    return {
        "total": len(found),
        "versions": [version_json(each) for each in listed(known, found[offset : offset + _MOST_VERSIONS])],
    }


def changes(api: Api, asked: Asked) -> object:
    """Answer with what is another in a version than in another one, `with`, of any collection."""
    known, version = asked_version(api, asked)
    base = known.find(parse_artifact_ref(asked.text("with")), entity="", project="")
    said = said_of(known.connection, base).metadata, said_of(known.connection, version).metadata
    try:
        entries = known.entries(base), known.entries(version)
    except ManifestMissing as error:
        return {"missing": str(error), "metadata": _changes_json(difference(said, ((), ())).metadata), "files": []}
    found = difference(said, entries)
    return {
        "missing": "",
        "metadata": _changes_json(found.metadata),
        "files": _changes_json(found.files[:_MOST_CHANGES]),
        "changed_files": len(found.files),
        "same_files": found.same_files,
    }


def asked_version(api: Api, asked: Asked) -> tuple[Registry, Version]:
    """Return the version that is asked for, and where it is known. Raises ArtifactNotFound, naming the nearest."""
    known = api.known_artifacts()
    return known, known.find(_named(asked), entity="", project="")


def version_json(line: ListedVersion) -> dict[str, Any]:
    """Return a version as a line of a table shows it; times in seconds since the epoch."""
    version = line.version
    return {
        "ref": named_ref(version.qualified_name),
        "name": version.collection.name,
        "number": version.number,
        "aliases": version.aliases,
        "type": version.type,
        "files": line.files,
        "size": line.size,
        "digest": version.digest,
        "created_at": version.created_ns / 1e9,
        "linked": version.linked,
        "run": run_ref(version.run),
        "run_name": version.run_name,
        "automatic": is_automatic(version.type, version.collection.name),
    }


def automatic_json(counts: Mapping[str, int]) -> dict[str, Any]:
    """Return how many artifacts were made by tools, by their types, and whether all of them hold logged tables."""
    kinds = [kind for kind, count in counts.items() if count]
    return {"automatic": sum(counts.values()), "of_tables": all(map(is_of_table, kinds))}


def _collection_json(each: ListedCollection) -> dict[str, Any]:
    return {
        **version_json(each.newest),
        "type": each.type,
        "versions": each.versions,
        "project": project_ref(each.path.entity, each.path.project),
        "path": str(each.path),
    }


def _run_json(api: Api, path: str) -> dict[str, str]:
    ref = named_ref(path)
    return {"name": run_of(api, ref).name, "path": path, "ref": ref}


def _named(asked: Asked) -> Any:
    return parse_artifact_ref(asked.text("ref"))


def _changes_json(changed: Sequence[Changed]) -> list[dict[str, Any]]:
    return [each._asdict() for each in changed]

"""Which artifact people mean on a command line, where a name alone does, if only one project has it."""

from __future__ import annotations

import os

from runstore.core.artifactname import ArtifactName, parse_artifact_name
from runstore.core.moves import CollectionPath
from runstore.errors import UsageError
from runstore.query.artifacts.registry import Registry, Version

_SHOWN = 5  # of the collections that a name may mean


def whole_name(known: Registry, text: str) -> ArtifactName:
    """Return `[[entity/]project/]name[:alias]` with the entity and project that are meant, as far as they are known.

    A name alone means that of WANDB_ENTITY and WANDB_PROJECT if there is one, or else the only one of all projects.
    Raises WrongArtifact for what is no name, UsageError where several projects have one of this name.
    """
    name = parse_artifact_name(text)
    if name.entity is not None:
        return name
    asked = os.environ.get("WANDB_ENTITY") or None, name.project or os.environ.get("WANDB_PROJECT") or None
    found = _collections(known, name)
    near = [path for path in found if all(one in (None, part) for one, part in zip(asked, path, strict=False))] or found
    if len(near) > 1:
        choices = ", ".join(map(str, near[:_SHOWN]))
        raise UsageError(f"{text!r} fits {len(near)} artifacts: {choices}; write more of the path")
    entity, project = near[0][:2] if near else asked
    return name._replace(entity=entity, project=project)


def version_named(known: Registry, text: str) -> Version:
    """Return the version that is meant. Raises ArtifactNotFound, naming the nearest, and what `whole_name` raises."""
    return known.find(whole_name(known, text), entity="", project="")


def versions_named(known: Registry, text: str) -> list[Version]:
    """Return the version that is meant or, of a name without an alias, all of its versions, the newest first."""
    found = version_named(known, text)
    return [found] if ":" in text else known.versions(found.collection)


def _collections(known: Registry, name: ArtifactName) -> list[CollectionPath]:
    found = known.connection.execute(
        "SELECT entity, project, name FROM collections WHERE name = ? AND ? IN (project, '') ORDER BY entity, project",
        (name.collection, name.project or ""),
    )
    return [CollectionPath(*path) for path in found]

"""How URLs name versions of artifacts: `entity/project/name:alias`, escaped as the references of runs are."""

from __future__ import annotations

from runstore.core.artifactname import ArtifactName
from runstore.core.identity import RunPath
from runstore.errors import NotFound
from runstore.web.refs import parse_run_ref, run_ref


def named_ref(name: str) -> str:
    """Return what URLs call a run or a version by its path, `entity/project/...` with the entity left out for none.

    Neither an id nor a name of an artifact has a slash in it.
    """
    entity, project, last = ("", "", *name.split("/"))[-3:]
    return run_ref(RunPath(entity, project, last)).replace("%3A", ":")  # which people should read as it is


def parse_artifact_ref(ref: str) -> ArtifactName:
    """Return the version that a reference means, the latest where it has no alias. Raises NotFound for what is none."""
    entity, project, name = parse_run_ref(ref)
    collection, _, alias = name.partition(":")
    if not collection or ":" in alias:
        raise NotFound(f"{ref!r} names no artifact; one is entity/project/name:alias, or project/name:alias")
    return ArtifactName(entity, project, collection, alias or "latest")

"""Artifacts that this machine does not know, from the hubs that the user has named; asked when a name is not found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.core.artifactname import ArtifactName
from runstore.query.artifacts.standing import iso

if TYPE_CHECKING:
    from runstore.query.artifacts.fetching import Wanted
    from runstore.sdk.artifacts.artifact import Artifact
    from runstore.sdk.artifacts.standing import Place
    from runstore.sdk.artifacts.stored import StoredEntry
    from runstore.syncd.remotes.artifacts import HeldVersion


def artifact_elsewhere(name: ArtifactName, entity: str, project: str, kind: str | None = None) -> Artifact | None:
    """Return the artifact that a name means to somebody in `entity` and `project`, as a hub knows it; None for none.

    Its entries are asked for when they are looked at. Raises CommError where a hub can't be asked, and no other knows.
    """
    from runstore.syncd.elsewhere import find_version

    found = find_version(name, entity, project, kind)
    return None if found is None else _restored(found)


def blob_elsewhere(wanted: Wanted, folder: Path) -> Path | None:
    """Bring bytes from a hub into the folder, and return their path; None where no hub holds them.

    Raises CommError where one can't be asked, and no other holds them; StorageError where the disk refuses.
    """
    from runstore.syncd.elsewhere import fetch_blob

    names = [name for name in (Path(wanted.local_path).name, wanted.name) if name]
    target = folder / (wanted.name or names[0]) if names else folder
    return target if names and fetch_blob(names, target) else None


def _restored(held: HeldVersion) -> Artifact:
    from runstore.sdk.artifacts import life
    from runstore.sdk.artifacts.standing import Logged
    from runstore.sdk.artifacts.stored import StoredManifest

    facts = held.facts
    logged = Logged(
        held.entity,
        held.project,
        str(facts["run"][2]),
        iso(held.created_ns),
        list(held.aliases),
        list(facts["tags"]),
        held.number,
        _source(facts),
        str(facts["updated_at"]),
    )
    manifest = StoredManifest(lambda: _entries(held), held.digest, str(facts["algorithm"]))
    return life.restored(
        life.Stored(
            *(held.name, held.type, held.client_id, manifest, logged),
            *(str(facts["description"]), dict(facts["metadata"]), int(facts["ttl_seconds"])),
            *(bool(facts["incremental"]), str(facts["distributed_id"])),
        )
    )


def _source(facts: Mapping[str, Any]) -> Place | None:
    """Return where an artifact was logged that was linked to where it was found."""
    from runstore.sdk.artifacts.standing import Place

    return Place(*facts["source"]) if facts["source"] else None


def _entries(held: HeldVersion) -> list[StoredEntry]:
    """Return what is in a version. Where the bytes lie is their digest: they are found by that, and nowhere else."""
    from runstore.sdk.artifacts.stored import StoredEntry
    from runstore.syncd.elsewhere import entries_of

    return [
        StoredEntry(
            entry.path, entry.digest, entry.ref or None, entry.size, entry.sha256 or None, extra=dict(entry.extra)
        )
        for entry in entries_of(held)
    ]


def files_elsewhere(name: ArtifactName, digest: str) -> set[str]:
    """Return the paths of a version's files whose bytes a hub holds; none where no hub has a version of this digest.

    Raises CommError where a hub can't be asked, and no other knows the version.
    """
    from runstore.syncd.elsewhere import entries_of, find_version

    held = find_version(name, name.entity or "", name.project or "")
    if held is None or held.digest != digest:
        return set()
    return {entry.path for entry in entries_of(held) if entry.sha256}

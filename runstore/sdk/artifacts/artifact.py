"""Artifact: files and media that belong together, such as a data set or a model, with a name and versions.

Bytes are copied when they are added, into the run that is going on or, where there is none, into a temporary folder:
what a program does with the originals afterwards does no harm. `run.log_artifact` then records what was added.
"""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runstore.core.manifest import MD5, Manifest
from runstore.sdk.artifacts.adding import ArtifactAdding
from runstore.sdk.artifacts.facts import ArtifactTTL
from runstore.sdk.artifacts.keeping import EarlierBlobs
from runstore.sdk.artifacts.life import ArtifactLife
from runstore.sdk.artifacts.names import checked_metadata, checked_name, checked_type, cleaned_name

if TYPE_CHECKING:
    from runstore.core.moves import CollectionPath
    from runstore.settings import Settings

__all__ = ["Artifact", "ArtifactTTL"]


class Artifact(ArtifactAdding, ArtifactLife):
    """A set of files and references under one name. Make it, add to it, log it with `run.log_artifact`."""

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002 - W&B's name for it
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        storage_region: str | None = None,
        digest_algorithm: str = MD5,
    ) -> None:
        """Begin an empty artifact.

        `name` is made of letters, digits, `-`, `_` and `.`; `metadata` of JSON's types, with 100 keys at most. An
        `incremental` one adds to the version before. `use_as` is accepted for older programs and ignored.

        Raises WrongArtifact for a name, type or metadata that can't be, WrongArtifactType for metadata that is no dict,
        UsageError for a `digest_algorithm` that can't be had.
        """
        super().__init__()
        self._name = checked_name(name)
        self._type = checked_type(type, name)
        self._description = description
        self._metadata = checked_metadata(metadata)
        self._incremental = incremental
        self._manifest = Manifest(digest_algorithm, storage_region)
        self._final = False
        self._earlier = EarlierBlobs(name)

    @classmethod
    def of_the_run(cls, name: str, kind: str, incremental: bool = False) -> Artifact:
        """Return an artifact of those that are recorded by themselves; its name is made one that can be."""
        made = cls(cleaned_name(name), "unspecified", incremental=incremental)
        made._type = kind
        return made

    def __repr__(self) -> str:
        return f"<Artifact {self.name}>"

    # Its life.

    def finalize(self) -> None:
        """Allow no more changes; `log_artifact` does it by itself."""
        self._final = True

    @property
    def is_finalized(self) -> bool:
        """Whether it can't change any more."""
        return self._final

    def save(self, project: str | None = None, settings: Settings | None = None) -> None:
        """Log it to the run that is going on, or to a short one of its own; once logged, record what was changed."""
        if not self.is_draft():
            self.record_changes()
            return
        from runstore.sdk import lifecycle

        current = sys.modules["runstore"].run
        if current is not None:
            current.log_artifact(self)
            return
        run: Any = lifecycle.init(project=project, job_type="auto")
        with run:
            run.log_artifact(self)

    def as_linked(self, target: CollectionPath, number: int | None, aliases: list[str], linked_at: str) -> Artifact:
        """Return the artifact as another collection has it, to which it was linked as this version."""
        linked = copy.copy(self)
        linked._name = target.name
        logged = dataclasses.replace(self._as_logged("version to link"), entity=target.entity, project=target.project)
        logged.aliases, logged.number, logged.source = aliases, number, self._source()
        logged.linked_at = logged.updated_at = linked_at
        linked.mark_logged(logged, True)
        return linked

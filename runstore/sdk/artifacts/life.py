"""What happens to an artifact after it was logged: changes, links, its end; and which runs made and used it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.core.manifest import Manifest, ManifestEntry
from runstore.core.moves import CollectionPath, Move
from runstore.errors import CommError, UsageError
from runstore.runlog import wire
from runstore.sdk.artifacts import staging
from runstore.sdk.artifacts.names import checked_aliases, checked_metadata, checked_tags, target_collection, with_latest
from runstore.sdk.artifacts.reading import ArtifactReading
from runstore.sdk.artifacts.standing import Logged

if TYPE_CHECKING:
    from runstore.query.stored.run import StoredRun
    from runstore.sdk.artifacts.artifact import Artifact


_LONGEST_SECONDS = timedelta.max // timedelta(seconds=1)  # a log may say more


class NotALink(UsageError, ValueError):
    """What only a link can do. A ValueError too, as with W&B's library."""


class HasAliases(UsageError, CommError):
    """An artifact that is not deleted, since aliases point to it. A CommError too, which a server's refusal is."""


@dataclass
class Changeable:
    """What can be changed of an artifact that was logged."""

    description: str
    metadata: dict[str, Any]
    tags: list[str]
    aliases: list[str]
    ttl_seconds: int


class ArtifactLife(ArtifactReading):
    """What can be done with an artifact that was logged, and asked of the runs around it."""

    _saved: Changeable | None = None  # as it was recorded

    def mark_logged(self, logged: Logged, is_settled: bool = False) -> None:
        """Remember how it was logged; see ArtifactStanding.mark_logged."""
        super().mark_logged(logged, is_settled)
        self._saved = deepcopy(self._changeable())

    def record_changes(self) -> None:
        """Record what was changed of aliases, tags, description, metadata and ttl since it was logged, or saved last.

        Raises what `log_artifact` raises for values that can't be, and IndexUnusable, since the order of changes is
        told by the index.
        """
        logged, now = self._as_logged("changes to save"), self._changeable()
        now.metadata, now.tags = checked_metadata(now.metadata), checked_tags(now.tags)  # changed in place, maybe
        now.aliases = checked_aliases(now.aliases)
        before = self._saved or now
        if now == before:
            return
        move = Move(
            0,
            self.client_id,
            self._path(),
            self.type,
            aliases=tuple(alias for alias in now.aliases if alias not in before.aliases),
            dropped=tuple(alias for alias in before.aliases if alias not in now.aliases),
            description=now.description if now.description != before.description else None,
            metadata=wire.dumps(now.metadata) if now.metadata != before.metadata else None,
            tags=tuple(now.tags) if now.tags != before.tags else None,
            ttl_seconds=now.ttl_seconds if now.ttl_seconds != before.ttl_seconds else None,
        )
        _record(move, logged.index)
        self._saved = deepcopy(now)

    def delete(self, delete_aliases: bool = False) -> None:
        """Take this version out of its collection; its number stays taken, its bytes stay in the run that logged it.

        A link is taken out of the collection that it was linked to. Raises HasAliases (a CommError) where aliases point
        to it, unless `delete_aliases`.
        """
        if self.is_link:
            self._remove()
            return
        if self._as_logged("version to delete").aliases and not delete_aliases:
            aliases = ", ".join(self.aliases)
            raise HasAliases(f"artifact {self.name} has aliases ({aliases}); delete(delete_aliases=True) deletes it")
        self._remove()

    def unlink(self) -> None:
        """Take a link out of the collection that it was linked to. Raises NotALink (a ValueError) for no link."""
        self._as_logged("link to take away")
        if not self.is_link:
            raise NotALink(f"artifact {self.qualified_name} is no link: it was logged there; delete() takes it out")
        self._remove()

    def link(self, target_path: str, aliases: Iterable[str] | None = None) -> Artifact:
        """Make it a version of another collection too, `[[entity/]project/]name`, and return it as that has it.

        `latest` points to it there, and `aliases` do. One that was not logged yet is logged first.
        """
        checked = checked_aliases(aliases or ())
        if self.is_draft():
            self._itself.save()
        source = self.source_artifact
        run = sys.modules["runstore"].run
        if run is not None:
            linked: Artifact = run.link_artifact(source, target_path, checked)
            return linked
        logged = source._as_logged("version to link")
        target = target_collection(target_path, logged.entity, logged.project)
        move = Move(0, self.client_id, target, self.type, aliases=tuple(with_latest(checked)), linked=True)
        number = _record(move, logged.index, self.digest)
        from runstore.query.artifacts.restoring import version_in

        return version_in(target, number, logged.index)

    def new_draft(self) -> Artifact:
        """Return an artifact of the same name and contents, to be changed and logged as the next version.

        Raises BytesMissing where bytes of it are gone.
        """
        self._as_logged("contents to make a draft of")
        from runstore.sdk.artifacts.artifact import Artifact

        draft = Artifact(self._source().name, "draft", self.description, deepcopy(self.metadata))
        draft._type = self.type
        draft._manifest = Manifest(self._manifest.algorithm, self._manifest.storage_region)
        for entry in self._manifest:
            draft._manifest.add_entry(_own(entry, self.source_name))
        return draft

    # The runs and collections around it.

    def logged_by(self) -> StoredRun | None:
        """Return the run that logged it, as runstore.Api shows runs; None where its log is gone."""
        logged = self._as_logged("run that logged it")
        from runstore.query.artifacts import lineage

        return lineage.logged_by(self.client_id, logged.index)

    def used_by(self) -> list[StoredRun]:
        """Return the runs that used it, under any of its names, in order of time."""
        logged = self._as_logged("runs that use it")
        from runstore.query.artifacts import lineage

        return lineage.used_by(self.client_id, logged.index)

    @property
    def linked_artifacts(self) -> list[Artifact]:
        """It as each collection has it that it was linked to; none for a link."""
        logged = self._as_logged("linked_artifacts")
        if self.is_link:
            return []
        from runstore.query.artifacts import lineage

        return lineage.links_of(self.client_id, logged.index)

    @property
    def source_artifact(self) -> Artifact:
        """The artifact as it was logged: itself, if this is no link. Raises ArtifactNotFound where it is gone."""
        logged = self._as_logged("source_artifact")
        if logged.source is None:
            return self._itself
        from runstore.query.artifacts.restoring import artifact_named

        source = logged.source
        return artifact_named(source.versioned, entity=source.entity, project=source.project, index=logged.index)

    def _remove(self) -> None:
        logged = self._as_logged("version to take away")
        kept = tuple((self._saved or self._changeable()).aliases)
        _record(Move(0, self.client_id, self._path(), self.type, dropped=kept, removed=True), logged.index)
        logged.is_deleted, logged.aliases = True, []
        self._saved = deepcopy(self._changeable())

    def _path(self) -> CollectionPath:
        place = self._place()
        return CollectionPath.of(place.entity, place.project, place.name)

    def _changeable(self) -> Changeable:
        logged = self._as_logged("aliases")
        return Changeable(self._description or "", self._metadata, logged.tags, logged.aliases, self.ttl_seconds)


@dataclass
class Stored:
    """What an index says of an artifact; `ttl_seconds` is as in the record."""

    name: str
    type: str
    client_id: str
    manifest: Manifest
    logged: Logged
    description: str = ""
    metadata: dict[str, Any] | None = None
    ttl_seconds: int = 0
    incremental: bool = False
    distributed_id: str = ""


def restored(stored: Stored) -> Artifact:
    """Return the artifact that was logged so; names of other tools' artifacts, which no program can take, are taken."""
    from runstore.sdk.artifacts.artifact import Artifact

    made = Artifact("restored", "restored")
    made._name, made._type, made.client_id = stored.name, stored.type, stored.client_id
    made._description, made._metadata = stored.description or None, stored.metadata or {}
    made._incremental, made._distributed_id = stored.incremental, stored.distributed_id or None
    made._manifest = stored.manifest
    if stored.ttl_seconds > 0:
        made._ttl = timedelta(seconds=min(stored.ttl_seconds, _LONGEST_SECONDS))
    made.finalize()
    made.mark_logged(stored.logged, is_settled=True)
    return made


def _own(entry: ManifestEntry, name: str) -> ManifestEntry:
    """Return an entry as one of a new artifact, its bytes where those of new artifacts are kept."""
    from runstore.sdk.artifacts.downloading import BytesMissing, places_of

    own = ManifestEntry(entry.path, entry.digest, entry.ref, entry.size, extra=dict(entry.extra))
    if entry.ref is None:
        place = next(places_of(entry), None)
        if place is None:
            raise BytesMissing(f"artifact {name}: the bytes of {entry.path} are gone, so no draft can be made of it")
        own.local_path = str(staging.store().put_file(place).path)
    return own


def _record(move: Move, index: Path | None, digest: str = "") -> int:
    """Write a move where it belongs, and return the number that was claimed by it."""
    from runstore.query.artifacts.changing import record_move

    recorder = staging.current_recorder()
    return record_move(move, index, None if recorder is None else recorder.append, digest).number

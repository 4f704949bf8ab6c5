"""How an artifact stands once it is logged: its version, aliases and tags, where it came from, where it is linked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runstore.sdk.artifacts.facts import ArtifactFacts
from runstore.sdk.artifacts.names import checked_aliases, checked_tags

if TYPE_CHECKING:
    from runstore.query.artifacts.collections import ArtifactCollection


class Place(NamedTuple):
    """A version in a collection; `number` None where nobody could number it yet."""

    entity: str
    project: str
    name: str
    number: int | None

    @property
    def versioned(self) -> str:
        """Such as `net:v3`."""
        return self.name if self.number is None else f"{self.name}:v{self.number}"

    @property
    def qualified(self) -> str:
        """Such as `team/vision/net:v3`, without what is empty."""
        return "/".join(part for part in (self.entity, self.project, self.versioned) if part)


@dataclass
class Logged:
    """How an artifact was logged: by which run, when, in ISO 8601, and under which aliases and tags.

    `source` is None but for an artifact as another collection has it, to which it was linked. `index` is the one
    in which runs are looked up, None for this machine's.
    """

    entity: str
    project: str
    run_id: str
    created_at: str
    aliases: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    number: int | None = None
    source: Place | None = None
    updated_at: str = ""
    linked_at: str | None = None
    history_step: int | None = None
    index: Path | None = None
    is_deleted: bool = False


class ArtifactStanding(ArtifactFacts):
    """The properties that an artifact only has when it was logged; before, they raise ArtifactNotLoggedError."""

    def __init__(self) -> None:
        super().__init__()
        self._logged: Logged | None = None
        self._settled = False  # whether the name tells the version, as it does from `wait` on

    def is_draft(self) -> bool:
        """Whether it was not logged yet."""
        return self._logged is None

    @property
    def name(self) -> str:
        """The name, from `wait` on with the version, such as `net:v3`; one that was looked up always has it.

        What `log_artifact` returned has none before, as with W&B's library: programs write f"{artifact.name}:latest".
        """
        return self._place().versioned if self._settled else self._name

    @property
    def source_name(self) -> str:
        """The name under which it was logged, with the version where `name` has it."""
        return self._source().versioned if self._settled else self._source().name

    @property
    def state(self) -> str:
        """PENDING; COMMITTED when it was logged; DELETED after `delete`."""
        if self._logged is None:
            return "PENDING"
        return "DELETED" if self._logged.is_deleted else "COMMITTED"

    @property
    def id(self) -> str | None:
        """What names it among all, also where it is linked; None before it is logged."""
        return None if self._logged is None else self.client_id

    @property
    def is_link(self) -> bool:
        """Whether this is the artifact as another collection than its own has it."""
        return self._logged is not None and self._logged.source is not None

    @property
    def aliases(self) -> list[str]:
        """The names of this version, "latest" among them if it is; what is changed here counts from `save` on."""
        return self._as_logged("aliases").aliases

    @aliases.setter
    def aliases(self, aliases: list[str]) -> None:
        self._as_logged("aliases").aliases = checked_aliases(aliases)

    @property
    def tags(self) -> list[str]:
        """The tags of this version; what is changed here counts from `save` on."""
        return self._as_logged("tags").tags

    @tags.setter
    def tags(self, tags: list[str]) -> None:
        self._as_logged("tags").tags = checked_tags(tags)

    @property
    def entity(self) -> str:
        """The user or team whose collection it is in; "" where none was given."""
        return self._as_logged("entity").entity

    @property
    def project(self) -> str:
        """The project whose collection it is in."""
        return self._as_logged("project").project

    @property
    def created_at(self) -> str:
        """When it was logged, in ISO 8601, UTC."""
        return self._as_logged("created_at").created_at

    @property
    def updated_at(self) -> str:
        """When it was logged, or changed last, in ISO 8601, UTC."""
        logged = self._as_logged("updated_at")
        return logged.updated_at or logged.created_at

    @property
    def linked_at(self) -> str | None:
        """When it was linked, in ISO 8601, UTC; None where this is no link."""
        return self._as_logged("linked_at").linked_at

    @property
    def history_step(self) -> int | None:
        """The last step that its run had logged before; None where there was none, or nobody knows."""
        return self._as_logged("history_step").history_step

    @property
    def qualified_name(self) -> str:
        """`entity/project/name:v3`, without what is empty."""
        self._as_logged("qualified_name")
        return self._place().qualified

    @property
    def version(self) -> str:
        """Such as `v3`; of a link, in the collection that it is linked to."""
        self._as_logged("version")
        return self._numbered(self._place())

    @property
    def source_entity(self) -> str:
        """The entity of the collection that it was logged into."""
        self._as_logged("source_entity")
        return self._source().entity

    @property
    def source_project(self) -> str:
        """The project of the collection that it was logged into."""
        self._as_logged("source_project")
        return self._source().project

    @property
    def source_qualified_name(self) -> str:
        """The qualified name in the collection that it was logged into."""
        self._as_logged("source_qualified_name")
        return self._source().qualified

    @property
    def source_version(self) -> str:
        """The version in the collection that it was logged into."""
        self._as_logged("source_version")
        return self._numbered(self._source())

    @property
    def collection(self) -> ArtifactCollection:
        """All versions under this name."""
        return self._collection_of(self._place())

    @property
    def source_collection(self) -> ArtifactCollection:
        """All versions of the collection that it was logged into."""
        return self._collection_of(self._source())

    @property
    def commit_hash(self) -> str:
        """The digest: nothing else names a commit here."""
        self._as_logged("commit_hash")
        return self.digest

    @property
    def url(self) -> str | None:
        """None: an artifact has no address before it is delivered."""
        self._as_logged("url")
        return None

    def json_encode(self) -> dict[str, Any]:
        """Return what stands for the artifact in the JSON of other things."""
        known = {"_type": "artifactVersion", "_version": "v0", "id": self.id, "version": self.version}
        return {**known, "sequenceName": self._source().name, "usedAs": None}

    def mark_logged(self, logged: Logged, is_settled: bool = False) -> None:
        """Remember how it was logged; for `run.log_artifact` and for what restores an artifact."""
        self._logged, self._settled = logged, is_settled

    def _as_logged(self, what: str) -> Logged:
        if self._logged is None:
            raise self._unknown(what, "it is known when the artifact was logged, by run.log_artifact(artifact)")
        return self._logged

    def _place(self) -> Place:
        logged = self._logged
        if logged is None:
            return Place("", "", self._name, None)
        if logged.number is None and logged.source is None:
            from runstore.query.artifacts.lineage import number_of

            logged.number = number_of(self.client_id, logged.index)
        return Place(logged.entity, logged.project, self._name, logged.number)

    def _source(self) -> Place:
        return self._logged.source if self._logged and self._logged.source else self._place()

    def _numbered(self, place: Place) -> str:
        if place.number is None and self._distributed_id:
            raise self._unknown("version", "it is a part of an artifact, which gets one when its last part is logged")
        if place.number is None:
            raise self._unknown("version", "the index could not be had when it was logged; it is numbered once it can")
        return f"v{place.number}"

    def _collection_of(self, place: Place) -> ArtifactCollection:
        logged = self._as_logged("collection")
        from runstore.query.artifacts.lineage import collection_of

        return collection_of(place.entity, place.project, place.name, self.type, logged.index)

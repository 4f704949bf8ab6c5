"""What an artifact says of itself: its name, type, description, metadata, and how it stands."""

from __future__ import annotations

import enum
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from runstore.core.manifest import Manifest
from runstore.errors import ArtifactNotLoggedError, WrongArtifact, WrongArtifactType
from runstore.sdk.artifacts.names import checked_aliases, checked_metadata, checked_tags

_ID_CHARACTERS = 128
_ID_ALPHABET = string.digits + string.ascii_lowercase
_TTL_INHERITED = -1  # what a record says instead of seconds
_TTL_NEVER = -2


class ArtifactTTL(enum.Enum):
    """How long an artifact is kept, where that is no time: INHERIT means as the project's settings have it."""

    INHERIT = 0


def new_client_id() -> str:
    """Return a name for an artifact, before a server gives it one. Never the same twice, however a program seeds."""
    return "".join(_ID_ALPHABET[byte % len(_ID_ALPHABET)] for byte in secrets.token_bytes(_ID_CHARACTERS))


@dataclass
class Logged:
    """How an artifact was logged: by which run, when, in ISO 8601, and under which aliases and tags."""

    entity: str
    project: str
    run_id: str
    created_at: str
    aliases: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


class ArtifactFacts:
    """The properties of an artifact."""

    _name: str
    _type: str
    _description: str | None
    _metadata: dict[str, Any]
    _incremental: bool
    _manifest: Manifest

    def __init__(self) -> None:
        self.client_id = new_client_id()
        self.sequence_client_id = new_client_id()
        self.distributed_id: str | None = None
        self._logged: Logged | None = None
        self._ttl: timedelta | Literal[ArtifactTTL.INHERIT] | None = ArtifactTTL.INHERIT
        self._ttl_was_set = False

    @property
    def name(self) -> str:
        """The name, which all versions of the artifact share."""
        return self._name

    source_name = name

    @property
    def type(self) -> str:
        """Such as "dataset" or "model"."""
        return self._type

    @property
    def description(self) -> str | None:
        """A text for people."""
        return self._description

    @description.setter
    def description(self, description: str | None) -> None:
        self._description = description

    @property
    def metadata(self) -> dict[str, Any]:
        """What else is known of it, of JSON's types; 100 keys at most. Checked when set, and when it is logged."""
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: Mapping[str, Any]) -> None:
        self._metadata = checked_metadata(metadata)

    @property
    def incremental(self) -> bool:
        """Whether a new version holds the files of the one before as well."""
        return self._incremental

    @property
    def use_as(self) -> None:
        """None: it has had no effect since W&B's library 0.20."""
        return None

    @property
    def ttl(self) -> timedelta | None:
        """How long it is kept; None is for ever. Raises ArtifactNotLoggedError where that is inherited, and unknown."""
        if isinstance(self._ttl, ArtifactTTL):
            raise self._unknown("ttl", "a server decides it, unless you set it")
        return self._ttl

    @ttl.setter
    def ttl(self, ttl: timedelta | ArtifactTTL | None) -> None:
        if ttl is not None and not isinstance(ttl, (timedelta, ArtifactTTL)):
            raise WrongArtifactType(f"ttl must be a timedelta, ArtifactTTL.INHERIT or None, not {type(ttl).__name__}")
        if isinstance(ttl, timedelta) and ttl <= timedelta():
            raise WrongArtifact(f"ttl must be a positive time, not {ttl}")
        self._ttl, self._ttl_was_set = ttl, True

    @property
    def ttl_seconds(self) -> int:
        """What a record says of the ttl: seconds, -1 for inherited, -2 for none, 0 where nothing was set."""
        if not self._ttl_was_set:
            return 0
        if isinstance(self._ttl, timedelta):
            return int(self._ttl.total_seconds())
        return _TTL_NEVER if self._ttl is None else _TTL_INHERITED

    @property
    def manifest(self) -> Manifest:
        """The entries by path."""
        return self._manifest

    @property
    def digest(self) -> str:
        """The digest of the contents: equal for two artifacts that hold the same under the same paths."""
        return self._manifest.digest()

    @property
    def digest_algorithm(self) -> str:
        """MANIFEST_MD5 or MANIFEST_XXH128."""
        return f"MANIFEST_{self._manifest.algorithm}"

    @property
    def size(self) -> int:
        """The size of all contents, in bytes; of references, as far as it is known."""
        return self._manifest.size()

    @property
    def file_count(self) -> int:
        """The number of entries."""
        return len(self._manifest)

    @property
    def state(self) -> str:
        """PENDING, or COMMITTED when it was logged."""
        return "PENDING" if self._logged is None else "COMMITTED"

    @property
    def id(self) -> str | None:
        """None: only a server gives ids."""
        return None

    @property
    def is_link(self) -> bool:
        """Whether this is the artifact as a registry has it."""
        return False

    # What it only has when it was logged.

    @property
    def aliases(self) -> list[str]:
        """The names of this version, "latest" among them."""
        return self._as_logged("aliases").aliases

    @aliases.setter
    def aliases(self, aliases: list[str]) -> None:
        self._as_logged("aliases").aliases = checked_aliases(aliases)

    @property
    def tags(self) -> list[str]:
        """The tags of this version."""
        return self._as_logged("tags").tags

    @tags.setter
    def tags(self, tags: list[str]) -> None:
        self._as_logged("tags").tags = checked_tags(tags)

    @property
    def entity(self) -> str:
        """The user or team of the run that logged it."""
        return self._as_logged("entity").entity

    source_entity = entity

    @property
    def project(self) -> str:
        """The project of the run that logged it."""
        return self._as_logged("project").project

    source_project = project

    @property
    def created_at(self) -> str:
        """When it was logged, in ISO 8601, UTC."""
        return self._as_logged("created_at").created_at

    updated_at = created_at

    @property
    def qualified_name(self) -> str:
        """`entity/project/name`, without what is empty."""
        logged = self._as_logged("qualified_name")
        return "/".join(part for part in (logged.entity, logged.project, self.name) if part)

    source_qualified_name = qualified_name

    @property
    def version(self) -> str:
        """Not known yet, for an artifact of a run that was not delivered: raises ArtifactNotLoggedError."""
        self._as_logged("version")
        raise self._unknown("version", "versions are numbered when the run is delivered")

    source_version = version

    @property
    def url(self) -> str | None:
        """None: an artifact has no address before it is delivered."""
        self._as_logged("url")
        return None

    def _as_logged(self, what: str) -> Logged:
        if self._logged is None:
            raise self._unknown(what, "it is known when the artifact was logged, by run.log_artifact(artifact)")
        return self._logged

    def _unknown(self, what: str, why: str) -> ArtifactNotLoggedError:
        return ArtifactNotLoggedError(f"artifact {self.name} has no {what} yet: {why}")

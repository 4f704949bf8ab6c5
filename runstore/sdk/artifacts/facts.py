"""What an artifact says of itself before and after it is logged: its name, type, description, metadata, contents."""

from __future__ import annotations

import enum
import secrets
import string
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from runstore.core.manifest import Manifest
from runstore.errors import ArtifactNotLoggedError, WrongArtifact, WrongArtifactType
from runstore.sdk.artifacts.names import checked_metadata

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


class ArtifactFacts:
    """The properties of an artifact."""

    _name: str
    _type: str
    _description: str | None
    _metadata: dict[str, Any]
    _incremental: bool
    _manifest: Manifest
    _final: bool

    def __init__(self) -> None:
        self.client_id = new_client_id()
        self.sequence_client_id = new_client_id()
        self._distributed_id: str | None = None
        self._ttl: timedelta | Literal[ArtifactTTL.INHERIT] | None = ArtifactTTL.INHERIT
        self._ttl_was_set = False

    @property
    def base_name(self) -> str:
        """The name that all versions share."""
        return self._name

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
    def distributed_id(self) -> str | None:
        """What the parts have in common of an artifact that several runs make."""
        return self._distributed_id

    @distributed_id.setter
    def distributed_id(self, distributed_id: str | None) -> None:
        self._distributed_id = distributed_id

    @property
    def use_as(self) -> None:
        """None: it has had no effect since W&B's library 0.20."""
        return None

    @property
    def ttl(self) -> timedelta | None:
        """How long it is kept; None is for ever, which is what is inherited here.

        Raises ArtifactNotLoggedError where it is to be inherited, and the artifact was not logged yet.
        """
        if isinstance(self._ttl, ArtifactTTL):
            if self._ttl_was_set or self.is_draft():
                raise self._unknown("ttl", "it is inherited, which is known when the artifact is logged or saved")
            return None
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

    def is_draft(self) -> bool:
        """Whether it was not logged yet."""
        raise NotImplementedError

    def _unknown(self, what: str, why: str) -> ArtifactNotLoggedError:
        return ArtifactNotLoggedError(f"artifact {self._name} has no {what} yet: {why}")

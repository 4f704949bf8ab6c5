"""What names a version of an artifact: `[[entity/]project/]name[:version or alias]`."""

from __future__ import annotations

import re
from typing import NamedTuple

from runstore.core.versions import LATEST
from runstore.errors import WrongArtifact

_VERSION = re.compile(r"v(0|[1-9][0-9]*)")


class ArtifactName(NamedTuple):
    """The parts of a name; what is not given is None, but for the alias, which is "latest" then."""

    entity: str | None
    project: str | None
    collection: str
    alias: str = LATEST

    def __str__(self) -> str:
        return f"{'/'.join(part for part in self[:3] if part)}:{self.alias}"

    @property
    def version(self) -> int | None:
        """The number that the alias says, such as 3 for `v3`; None for other aliases."""
        return version_number(self.alias)


def parse_artifact_name(text: str) -> ArtifactName:
    """Return the parts of a name. Raises WrongArtifact for text that can't be one."""
    path, colon, alias = text.partition(":")
    parts = path.split("/")
    if len(parts) > 3 or not all(parts) or (colon and not alias) or "/" in alias or ":" in alias:
        raise WrongArtifact(
            f"{text!r} can't name an artifact; write name:alias, project/name:alias or entity/project/name:alias, "
            "with an alias such as latest or v3"
        )
    entity, project, collection = (None, None, *parts)[-3:]
    assert collection is not None
    return ArtifactName(entity, project, collection, alias or LATEST)


def version_number(alias: str) -> int | None:
    """Return 3 for "v3"; None for what is no version."""
    found = _VERSION.fullmatch(alias)
    return int(found[1]) if found else None

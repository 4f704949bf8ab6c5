"""What names, types, aliases, tags and metadata an artifact may have: W&B's rules."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from runstore.core.moves import CollectionPath
from runstore.errors import WrongArtifact, WrongArtifactType
from runstore.sdk.values import plain

MAX_NAME_CHARACTERS = 128
MAX_METADATA_KEYS = 100

_NAME = re.compile(r"[a-zA-Z0-9_\-.]+")
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_\-.]")
_TAG = re.compile(r"[-\w]+( +[-\w]+)*")
# Of these types, names that begin so belong to what is recorded by itself: jobs, logged tables and code.
_RESERVED = {"job": "", "run_table": "run-", "code": "source-"}
_RESERVED_TYPES = "wandb-"


def checked_name(name: str) -> str:
    """Return `name`. Raises WrongArtifact where it can't be an artifact's."""
    if not _NAME.fullmatch(name):
        raise WrongArtifact(f"an artifact's name is made of letters, digits, `-`, `_` and `.`; {name!r} is not")
    if len(name) > MAX_NAME_CHARACTERS:
        raise WrongArtifact(
            f"an artifact's name has {MAX_NAME_CHARACTERS} characters at most, not {len(name)}: {name!r}"
        )
    return name


def checked_folder(name: str) -> str:
    """Return the name of an artifact after which a folder is to be called, as a log says it.

    Raises WrongArtifact for one that would lead out of the folder that it is to be in, or be that.
    """
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or name.startswith("/") or "\0" in name:
        raise WrongArtifact(f"no folder can be called after an artifact named {name!r}; name one: download(root)")
    return name


def checked_type(kind: str, name: str) -> str:
    """Return the type. Raises WrongArtifact where it, or names like this one of it, are not the user's to take."""
    if kind.startswith(_RESERVED_TYPES) or (kind in _RESERVED and name.startswith(_RESERVED[kind])):
        raise WrongArtifact(f"the artifact type {kind!r} is reserved, for a name like {name!r}; take another type")
    return kind


def checked_aliases(aliases: str | Iterable[str]) -> list[str]:
    """Return the aliases as a list. Raises WrongArtifact for one that can't stand behind a name and a colon."""
    listed = [aliases] if isinstance(aliases, str) else list(aliases)
    for alias in listed:
        if "/" in alias or ":" in alias:
            raise WrongArtifact(f"an alias has neither `/` nor `:` in it: {alias!r}")
    return listed


def with_latest(aliases: str | Iterable[str] | None) -> list[str]:
    """Return checked aliases in order, each once, "latest" among them."""
    return sorted({*checked_aliases(aliases or ()), "latest"})


def target_collection(path: str, entity: str, project: str) -> CollectionPath:
    """Return the collection that `[[entity/]project/]name` names; the entity and project given stand in for the rest.

    Raises WrongArtifact for a path that names none.
    """
    parts = path.split("/")
    if len(parts) > 3 or not all(parts) or ":" in path:
        raise WrongArtifact(f"an artifact is linked to a path like entity/project/collection; {path!r} is none")
    return CollectionPath.of(*(entity, project)[: 3 - len(parts)], *parts)


def checked_tags(tags: str | Iterable[str]) -> list[str]:
    """Return the tags in their order, each once. Raises WrongArtifact for one that can't be."""
    listed = list(dict.fromkeys([tags] if isinstance(tags, str) else tags))
    for tag in listed:
        if not _TAG.fullmatch(tag):
            raise WrongArtifact(f"a tag is made of letters, digits, `-`, `_` and spaces inside: {tag!r}")
    return listed


def checked_metadata(metadata: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Return metadata made of JSON's types, a new dict; NaN becomes None. A string is taken as JSON.

    Raises WrongArtifact for infinities and for more keys than a server takes, WrongArtifactType for what is no mapping.
    """
    if isinstance(metadata, str):
        metadata = json.loads(metadata) if metadata else {}
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise WrongArtifactType(f"metadata must be a dict, not {type(metadata).__name__}")
    found: dict[str, Any] = _finite(plain(metadata))
    if len(found) > MAX_METADATA_KEYS:
        raise WrongArtifact(f"metadata has {MAX_METADATA_KEYS} keys at most; this has {len(found)}")
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and value - value != 0.0:
        if value != value:
            return None
        raise WrongArtifact("metadata can't hold an infinity: W&B's servers don't take it")
    return value


def cleaned_name(name: str) -> str:
    """Return `name` without the characters that no name may have; a checksum then tells it from its likes."""
    clean = _NOT_IN_NAMES.sub("", name)
    if clean == name:
        return name
    checksum = binascii.crc32(name.encode("utf-8", "replace")).to_bytes(4, "big")
    return f"{clean}-{base64.urlsafe_b64encode(checksum).decode('ascii').rstrip('=')}"


def shortened_name(name: str) -> str:
    """Return `name` with `_` for what no name may have, and its middle left out where it is too long."""
    clean = _NOT_IN_NAMES.sub("_", name)
    half = MAX_NAME_CHARACTERS // 2 - 1
    return clean if len(clean) <= MAX_NAME_CHARACTERS else f"{clean[:half]}..{clean[-half:]}"

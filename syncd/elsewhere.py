"""What is not here, from the remotes that the user has named: versions of artifacts, and their bytes.

Loaded by whoever looks for an artifact that this machine does not have, at that call, and by nobody else. Remotes are
asked in the order of their names; the first that knows the answer gives it. One that can't be asked keeps none of the
others from it, and is named where none of them has it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from runstore.core.artifactname import ArtifactName
from runstore.errors import CommError, NotFound, RemoteError, RunstoreError
from runstore.syncd.remotes.artifacts import HeldEntry, HeldVersion, HubArtifacts
from runstore.syncd.remotes.configured import HUB, ConfiguredRemote, load_remotes, open_hub
from runstore.syncd.remotes.hub import HubRemote

_T = TypeVar("_T")

# Connections by process and remote: a download of many files asks for each by itself. Ended with the process; a child
# must not use its parent's.
_opened: dict[tuple[int, str, ConfiguredRemote], HubRemote] = {}

_SHA256_LETTERS = 64
_BLOB_NAME = re.compile(r"[0-9a-f]{64}|(md5|xxh128)-[0-9a-f]{32}")
_MD5_PREFIX = "md5-"


def find_version(name: ArtifactName, entity: str, project: str, kind: str | None = None) -> HeldVersion | None:
    """Return what a name means at the first remote that knows it; None where all say that they don't, or there is none.

    `entity` and `project` are those of who asks. Raises CommError where a remote could not be asked, and no other
    knows the name; it says which and why.
    """
    return _first(str(name), lambda artifacts: artifacts.find(name, entity, project, kind))


def entries_of(version: HeldVersion) -> Iterator[HeldEntry]:
    """Yield what is in a version, in order of path. Raises CommError where its hub can't be asked any more."""
    try:
        yield from _artifacts(version.remote).entries(version.client_id)
    except RunstoreError as error:
        raise CommError(f"{version.name}: what is in it can't be fetched from {version.remote}: {error}") from error


def fetch_blob(names: Sequence[str], target: Path) -> bool:
    """Bring bytes to the file `target`, making its folder; return False where no remote holds them.

    `names` are those that the bytes may have in a folder of blobs: their SHA-256, or `md5-` and their MD5 in
    hexadecimal, which are both checked; other names are passed over. A transfer that broke off goes on where it was.
    Raises CommError where a remote could not be asked or sent other bytes, and no other holds them; StorageError where
    the disk refuses.
    """
    names = [name for name in names if _BLOB_NAME.fullmatch(name)]
    md5 = next((name.removeprefix(_MD5_PREFIX) for name in names if name.startswith(_MD5_PREFIX)), "")

    def fetched(artifacts: HubArtifacts) -> bool | None:
        for name in names:
            sha256 = name if len(name) == _SHA256_LETTERS else artifacts.blob_named(name)
            if sha256 is not None and artifacts.download(sha256, target, md5):
                return True
        return None

    return bool(names) and _first(target.name, fetched) is not None


def _first(what: str, ask: Callable[[HubArtifacts], _T | None]) -> _T | None:
    """Return the first answer that is not None; raises CommError where there is none, and not all could be asked."""
    reasons: list[str] = []
    for name in sorted(name for name, remote in load_remotes().items() if remote.kind == HUB):
        try:
            answer = ask(_artifacts(name))
        except (RemoteError, NotFound) as error:
            reasons.append(str(error))
            continue
        if answer is not None:
            return answer
    if reasons:
        raise CommError(f"{what} is not on this machine, and can't be fetched: {'; '.join(reasons)}")
    return None


def _artifacts(name: str) -> HubArtifacts:
    """Return the artifacts of a remote that the user has named, over connections that are there already."""
    key = os.getpid(), name, load_remotes().get(name, ConfiguredRemote("", ""))
    if key not in _opened:  # no lock, which a fork could leave locked: two at once only open one connection more
        _opened.setdefault(key, open_hub(name))
    return HubArtifacts(name, _opened[key].connection)

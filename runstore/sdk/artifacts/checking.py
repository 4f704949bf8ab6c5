"""Compare a folder with what an artifact holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from runstore.core.manifest import Manifest
from runstore.sdk.artifacts.landing import WrongBytes, has_digest
from runstore.sdk.artifacts.stored import algorithm_of


def verify(manifest: Manifest, root: Path, name: str) -> int:
    """Return how many references there are, which can't be checked; every file at `root` is what the manifest says.

    Raises WrongBytes, naming the first file that is not in the artifact, is missing, or has other bytes.
    """
    for path in _files_below(root):
        if path not in manifest.entries:
            raise WrongBytes(f"{root / path}: is not in artifact {name}")
    for entry in manifest:
        if entry.ref is not None:
            continue
        target = root / entry.path
        if not target.is_file():
            raise WrongBytes(f"{target}: is missing; artifact {name} holds it")
        if not has_digest(target, entry.digest, algorithm_of(entry)):
            raise WrongBytes(f"{target}: its digest is not {entry.digest}, which artifact {name} holds")
    return sum(entry.ref is not None for entry in manifest)


def remove_others(manifest: Manifest, root: Path) -> None:
    """Remove all below `root` that the manifest does not name, and the folders that become empty by that."""
    for path in _files_below(root):
        if path not in manifest.entries:
            os.unlink(root / path)
    for folder, _, _ in os.walk(root, topdown=False):
        if folder != str(root) and not os.listdir(folder):
            os.rmdir(folder)


def _files_below(root: Path) -> Iterator[str]:
    """Yield the path below `root` of each file and link, in order; links are not followed."""
    for folder, folders, files in os.walk(root):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in sorted([*files, *links]):
            yield Path(folder, name).relative_to(root).as_posix()

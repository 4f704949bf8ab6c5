"""Which files beside a log leave, and which of them as others than they are."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from runstore.core.rescued import list_blob
from runstore.syncd.bundles.derived.finding import METADATA, Found, json_at
from runstore.syncd.bundles.derived.lists import rewrite_list
from runstore.syncd.bundles.derived.records import beside, is_address
from runstore.syncd.bundles.derived.redaction import CODE, ENV, GIT, HOST, USER, Redaction
from runstore.syncd.outgoing import FOLDERS
from runstore.syncd.remotes.base import BLOBS, FILES, FileEntry
from runstore.syncd.stamps import regular_files, stamp_of

# What tools make of the log itself, which tells it better: it stays here wherever anything is redacted.
_MADE_OF_THE_LOG = ("config.yaml", "wandb-summary.json", "wandb-history.jsonl", "wandb-events.jsonl", "output.log")
_OF_THE_INSTALLATION = ("requirements.txt", "conda-environment.yaml")
_PATCH = re.compile(r"(?:upstream_)?diff(?:_\w+)?\.patch")
_OF_METADATA = (
    (HOST, ("host", "slurm", "writerId")),  # what a scheduler says names nodes, and whose job it is
    (USER, ("username", "email", "slurm")),
    (GIT, ("git",)),
    (CODE, ("program", "codePath", "codePathLocal")),
)


@dataclass(frozen=True)
class Leaving:
    """A file that leaves: what it is called then, and where its bytes are, which may be written anew."""

    folder: str
    path: str
    source: Path


class Beside:
    """What lies beside one log."""

    def __init__(self, log: Path, redaction: Redaction, found: Found, scratch: Path) -> None:
        """What is written anew goes to the folder `scratch`, which is made for it."""
        self._log, self._redaction, self._found, self._scratch = log, redaction, found, scratch
        self._numbers = itertools.count()
        self._lists: dict[str, str] = {}  # by the name of the blob that it was

    def leaves(self, path: str) -> bool:
        """Return whether a file in `files` leaves."""
        if path.startswith("media/"):
            return not self._redaction.without_media
        if not self._redaction.rewrites:
            return True
        if path in _MADE_OF_THE_LOG or path.startswith("logs/"):
            return False
        if path in (*_OF_THE_INSTALLATION, METADATA):
            return not self._redaction.any_of(ENV)
        if _PATCH.fullmatch(path):
            return not self._redaction.any_of(GIT, CODE, ENV)
        return not (path.startswith("code/") and self._redaction.any_of(CODE))

    def listed(self, recorded: str) -> str:
        """Return where the list of an artifact's files is, written anew, of which the log says that it is there."""
        blobs = self._log.parent / BLOBS
        for name in (list_blob(recorded), Path(recorded).name):
            if (blobs / name).is_file():
                return f"{BLOBS}/{self._list(blobs / name)}"
        return beside(recorded)

    def files(self, notes: list[str]) -> Iterator[Leaving]:
        """Yield what leaves, in order; `listed` has been called for all lists by then. Raises OSError."""
        run = self._log.parent
        for folder in FOLDERS:
            for path in regular_files(run, folder, notes):
                if folder == BLOBS:
                    if path in self._lists:
                        yield Leaving(BLOBS, self._lists[path], self._scratch / self._lists[path])
                    elif self._found.leaves(self._log, path):
                        yield Leaving(BLOBS, path, run / BLOBS / path)
                elif self.leaves(path):
                    yield Leaving(FILES, self._found.words.replaced(path), self._written(run / FILES / path, path))

    def _written(self, source: Path, path: str) -> Path:
        """Return the file whose bytes leave: the one that is there, or one without what must not."""
        is_text = path in _OF_THE_INSTALLATION or _PATCH.fullmatch(path) is not None
        if not self._redaction.rewrites or not (path == METADATA or is_text):
            return source
        before = source.read_bytes()
        data = orjson.dumps(self._metadata(json_at(source))) if path == METADATA else None
        data = self._found.words.replaced_bytes(before) if data is None else data
        if data == before:
            return source
        written = self._place(f"{next(self._numbers)}-{Path(path).name}")
        written.write_bytes(data)
        return written

    def _place(self, name: str) -> Path:
        """Return where a file is written anew; most runs have none, and need no folder for it."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch / name

    def _metadata(self, said: Mapping[str, Any]) -> Any:
        left = dict(said)
        for kind, names in _OF_METADATA:
            for name in names if self._redaction.any_of(kind) else ():
                left.pop(name, None)
        if self._redaction.config:
            left.pop("args", None)
        return self._found.words.replaced_in(left)

    def _list(self, source: Path) -> str:
        """Write a list anew, once; return its name, which is its digest."""
        if source.name not in self._lists:
            fresh = self._place(f"list-{len(self._lists)}")
            rewrite_list(source, fresh, self._entry)
            name = stamp_of(fresh, 0).sha256
            fresh.rename(self._scratch / name)
            self._lists[source.name] = name
        return self._lists[source.name]

    def _entry(self, said: dict[str, Any]) -> dict[str, Any]:
        local = said.get("local_path")
        fixed = ("digest", "birthArtifactID")
        keep = {name: said[name] for name in fixed if name in said and not is_address(name, str(said[name]))}
        entry = {**self._found.words.replaced_in(said), **keep}
        return {**entry, "local_path": beside(local)} if isinstance(local, str) and local else entry


def as_entry(leaving: Leaving, size: int, sha256: str) -> FileEntry:
    """Return what the manifest says of a file."""
    return FileEntry(leaving.path, size, sha256, leaving.folder)

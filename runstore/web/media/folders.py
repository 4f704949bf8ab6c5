"""What the paths in a media value are relative to: the files of its run, or an artifact that holds a table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import BinaryIO, Protocol

from runstore.core.identity import RunPath
from runstore.errors import NotFound
from runstore.index.artifacts.manifestfile import ManifestMissing
from runstore.index.pieces import inherited_and_own
from runstore.query.api import Api
from runstore.query.media.artifacts import Meant, blob_names, entry_at
from runstore.query.stored.run import StoredRun
from runstore.web.places import read_begin
from runstore.web.refs import run_ref
from runstore.web.site import Site
from runstore.web.tickets import Kind, Way


class Folder(Protocol):
    """Where the files of media values are found."""

    def address(self, path: str, as_: Way = "file") -> str | None:
        """Return where a browser gets the file; None where it is known not to be here."""

    def open(self, path: str) -> BinaryIO | None:
        """Return the open file; None where it is not here."""


class RunFolder:
    """The folder `files` of a run, and those of runs that it was forked from: their media are in its history too."""

    def __init__(self, site: Site, api: Api, run: StoredRun) -> None:
        self._site, self._api, self._run = site, api, run

    def address(self, path: str, as_: Way = "file") -> str | None:
        """See Folder. Of a run that is no fork nothing is looked for: a file that is gone shows when it is fetched."""
        holder: StoredRun | None = self._run
        if self._ancestors:
            holder = next((run for run in self._runs() if _opened(self._site, run, "files", path, close=True)), None)
        return None if holder is None else self._site.tickets.address(_ref(holder), "files", path, as_)

    def open(self, path: str) -> BinaryIO | None:
        """See Folder."""
        found = (_opened(self._site, run, "files", path) for run in self._runs())
        return next((file for file in found if file is not None), None)

    def _runs(self) -> Sequence[StoredRun]:
        return [self._run, *self._ancestors]

    @cached_property
    def _ancestors(self) -> list[StoredRun]:
        inherited, _ = inherited_and_own(self._run.connection, self._run.place)
        query = "SELECT entity, project, run_id FROM logs JOIN runs ON runs.id = run WHERE logs.id = ?"
        rows = [self._run.connection.execute(query, (piece.log,)).fetchone() for piece in reversed(inherited)]
        return [self._api.exactly(path) for path in dict.fromkeys(RunPath(*row) for row in rows)]


class ArtifactFolder:
    """The files of one artifact, as far as their bytes lie in a directory of the run that logged it."""

    def __init__(self, site: Site, api: Api, meant: Meant) -> None:
        """Raises NotFound where its run is gone."""
        self._site, self._api, self._run, self._meant = site, api, api.exactly(meant.run), meant

    def address(self, path: str, as_: Way = "file") -> str | None:
        """See Folder."""
        for name in self._blobs(path):
            if _opened(self._site, self._run, "blobs", name, close=True):
                return self._site.tickets.address(_ref(self._run), "blobs", name, as_, path.rpartition("/")[2])
        return None

    def open(self, path: str) -> BinaryIO | None:
        """See Folder."""
        found = (_opened(self._site, self._run, "blobs", name) for name in self._blobs(path))
        return next((file for file in found if file is not None), None)

    def _blobs(self, path: str) -> list[str]:
        try:
            entry = entry_at(self._run.connection, self._meant, path, self._api.known_artifacts().manifests)
        except ManifestMissing:
            return []
        return [] if entry is None else blob_names(entry)


def read_within(folder: Folder, path: str, most_bytes: int) -> bytes | None:
    """Return the bytes of a file; None where it is not here, or is larger than that."""
    file = folder.open(path)
    if file is None:
        return None
    with file:
        size = os.fstat(file.fileno()).st_size
        return None if size > most_bytes else read_begin(file, size)


def _opened(site: Site, run: StoredRun, kind: Kind, path: str, *, close: bool = False) -> BinaryIO | None:
    try:
        file = site.places.open(run, kind, path)
    except NotFound:
        return None
    if close:
        file.close()
    return file


def _ref(run: StoredRun) -> str:
    return run_ref(RunPath(run.entity, run.project, run.id))

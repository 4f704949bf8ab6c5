"""What is put into an artifact before it is logged: files, folders, references and media."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from runstore.core.manifest import ManifestEntry, entry_path, hex_of
from runstore.errors import (
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    StorageError,
    WrongArtifact,
    WrongArtifactType,
)
from runstore.sdk.artifacts import keeping
from runstore.sdk.artifacts.reading import ArtifactReading, with_suffix
from runstore.sdk.artifacts.staging import refused
from runstore.sdk.artifacts.stored import StoredEntry
from runstore.sdk.media.base import Media

if TYPE_CHECKING:
    from runstore.sdk.artifacts.artifact import Artifact

Policy = Literal["mutable", "immutable"]

_POLICIES = ("mutable", "immutable", None)
_DIGEST_CHARACTERS = 20  # of a digest, in names that are made of it
_TABLES = "media/tables/"  # what is added below it is named by its content


class ArtifactAdding(ArtifactReading):
    """Ways to add to an artifact, and to take out again; all raise ArtifactFinalizedError once it was logged."""

    _earlier: keeping.EarlierBlobs

    # Files.

    def add_file(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
        overwrite: bool = False,
    ) -> ManifestEntry:
        """Copy a file into the artifact, now, as `name` (the file's own by default), and return its entry.

        With `is_tmp` the name's first part becomes one that is made of the content. The same content may be added
        again; `overwrite` allows other content. `policy` and `skip_cache` are W&B's: whatever they are, the bytes are
        copied. The file is read once, in constant memory.

        Raises WrongArtifact where there is no such file, a name that can't be, or other content under it; OSError where
        it can't be read or kept; ArtifactFinalizedError for an artifact that was logged.
        """
        self._open_for("add_file")
        _check_policy(policy)
        if not os.path.isfile(local_path):
            raise WrongArtifact(f"there is no file {os.fspath(local_path)!r} to add")
        path = entry_path(name or os.path.basename(local_path))
        entry = self._copied(os.fspath(local_path), path, bool(skip_cache))
        if is_tmp:
            entry.path = _named_by_content(entry)
        return self._added(entry, local_path, overwrite)

    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Copy all files of a folder into the artifact, below the folder `name` if it is given; links are followed.

        With `merge`, files that were added with other content before are replaced. Otherwise as `add_file`.
        """
        self._open_for("add_dir")
        _check_policy(policy)
        if not os.path.isdir(local_path):
            raise WrongArtifact(f"there is no folder {os.fspath(local_path)!r} to add")
        root = os.path.join(local_path, "")
        for found in _files_below(root):
            if not found.is_file() and os.path.exists(found.path):  # a pipe would be waited for
                raise WrongArtifact(f"{found.path!r} is no file that could be added")
            path = entry_path(os.path.join(name or "", found.path[len(root) :]))
            self._added(self._copied(found.path, path, bool(skip_cache)), found.path, merge)

    @contextlib.contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None, policy: Policy = "mutable"
    ) -> Iterator[IO[Any]]:
        """Open a new file of the artifact for writing; it is added when it is closed, unless by an exception.

        With an "x" in `mode`, raises WrongArtifact where the artifact holds a file of this name.
        """
        self._open_for("new_file")
        _check_policy(policy)
        path = entry_path(name)
        before = self._manifest.get_entry_by_path(path)
        if before is not None and "x" in mode:
            raise WrongArtifact(f'{path!r} is in the artifact already; open it with mode="w" to replace it')
        try:
            folder = tempfile.mkdtemp(prefix="runstore-new-file-")
        except OSError as error:
            raise refused(error, f"{self.name}: {path} can't be opened for writing") from error
        try:
            file = Path(folder, os.path.basename(path))
            if before is not None and before.local_path and not mode.startswith("w"):
                shutil.copyfile(before.local_path, file)
            with open(file, mode, encoding=encoding) as opened:
                yield opened
            self._added(self._copied(os.fspath(file), path, skip_cache=True), None, "x" not in mode)
        except OSError as error:
            if isinstance(error, StorageError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise  # the program's own, which it may expect
            raise refused(error, f"{self.name}: {path} can't be written") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def add_reference(
        self,
        uri: str | ManifestEntry,
        name: str | os.PathLike[str] | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> list[ManifestEntry]:
        """Refer to what is kept elsewhere, without copying it; return the entries, one for each file.

        A file:// URI of a folder stands for all files in it, an s3:// URI of a prefix or bucket for all objects below,
        `max_objects` at most. The digest is that of a file's bytes, or the server's ETag of what http(s):// and s3://
        name; without `checksum` it is that of the address, and nothing is looked at. An entry of another artifact, from
        `get_entry`, is referred to wherever that artifact is.

        Raises WrongArtifact for what is no URI or not there, UsageError for what can't be looked at from here,
        CommError where a server can't be asked, ArtifactNotLoggedError for an entry of an artifact not logged yet.
        """
        self._open_for("add_reference")
        name = None if name is None else entry_path(name)
        if isinstance(uri, ManifestEntry):
            return [self._refer(_of_a_logged_artifact(uri), name or uri.path)]
        from runstore.sdk.artifacts.references import entries_for
        from runstore.sdk.artifacts.stored import entry_at

        elsewhere = entry_at(str(uri))
        if elsewhere is not None:
            return [self._refer(elsewhere, name or elsewhere.path)]

        entries = entries_for(str(uri), name, checksum, max_objects)
        for entry in entries:
            self._manifest.add_entry(entry)
        return entries

    # Media.

    def add(self, obj: Media, name: str | os.PathLike[str], overwrite: bool = False) -> ManifestEntry:
        """Add a table or another of the media, with its files; return the entry of its JSON.

        The entry is called `name` and what tells its kind, such as `name.table.json`. Where that is taken, it stays,
        unless `overwrite`. An object that was added before is not added twice, and one that is in an artifact that was
        logged becomes a reference to it.

        Raises WrongArtifactType for what is none of the media, and what `add_file` raises.
        """
        self._open_for("add")
        if not isinstance(obj, Media) or not obj.log_type:
            raise WrongArtifactType(f"{type(obj).__name__}: it can't be added to an artifact; add_file takes files")
        if id(obj) in self._objects:
            return self._objects[id(obj)][1]
        path = with_suffix(entry_path(name), obj)
        elsewhere = _kept_in(obj)
        if elsewhere is not None and elsewhere[0] is not self and elsewhere[0].is_finalized:
            holder, inside = elsewhere
            return self._refer(StoredEntry.of(holder.manifest.entries[inside], holder), path)
        data = json.dumps(obj.in_artifact(self), sort_keys=True).encode()
        before = self._manifest.get_entry_by_path(path)
        if before is not None and not overwrite:
            return before
        entry = self._copied(data, path)
        if path.startswith(_TABLES):
            entry.path = _named_by_content(entry)
        self._added(entry, None, overwrite)
        self._objects[id(obj)] = obj, entry
        obj.__dict__["kept_in"] = self, entry.path
        return entry

    def put_media(self, source: Path | bytes, path: str) -> None:
        """Add a file of some media's. What is there under this path, such as the same picture again, stays."""
        path = entry_path(path)
        if self._manifest.get_entry_by_path(path) is None:
            self._added(self._copied(source, path), None if isinstance(source, bytes) else source, overwrite=False)

    def put_reference(self, uri: str, path: str) -> None:
        """Refer to something of some media's that is kept elsewhere."""
        self._manifest.add_entry(ManifestEntry(path, digest=uri, ref=uri))

    def __setitem__(self, name: str, item: Media) -> None:
        self.add(item, name)

    def __getitem__(self, name: str) -> Media | None:
        return self.get(name)

    # What is taken out of it.

    def remove(self, item: str | os.PathLike[str] | ManifestEntry) -> None:
        """Take out an entry, or all below a folder. Raises FileNotFoundError where there is none."""
        self._open_for("remove")
        if isinstance(item, ManifestEntry):
            self._manifest.remove_entry(item)
            return
        path = entry_path(item)
        entry = self._manifest.get_entry_by_path(path)
        entries = [entry] if entry is not None else self._manifest.get_entries_in_directory(path)
        if not entries:
            raise FileNotFoundError(f"{path!r} is not in artifact {self.name}")
        for entry in entries:
            self._manifest.remove_entry(entry)

    def _open_for(self, what: str) -> None:
        if self._final:
            raise ArtifactFinalizedError(f"{what}: artifact {self.name} was logged and can't change; make a new one")

    def _copied(self, source: str | Path | bytes, path: str, skip_cache: bool = False) -> ManifestEntry:
        """Keep bytes, and return their entry."""
        return keeping.entry_of(source, path, self._manifest.algorithm, self._earlier, skip_cache=skip_cache)

    def _added(self, entry: ManifestEntry, source: str | os.PathLike[str] | None, overwrite: bool) -> ManifestEntry:
        self._manifest.add_entry(entry, overwrite)
        if source is not None:
            self._added_from[os.fspath(source)] = entry.path
        return entry

    def _refer(self, target: StoredEntry, path: str) -> ManifestEntry:
        """Add a reference to an entry of another artifact."""
        entry = ManifestEntry(path, target.digest, ref=target.ref_url())
        self._manifest.add_entry(entry)
        return entry


def _of_a_logged_artifact(entry: ManifestEntry) -> StoredEntry:
    if not isinstance(entry, StoredEntry):
        raise ArtifactNotLoggedError(f"{entry.path}: log its artifact first, then ask that for the entry, by get_entry")
    return entry


def _kept_in(obj: Media) -> tuple[Artifact, str] | None:
    """Return in which artifact an object is, and under which path; None for one that is in no artifact."""
    found: tuple[Artifact, str] | None = obj.__dict__.get("kept_in")
    return found


def _named_by_content(entry: ManifestEntry) -> str:
    """Return the entry's path with the digest in the place of the name, up to its first dot."""
    folder, _, name = entry.path.rpartition("/")
    _, dot, ending = name.partition(".")
    return os.path.join(folder, hex_of(entry.digest)[:_DIGEST_CHARACTERS] + dot + ending)


def _check_policy(policy: str | None) -> None:
    if policy not in _POLICIES:
        raise WrongArtifact(f'policy must be "mutable" or "immutable", not {policy!r}')


def _files_below(folder: str, above: tuple[tuple[int, int], ...] = ()) -> Iterator[os.DirEntry[str]]:
    """Yield the files below a folder, in order of names, following links, but into no folder that one is in already."""
    status = os.stat(folder)
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        return
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir():
            yield from _files_below(entry.path, (*above, identity))
        else:
            yield entry

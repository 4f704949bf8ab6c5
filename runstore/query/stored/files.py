"""The files of a stored run: what lies in the folder `files` of its run directories."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import mimetypes
import os
import re
import shutil
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timezone
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from runstore.core.rescued import file_blob
from runstore.errors import NotFound, UsageError
from runstore.query.stored.pages import Pages, loaded

if TYPE_CHECKING:
    from runstore.query.stored.run import StoredRun

_READ_BYTES = 1 << 20


class File:
    """One file of a run, as it lies on the disk now. `policy` and `type` are what the run's log says of it, or ""."""

    def __init__(self, run: StoredRun, name: str, path: Path, policy: str = "", type: str = "") -> None:  # noqa: A002
        self.run, self.name, self.policy, self.type = run, name, policy, type
        self._path = path

    @property
    def id(self) -> str:
        """What names the file among all."""
        return "/".join([*self.run.path, self.name])

    @property
    def size(self) -> int:
        """The size in bytes; 0 where the file is gone."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    @property
    def sizeBytes(self) -> int:  # noqa: N802 - W&B's name for it
        """The size in bytes."""
        return self.size

    @property
    def mimetype(self) -> str:
        """The type of the content, by the file's name."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    @property
    def updated_at(self) -> str:
        """When the file was last changed: ISO 8601, UTC."""
        return datetime.fromtimestamp(self._path.stat().st_mtime, timezone.utc).isoformat(timespec="seconds")

    @property
    def md5(self) -> str:
        """MD5 of the content, base64; reads the file."""
        digest = hashlib.md5(usedforsecurity=False)
        with self._path.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                digest.update(piece)
        return base64.b64encode(digest.digest()).decode()

    @property
    def url(self) -> str:
        """Where the file lies, as a URL."""
        return self._path.absolute().as_uri()

    direct_url = url

    @property
    def path_uri(self) -> str:
        """Where the file lies, as a URL."""
        return self.url

    def download(self, root: str = ".", replace: bool = False, exist_ok: bool = False, api: Any = None) -> TextIO:
        """Copy the file to its name below `root`, and return it, open for reading.

        Raises UsageError (a ValueError, too) where there is such a file already, unless `replace` or, to leave it as
        it is, `exist_ok` is given; NotFound where the bytes are gone. `api` means nothing here.
        """
        target = Path(root, self.name)
        if target.exists() and not replace:
            if not exist_ok:
                raise FileThere(f"{target}: is there already; give replace=True or exist_ok=True")
            return target.open(encoding="utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name[:40]}.{os.getpid()}.part")
        try:
            shutil.copyfile(self._path, partial)
            partial.replace(target)
        except FileNotFoundError as error:
            raise NotFound(f"{self._path}: the file is gone; run {self.run.id} had it when it was listed") from error
        finally:
            partial.unlink(missing_ok=True)
        return target.open(encoding="utf-8")

    def delete(self) -> None:
        """Raise UsageError: what a run recorded is not taken from it."""
        raise UsageError(f"files of stored runs are not deleted one by one; {self._path} can be removed by hand")

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.mimetype}) {self.size} bytes>"


class FileThere(UsageError, ValueError):
    """There is a file already where one was to be written. A ValueError too, as with W&B's library."""


class Files(Pages[File]):
    """Files in order of name."""

    def __init__(self, run: StoredRun, files: Sequence[File], per_page: int) -> None:
        self.run = run
        super().__init__(*loaded(files, per_page))

    def __repr__(self) -> str:
        return f"<Files {'/'.join(self.run.path)} ({len(self)})>"


def files_of(
    connection: sqlite3.Connection,
    run: StoredRun,
    logs: Sequence[tuple[int, str]],
    names: Sequence[str],
    pattern: str | None,
) -> list[File]:
    """Return the files beside these logs (row and path) that have one of `names`, or fit `pattern`; of none: all.

    `pattern` is one of SQL's LIKE. Where two logs have a file of one name, the later one counts.
    """
    if names and pattern:
        raise UsageError("files are asked for by their names or by a pattern, not by both")
    found: dict[str, File] = {}
    for log, path in logs:
        said = connection.execute("SELECT path, policy, type FROM files WHERE log = ?", (log,)).fetchall()
        folder = Path(path).parent / "files"
        for name in _names_below(folder):
            policy, kind = _said_of(name, said)
            found[name] = File(run, name, _place(folder, name), policy, kind)
    fits = _like(pattern) if pattern else None
    return [
        file
        for name, file in sorted(found.items())
        if (name in names if names else fits is None or fits.fullmatch(name))
    ]


def _names_below(folder: Path) -> list[str]:
    return [
        Path(where, name).relative_to(folder).as_posix()
        for where, _, names in os.walk(folder)
        for name in names
        if not name.endswith(".part") or not name.startswith(".")
    ]


def _place(folder: Path, name: str) -> Path:
    """Return where a file's bytes are: behind a link of stock tools that is dead, a copy may be held in `blobs`."""
    path = folder / name
    if path.is_symlink() and not path.exists():
        for recorded in dict.fromkeys((name, escape(name))):
            held = folder.parent / "blobs" / file_blob(recorded)
            if held.is_file():
                return held
    return path


def _said_of(name: str, said: Sequence[tuple[str, str, str]]) -> tuple[str, str]:
    """Return policy and type that a log says of a file, by its name or a glob pattern; "" where it says nothing."""
    wanted = {name, escape(name)}
    for path, policy, kind in said:
        if path in wanted:
            return policy, kind
    for path, policy, kind in said:
        if "*" in path and fnmatch.fnmatchcase(name, path):
            return policy, kind
    return "", ""


def _like(pattern: str) -> re.Pattern[str]:
    """Return what a pattern of LIKE means: % for any text, _ for any character, whatever the case of letters."""
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(letter) or re.escape(letter) for letter in pattern), re.DOTALL | re.IGNORECASE)

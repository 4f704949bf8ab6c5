"""Rescue what one stock log names: its artifacts' files into `blobs`, and saved files from behind their links.

Stock tools save a file as a link in `files` to where the program has it. While the run goes on the link stays, since
the file may still change, and a copy is held in `blobs`; when the run has ended a copy takes the link's place. So what
is in `files` then is what stock's own `sync` would have sent, also when the original is gone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runstore.core.manifest import hasher
from runstore.core.rescued import saved_path
from runstore.errors import UsageError
from runstore.index.artifacts.manifestfile import ManifestMissing
from runstore.index.rescue import securing
from runstore.index.rescue.rows import Row, listed_entries
from runstore.index.rescue.securing import LINKED, NotSecured
from runstore.paths import RUN_DIRECTORY_PREFIXES, is_log_name

# The copy of a saved file is renewed so often, at most, while its run goes on; what failed is tried again then.
AGAIN_SECONDS = 600.0


@dataclass(frozen=True)
class Wanted:
    """One file that a log names, as the table `rescues` has it."""

    blob: str
    source: str
    size: int
    outcome: str
    artifact: str = ""

    @property
    def is_saved_file(self) -> bool:
        """Whether it is a file of `files`, not one of an artifact."""
        return self.blob.startswith("file-")

    @property
    def is_list(self) -> bool:
        """Whether it says what files an artifact has, more than its record could hold."""
        return self.blob.startswith("list-")


@dataclass(frozen=True)
class Result:
    """What became of one file, in the words of the table `rescues`."""

    wanted: Wanted
    outcome: str
    reason: str = ""
    named: tuple[Row, ...] = ()  # what it names, where it is a list of files


def rescued(
    log: Path, wanted: Sequence[Wanted], has_ended: bool, is_time_for: Callable[[int], bool]
) -> Iterator[Result]:
    """Yield what becomes of files that `log` names, the smallest first; of those that are left for later, nothing.

    `is_time_for` is asked before a file with so many bytes is read.
    """
    if not wanted:
        return
    due = sorted(wanted, key=lambda one: one.size)
    folder = log.parent / "blobs"
    refused = _refused(log)
    if refused:
        yield from (_of_others(folder, one, refused) for one in due)
        return
    done = 0
    try:
        with securing.only_one(folder) as alone:
            if not alone:  # another process is at it
                return
            place = _Place(log.parent, folder)
            yield from (place.list_of_files(one) for one in due if one.is_list)
            yield from _linked(place, due)
            for one in due:
                if not one.is_list and is_time_for(max(one.size, 0)):
                    yield place.file(one, has_ended) if one.is_saved_file else place.entry(one)
                done += 1
    except OSError as error:
        reason = f"it can't be copied into {folder} ({error.strerror or error})"
        yield from (Result(one, "failed", reason) for one in due[done:])


def _refused(log: Path) -> str:
    """Return why nothing that this log names may be opened; "" where it may."""
    if not (is_log_name(log.name) and log.parent.name.startswith(RUN_DIRECTORY_PREFIXES)):
        return "its log lies in no run directory"
    if not securing.is_own_file(log):
        return "its log belongs to another user, who alone can copy it"
    return ""


def _of_others(folder: Path, wanted: Wanted, refused: str) -> Result:
    if securing.has_size(folder / wanted.blob, wanted.size):
        return Result(wanted, "kept")
    return Result(wanted, "lost", refused)


def _linked(place: _Place, due: Iterable[Wanted]) -> Iterator[Result]:
    """Secure at once what takes no time: before the first byte of a large file is read, all links are there."""
    for one in due:
        if one.outcome == "waiting" and not (one.is_saved_file or one.is_list) and place.links(one):
            yield Result(one, "linked")


@dataclass(frozen=True)
class _Place:
    """A run directory, and the folder in it for what is rescued."""

    run: Path
    blobs: Path

    def links(self, wanted: Wanted) -> bool:
        """Link a file of an artifact, if that can be and it is not here already."""
        if self._is_here(wanted) or (self.blobs / f"{LINKED}{wanted.blob}").exists():
            return False
        try:
            return securing.linked(self._original(wanted), wanted.size, self.blobs, wanted.blob)
        except NotSecured:
            return False

    def list_of_files(self, wanted: Wanted) -> Result:
        """Bring in the list of an artifact's files, and say what it names. Raises OSError."""
        target = self.blobs / wanted.blob
        try:
            if not securing.has_size(target, -1):
                securing.copied_as_it_is(self._original(wanted), target, self.blobs)
            return Result(wanted, "kept", named=listed_entries(target, wanted.artifact))
        except NotSecured as error:
            return Result(wanted, "failed" if error.again else "lost", error.reason)
        except ManifestMissing as error:
            target.unlink(missing_ok=True)
            return Result(wanted, "lost", str(error))

    def entry(self, wanted: Wanted) -> Result:
        """Bring in a file of an artifact. Raises OSError where nothing can be written."""
        if self._is_here(wanted):
            return Result(wanted, "kept")
        algorithm, digest = wanted.blob.split("-")
        linked = self.blobs / f"{LINKED}{wanted.blob}"
        try:
            if linked.exists():
                securing.checked(linked, wanted.size, digest, hasher(algorithm.upper()))
                os.replace(linked, self.blobs / wanted.blob)
            else:
                target = self.blobs / wanted.blob
                securing.copied(self._original(wanted), wanted.size, digest, hasher(algorithm.upper()), target)
        except NotSecured as error:
            linked.unlink(missing_ok=True)
            return Result(wanted, "failed" if error.again else "lost", error.reason)
        except UsageError as error:  # a digest that can't be computed here
            return Result(wanted, "failed", str(error))
        return Result(wanted, "kept")

    def _is_here(self, wanted: Wanted) -> bool:
        names = (wanted.blob, os.path.basename(wanted.source))  # the latter where the log is our own after all
        return any(name and securing.has_size(self.blobs / name, wanted.size) for name in names)

    def _original(self, wanted: Wanted) -> Path:
        """Return where a file was. A relative path is that of the program, which most often wrote to ./wandb."""
        return self.run.parent.parent / wanted.source

    def file(self, wanted: Wanted, ended: bool) -> Result:
        """Bring in a saved file. Raises OSError where nothing can be written."""
        held = self.blobs / wanted.blob
        link = self._link(wanted.source)
        if link is None:
            return Result(wanted, *(("kept",) if "*" in wanted.source else ("lost", "it is not in the folder `files`")))
        if not link.is_symlink():
            return Result(wanted, "kept")
        try:
            _check_link(link, self.run / "files")
            if ended:
                securing.copied_as_it_is(link, link, self.blobs)
                held.unlink(missing_ok=True)
                return Result(wanted, "kept")
            if _differ(link, held):
                securing.copied_as_it_is(link, held, self.blobs)
        except NotSecured as error:
            return self._not_copied(wanted, link, held if ended else None, error)
        return Result(wanted, "held")

    def _link(self, recorded: str) -> Path | None:
        """Return where a saved file is in `files`, or a link to it; None where there is nothing."""
        for path in dict.fromkeys((recorded, saved_path(recorded))):
            pure = PurePosixPath(path)
            if not pure.is_absolute() and ".." not in pure.parts and os.path.lexists(self.run / "files" / pure):
                return self.run / "files" / pure
        return None

    def _not_copied(self, wanted: Wanted, link: Path, held: Path | None, error: NotSecured) -> Result:
        """Return what it means that a saved file can't be copied; `held` is given when its run has ended."""
        if held is None:  # it may come back, as a checkpoint does that is written anew
            is_held = (self.blobs / wanted.blob).exists()
            return Result(wanted, "held") if is_held else Result(wanted, "failed", error.reason)
        if held.exists():
            os.replace(held, link)
            return Result(wanted, "kept")
        return Result(wanted, "failed" if error.again else "lost", error.reason)


def _check_link(link: Path, files: Path) -> None:
    """Raise NotSecured for a link that stock's `save` did not make: it is to a file of the same path, below another."""
    target, path = os.readlink(link), link.relative_to(files)
    if os.path.realpath(link.parent) != os.path.join(os.path.realpath(files), path.parent).rstrip("/."):
        raise NotSecured("it lies behind a link to another folder")
    if os.lstat(link).st_uid != os.geteuid():
        raise NotSecured("it belongs to another user, who alone can copy it")
    if not os.path.isabs(target) or not target.endswith(f"/{path.as_posix()}"):
        raise NotSecured("its link leads to a file of another name")


def _differ(link: Path, held: Path) -> bool:
    try:
        now, then = os.stat(link), os.stat(held)
    except OSError:
        return True
    return (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns)

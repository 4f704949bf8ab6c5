"""Save files of the program into the run directory, and bring them back from there.

What is saved is copied at the call, so that the run directory is whole without the program's folders. With the policies
"live" and "end" it is copied again: when it has changed, and when the run ends.
"""

from __future__ import annotations

import glob as globbing
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from runstore.errors import UsageError
from runstore.runlog.record_pb2 import FilesItem
from runstore.sdk.files.copying import Signature, copy
from runstore.sdk.files.filelist import name_files
from runstore.sdk.files.restoring import restore
from runstore.sdk.part import Part

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder

PathLike = str | os.PathLike[str]

POLICIES = {"now": FilesItem.NOW, "end": FilesItem.END, "live": FilesItem.LIVE}
# How often originals are looked at. One stat each: a thousand files cost some milliseconds.
LOOK_SECONDS = 3.0
# A file written to within this time of its copy may look the same after it: the kernel's clock moves in ticks of up to
# 10 ms, and times without a fraction come from a file system that has only every second one.
_UNSURE_NS = 50_000_000
_UNSURE_WHOLE_SECONDS_NS = 2_000_000_000


@dataclass(frozen=True)
class _Saved:
    """A file that was saved and is to be copied again."""

    original: Path
    policy: FilesItem.PolicyType
    folder: Path  # the folder `files` that holds the copy
    signature: Signature
    copied_ns: int

    def may_have_changed(self) -> bool:
        """Return whether the original differs from its copy, as far as its status tells. Raises OSError."""
        modified_ns = self.signature.modified_ns
        unsure_ns = _UNSURE_NS if modified_ns % 1_000_000_000 else _UNSURE_WHOLE_SECONDS_NS
        return self.copied_ns - modified_ns < unsure_ns or Signature.of(os.stat(self.original)) != self.signature


class SavedFiles(Part):
    """The files that a run saves. Safe to call from many threads."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._mutex = threading.Lock()
        self._saved: dict[str, _Saved] = {}  # what is to be copied again, by its path below `files`
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def save(self, glob_str: PathLike, base_path: PathLike | None, policy: str, glob: bool) -> bool | list[str]:
        """Copy what matches and return the paths of the copies, sorted; see Run.save.

        Raises UsageError for a policy that there is not, and for a glob that leaves `base_path`, is `base_path`, or
        begins with a `*` directly below it.
        """
        pattern = os.fsdecode(glob_str)
        if pattern.startswith(("gs://", "s3://")):
            self.recorder.say(f"{pattern} is the address of a cloud storage; save() takes files of this machine")
            return []
        if policy not in POLICIES:
            raise UsageError(f"save() knows the policies {', '.join(POLICIES)}, not {policy!r}")
        try:
            base = self._base(pattern, base_path)
            relative = _relative(Path(os.path.abspath(pattern)), base)
        except FileNotFoundError:  # the only thing that abspath asks the system for
            self.recorder.warn(
                f"{pattern} could not be saved: the program's current folder was deleted; the run goes on"
            )
            return []
        matches = self._matches(base, relative, glob)
        folder = self.recorder.files_folder()
        # What is in the run directory already, put there by the program itself or saved before, is meant as well.
        there = [path for path in _found(folder, relative, glob) if (folder / path).is_file()]
        paths = [path for match in matches for path in self._files_of(base, match)]
        saved = [path for path in paths if self._copied(base / path, path, POLICIES[policy])]
        name_files(self.recorder, [(path, POLICIES[policy]) for path in dict.fromkeys([*saved, *there])])
        self._look_after()
        kept = [match for match in matches if (folder / match).exists()]
        return sorted(str(folder / path) for path in {*kept, *there})

    def restore(self, name: str, run_path: str | None, replace: bool, root: str | None) -> TextIO:
        """Return a file of this or another run, open for reading; see Run.restore."""
        return restore(self.recorder, name, run_path, replace, root)

    def stop(self) -> None:
        """Copy what has changed since, for the last time."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        for path, saved in list(self._saved.items()):
            self._copy_again(path, saved)

    def forked(self) -> None:
        """What the parent saved, the parent goes on to copy."""
        self._mutex = threading.Lock()
        self._saved = {}
        self._thread = None
        self._ended = threading.Event()

    # What is meant.

    def _base(self, pattern: str, base_path: PathLike | None) -> Path:
        if base_path is not None:
            return Path(os.path.abspath(os.fsdecode(base_path)))
        if not os.path.isabs(pattern):
            return Path(os.path.abspath("."))
        self.recorder.warn(
            f"save({pattern!r}) keeps the last folder of the path only; to keep more of it, give base_path"
        )
        return Path(os.path.abspath(pattern)).parent.parent

    def _matches(self, base: Path, relative: str, glob: bool) -> list[str]:
        found = _found(base, relative, glob)
        if not found and glob and os.path.lexists(base / relative):
            self.recorder.warn(f"nothing matches {relative!r} as a glob; to save the file of that name: glob=False")
        elif not found and not glob and globbing.has_magic(relative):
            self.recorder.warn(f"there is no file {str(base / relative)!r}; to save what matches it: glob=True")
        return found

    def _files_of(self, base: Path, match: str) -> Iterator[str]:
        """Yield the files that a match stands for: itself, or all in the folder that it is."""
        if not (base / match).is_dir():
            yield match
            return
        runs = os.path.realpath(os.path.join(self.recorder.settings.root_dir, "wandb"))
        for folder, names, files in os.walk(base / match):
            names[:] = [name for name in names if os.path.realpath(os.path.join(folder, name)) != runs]
            for file in files:
                yield os.path.relpath(os.path.join(folder, file), base)

    # Copying.

    def _copied(self, original: Path, path: str, policy: FilesItem.PolicyType) -> bool:
        """Copy one file, to be copied again where its policy says so; return whether it is there."""
        folder = self.recorder.files_folder()
        try:
            if _is_same(original, folder / path):
                return True
            with self._mutex:
                self._saved.pop(path, None)
            began_ns = time.time_ns()
            signature = copy(original, folder / path)
        except OSError as error:
            self.recorder.warn(f"{original} could not be saved ({error.strerror}); the run goes on")
            return False
        if policy != FilesItem.NOW:
            with self._mutex:
                self._saved[path] = _Saved(original, policy, folder, signature, began_ns)
        return True

    def _copy_again(self, path: str, saved: _Saved) -> None:
        """Copy a file that has changed, or whose copy lies beside a log that is not written any more."""
        folder = self.recorder.files_folder()
        try:
            if folder == saved.folder and not saved.may_have_changed():
                return
            began_ns = time.time_ns()
            signature = copy(saved.original, folder / path, lambda: self._saved.get(path) is saved)
        except OSError as error:
            reason = "is gone" if isinstance(error, FileNotFoundError) else f"can't be copied ({error.strerror})"
            self.recorder.warn(f"{saved.original} {reason}; the run directory keeps the copy made before")
            return
        with self._mutex:
            if self._saved.get(path) is saved:
                self._saved[path] = _Saved(saved.original, saved.policy, folder, signature, began_ns)
        if folder != saved.folder:
            name_files(self.recorder, [(path, saved.policy)])

    def _look_after(self) -> None:
        """See to it that files of the policy "live" are looked at while the run goes on."""
        with self._mutex:
            if self._thread is None and any(saved.policy == FilesItem.LIVE for saved in self._saved.values()):
                otherwise = 'saved files of policy "live" are copied again at the end only'
                self._thread = self.thread(self._look, "runstore-saved-files", otherwise)

    def _look(self) -> None:
        ended = self._ended
        while not ended.wait(LOOK_SECONDS):
            with self._mutex:
                live = [(path, saved) for path, saved in self._saved.items() if saved.policy == FilesItem.LIVE]
            for path, saved in live:
                if ended.is_set():
                    return
                self._copy_again(path, saved)


def _relative(path: Path, base: Path) -> str:
    """Return `path`, which may be a glob, relative to `base`."""
    try:
        relative = path.relative_to(base)
    except ValueError:
        raise UsageError(f"save(): {path} is not below base_path, {base}") from None
    if not relative.parts:
        raise UsageError(f"save(): {path} is base_path itself; name what is to be saved in it")
    if relative.parts[0] == "*":
        raise UsageError(f"save(): {path} begins with * below base_path; give a base_path further up")
    return relative.as_posix()


def _found(base: Path, relative: str, glob: bool) -> list[str]:
    """Return what matches below `base`, sorted, relative to it."""
    if not glob:
        return [relative] if os.path.lexists(base / relative) else []
    found = globbing.glob(os.path.join(globbing.escape(str(base)), relative))
    return sorted(os.path.relpath(path, base) for path in found)


def _is_same(one: Path, other: Path) -> bool:
    """Return whether both are one file; raises OSError where the first is none."""
    status = os.stat(one)
    try:
        return os.path.samestat(status, os.stat(other))
    except OSError:
        return False

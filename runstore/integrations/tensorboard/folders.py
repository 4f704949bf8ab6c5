"""The folders that event files are in, and how the keys of one are told from those of another.

With one folder, keys are the tags. With several, each key begins with its folder's path below the one that they have
in common, or below the root that the program named. Which it is, is settled when the first event is recorded; for that,
the first folder waits a while for a second.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

WAIT_FOR_OTHERS_SECONDS = 10.0  # as long as W&B's client waits


class EventFolder:
    """One folder of event files; `since` is when it was named, by the monotonic clock."""

    def __init__(self, path: Path, root: Path | None, since: float) -> None:
        self.path = path
        self.root = root
        self.named = self.settled = root is not None
        self.since = since
        self.earlier = set(self.files())  # of other writers before, or of another run

    def files(self) -> list[Path]:
        """Return the event files that are in it, by name."""
        try:
            names = sorted(os.listdir(self.path))
        except OSError:  # it is not there yet, or not any more
            return []
        return [self.path / name for name in names if ".tfevents." in name and not name.endswith(".profile-empty")]

    def new_files(self) -> list[Path]:
        """Return the files that came into it since it was named."""
        return [path for path in self.files() if path not in self.earlier]

    @property
    def prefix(self) -> str:
        """What the keys begin with, a slash at its end; or nothing."""
        if self.root is None or self.root == self.path:
            return ""
        return f"{self.path.relative_to(self.root).as_posix()}/"

    @property
    def base(self) -> Path:
        """The folder above which the names of saved files don't reach."""
        return self.root if self.root is not None else self.path


def named_root(path: Path, root_logdir: str) -> Path | None:
    """Return the root of a folder that need not be guessed: the one that was named, or of a writer's own naming."""
    generated = re.search(rf"-\d+_{re.escape(socket.gethostname())}", str(path))
    if generated:  # `runs/<time>_<host>`, what a writer calls its folder that was given none
        return Path(str(path)[: generated.end()])
    root = Path(os.path.abspath(root_logdir)) if root_logdir else None
    return root if root is not None and path.is_relative_to(root) else None


def settle(folders: list[EventFolder], now: float, ending: bool) -> None:
    """Decide the roots that can be decided by now; `ending` says that there will be no other folder."""
    guessed = [folder for folder in folders if not folder.named]
    common = Path(os.path.commonpath([folder.path for folder in guessed])) if len(guessed) > 1 else None
    for folder in guessed:
        if not folder.settled and (common or ending or now - folder.since > WAIT_FOR_OTHERS_SECONDS):
            folder.root, folder.settled = common, True

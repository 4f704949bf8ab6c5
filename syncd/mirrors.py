"""All folders whose bundles a daemon imports: a thread for each; those that lead to the same place take turns."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from runstore.syncd.mirrored import MirroredFolder

if TYPE_CHECKING:  # few have such a folder, and it brings much with it
    from runstore.syncd.bundles.fetcher import Fetcher

# What a thread that is not needed any more may take to end, in a thread of its own.
_END_SECONDS = 10.0

logger = logging.getLogger("runstore.mirror")


class Mirrors:
    """The mirrored folders; all is called by the daemon's main thread, but for `status`."""

    def __init__(self, folders: Iterable[MirroredFolder]) -> None:
        self._folders = tuple(folders)
        self._fetchers: dict[MirroredFolder, Fetcher] = {}
        self._turns: dict[str, threading.Lock] = {}  # by place

    def start(self) -> None:
        """Begin to look at the folders."""
        for folder in self._folders:
            self._fetchers[folder] = self._begun(folder)

    def apply(self, folders: Iterable[MirroredFolder]) -> None:
        """Go on with these folders. What was wrong is tried again at once: whoever reloads has mended something."""
        kept, self._folders = self._fetchers, tuple(folders)
        self._fetchers = {folder: kept.get(folder) or self._begun(folder) for folder in self._folders}
        for folder, fetcher in kept.items():
            if folder in self._fetchers:
                fetcher.hurry()
            else:
                logger.info("event=mirror-ended folder=%s", folder.folder)
                threading.Thread(target=fetcher.stop, args=(_END_SECONDS,), daemon=True).start()

    def hurry(self) -> None:
        """Look at once: the network may be another."""
        for fetcher in self._fetchers.values():
            fetcher.hurry()

    def stop(self, seconds: float) -> None:
        """Stop all of them at the same time, waiting up to `seconds`; the rest is imported the next time."""
        for fetcher in self._fetchers.values():
            fetcher.stop(0.0)
        for fetcher in self._fetchers.values():
            fetcher.stop(seconds)

    def status(self) -> list[dict[str, Any]]:
        """Return what `daemon status` shows of each folder."""
        return [fetcher.status() for fetcher in list(self._fetchers.values())]

    def _begun(self, folder: MirroredFolder) -> Fetcher:
        from runstore.syncd.bundles.fetcher import Fetcher

        logger.info("event=mirror-begun folder=%s into=%s", folder.folder, folder.place)
        fetcher = Fetcher(folder, self._turns.setdefault(folder.place, threading.Lock()))
        fetcher.start()
        return fetcher

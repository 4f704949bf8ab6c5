"""The daemon's thread for a folder of bundles that others fill: it imports what appears, and leaves receipts.

What is done there at a time, says mirroring.py. What is taken, and what was wrong, is kept for the next start.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from pathlib import Path
from typing import Any

from runstore.errors import RunstoreError
from runstore.syncd import retry
from runstore.syncd.bandwidth import Interrupted
from runstore.syncd.bundles.forwarding import Forwarding
from runstore.syncd.bundles.keys import public_keys, secret_key
from runstore.syncd.bundles.mirroring import Mirror, Taken
from runstore.syncd.bundles.opening import Trust
from runstore.syncd.mirrored import MirroredFolder

# How often the folder is looked at: a stick is put in by a person, who waits for what comes of it.
LOOK_SECONDS = 2.0
# Where a hub does not take a run, its bundle is read again for the next attempt: that may be much.
_REREAD_SECONDS = 1800.0

logger = logging.getLogger("runstore.mirror")


class Fetcher:
    """Imports from one mirrored folder; `turn` is held meanwhile, which all that goes to the same place share."""

    def __init__(
        self, folder: MirroredFolder, turn: threading.Lock | None = None, *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self.folder, self._turn, self._look_seconds = folder, turn or threading.Lock(), look_seconds
        self._changed = threading.Condition()
        self._mirror: Mirror | None = None
        self._thread = threading.Thread(target=self._work, name="runstore-mirror", daemon=True)
        self._is_ending = self._is_busy = self._is_hurried = False
        self._error, self._retry_at, self._failures = "", 0.0, 0

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End, waiting up to `seconds`; what is being imported then is imported again the next time."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def hurry(self) -> None:
        """Look at once, and take again what was wrong: somebody has mended something."""
        with self._changed:
            self._is_hurried, self._retry_at = True, 0.0
            self._changed.notify_all()

    def status(self) -> dict[str, Any]:
        """Return what `daemon status` shows of this folder."""
        retry_in = max(0.0, self._retry_at - time.monotonic()) if self._error else None
        return {
            "folder": str(self.folder.folder),
            "into": self.folder.place,
            "state": "importing" if self._is_busy else "waiting" if self._error else "idle",
            "last_error": self._error,
            "retry_in": None if retry_in is None else round(retry_in, 1),
        }

    def _work(self) -> None:
        while True:
            with self._changed:
                if not (self._is_ending or self._is_hurried):
                    self._changed.wait(self._look_seconds)
                if self._is_ending:
                    return
                if time.monotonic() < self._retry_at:
                    continue
                is_hurried, self._is_hurried = self._is_hurried, False
            try:
                self._look(is_hurried)
            except Interrupted:
                return
            except RunstoreError as error:
                self._failed(str(error))
            except Exception as error:  # of one look: the thread goes on
                logger.exception("event=mirror-failed folder=%s", self.folder.folder)
                self._failed(f"{self.folder.folder}: can't be imported ({error!r}); see the daemon's messages")

    def _look(self, is_hurried: bool) -> None:
        if self._mirror is None:
            self._mirror = _mirror(self.folder)
        elif is_hurried:
            self._mirror.try_again()
        with self._turn:
            try:
                taken = self._mirror.look(self._going_on)
            finally:
                self._is_busy = False
        self._tell(taken)
        if taken.unproven:
            said = next(why for name in taken.unproven for why in taken.bundles[name].waiting.values())
            self._failed(said, _REREAD_SECONDS)
        else:
            self._error, self._failures = "", 0

    def _going_on(self, size: int) -> None:
        self._is_busy = True
        if self._is_ending:
            raise Interrupted

    def _failed(self, sentence: str, most: float = retry.MOST_SECONDS) -> None:
        if sentence != self._error:
            logger.warning('event=mirror-failed folder=%s error="%s"', self.folder.folder, sentence)
        self._failures += 1
        seconds = retry.delay(self._failures, random.Random(), most)
        self._error, self._retry_at = sentence, time.monotonic() + seconds

    def _tell(self, taken: Taken) -> None:
        for bundle, one in taken.bundles.items():
            logger.info(
                "event=bundle-imported folder=%s bundle=%s runs=%d of=%d",
                self.folder.folder, bundle, len(one.done), len(one.content.runs),
            )  # fmt: skip
            for run, why in (*one.waiting.items(), *one.refused.items()):
                logger.warning('event=bundle-note folder=%s run=%s note="%s"', self.folder.folder, run, why)
        for sentence in taken.errors.values():
            logger.warning('event=bundle-refused folder=%s error="%s"', self.folder.folder, sentence)


def _mirror(folder: MirroredFolder) -> Mirror:
    """Return the mirror of a folder as it is configured; raises NotFound and UsageError for keys, and for the hub."""
    secret = secret_key(Path(folder.key)) if folder.key else None
    trust = Trust([key for path in folder.trust for key in public_keys(Path(path))], secret)
    sign = secret_key(Path(folder.sign)) if folder.sign else None
    forwarding = Forwarding(folder.hub) if folder.hub else None
    return Mirror(folder.folder, forwarding.folder if forwarding else Path(folder.into), trust, sign, forwarding)

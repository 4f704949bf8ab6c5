"""The daemon's courier for a folder of bundles: a thread that keeps it supplied, and looks for receipts in it.

To whoever gives it logs and asks how these stand it is as a courier (syncd/courier.py). What it does there at a time,
says outbox.py.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from runstore.errors import RunstoreError
from runstore.syncd.bandwidth import Bandwidth, Interrupted
from runstore.syncd.bundles.outbox import Outbox
from runstore.syncd.bundles.outbox import Round as Look
from runstore.syncd.courier import Standing
from runstore.syncd.delivery import Ready, Report
from runstore.syncd.errands import Proven
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.bundle import AWAITED, BundleOptions
from runstore.syncd.standing import ONE_WAY
from runstore.syncd.upload import State

# How often the folder is looked at: a stick is put in by a person, who waits for a receipt to be taken.
LOOK_SECONDS = 2.0
# After trouble, as a folder that is not there.
_RETRY_SECONDS = 30.0

logger = logging.getLogger("runstore.courier")


class Carrier:
    """Brings what it is given to the folder of the target `name`; `proven` is called in its thread, as a courier's."""

    def __init__(
        self,
        name: str,
        folder: Path,
        options: BundleOptions,
        policy: Policy | None = None,
        proven: Proven | None = None,
        *,
        look_seconds: float = LOOK_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name, self.takes_runs, self.policy = name, False, policy or Policy()
        self._outbox, self._proven = Outbox(name, folder, options), proven or (lambda what, identity, receipt: None)
        self._look_seconds, self._clock = look_seconds, clock
        self._written_state = ONE_WAY if options.one_way else AWAITED
        self._bandwidth = Bandwidth(self.policy.bytes_per_second)
        self._changed = threading.Condition()
        self._ready: dict[Path, Ready] = {}
        self._standings: dict[Path, Standing] = {}
        self._thread = threading.Thread(target=self._work, name=f"runstore-bundles-{name}", daemon=True)
        self._is_ending = self._is_paused = self._is_busy = False
        self._error, self._retry_at = "", 0.0
        self._shipped = Report(name)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End, waiting up to `seconds`; a bundle that is being written then is written anew the next time."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        self._bandwidth.stop()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def pause(self) -> None:
        """Write nothing, and take nothing in, until `resume`; what is being written then is written anew."""
        self._is_paused = True

    def resume(self) -> None:
        """Go on."""
        self._is_paused = False
        self._hurry()

    def set_policy(self, policy: Policy) -> None:
        """Go on with another policy, and try at once what failed."""
        self.policy = policy
        self._bandwidth.set_rate(policy.bytes_per_second)
        self._hurry()

    def give(self, what: Ready) -> None:
        """Take a log to be carried, in place of an earlier state of it."""
        with self._changed:
            self._ready[what.log] = what
            self._standings.pop(what.log, None)

    def forget(self, log: Path) -> None:
        """Drop a log that is gone, or is not for this target any more."""
        with self._changed:
            self._ready.pop(log, None)
            self._standings.pop(log, None)

    def standing(self, log: Path) -> Standing | None:
        """Return how far one log is; None for one that was not given."""
        with self._changed:
            what = self._ready.get(log)
            if what is None:
                return None
            if log not in self._standings:
                self._standings[log] = self._found(what)
            return self._standings[log]

    def status(self) -> dict[str, Any]:
        """Return what `daemon status` shows of this target."""
        with self._changed:
            logs = list(self._ready)
            retry_in = max(0.0, self._retry_at - time.monotonic()) if self._error else None
        states = [one for log in logs if (one := self.standing(log)) is not None]
        return {
            "name": self.name,
            "state": self._state(),
            "last_error": self._error,
            "retry_in": None if retry_in is None else round(retry_in, 1),
            "logs_waiting": sum(one.state not in (State.VERIFIED.value, ONE_WAY) for one in states),
            "logs_delivered": sum(one.verified_bytes > 0 for one in states),
            "logs_failed": 0,
            "bytes_sent": self._shipped.bytes_sent,
            "records": self._shipped.records,
            "files_sent": self._shipped.files_sent,
            "files_left": 0,
        }

    def _state(self) -> str:
        if self._is_paused:
            return "paused"
        if self._is_quiet():
            return "quiet hours"
        return "waiting" if self._error else "delivering" if self._is_busy else "idle"

    def _is_quiet(self) -> bool:
        return self.policy.quiet is not None and self.policy.quiet.is_quiet(datetime.now())

    def _hurry(self) -> None:
        with self._changed:
            self._retry_at = 0.0
            self._changed.notify_all()

    def _found(self, what: Ready) -> Standing:
        proven, written = self._outbox.proven(what), self._outbox.awaited(what)
        size = proven.size if proven is not None else 0
        if proven is not None and size >= what.end and not proven.files_left:
            state = State.VERIFIED.value
        else:
            state = self._written_state if written >= what.end else State.QUEUED.value
        records = proven.records if proven is not None else 0
        return Standing(state, max(written, size), size, records, "", None)

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._is_ending:
                    self._changed.wait(self._look_seconds)
                if self._is_ending:
                    return
                if self._is_paused or self._is_quiet() or time.monotonic() < self._retry_at:
                    continue
                ready = list(self._ready.values())
                self._is_busy = True
            try:
                self._look(ready)
            finally:
                self._is_busy = False

    def _look(self, ready: Sequence[Ready]) -> None:
        try:
            self._tell(self._outbox.work(ready, self._clock(), pace=self._bandwidth.wait, may_go_on=self._may_go_on))
            self._error = ""
        except Interrupted:
            pass
        except RunstoreError as error:
            self._failed(str(error))
        except Exception as error:  # of one look: the thread goes on
            logger.exception("event=bundle-failed remote=%s", self.name)
            self._failed(f"{self.name}: no bundle could be written ({error!r}); see the daemon's messages")

    def _may_go_on(self) -> bool:
        return not (self._is_ending or self._is_paused)

    def _failed(self, sentence: str) -> None:
        if sentence != self._error:
            logger.warning('event=bundle-failed remote=%s error="%s"', self.name, sentence)
        self._error, self._retry_at = sentence, time.monotonic() + _RETRY_SECONDS

    def _tell(self, look: Look) -> None:
        for note in look.notes:
            logger.warning('event=bundle-note remote=%s note="%s"', self.name, note)
        if look.created is not None and look.gathered is not None:
            created, gathered = look.created, look.gathered
            logger.info("event=bundle-written remote=%s bundle=%s", self.name, created.bundle)
            self._shipped.bytes_sent += gathered.log_bytes
            self._shipped.files_sent += sum(len(log.files) for run in gathered.runs for log in run.logs)
        for what, identity, receipt in look.proven:
            self._proven(what, identity, receipt)
        if look.created is not None or look.proven:
            with self._changed:
                self._standings.clear()

"""Deliver to one target, beside everything else: logs in one lane, what lies beside them in another.

A checkpoint of 20 GB takes its time, and the records of runs that are going on must not wait for it. What is done for
one log is in errands.py; here is the courier's rule, and what it says of each log and of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runstore.errors import RunstoreError
from runstore.syncd.carrying import Work
from runstore.syncd.delivery import Ready, Report
from runstore.syncd.errands import Errands, Proven
from runstore.syncd.lane import Lane
from runstore.syncd.line import Line
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.configured import RunOptions
from runstore.syncd.upload import Cursor, State, Upload

# What lies beside a live log has to be looked through each time, and changes less often.
SECONDS_BETWEEN_FILES = 5.0

# From the least to the most finished: a log with its files is as far as the one that is behind.
_ORDER = (State.HELD, State.RETRYING, State.QUEUED, State.SENDING, State.ACKNOWLEDGED, State.VERIFIED, State.GONE)


@dataclass(frozen=True)
class Standing:
    """How far one log, with what lies beside it, is at one target, as this courier knows.

    `state` is one of the names in upload.py; `retry_in` is in seconds, None where nothing waits for a time. Bytes and
    records are of the log alone.
    """

    state: str
    acknowledged_bytes: int
    verified_bytes: int
    verified_records: int
    error: str
    retry_in: float | None


class Courier:
    """Takes what is ready to be delivered, and delivers it to the remote `name` as soon as that can be reached.

    `proven` is called in its threads with a log, the target's identity and the receipt that is kept, whenever a log,
    or what lies beside it, has become verified; `sent` with each piece that went out for a log.
    """

    def __init__(
        self,
        name: str,
        policy: Policy | None = None,
        proven: Proven | None = None,
        sent: Callable[[Path, int], None] | None = None,
        *,
        index: Path | None = None,
        options: RunOptions | None = None,
    ) -> None:
        """`index` is the path of the index that knows the logs (None: this machine's), `options` say where runs go."""
        self.name = name
        self._line = Line(name, policy or Policy(), options=options)
        tell = sent or (lambda log, size: None)
        self._errands = errands = Errands(
            name,
            self._line.changed,
            verified=self._verified,
            follow=lambda what: self._beside.give(what),
            proven=proven or (lambda what, identity, receipt: None),
            index=index,
        )
        shipping = Work("log", errands.ship, errands.done, errands.failed, tell, errands.ship_together)
        shipping_files = Work(
            "files", errands.ship_beside, errands.done, errands.failed, tell, errands.ship_beside_together
        )
        self._logs = Lane(self._line, shipping)
        self._beside = Lane(self._line, shipping_files, SECONDS_BETWEEN_FILES)

    @property
    def policy(self) -> Policy:
        """What it is to deliver, how fast and when."""
        return self._line.policy

    @property
    def takes_runs(self) -> bool:
        """Whether the target takes runs, not logs; as it was when something was delivered last."""
        return self._line.takes_runs

    def start(self) -> None:
        """Begin to deliver."""
        self._logs.start()
        self._beside.start()

    def stop(self, seconds: float) -> None:
        """End between two pieces of what is under way, waiting up to `seconds`; the rest comes the next time."""
        until = self._line.clock() + seconds
        self._line.end()
        for lane in (self._logs, self._beside):
            lane.join(until)
        self._line.close()
        self._errands.close()

    def pause(self) -> None:
        """Let nothing go out until `resume`."""
        self._line.pause()

    def resume(self) -> None:
        """Go on, and try at once what failed."""
        self._line.resume()
        self._hurry()

    def set_policy(self, policy: Policy) -> None:
        """Go on with another policy over fresh connections, and try at once what failed."""
        self._line.set_policy(policy)
        self._hurry()

    def give(self, what: Ready) -> None:
        """Take a log to be delivered, in place of an earlier state of it."""
        self._logs.give(what)

    def forget(self, log: Path) -> None:
        """Drop a log that is gone, or is not for this target any more."""
        self._logs.forget(log)
        self._beside.forget(log)
        self._errands.forget(log)

    @property
    def trouble(self) -> RunstoreError | None:
        """Why nothing can be delivered at the moment; None where something can."""
        return self._line.trouble

    @property
    def files_left(self) -> int:
        """How many files beside the logs could not be delivered."""
        return self._errands.files_left

    @property
    def shipped(self) -> Report:
        """The figures of what was delivered."""
        return self._errands.shipped

    @property
    def rows(self) -> int:
        """How many rows were sent, those of runs that are under way included; for a target that takes runs."""
        return self._errands.rows

    @property
    def notes(self) -> Mapping[Path, str]:
        """What a person should know of a log's last delivery, by log."""
        return self._errands.notes

    def wait(self, seconds: float) -> None:
        """Wait until something happens, at most so long."""
        with self._line.changed:
            self._line.changed.wait(seconds)

    def upload(self, log: Path) -> tuple[Upload, Upload | None]:
        """Return the deliveries of a log that was given, and of what lies beside it; None before its turn comes."""
        records = self._logs.upload(log)
        if records is None:
            raise KeyError(log)
        return records, self._beside.upload(log)

    def uploads(self) -> list[tuple[Ready, Upload, Upload | None]]:
        """Return every log that was given, with its deliveries."""
        with self._line.changed:
            return [(what, records, self._beside.upload(what.log)) for what, records in self._logs.uploads()]

    def standing(self, log: Path) -> Standing | None:
        """Return how far one log is; None for one that this courier was not given."""
        with self._line.changed:
            records, beside = self._logs.upload(log), self._beside.upload(log)
            if records is None:
                return None
            behind = min((records, beside or records), key=lambda upload: _ORDER.index(upload.state))
            waits = behind.state in (State.RETRYING, State.HELD)
            return Standing(
                state=behind.state.value,
                acknowledged_bytes=max(records.acknowledged, records.verified.size),
                verified_bytes=records.verified.size,
                verified_records=records.verified.records,
                error=records.error or (beside.error if beside else ""),
                retry_in=max(0.0, behind.retry_at - self._line.clock()) if waits else None,
            )

    def status(self) -> dict[str, Any]:
        """Return what `daemon status` shows of this target."""
        with self._line.changed:
            circuit, now = self._line.circuit, self._line.clock()
            uploads = [upload for _, upload in self._logs.uploads()]
            errors = [upload.error for _, upload in self._logs.uploads() + self._beside.uploads() if upload.error]
            seconds = self._line.seconds_left(now)
            return {
                "name": self.name,
                "state": self._state(),
                "last_error": circuit.error or next(iter(errors), ""),
                "retry_in": round(seconds, 1) if circuit.error and seconds else None,
                "logs_waiting": sum(upload.state is not State.VERIFIED for upload in uploads),
                "logs_delivered": sum(upload.verified.size > 0 for upload in uploads),
                "logs_failed": len(errors),
                "bytes_sent": self.shipped.bytes_sent,
                "records": self.shipped.records,
                "files_sent": self.shipped.files_sent,
                "files_left": self.files_left,
            }

    def _state(self) -> str:
        if self._line.is_paused:
            return "paused"
        if self._line.is_quiet():
            return "quiet hours"
        if self._line.circuit.error:
            return "refused" if self._line.circuit.is_for_a_person else "waiting"
        return "delivering" if self._logs.is_busy or self._beside.is_busy else "idle"

    def _hurry(self) -> None:
        self._logs.hurry()
        self._beside.hurry()

    def _verified(self, log: Path) -> Cursor:
        upload = self._logs.upload(log)
        return upload.verified if upload else Cursor()

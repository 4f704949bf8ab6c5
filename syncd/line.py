"""The line to one target: its connections, and whether it may be used now.

Nothing goes out while it is paused, in quiet hours, or while the circuit is open; what is under way then ends between
two pieces. All that is here, and in the lanes that use it, is changed under one condition, `changed`, so that one
notice wakes whoever waits.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from runstore.errors import NotFound, RemoteFailed, RemoteUnfit, RemoteUnreachable, RunstoreError, UsageError
from runstore.syncd.bandwidth import Bandwidth
from runstore.syncd.circuit import Circuit
from runstore.syncd.policy import Policy
from runstore.syncd.remotes.base import Target
from runstore.syncd.remotes.configured import RunOptions, open_remote
from runstore.syncd.remotes.runs import RunRemote

# A connection is used so long, then another is opened: another hub may answer at that address by now, and a remote
# may have been given another address or token.
CONNECTION_SECONDS = 30.0
# Clocks on the wall are set: the end of quiet hours is asked for anew so often.
_LOOK_AT_CLOCK_SECONDS = 30.0

logger = logging.getLogger("runstore.courier")


@dataclass
class _Connection:
    remote: Target
    opened_at: float
    users: int = 0


class Line:
    """The line to the remote of this name, or at this URL."""

    def __init__(
        self,
        name: str,
        policy: Policy,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
        options: RunOptions | None = None,
    ) -> None:
        self.name, self.clock = name, clock
        self.chance = chance or random.Random()
        self.changed = threading.Condition(threading.RLock())
        self.circuit = Circuit(self.chance)
        self.bandwidth = Bandwidth(policy.bytes_per_second, clock)
        self.is_ending = False
        self.is_paused = False
        self.trouble: RunstoreError | None = None  # why the circuit is open
        self.takes_runs = False  # the target does, not logs; known once there was a connection
        self._policy, self._options = policy, options
        self._connection: _Connection | None = None

    @property
    def policy(self) -> Policy:
        """The policy that counts now."""
        return self._policy

    def set_policy(self, policy: Policy) -> None:
        """Go on with another policy, with fresh connections, and look at once whether the target is there."""
        with self.changed:
            if policy.bytes_per_second != self._policy.bytes_per_second:
                self.bandwidth.set_rate(policy.bytes_per_second)
            self._policy = policy
            self._retire()
            self.circuit.reset(self.clock())
            self.changed.notify_all()

    def pause(self) -> None:
        """Let nothing go out until `resume`."""
        with self.changed:
            self.is_paused = True

    def resume(self) -> None:
        """Go on, and look at once whether the target is there."""
        with self.changed:
            self.is_paused = False
            self.circuit.reset(self.clock())
            self.changed.notify_all()

    def end(self) -> None:
        """Let nothing go out any more."""
        with self.changed:
            self.is_ending = True
            self.bandwidth.stop()
            self.changed.notify_all()

    def close(self) -> None:
        """Close the connections, whoever uses them."""
        with self.changed:
            if self._connection is not None:
                self._connection.remote.close()
                self._connection = None

    def is_quiet(self) -> bool:
        """Return whether these are quiet hours."""
        return self._policy.quiet is not None and self._policy.quiet.is_quiet(datetime.now())

    def may_go_on(self) -> bool:
        """Return whether what is under way may send its next piece."""
        return not (self.is_ending or self.is_paused or self.is_quiet())

    def admits(self, now: float) -> bool:
        """Return whether a delivery may begin now; the first after trouble is the probe, and must be reported."""
        return self.may_go_on() and self.circuit.admits(now)

    def seconds_left(self, now: float) -> float | None:
        """Return how long to wait before asking `admits` again; None: until something is changed."""
        if self.is_paused or self.is_ending:
            return None
        if self._policy.quiet is not None and self.is_quiet():
            return min(_LOOK_AT_CLOCK_SECONDS, self._policy.quiet.seconds_left(datetime.now()))
        return self.circuit.seconds_left(now)

    @contextmanager
    def connected(self) -> Iterator[Target]:
        """Yield the target, over connections that many threads share. Raises RemoteUnfit."""
        with self.changed:
            connection = self._connect()
            connection.users += 1
        try:
            yield connection.remote
        finally:
            with self.changed:
                connection.users -= 1
                self._close_unused(connection)

    def worked(self) -> None:
        """The target did what it was asked for."""
        with self.changed:
            if self.trouble is not None:
                logger.info("event=reached remote=%s", self.name)
            self.trouble = None
            self.circuit.succeeded()

    def failed(self, error: RunstoreError, over: object = None) -> None:
        """The target did not; `over` is the log that it failed over, where it says that it was its own fault."""
        with self.changed:
            now = self.clock()
            if isinstance(error, RemoteUnreachable):
                self.circuit.unreachable(str(error), now, error.retry_after)
            elif isinstance(error, RemoteFailed):
                self.circuit.failed_over(over, str(error), now)
            else:
                self.circuit.refused(str(error), now)
            if self.circuit.error:
                if str(self.trouble) != str(error):
                    logger.warning('event=waiting remote=%s error="%s"', self.name, error)
                self.trouble = error
                self._retire()

    def abandoned(self) -> None:
        """What was begun told nothing of the target."""
        with self.changed:
            self.circuit.abandoned(self.clock())

    def _connect(self) -> _Connection:
        connection = self._connection
        if connection is not None and self.clock() - connection.opened_at > CONNECTION_SECONDS:
            self._retire()
            connection = None
        if connection is None:
            try:
                connection = self._connection = _Connection(open_remote(self.name, self._options), self.clock())
            except (NotFound, UsageError) as error:  # it was removed, or its file was damaged
                raise RemoteUnfit(str(error)) from error
            self.takes_runs = isinstance(connection.remote, RunRemote)
        return connection

    def _retire(self) -> None:
        """Let the next one open another connection; who uses this one goes on with it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._close_unused(connection)

    def _close_unused(self, connection: _Connection) -> None:
        if connection is not self._connection and connection.users == 0:
            connection.remote.close()

"""All targets of a daemon: a courier for each, and each log given to those that are to get it.

What the configuration says can change at any time; `apply` brings the couriers in line with it, without losing what
they know. All is called by the daemon's main thread, but for `pause`, `resume` and what only looks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from runstore.syncd.couriers import AnyCourier
from runstore.syncd.delivery import Ready
from runstore.syncd.fanout import FanOut
from runstore.syncd.policy import Policy

# What a courier that is not needed any more may take to end, in a thread of its own.
_END_SECONDS = 10.0

logger = logging.getLogger("runstore.targets")


class Targets:
    """The couriers of `fan_out`, each made by `make` of its name and policy."""

    def __init__(self, fan_out: FanOut, make: Callable[[str, Policy], AnyCourier]) -> None:
        self._fan_out, self._make = fan_out, make
        self._is_started = False
        self._couriers: dict[str, AnyCourier] = {name: self._made(name) for name in fan_out.targets}

    def __iter__(self) -> Iterator[AnyCourier]:
        return iter(list(self._couriers.values()))

    def start(self) -> None:
        """Begin to deliver."""
        self._is_started = True
        for courier in self._couriers.values():
            courier.start()

    def stop(self, seconds: float) -> None:
        """Stop all of them at the same time, waiting up to `seconds`; the rest comes the next time."""
        ending = [threading.Thread(target=one.stop, args=(seconds,), daemon=True) for one in self._couriers.values()]
        for thread in ending:
            thread.start()
        until = time.monotonic() + seconds
        for thread in ending:
            thread.join(max(0.0, until - time.monotonic()))

    def give(self, what: Ready) -> None:
        """Take a log to be delivered, in place of an earlier state of it, to whoever is to get it by now."""
        for name, courier in self._couriers.items():
            if self._fan_out.wants(name, what.log, what.project, what.entity, what.tags):
                courier.give(what)
            elif courier.standing(what.log) is not None:  # its tags, or its project, are others than they were
                courier.forget(what.log)

    def give_ended(self, what: Ready) -> None:
        """Take a log whose run is over, though it says nothing of it, to targets that are told of ends."""
        for courier in self.wanting(what):
            if courier.takes_runs:
                courier.give(what)

    def forget(self, log: Path) -> None:
        """Drop a log that is gone."""
        for courier in self._couriers.values():
            courier.forget(log)

    def apply(self, fan_out: FanOut, known: Iterable[Ready]) -> None:
        """Go on by another configuration; `known` are the logs that were given before, and not forgotten.

        What failed is tried again at once, over new connections: whoever reloads has mended something.
        """
        before, self._fan_out = self._fan_out, fan_out
        kept, couriers = self._couriers, {}
        for name in fan_out.targets:
            courier = kept.get(name)
            if courier is None or not fan_out.is_where(name, before):
                couriers[name] = self._begun(name)
                continue
            couriers[name] = courier
            courier.set_policy(fan_out.policies[name])
            self._set_paused(name, courier)
        self._couriers = couriers
        for name, courier in kept.items():
            if couriers.get(name) is not courier:
                logger.info("event=target-ended remote=%s", name)
                threading.Thread(target=courier.stop, args=(_END_SECONDS,), daemon=True).start()
        for what in known:
            self.give(what)

    def pause(self, names: Iterable[str]) -> None:
        """Let nothing go out to these until they are resumed."""
        for name in names:
            if name in self._couriers:
                self._couriers[name].pause()

    def resume(self, names: Iterable[str]) -> None:
        """Go on with these."""
        for name in names:
            if name in self._couriers:
                self._couriers[name].resume()

    def hurry(self) -> None:
        """Try at once what failed, over new connections: the network may be another."""
        for name, courier in self._couriers.items():
            courier.set_policy(self._fan_out.policies[name])

    def wanting(self, what: Ready) -> list[AnyCourier]:
        """Return the couriers of the targets that are to get a log."""
        names = self._fan_out.targets_of(what.log, what.project, what.entity, what.tags)
        return [self._couriers[name] for name in names if name in self._couriers]

    def problems(self) -> list[str]:
        """Return what is wrong with what the configuration says of targets, a sentence each."""
        return [
            f"{', '.join(map(str, folders))}: is to go to {name}, which is no remote (any more); "
            "see runstore remote list, and runstore daemon watch DIR --remote all"
            for name, folders in sorted(self._fan_out.unknown.items())
        ]

    def status(self) -> list[dict[str, Any]]:
        """Return what `daemon status` shows of each target."""
        return [courier.status() for courier in self._couriers.values()]

    def _made(self, name: str) -> AnyCourier:
        courier = self._make(name, self._fan_out.policies[name])
        if name in self._fan_out.configuration.paused:
            courier.pause()
        return courier

    def _begun(self, name: str) -> AnyCourier:
        logger.info("event=target-begun remote=%s", name)
        courier = self._made(name)
        if self._is_started:
            courier.start()
        return courier

    def _set_paused(self, name: str, courier: AnyCourier) -> None:
        if name in self._fan_out.configuration.paused:
            courier.pause()
        else:
            courier.resume()

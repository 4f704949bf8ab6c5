"""A daemon in a thread of the test, over some folders and with no remotes; and waiting for what it says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runstore.syncd.configuration import Configuration, WatchedRoot
from runstore.syncd.daemon import Daemon
from runstore.syncd.fanout import FanOut
from tests.timing import eventually

Status = dict[str, Any]
Logs = dict[str, dict[str, Any]]  # what the status says of each, by path


@contextmanager
def daemon_in_thread(home: Path, *roots: Path | WatchedRoot) -> Iterator[Daemon]:
    home.mkdir(exist_ok=True)
    watching = Configuration(tuple(root if isinstance(root, WatchedRoot) else WatchedRoot(root) for root in roots))
    daemon = Daemon(home, lambda: FanOut.of(watching, {}))
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        yield daemon
    finally:
        daemon.stop()
        thread.join()


def status_once(daemon: Daemon, fulfilled: Callable[[Status], Any]) -> Status:
    """Return the daemon's status as soon as it is as the test wants it."""
    status: Status = {}

    def is_fulfilled() -> Any:
        status.update(daemon.status())
        return fulfilled(status)

    try:
        eventually(is_fulfilled, every=0.02)
    except AssertionError as error:
        raise AssertionError(status) from error
    return status


def waits_for(daemon: Daemon, fulfilled: Callable[[Logs], Any]) -> Logs:
    """Return what the daemon's status says of each log, as soon as it is as the test wants it."""
    return logs_of(status_once(daemon, lambda status: fulfilled(logs_of(status))))


def logs_of(status: Status) -> Logs:
    return {log["path"]: log for log in status["logs"]}

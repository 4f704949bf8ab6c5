"""What may be asked of a running daemon: at its socket, by a signal, and at the port of its figures.

Commands arrive in threads of the socket. What touches the index or the watcher is left for the daemon's main thread,
which asks for it with `news` and says `applied`; whoever asked waits for that.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.errors import DaemonError, NotFound, RunstoreError
from runstore.syncd import configuration
from runstore.syncd.control import Command, ControlServer
from runstore.syncd.fanout import FanOut
from runstore.syncd.targets import Targets

if TYPE_CHECKING:  # an HTTP server brings OpenSSL with it, and few ask for the port
    from runstore.syncd.metrics_port import MetricsPort

# How long who asked for a reload waits until the main thread has come to it; it does so in any case.
APPLY_SECONDS = 8.0
# How often it is looked whether the socket is still there.
_LOOK_SECONDS = 2.0

logger = logging.getLogger("runstore.daemon")


class Steering:
    """The commands of a daemon: `commands`, and besides them `reload`, `pause`, `resume`, `metrics` and `ping`.

    `load` reads the configuration, `wake` lets the main thread look here soon, `figures` are what Prometheus reads.
    """

    def __init__(
        self,
        home: Path,
        targets: Targets,
        load: Callable[[], FanOut],
        *,
        wake: Callable[[], None],
        figures: Callable[[], str],
        commands: Mapping[str, Command],
    ) -> None:
        self._targets, self._load, self._wake, self._figures = targets, load, wake, figures
        own: dict[str, Command] = {
            "reload": self._reload,
            "pause": self._pause,
            "resume": self._resume,
            "metrics": lambda _: {"text": figures()},
            "ping": lambda _: {"pid": os.getpid()},
        }
        self._control = ControlServer(home, {**commands, **own})
        self._port: MetricsPort | None = None
        self._is_asked = False
        self._next_look = time.monotonic() + _LOOK_SECONDS
        self._news: FanOut | None = None
        self._applied = threading.Condition()
        self._problem = self._port_problem = ""

    def start(self, metrics_port: int) -> None:
        """Begin to answer."""
        self._serve_figures(metrics_port)
        self._control.start()

    def stop(self) -> None:
        """Stop answering."""
        self._control.stop()
        self._serve_figures(0)

    def ask_to_reload(self) -> None:
        """Let the configuration be read again. Safe in a signal handler: it only sets a flag."""
        self._is_asked = True

    def news(self) -> FanOut | None:
        """Return the configuration that the daemon is to go on by from now on; None where that has not changed."""
        self._look_at_socket()
        if self._is_asked:
            self._is_asked = False
            try:
                self._take(self._load())
            except RunstoreError as error:  # it goes on by what it knows
                self._problem = str(error)
                logger.error('event=not-reloaded error="%s"', error)
        with self._applied:
            return self._news

    def applied(self, fan_out: FanOut) -> None:
        """Note that the daemon goes on by this configuration now."""
        self._serve_figures(fan_out.configuration.metrics_port)
        logger.info("event=reloaded targets=%s", ",".join(fan_out.targets))
        with self._applied:
            if self._news is fan_out:
                self._news = None
            self._applied.notify_all()

    def problems(self) -> list[str]:
        """Return what is wrong with the configuration, a sentence each."""
        return [sentence for sentence in (self._problem, self._port_problem) if sentence] + self._targets.problems()

    def _look_at_socket(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_SECONDS
        try:
            self._control.renew()
        except DaemonError as error:  # signals still reach it
            logger.error('event=no-socket error="%s"', error)

    def _take(self, fan_out: FanOut) -> None:
        with self._applied:
            self._problem = ""
            self._news = fan_out

    def _reload(self, request: Mapping[str, Any]) -> dict[str, Any]:
        fan_out = self._load()
        self._take(fan_out)
        self._wake()
        with self._applied:
            is_done = self._applied.wait_for(lambda: self._news is not fan_out, APPLY_SECONDS)
        roots = fan_out.configuration.roots
        return {
            "reloaded": is_done,
            "watching": [str(root.path) for root in roots],
            "targets": list(fan_out.targets),
            "problems": self.problems(),
        }

    def _pause(self, request: Mapping[str, Any]) -> dict[str, Any]:
        names = self._named(request)
        configuration.change(lambda kept: kept.with_paused(names))
        self._targets.pause(names)
        logger.info("event=paused remotes=%s", ",".join(names))
        return {"paused": names}

    def _resume(self, request: Mapping[str, Any]) -> dict[str, Any]:
        names = self._named(request)
        configuration.change(lambda kept: kept.with_resumed(names))
        self._targets.resume(names)
        logger.info("event=resumed remotes=%s", ",".join(names))
        return {"resumed": names}

    def _named(self, request: Mapping[str, Any]) -> list[str]:
        """Return the remotes that a request names, by default all; raises NotFound and DaemonError."""
        known = [courier.name for courier in self._targets]
        wanted = request.get("remote")
        if wanted is not None and wanted not in known:
            raise NotFound(f"the daemon delivers to no remote {wanted!r}; to {', '.join(known) or 'none at all'}")
        if not known:
            raise DaemonError("the daemon delivers to no remote; add one: runstore remote add NAME URL --token T")
        return known if wanted is None else [wanted]

    def _serve_figures(self, port: int) -> None:
        if self._port is not None and self._port.port != port:
            self._port.stop()
            self._port = None
        self._port_problem = ""
        if port and self._port is None:
            try:
                from runstore.syncd.metrics_port import MetricsPort

                self._port = MetricsPort(port, self._figures)
            except DaemonError as error:
                self._port_problem = str(error)
                logger.error('event=no-metrics-port error="%s"', error)
                return
            self._port.start()

"""`runstore daemon start` and `stop`."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runstore.cli.daemon_common import (
    ignore_option,
    remote_option,
    resolved,
    with_folders,
    with_given,
    with_something_to_watch,
)
from runstore.cli.output import warn
from runstore.errors import DaemonError
from runstore.paths import home_folder

if TYPE_CHECKING:
    from runstore.syncd.configuration import Configuration

# Both end as soon as the daemon has come up, or is gone: so long a machine may take for it that has much else to do.
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0


@click.command()
@click.option("--watch", multiple=True, type=click.Path(path_type=Path), help="A folder to watch; may be repeated.")
@ignore_option
@remote_option
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="Serve figures for Prometheus at this port of 127.0.0.1 from now on; 0 to end that.",
)
@click.option("--foreground", is_flag=True, help="Stay in this terminal instead of going to the background.")
@click.option("--if-needed", is_flag=True, help="Do nothing where one runs already.")
def start(
    watch: tuple[Path, ...],
    ignore: tuple[str, ...],
    remote: tuple[str, ...],
    metrics_port: int | None,
    foreground: bool,
    if_needed: bool,
) -> None:
    """Start the daemon over the folders of --watch, all that it was told of before, and ./wandb.

    What is given is kept for the next time. --ignore and --remote are for the folders of --watch; without --watch, for
    all. It needs no network and no remote to index; what it could not deliver, it delivers when it can.

    Example: runstore daemon start --watch ~/experiments --remote lab
    """
    from runstore.syncd import configuration
    from runstore.syncd.lock import DaemonLock

    lock = DaemonLock(home_folder())
    if not lock.is_free():
        if if_needed:
            return
        raise DaemonError(
            f"a daemon ({lock.holder()}) runs already; `runstore daemon watch DIR` gives it another folder, "
            "`runstore daemon stop` ends it"
        )
    given = resolved(watch)
    # The machine starts it in any folder: what lies there by chance is no wish of anybody's.
    takes_wandb = not if_needed and (not foreground or _is_in_terminal())

    def configured(kept: Configuration) -> Configuration:
        if given:
            kept = with_folders(kept, given, ignore, remote)
        else:
            kept = with_something_to_watch(kept) if takes_wandb or not kept.roots else kept
            kept = replace(kept, roots=tuple(with_given(root, ignore, remote) for root in kept.roots))
        return kept if metrics_port is None else replace(kept, metrics_port=metrics_port)

    kept = configuration.change(configured)
    if foreground:
        _run()
    else:
        _start_in_background(kept)


@click.command()
def stop() -> None:
    """Stop the daemon and wait until it has. What is under way is finished or comes the next time.

    Example: runstore daemon stop
    """
    from runstore.syncd.control import ask, daemon_process
    from runstore.syncd.lock import DaemonLock

    home = home_folder()
    ask(home, "stop")
    deadline = time.monotonic() + _STOP_SECONDS
    while not DaemonLock(home).is_free():
        if time.monotonic() > deadline:
            pid = daemon_process(home)
            hint = f"; nothing is lost by: kill -9 {pid}" if pid else ""
            raise DaemonError(f"the daemon does not stop; see {home / 'daemon.log'}{hint}")
        time.sleep(0.05)
    warn("the daemon has stopped")


def _is_in_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _run() -> None:
    from runstore.syncd.daemon import Daemon
    from runstore.syncd.messages import listen

    home = home_folder()
    listen(home / "daemon.log")
    daemon = Daemon(home)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop())
    # The end of the terminal that it stands in; where there is none, the usual way of having a daemon read its files.
    is_in_terminal = _is_in_terminal()
    signal.signal(signal.SIGHUP, lambda *_: daemon.stop() if is_in_terminal else daemon.reload())
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # what some rotate logs with: there is nothing to open again
    daemon.run()
    # All is written and closed. What Python does at its end, freeing what the system frees anyway, takes a third of a
    # second of work, and more on a busy machine that goes down; deliveries that hang are left to their threads.
    logging.shutdown()
    os._exit(0)


def _start_in_background(configuration: Configuration) -> None:
    from runstore.syncd.control import ask

    home = home_folder()
    log = home / "daemon.log"
    command_line = [sys.executable, "-m", "runstore", "daemon", "start", "--foreground"]
    environment = dict(os.environ)
    if "RUNSTORE_HOME" in environment:  # which may be said from here
        environment["RUNSTORE_HOME"] = str(home.absolute())
    with log.open("ab") as out:
        process = subprocess.Popen(
            command_line,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            cwd=home,
            env=environment,
        )
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            pid = ask(home, "ping")["pid"]
            break
        except DaemonError:
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace").strip().rpartition("\n")[2]
                raise DaemonError(f"the daemon did not start: {last or 'it said nothing'}; see {log}") from None
            time.sleep(0.05)
    folders = ", ".join(str(root.path) for root in configuration.roots)
    warn(f"the daemon runs (pid {pid}), watching {folders or 'nothing'}; its messages: {log}")

"""`runstore daemon`: the process that watches, indexes and delivers by itself."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import click

from runstore.cli.output import emit_json, emit_table, size, warn
from runstore.errors import DaemonError, NotFound
from runstore.paths import default_root, home_folder

_START_SECONDS = 20.0
_STOP_SECONDS = 20.0


@click.group()
def command() -> None:
    """Watch folders, index every run below them, and deliver it as soon as a network lets it."""


@command.command("start")
@click.option("--watch", multiple=True, type=click.Path(path_type=Path), help="A folder to watch; may be repeated.")
@click.option(
    "--remote", multiple=True, metavar="NAME", help="Where to deliver; may be repeated. By default, all known."
)
@click.option("--foreground", is_flag=True, help="Stay in this terminal instead of going to the background.")
def start(watch: tuple[Path, ...], remote: tuple[str, ...], foreground: bool) -> None:
    """Start the daemon. Without --watch, the folders that it watched before and ./wandb.

    It needs no network and no remote to index; what it could not deliver, it delivers when it can.

    Example: runstore daemon start --watch ~/experiments --remote lab
    """
    from runstore.syncd.remotes.configured import load_remotes, open_remote

    roots = [path.resolve() for path in watch] or _roots()
    for root in watch:
        if not root.is_dir():
            raise NotFound(f"{root}: there is no such folder; --watch takes one that holds runs, or will")
    for name in remote:
        open_remote(name).close()  # says so now if it is not known
    names = list(remote) or sorted(load_remotes())
    if foreground:
        _run(roots, names)
    else:
        _start_in_background(roots, names)


@command.command("stop")
def stop() -> None:
    """Stop the daemon and wait until it has. What is under way is finished or comes the next time.

    Example: runstore daemon stop
    """
    from runstore.syncd.control import DaemonLock, ask

    home = home_folder()
    ask(home, "stop")
    deadline = time.monotonic() + _STOP_SECONDS
    while not DaemonLock(home).is_free():
        if time.monotonic() > deadline:
            raise DaemonError(f"the daemon does not stop; see {home / 'daemon.log'}")
        time.sleep(0.05)
    warn("the daemon has stopped")


@command.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as docs/cli.md describes it.")
def status(as_json: bool) -> None:
    """Show what the daemon watches, and of each log how much is durable here, indexed, and proven to be delivered.

    Exit code 1 if no daemon runs.

    Example: runstore daemon status --json
    """
    from runstore.syncd.control import ask

    answer = ask(home_folder(), "status")
    if as_json:
        emit_json(answer)
        return
    click.echo(f"pid {answer['pid']}, watching {', '.join(answer['watching'])}")
    for remote in answer["remotes"]:
        note = f": {remote['last_error']}" if remote["last_error"] else ""
        click.echo(f"remote {remote['name']}: {remote['state']}, {remote['logs_waiting']} logs waiting{note}")
    names = [remote["name"] for remote in answer["remotes"]]
    rows = [
        [log["run"], size(log["durable_bytes"]), size(log["indexed_bytes"])]
        + [size(log["delivered_bytes"][name]) for name in names]
        for log in answer["logs"]
    ]
    emit_table(rows, ["RUN", "DURABLE", "INDEXED", *(f"AT {name.upper()}" for name in names)])
    for sentence in answer["errors"].values():
        warn(sentence)


def _roots() -> list[Path]:
    from runstore.index.indexer import Indexer

    indexer = Indexer()
    known = indexer.roots()
    indexer.close()
    here = default_root()
    roots = [*known, here.resolve()] if here.is_dir() and here.resolve() not in known else known
    if not roots:
        raise NotFound("there is nothing to watch: give a folder, runstore daemon start --watch DIR")
    return roots


def _run(roots: list[Path], remotes: list[str]) -> None:
    from runstore.syncd.daemon import Daemon

    logging.basicConfig(
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s", level=logging.INFO, stream=sys.stderr
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    daemon = Daemon(home_folder(), roots, remotes)
    signal.signal(signal.SIGTERM, lambda *_: daemon.stop())
    signal.signal(signal.SIGINT, lambda *_: daemon.stop())
    daemon.run()


def _start_in_background(roots: list[Path], remotes: list[str]) -> None:
    from runstore.syncd.control import DaemonLock, ask

    home = home_folder()
    if not DaemonLock(home).is_free():
        raise DaemonError("a daemon runs already; `runstore daemon stop` ends it")
    log = home / "daemon.log"
    command_line = [sys.executable, "-m", "runstore", "daemon", "start", "--foreground"]
    for root in roots:
        command_line += ["--watch", str(root)]
    for name in remotes:
        command_line += ["--remote", name]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command_line, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd=home
        )
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            pid = ask(home, "status")["pid"]
            break
        except DaemonError:
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace").strip().rpartition("\n")[2]
                raise DaemonError(f"the daemon did not start: {last or 'it said nothing'}; see {log}") from None
            time.sleep(0.05)
    warn(f"the daemon runs (pid {pid}), watching {', '.join(map(str, roots))}; its messages: {log}")

"""`runstore daemon`: the process that watches, indexes and delivers by itself; a module a few commands."""

from __future__ import annotations

import click

from runstore.cli.lazy import LazyGroup

COMMANDS = {
    "start": "daemon_run:start",
    "stop": "daemon_run:stop",
    "status": "daemon_status",
    "logs": "daemon_logs",
    "watch": "daemon_roots:watch",
    "unwatch": "daemon_roots:unwatch",
    "pause": "daemon_steer:pause",
    "resume": "daemon_steer:resume",
    "reload": "daemon_steer:reload",
    "metrics": "daemon_steer:metrics",
    "install": "daemon_service:install",
    "uninstall": "daemon_service:uninstall",
}


@click.group(cls=LazyGroup, modules=COMMANDS)
def command() -> None:
    """Watch folders, index every run below them, and deliver it as soon as a network lets it."""

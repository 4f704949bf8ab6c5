"""A group of commands that imports the module of each one when it is asked for, so that each starts quickly."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that knows the names of its commands, and imports each one when it is asked for."""

    def __init__(self, *arguments: Any, modules: Mapping[str, str], **more: Any) -> None:
        """Take command -> module of `runstore.cli`, and `:name` in it where that is not `command`."""
        super().__init__(*arguments, **more)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, importing it."""
        if cmd_name not in self._modules:
            return None
        module, _, name = self._modules[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(f"runstore.cli.{module}"), name or "command")
        return command

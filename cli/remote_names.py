"""Complete names of remotes in a shell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runstore.syncd.remotes.configured import ConfiguredRemote


def complete_remote(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of remotes that begin so."""
    return _beginning(_known(), incomplete)


def complete_target(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names that begin so of what can be delivered to: remotes, and the W&B server of the settings."""
    from runstore.syncd.remotes.servers import WANDB

    return _beginning({*_known(), WANDB}, incomplete)


def complete_hub(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names that begin so of remotes that can be asked for runs."""
    from runstore.syncd.remotes.configured import HUB

    return _beginning((name for name, remote in _known().items() if remote.kind == HUB), incomplete)


def _known() -> Mapping[str, ConfiguredRemote]:
    from runstore.errors import RunstoreError
    from runstore.syncd.remotes.configured import load_remotes

    try:
        return load_remotes()
    except RunstoreError:
        return {}


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))

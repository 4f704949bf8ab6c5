"""What commands about artifacts share: how they open what is known, what a shell completes, how they show ages."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from runstore.errors import WrongArtifact

if TYPE_CHECKING:
    from runstore.query.artifacts.registry import Registry

_UNITS = (("y", 365 * 86_400), ("d", 86_400), ("h", 3_600), ("min", 60))


@contextmanager
def open_registry() -> Iterator[Registry]:
    """Open what this machine knows of artifacts, which is brought up to date first."""
    from runstore.index.indexer import Indexer
    from runstore.query.artifacts.registry import Registry

    with closing(Registry(Indexer(rescuing=True))) as known:
        known.catch_up()
        yield known


def complete_artifact(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a name, and behind a colon an alias or version, from the index as it is."""
    from runstore.query.completing import artifacts_beginning

    return [CompletionItem(name, help=what) for name, what in artifacts_beginning(incomplete)]


def complete_artifact_or_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete what names an artifact, or a run."""
    from runstore.cli.runs_common import complete_run

    return complete_artifact(ctx, param, incomplete) + complete_run(ctx, param, incomplete)


artifact_argument = click.argument("name", metavar="NAME[:ALIAS]", shell_complete=complete_artifact)


def checked(aliases: Iterable[str]) -> list[str]:
    """Return aliases that people typed. Raises WrongArtifact for one that can't be, or would be taken for a version."""
    from runstore.core.artifactname import version_number
    from runstore.sdk.artifacts.names import checked_aliases

    for alias in aliases:
        if not alias or version_number(alias) is not None:
            raise WrongArtifact(f"{alias!r} can't be an alias: versions have numbers of their own, v0, v1 and so on")
    return checked_aliases(aliases)


def age(created_ns: int) -> str:
    """Return for people how long ago a moment was: `3 d`; `now` for less than a minute."""
    seconds = time.time() - created_ns / 1e9
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "now"

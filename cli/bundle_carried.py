"""What `runstore bundle create` carries: logs as they are, or copies of them from which something is left out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.bundle_common import progress_bar
from runstore.errors import UsageError

if TYPE_CHECKING:
    from runstore.syncd.bundles.gathering import Gathered
    from runstore.syncd.delivery import Ready


def leaving_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says that something is left out."""
    no_media = click.option("--no-media", is_flag=True, help="Leave out images, logged tables and the like.")
    redact = click.option(
        "--redact",
        "redacted",
        multiple=True,
        metavar="PATTERN",
        help="Leave out config.GLOB, env, host, ...; repeat it.",
    )
    found = click.option(
        "--if-found",
        type=click.Choice(("refuse", "omit", "allow")),
        default="refuse",
        show_default=True,
        help="What becomes of files in which something redacted still stands.",
    )
    return no_media(redact(found(command)))


@contextlib.contextmanager
def carried(
    ready: list[Ready], *, since: str | None, redacted: tuple[str, ...], no_media: bool, if_found: str, quiet: bool
) -> Iterator[Gathered]:
    """Yield what is to be carried, while it is there: copies are gone afterwards. Raises UsageError."""
    from runstore.syncd.bundles.derived.redaction import Redaction
    from runstore.syncd.bundles.gathering import gather

    redaction = Redaction.of(redacted, without_media=no_media)
    if redaction and since is not None:
        raise UsageError("a redacted bundle holds whole runs, and no receipt counts for it: leave out --since-receipt")
    with contextlib.ExitStack() as stack:
        with progress_bar(sum(one.end for one in ready), "reading", quiet=quiet) as bar:
            if not redaction:
                gathered = gather(ready, since=since, progress=bar.update)
            else:
                from runstore.syncd.bundles.derived.making import derive, scratch_folder

                gathered = derive(ready, redaction, stack.enter_context(scratch_folder()), bar.update, if_found)
        stack.callback(gathered.close)
        yield gathered

"""`runstore ui`: look at runs in a browser."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runstore.cli.ui_place import USUAL_PORT, at_address, at_path, check_base_url, has_screen, opened, taking_away
from runstore.errors import NotFound, RunstoreError

if TYPE_CHECKING:
    from runstore.web.site import Site

_TOKEN_BYTES = 24


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), help=f"By default {USUAL_PORT}, or any free one; 0 for that.")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 for every network of this machine.")
@click.option("--uds", type=click.Path(path_type=Path), help="Listen at this Unix socket, of mode 0600, instead.")
@click.option("--read-only", is_flag=True, help="Let nobody edit names, notes and tags.")
@click.option("--base-url", metavar="URL", help="What a proxy before this server is called, path and all.")
@click.option("--no-open", is_flag=True, help="Open no browser.")
def command(
    paths: tuple[Path, ...],
    port: int | None,
    host: str,
    uds: Path | None,
    read_only: bool,
    base_url: str | None,
    no_open: bool,
) -> None:
    """Show runs in a browser, live, until Ctrl-C: all that are known, and those below PATHS.

    Prints an address with a token in it, and how to come there by ssh; nobody who lacks the token sees anything. Needs
    no daemon: while somebody looks, the index is brought up to date. Needs the extra: pip install 'runstore[ui]'.

    Example: runstore ui ~/experiments --no-open
    """
    check_base_url(base_url)
    _check_paths(paths)
    _check_installation()
    from runstore.web.app import create_app
    from runstore.web.guard import Hosts
    from runstore.web.serving import serve

    token = secrets.token_urlsafe(_TOKEN_BYTES)
    place = at_path(uds) if uds else at_address(host, port)
    address = f"{(base_url or place.url).rstrip('/')}/#token={token}"
    with _site(paths, read_only) as site, contextlib.ExitStack() as ending:

        def announce() -> None:
            click.echo(address)
            click.echo(f"from another machine: {place.ssh}")
            if not no_open and uds is None and has_screen():
                ending.enter_context(opened(address))

        if uds is not None:
            ending.callback(taking_away(uds))
        serve(create_app(site, token, Hosts.of(place.host, socket.gethostname(), base_url)), place.listening, announce)


def _check_paths(paths: tuple[Path, ...]) -> None:
    for path in paths:
        if not path.exists():
            raise NotFound(f"{path}: there is no such file or folder; give one that holds runs, or is to hold some")


def _check_installation() -> None:
    """Raise what to install, or to build, before anything is begun."""
    try:
        import uvicorn  # noqa: F401 - only asked for

        from runstore.web import shell
    except ModuleNotFoundError as missing:
        raise RunstoreError(
            f"the web pages need {missing.name}, which is not installed: pip install 'runstore[ui]'"
        ) from missing
    if not shell.is_built():
        raise RunstoreError(shell.NOT_BUILT)


@contextlib.contextmanager
def _site(paths: tuple[Path, ...], read_only: bool) -> Iterator[Site]:
    """Yield what is shown: the runs of this machine, which are caught up with while somebody looks."""
    from runstore.cli.status_facts import standings
    from runstore.web.reading import Reader
    from runstore.web.site import Site
    from runstore.web.watching import CatchingUp, KnownLogs

    logs = KnownLogs(paths)
    watch = CatchingUp(logs)
    site = Site(Reader(), read_only, partial(standings, logs.unreadable), watch=watch)
    with contextlib.ExitStack() as ending:
        ending.callback(site.close)
        ending.callback(watch.stop)
        watch.start()
        yield site

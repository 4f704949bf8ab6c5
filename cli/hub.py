"""`runstore hub`: the server that runs are delivered to."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from runstore.cli.output import emit_json, emit_table, warn
from runstore.errors import IndexDamaged
from runstore.paths import home_folder, is_local

_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The hub's folder; by default one in RUNSTORE_HOME.",
)


@click.group()
def command() -> None:
    """Receive runs from other machines. Needs the extra: pip install 'runstore[hub]'."""


@command.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 for every network of this machine.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0 for any free one.")
@_data
@click.option("--base-url", metavar="URL", help="What a web server before this one is called, path and all.")
def serve(host: str, port: int, data: Path | None, base_url: str | None) -> None:
    """Serve until SIGTERM or Ctrl-C. Safe to kill and start again: what was acknowledged is on disk.

    Put a web server with TLS before it where the network is not your own. In a browser the same address shows the
    runs, with a token behind it: http://hub:8765/#token=TOKEN

    Example: runstore hub serve --data /srv/runs --port 8765
    """
    from runstore.cli.ui_place import check_base_url
    from runstore.index.indexer import Indexer
    from runstore.syncd.hub import server
    from runstore.syncd.hub.indexed import IndexedRuns
    from runstore.syncd.hub.indexed_artifacts import IndexedArtifacts
    from runstore.syncd.hub.traffic import Traffic
    from runstore.web.guard import Hosts

    check_base_url(base_url)
    folder = _folder(data)
    index = folder / "index.db"
    if not is_local(folder):
        warn(f"{folder} is on a network file system, where SQLite's locks can't be trusted")
    traffic = Traffic()
    indexer: list[Indexer] = []  # made in the one thread that uses it

    def index_log(log: Path, last_try: bool = False) -> None:
        if indexer and indexer[0].connection.is_replaced:  # it was damaged, and has been set aside
            indexer.pop().close()
        traffic.give_way()
        try:
            if not indexer:
                indexer.append(Indexer(index))
                indexer[0].catch_up_known()  # what an index knew that this one replaces
            indexer[0].catch_up(log, lambda size: traffic.give_way())
        except IndexDamaged as error:
            if last_try:
                raise
            warn(str(error))
            index_log(log, last_try=True)

    hosts = Hosts.of(host, socket.gethostname(), base_url)
    app = server.create_app(
        folder, index_log, IndexedRuns(index), IndexedArtifacts(index), traffic, pages=(index, hosts)
    )
    server.serve(app, host, port, on_ready=lambda url: click.echo(f"runstore hub at {url}, data in {folder}"))


@command.group("token")
def token() -> None:
    """Make and revoke the tokens that clients show. Works while the hub runs."""


@token.command("create")
@click.argument("name")
@_data
def create(name: str, data: Path | None) -> None:
    """Make a token for NAME and print it, alone, on stdout. It is not shown again: the hub keeps only its hash.

    Example: runstore remote add lab http://hub:8765 --token "$(runstore hub token create laptop)"
    """
    from runstore.syncd.hub.auth import Tokens

    click.echo(Tokens(_folder(data)).create(name))


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_data
def list_tokens(as_json: bool, data: Path | None) -> None:
    """List the names of all tokens.

    Example: runstore hub token list
    """
    from runstore.syncd.hub.auth import Tokens

    found = Tokens(_folder(data)).list()
    if as_json:
        emit_json([{"name": info.name, "created_at": info.created_at} for info in found])
    else:
        emit_table([(info.name, info.created_at) for info in found], ("NAME", "CREATED"))


@token.command("revoke")
@click.argument("name")
@_data
def revoke(name: str, data: Path | None) -> None:
    """Make the token of NAME worthless, at once.

    Example: runstore hub token revoke laptop
    """
    from runstore.syncd.hub.auth import Tokens

    Tokens(_folder(data)).revoke(name)
    warn(f"the token of {name} is revoked")


def _folder(data: Path | None) -> Path:
    return data if data is not None else home_folder() / "hub"

"""Where `runstore ui` can be reached: its socket, the address for a browser, and the line that leads there by ssh."""

from __future__ import annotations

import contextlib
import getpass
import html
import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from runstore.cli.output import warn
from runstore.errors import StorageError, UsageError
from runstore.paths import home_folder

# Tried before any free one: a tunnel that was laid to it once serves the next start too.
USUAL_PORT = 8766

# What listens everywhere has no name of its own; a browser on this machine, or at the end of a tunnel, comes in here.
_SHOWN = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


@dataclass(frozen=True)
class Place:
    """A socket that listens, the host that it is bound to, its address for a browser, and the way there by ssh."""

    listening: socket.socket
    host: str
    url: str
    ssh: str


def at_address(host: str, port: int | None) -> Place:
    """Listen at a port; of none, at the usual one, or at any free one where that is taken. Raises StorageError."""
    from runstore.web.serving import listen, url_of

    try:
        listening = listen(host, USUAL_PORT if port is None else port)
    except StorageError:
        if port is not None:
            raise
        listening = listen(host, 0)
    bound = listening.getsockname()[1]
    shown = _SHOWN.get(host, host)
    target = f"[{shown}]" if ":" in shown else shown
    url = url_of(listening, shown)
    # A tunnel ends at the other machine's loopback: where the address above names another host, this one does there.
    there = "that address" if shown == "127.0.0.1" else f"http://127.0.0.1:{bound}/ with the same ending"
    return Place(listening, host, url, f"ssh -N -L {bound}:{target}:{bound} {_me()}   and open {there}")


def at_path(uds: Path) -> Place:
    """Listen at a Unix socket. Raises StorageError."""
    from runstore.web.serving import listen_at

    ssh = f"ssh -N -L {USUAL_PORT}:{uds.absolute()} {_me()}   and open that address"
    return Place(listen_at(uds), "localhost", f"http://localhost:{USUAL_PORT}", ssh)


def taking_away(uds: Path) -> Callable[[], None]:
    """Return what takes away the socket that is at a path now; one that another server has made since, it leaves."""
    mine = uds.stat().st_ino

    def take_away() -> None:
        with contextlib.suppress(FileNotFoundError):
            if uds.stat().st_ino == mine:
                uds.unlink()

    return take_away


def check_base_url(base_url: str | None) -> None:
    """Raise UsageError for what is no address of a proxy."""
    if base_url is None:
        return
    given = urlsplit(base_url)
    if given.scheme not in ("http", "https") or not given.hostname or given.query or given.fragment:
        raise UsageError(f"--base-url is an address such as https://hub.example/ui/, not {base_url!r:.80}")


def has_screen() -> bool:
    """Whether a browser would be seen: at the other end of ssh sits somebody at another machine."""
    screen = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(screen) and "SSH_CONNECTION" not in os.environ


@contextlib.contextmanager
def opened(address: str) -> Iterator[None]:
    """Open a browser there, by way of a file: what stands in its command line, all users of the machine can read."""
    import webbrowser

    page = home_folder() / f"ui-{os.getpid()}.html"
    page.unlink(missing_ok=True)
    with open(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f'<meta http-equiv="refresh" content="0; url={html.escape(address)}">')
    try:
        if not webbrowser.open(page.absolute().as_uri()):
            warn("no browser could be started; open the address yourself")
        yield
    finally:
        page.unlink(missing_ok=True)


def _me() -> str:
    """Return whom ssh goes to, as far as this machine knows."""
    return f"{getpass.getuser()}@{socket.gethostname()}"

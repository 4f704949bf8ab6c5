"""Functions of the module `runstore` beside those of a run: login, setup, messages on the terminal, older names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from runstore.errors import StorageError
from runstore.sdk import lifecycle
from runstore.settings import Settings, layers, resolve


class Setup:
    """What `setup` returns: the settings of this process."""

    @property
    def settings(self) -> Settings:
        """The settings in force, as a run that begins now would have them."""
        return resolve()


def setup(settings: Settings | Mapping[str, Any] | None = None) -> Setup:
    """Keep settings for all runs of this process, behind what `init` is given and before the environment.

    A program that makes runs in several processes calls it before it starts them; nothing is started here.
    Raises SettingsError for a setting that can't be used.
    """
    layers.remember(settings)
    return Setup()


def teardown(exit_code: int | None = None) -> None:
    """End the current run, if there is one, and forget what `setup` was given."""
    lifecycle.finish(exit_code)
    layers.forget()


def join(exit_code: int | None = None) -> None:
    """End the current run: an older name of `finish`."""
    lifecycle.finish(exit_code)


def require(requirement: str | Iterable[str] | None = None, experiment: str | Iterable[str] | None = None) -> None:
    """Do nothing: all that programs asked W&B's client for in this way is there."""


def ensure_configured() -> None:
    """Do nothing: an older call, for which there is nothing to prepare."""


def login(
    key: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    force: bool | None = None,
    timeout: int | None = None,
    verify: bool = True,
    referrer: str | None = None,
    prompt: bool = True,
    anonymous: object = None,
) -> bool:
    """Return whether there is an API key for the W&B server: the one of `host`, or of the settings.

    A `key` that is given is kept in the netrc file, where W&B's tools look as well, and `host` in the user's settings
    file of these tools. Recording needs no key: nobody is asked for one, and nothing is sent to the server, so that
    `verify`, `force`, `relogin`, `timeout`, `referrer` and `prompt` have no effect.

    Raises UsageError for what can't be a key and SettingsError for a host that is no address. Where the disk refuses,
    that is said, and False returned.
    """
    from runstore.settings import credentials

    in_force = resolve({"base_url": host})
    if in_force.mode == "disabled":
        return False
    if not key:
        return credentials.find_key(in_force, os.environ) is not None
    try:
        credentials.store_key(key, in_force.base_url, os.environ)
        if host:
            credentials.store_server(in_force.base_url, os.environ)
    except StorageError as error:
        termwarn(str(error))
        return False
    return True


def termlog(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a message for people on stderr, unless settings ask for silence.

    Each line begins with `runstore:` if `prefix` is true. Without `repeat`, what was printed before is not printed
    again.
    """
    _print(string, newline, repeat, prefix, "show_info")


def termwarn(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a warning; see `termlog`."""
    _print(_marked(string, "WARNING"), newline, repeat, prefix, "show_warnings")


def termerror(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print an error; see `termlog`."""
    _print(_marked(string, "ERROR"), newline, repeat, prefix, "show_errors")


_printed: set[str] = set()


def _marked(text: str, mark: str) -> str:
    return "\n".join(f"{mark} {line}" for line in text.split("\n"))


def _print(text: str, newline: bool, repeat: bool, prefix: bool, shown_by: str) -> None:
    run = lifecycle.current()
    settings = run.settings if run is not None else resolve()
    if settings.silent or not getattr(settings, shown_by) or (not repeat and text in _printed):
        return
    if not repeat:
        _printed.add(text)
    if prefix:
        text = "\n".join(f"runstore: {line}" for line in text.split("\n"))
    try:
        print(text, end="\n" if newline else "", file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):  # stderr is closed, or no file
        return

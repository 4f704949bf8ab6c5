"""Which W&B server is meant, and the key for it: both are found where W&B's own tools look for them.

Nobody is asked here. Settings, and the key, are read anew at each call: a daemon that runs for weeks goes by the key
that was kept a minute ago.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from runstore.errors import RemoteRefused, UsageError
from runstore.settings import credentials, resolve
from runstore.settings.stock import DEFAULT_BASE_URL

# What the server of the settings is called where the user has given this name to no remote.
WANDB = "wandb"
# What answers there is known to be W&B, whatever is said of it.
_HOSTS = ("wandb.ai", urlsplit(DEFAULT_BASE_URL).hostname or "")


def is_certainly_wandb(url: str) -> bool:
    """Return whether `url` is one of W&B's own servers; of others nobody can tell without asking them."""
    try:
        host = urlsplit(url.strip()).hostname or ""
    except ValueError:  # no URL at all
        return False
    return any(host == known or host.endswith(f".{known}") for known in _HOSTS)


def usual_server() -> str:
    """Return the address of the server that the settings name, W&B's own where they name none; raises SettingsError."""
    return resolve().base_url


def checked_server(url: str) -> str:
    """Return the address of a W&B server in the one spelling that keys are kept under; raises SettingsError."""
    return resolve({"base_url": url}).base_url


def find_key(url: str) -> str:
    """Return the key for the W&B server at `url`, "" where there is none; raises SettingsError.

    For the server of the settings the one of WANDB_API_KEY goes before the netrc file, as with W&B's tools. For any
    other server, of which the variable does not speak, what the netrc file has for that very host goes first.
    """
    settings = resolve({"base_url": url})
    if settings.base_url != usual_server():
        kept = credentials.kept_key(settings.base_url, os.environ)
        if kept:
            return kept
    found = credentials.find_key(settings, os.environ)
    return found[0] if found else ""


def key_for(url: str) -> str:
    """Return the key for the W&B server at `url`; raises RemoteRefused where there is none, and SettingsError."""
    key = find_key(url)
    if key:
        return key
    raise RemoteRefused(f"there is no API key for {url}: `{login_command(url)}` keeps one; nothing was sent")


def login_command(url: str) -> str:
    """Return what to type to keep a key for the W&B server at `url`."""
    is_usual = url == usual_server()
    return "runstore login" if is_usual else f"runstore login --host {url}"


def checked_token(token: str) -> str:
    """Return an API key that was given for a W&B server, "" for none; raises UsageError where it can't be one."""
    if not token:
        return ""
    try:
        return credentials.checked_key(token)
    except UsageError as error:
        raise UsageError(f"--token: {error}") from error

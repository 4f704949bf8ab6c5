"""API keys of W&B servers, kept where stock tools look for them: in the user's netrc file.

Nothing is asked of a server here: whether it takes the key shows when runs are delivered.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from runstore.errors import StorageError, UsageError
from runstore.settings import stock
from runstore.settings.fields import Settings

_KEY_CHARACTERS = 40
_SECRET = re.compile(r"[\w-]+", re.ASCII)
# A signed token, as W&B's own services use: three parts in base64, joined by dots.
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


def checked_key(key: str) -> str:
    """Return `key` without spaces around it; raises UsageError where it can't be an API key. Says nothing of it."""
    key = key.strip()
    secret = key.partition("-")[2] or key  # keys of servers of one's own have a prefix
    if _TOKEN.fullmatch(key):
        return key
    if not _SECRET.fullmatch(secret):
        raise UsageError("this is no API key: one has letters, digits and underscores only; copy it from /authorize")
    if len(secret) < _KEY_CHARACTERS:
        raise UsageError(
            f"this is no API key: one has {_KEY_CHARACTERS} characters or more, this has {len(secret)}; "
            "copy it from /authorize on the W&B server"
        )
    return key


def find_key(settings: Settings, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the key for the settings' server and where it came from; None where there is none."""
    if settings.api_key:
        return settings.api_key, settings.sources.get("api_key", "settings")
    key = kept_key(settings.base_url, environment)
    return (key, str(netrc_file(environment))) if key else None


def kept_key(base_url: str, environment: Mapping[str, str]) -> str:
    """Return the key that the netrc file has for a server; "" where it has none."""
    return _key_in(netrc_file(environment), urlsplit(base_url).netloc) or ""


def store_key(key: str, base_url: str, environment: Mapping[str, str]) -> Path:
    """Keep the key for a server in the netrc file, in place of an earlier one, and return that file.

    Only its owner can read the file then; other entries stay. Raises UsageError for what can't be a key, StorageError
    where the file can't be written.
    """
    path = netrc_file(environment)
    machine = urlsplit(base_url).netloc
    try:
        before = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        before = []
    except OSError as error:
        raise _not_kept(path, error) from error
    entry = [f"machine {machine}", "  login user", f"  password {checked_key(key)}"]
    try:
        _replace(path, "\n".join([*_without(before, machine), *entry, ""]))
    except OSError as error:
        raise _not_kept(path, error) from error
    return path


def store_server(base_url: str, environment: Mapping[str, str]) -> None:
    """Make `base_url` the server of this user's stock tools. Raises StorageError."""
    stock.write(stock.user_file(environment), {"base_url": None if base_url == stock.DEFAULT_BASE_URL else base_url})
    workspace = stock.workspace_file()
    if "base_url" in stock.read(workspace):  # it would go before the user's
        stock.write(workspace, {"base_url": None})


def netrc_file(environment: Mapping[str, str]) -> Path:
    """Return the netrc file, whether or not it exists."""
    named = environment.get("NETRC")
    if named:
        return Path(os.path.expanduser(named))
    usual, other = (Path(os.path.expanduser(name)) for name in ("~/.netrc", "~/_netrc"))
    return other if other.exists() and not usual.exists() else usual


def _key_in(path: Path, machine: str) -> str | None:
    import netrc  # costs 1 ms, which only those pay who have no key in the environment

    try:
        found = netrc.netrc(path).authenticators(machine)
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):  # as good as no file
        return None
    return found[2] or None if found else None


def _without(lines: list[str], machine: str) -> list[str]:
    """Return the lines of a netrc file without the entry of `machine`."""
    kept = []
    inside = False
    for line in lines:
        words = _words(line)
        if words and words[0] in ("machine", "default", "macdef"):
            inside = words[:2] == ["machine", machine]
        if not inside:
            kept.append(line)
    return kept


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # an unpaired quote
        return line.split()


def _replace(path: Path, content: str) -> None:
    """Replace a file as a whole, readable by its owner only; a link stays a link."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(content)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _not_kept(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path}: the key can't be kept there ({error.strerror}); set WANDB_API_KEY instead")

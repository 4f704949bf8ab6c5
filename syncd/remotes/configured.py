"""The remotes that the user has named: `remotes.json` in the config folder, readable by its owner alone."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.errors import NotFound, RunstoreError, SettingsError, UsageError
from runstore.paths import config_folder
from runstore.syncd import kept
from runstore.syncd.policy import Policy

if TYPE_CHECKING:  # an HTTP client takes its time and 15 MB, which a daemon that only indexes has no use for
    from runstore.syncd.remotes.hub import HubRemote

# The token for a remote that is given as a URL, or was added without one.
TOKEN_VARIABLE = "RUNSTORE_TOKEN"
# What stands for names where folders say which remotes they go to.
RESERVED_NAMES = ("all", "none")


@dataclass(frozen=True)
class ConfiguredRemote:
    """A remote's address, the token that it wants, and what it is to get, how fast and when."""

    url: str
    token: str
    policy: Policy = field(default_factory=Policy)


def remotes_file() -> Path:
    """Return where the remotes are kept."""
    return config_folder() / "remotes.json"


def load_remotes() -> dict[str, ConfiguredRemote]:
    """Return the remotes by name; raises SettingsError where the file can't be understood."""
    path = remotes_file()
    content = kept.read(path)
    try:
        return {name: _remote_of(entry) for name, entry in content.items()}
    except (RunstoreError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path}: is damaged ({error}); delete it and add the remotes again") from error


def add_remote(name: str, url: str, token: str) -> None:
    """Keep a remote under `name`, in place of what was there, whose policy stays.

    Raises UsageError for a bad name or URL.
    """
    if not name or "/" in name or ":" in name:
        raise UsageError(f"{name!r} can't be a remote's name: no slash and no colon in it")
    if not name.isprintable() or name.startswith("-"):
        raise UsageError(f"{name!r} can't be a remote's name: no line break in it, nor a dash at its beginning")
    if name in RESERVED_NAMES:
        raise UsageError(f"{name!r} can't be a remote's name: it stands for {name} of them elsewhere")
    _hub_remote(url, token or "unknown", name).close()  # says what is wrong with the URL

    def added(remotes: dict[str, ConfiguredRemote]) -> None:
        policy = remotes[name].policy if name in remotes else Policy()
        remotes[name] = ConfiguredRemote(url, token, policy)

    _change(added)


def set_policy(name: str, changed: Callable[[Policy], Policy]) -> Policy:
    """Change what the remote `name` gets, how fast and when; return its policy. Raises NotFound, naming the nearest."""
    policies: list[Policy] = []

    def with_policy(remotes: dict[str, ConfiguredRemote]) -> None:
        if name not in remotes:
            raise _unknown(name, remotes)
        remotes[name] = replace(remotes[name], policy=changed(remotes[name].policy))
        policies.append(remotes[name].policy)

    _change(with_policy)
    return policies[0]


def remove_remote(name: str) -> None:
    """Forget a remote; raises NotFound, naming the nearest."""

    def removed(remotes: dict[str, ConfiguredRemote]) -> None:
        if name not in remotes:
            raise _unknown(name, remotes)
        del remotes[name]

    _change(removed)


def open_remote(name_or_url: str) -> HubRemote:
    """Return the remote of that name, or at that URL with the token of RUNSTORE_TOKEN; raises NotFound, UsageError."""
    remotes = load_remotes()
    fallback = os.environ.get(TOKEN_VARIABLE, "")
    if "://" in name_or_url:
        token = next((r.token for r in remotes.values() if r.url.rstrip("/") == name_or_url.rstrip("/")), "")
        return _hub_remote(name_or_url, fallback or token, name_or_url)
    if name_or_url not in remotes:
        raise _unknown(name_or_url, remotes)
    remote = remotes[name_or_url]
    return _hub_remote(remote.url, remote.token or fallback, name_or_url)


def the_only_remote() -> str:
    """Return the name of the one remote that there is; raises UsageError where there is none, or a choice."""
    remotes = load_remotes()
    if not remotes:
        raise UsageError("no remote is known: `runstore remote add NAME URL --token T`, or give --remote URL")
    if len(remotes) > 1:
        raise UsageError(f"which remote? give --remote with one of {', '.join(sorted(remotes))}")
    return next(iter(remotes))


def _unknown(name: str, remotes: dict[str, ConfiguredRemote]) -> NotFound:
    near = difflib.get_close_matches(name, remotes, 1) or sorted(remotes)
    known = f"there is {', '.join(near)}" if near else "none is known yet"
    return NotFound(f"there is no remote {name!r}; {known}. Add one: runstore remote add NAME URL --token T")


def _change(changed: Callable[[dict[str, ConfiguredRemote]], None]) -> None:
    path = remotes_file()
    with kept.taking_turns(path):
        remotes = load_remotes()
        changed(remotes)
        kept.replace(path, {name: _as_json(remote) for name, remote in sorted(remotes.items())})


def _remote_of(entry: dict[str, Any]) -> ConfiguredRemote:
    return ConfiguredRemote(str(entry["url"]), str(entry["token"]), Policy.from_json(entry.get("policy", {})))


def _as_json(remote: ConfiguredRemote) -> dict[str, Any]:
    policy = remote.policy.as_json()
    return {"url": remote.url, "token": remote.token} | ({"policy": policy} if policy else {})


def _hub_remote(url: str, token: str, name: str) -> HubRemote:
    from runstore.syncd.remotes.hub import HubRemote

    return HubRemote(url, token, name=name)

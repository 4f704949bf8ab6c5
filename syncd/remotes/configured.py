"""The remotes that the user has named: `remotes.json` in the config folder, readable by its owner alone."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from runstore.errors import NotFound, RunstoreError, SettingsError, UsageError
from runstore.paths import config_folder
from runstore.syncd import kept
from runstore.syncd.policy import Policy
from runstore.syncd.remotes import servers
from runstore.syncd.remotes.bundle import BUNDLE, BundleOptions, checked_folder
from runstore.syncd.remotes.servers import WANDB

if TYPE_CHECKING:  # an HTTP client takes its time and 15 MB, which a daemon that only indexes has no use for
    from runstore.syncd.remotes.base import Target
    from runstore.syncd.remotes.hub import HubRemote
    from runstore.syncd.remotes.runs import RunRemote

# What a remote may be: a hub takes logs, a W&B server takes runs, a folder takes bundles to be carried by hand.
HUB = "hub"
KINDS = (HUB, WANDB, BUNDLE)
# The token for a hub that is given as a URL, or was added without one.
TOKEN_VARIABLE = "RUNSTORE_TOKEN"
# What stands for names where folders say which remotes they go to.
RESERVED_NAMES = ("all", "none")


@dataclass(frozen=True)
class ConfiguredRemote:
    """A remote's address, the token that it wants, and what it is to get, how fast and when.

    `kind` is one of KINDS. Of a W&B server the token may be "", since keys are kept elsewhere; `entity` and `project`
    say where runs go there, whatever they say themselves. Of a folder for bundles `url` is its path, and `bundles` say
    how they are written.
    """

    url: str
    token: str
    policy: Policy = field(default_factory=Policy)
    kind: str = HUB
    entity: str = ""
    project: str = ""
    bundles: BundleOptions = field(default_factory=BundleOptions)


@dataclass(frozen=True)
class RunOptions:
    """Where runs go at a W&B server, in place of what they, or the remote, say; "" leaves that as it is."""

    entity: str = ""
    project: str = ""


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


def add_remote(
    name: str,
    url: str,
    token: str,
    kind: str = "",
    options: RunOptions | None = None,
    bundles: BundleOptions | None = None,
) -> ConfiguredRemote:
    """Keep a remote under `name`, in place of what was there, whose policy stays; return it.

    Where `kind` is "", it is a hub unless its address is W&B's own. Raises UsageError for a bad name or URL, and where
    `options` are given for a hub.
    """
    if not name or "/" in name or ":" in name:
        raise UsageError(f"{name!r} can't be a remote's name: no slash and no colon in it")
    if not name.isprintable() or name.startswith("-"):
        raise UsageError(f"{name!r} can't be a remote's name: no line break in it, nor a dash at its beginning")
    if name in RESERVED_NAMES:
        raise UsageError(f"{name!r} can't be a remote's name: it stands for {name} of them elsewhere")
    fresh = _checked(name, url, token, kind, options or RunOptions())
    if bundles is not None:
        if kind != BUNDLE:
            raise UsageError(f"{name} is no folder for bundles: how these are written is for --kind {BUNDLE}")
        fresh = replace(fresh, bundles=bundles)

    def added(remotes: dict[str, ConfiguredRemote]) -> None:
        policy = remotes[name].policy if name in remotes else Policy()
        remotes[name] = replace(fresh, policy=policy)

    _change(added)
    return fresh


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


def find_remote(name_or_url: str) -> ConfiguredRemote:
    """Return the remote of that name, or at that URL; raises NotFound.

    A URL is a hub's unless it was added as something else, or is W&B's own. The name `wandb` stands for the server of
    the settings where no remote has it.
    """
    remotes = load_remotes()
    if name_or_url in remotes:
        return remotes[name_or_url]
    if "://" in name_or_url:
        known = (remote for remote in remotes.values() if remote.url.rstrip("/") == name_or_url.rstrip("/"))
        kind = WANDB if servers.is_certainly_wandb(name_or_url) else HUB
        return replace(next(known, ConfiguredRemote("", "", kind=kind)), url=name_or_url, policy=Policy())
    if name_or_url == WANDB:
        return ConfiguredRemote(servers.usual_server(), "", kind=WANDB)
    raise _unknown(name_or_url, remotes)


def is_known(name_or_url: str) -> bool:
    """Return whether something can be delivered there without its having been added."""
    return "://" in name_or_url or name_or_url == WANDB


def open_remote(name_or_url: str, options: RunOptions | None = None) -> Target:
    """Return the remote of that name, or at that URL, with the token or key that there is for it; asks nobody.

    Raises NotFound, UsageError (also where `options` are given for a hub), and RemoteRefused where a W&B server has no
    key.
    """
    options, remote = options or RunOptions(), find_remote(name_or_url)
    if remote.kind == BUNDLE:
        raise UsageError(f"{name_or_url} is a folder for bundles, which takes runs by `runstore sync` and the daemon")
    if remote.kind == HUB:
        refuse_options(name_or_url, options)
        fallback = os.environ.get(TOKEN_VARIABLE, "")
        token = fallback or remote.token if "://" in name_or_url else remote.token or fallback
        return _hub_remote(remote.url, token, name_or_url)
    url = servers.checked_server(remote.url)
    return _wandb_remote(name_or_url, replace(remote, url=url, token=remote.token or servers.key_for(url)), options)


def open_hub(name_or_url: str) -> HubRemote:
    """Return a hub, which can be asked as well as delivered to; raises as `open_remote`, and for a W&B server."""
    if find_remote(name_or_url).kind != HUB:
        what = "a folder for bundles" if find_remote(name_or_url).kind == BUNDLE else "a W&B server"
        raise UsageError(f"{name_or_url} is {what}, which is only delivered to; a hub can be asked")
    return cast("HubRemote", open_remote(name_or_url))


def identity_of(name_or_url: str, options: RunOptions | None = None) -> str:
    """Return under which identity receipts tell of a W&B server; asks nobody, and needs no key. Raises as above."""
    remote = find_remote(name_or_url)
    url = servers.checked_server(remote.url)
    opened = _wandb_remote(name_or_url, replace(remote, url=url, token="unknown"), options or RunOptions())
    try:
        return opened.identity()
    finally:
        opened.close()


def the_only_remote() -> str:
    """Return the name of the one remote that there is; raises UsageError where there is none, or a choice."""
    remotes = load_remotes()
    if not remotes:
        raise UsageError(
            "no remote is known: `runstore remote add NAME URL --token T`, or give --remote URL, or, for your W&B "
            f"server, --remote {WANDB}"
        )
    if len(remotes) > 1:
        raise UsageError(f"which remote? give --remote with one of {', '.join(sorted(remotes))}")
    return next(iter(remotes))


def _checked(name: str, url: str, token: str, kind: str, options: RunOptions) -> ConfiguredRemote:
    """Return a remote as it is kept; raises UsageError for what is wrong with it."""
    if kind == BUNDLE:
        if options != RunOptions():
            raise UsageError(f"{name} is a folder for bundles: --entity and --project are for W&B servers")
        return ConfiguredRemote(checked_folder(url), "", kind=BUNDLE)
    if not kind and name == WANDB and not servers.is_certainly_wandb(url):
        raise UsageError(f"what is at {url}? say --kind {WANDB} for a W&B server, --kind {HUB} for a hub of that name")
    if (kind or (WANDB if servers.is_certainly_wandb(url) else HUB)) == HUB:
        refuse_options(name, options)
        _hub_remote(url, token or "unknown", name).close()  # says what is wrong with the URL
        return ConfiguredRemote(url, token)
    return ConfiguredRemote(
        servers.checked_server(url), servers.checked_token(token), Policy(), WANDB, options.entity, options.project
    )


def refuse_options(name: str, options: RunOptions | None) -> None:
    """Raise UsageError where options are given for the hub of this name."""
    if options not in (None, RunOptions()):
        raise UsageError(f"{name} is a hub, which takes runs as they are: --entity and --project are for W&B servers")


def _unknown(name: str, remotes: dict[str, ConfiguredRemote]) -> NotFound:
    if name == WANDB:
        return NotFound(f"the remote {name!r} has nothing kept of it yet; add it first: runstore remote add {name} URL")
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
    kind = entry.get("kind", HUB)
    if kind not in KINDS:
        raise TypeError(f"{kind!r} is no kind of remote; one is {' or '.join(KINDS)}")
    return ConfiguredRemote(
        str(entry["url"]),
        str(entry["token"]),
        Policy.from_json(entry.get("policy", {})),
        kind,
        str(entry.get("entity", "")),
        str(entry.get("project", "")),
        BundleOptions.from_json(entry.get("bundles", {})),
    )


def _as_json(remote: ConfiguredRemote) -> dict[str, Any]:
    """Return what is kept of a remote: of what most have not, only what differs."""
    more = {"entity": remote.entity, "project": remote.project, "policy": remote.policy.as_json()}
    more["bundles"] = remote.bundles.as_json()
    kind = {"kind": remote.kind} if remote.kind != HUB else {}
    return {"url": remote.url, "token": remote.token} | kind | {name: value for name, value in more.items() if value}


def _hub_remote(url: str, token: str, name: str) -> HubRemote:
    from runstore.syncd.remotes.hub import HubRemote

    return HubRemote(url, token, name=name)


def _wandb_remote(name: str, remote: ConfiguredRemote, options: RunOptions) -> RunRemote:
    from runstore.syncd.remotes.wandb.remote import WandbRemote

    return WandbRemote(
        remote.url,
        remote.token,
        name=name,
        entity=options.entity or remote.entity,
        project=options.project or remote.project,
    )

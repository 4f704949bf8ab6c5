"""`runstore remote`: name the hubs and W&B servers that runs are delivered to, and say what each gets, and when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.bundle_folder import bundle_options, bundles_as_json, options_of
from runstore.cli.daemon_common import reload_if_running
from runstore.cli.output import emit_json, emit_table, size, warn
from runstore.cli.remote_names import complete_remote
from runstore.errors import UsageError

if TYPE_CHECKING:
    from runstore.syncd.policy import Policy
    from runstore.syncd.remotes.configured import ConfiguredRemote


@click.group()
def command() -> None:
    """Name what runs are delivered to: hubs, W&B servers. Tokens are kept in a file that only you can read."""


@command.command("add")
@click.argument("name")
@click.argument("url")
@click.option(
    "--token", default="", help="The token of the hub, else RUNSTORE_TOKEN; or the API key of the W&B server."
)
@click.option(
    "--kind", type=click.Choice(["hub", "wandb", "bundle"]), help="What is there; a hub unless the URL is W&B's own."
)
@click.option("--entity", "-e", default="", help="Of a W&B server: the user or team that all runs go to.")
@click.option("--project", "-p", default="", help="Of a W&B server: the project that all runs go to.")
@bundle_options
def add(name: str, url: str, token: str, kind: str | None, entity: str, project: str, **bundles: Any) -> None:
    """Keep the hub or W&B server at URL under NAME, in place of one that had the name before, whose rules stay.

    A daemon that runs delivers there from now on. Without --token the key for a W&B server is found where its own
    tools look: in WANDB_API_KEY, in a settings file, or where `runstore login --host URL` keeps it. With --kind bundle
    the URL is a folder, to which bundles are written, to be carried by hand (docs/bundle_folders.md).

    Example: runstore remote add lab https://hub.example.org --token rs_...
    """
    from runstore.syncd.remotes.configured import RunOptions, add_remote

    remote = add_remote(name, url, token, kind or "", RunOptions(entity, project), options_of(bundles))
    reload_if_running()
    warn(f"remote {name} is {_what(remote)}; try it: runstore sync --remote {name}")
    key_missing = _key_missing(remote)
    if key_missing:
        warn(key_missing)


@command.command("set")
@click.argument("name", shell_complete=complete_remote)
@click.option("--project", multiple=True, metavar="GLOB", help="Only runs of such a PROJECT or ENTITY/PROJECT.")
@click.option("--tag", multiple=True, metavar="GLOB", help="Only runs with such a tag.")
@click.option("--path", multiple=True, metavar="GLOB", help="Only runs below such a folder.")
@click.option("--rate", metavar="RATE", help="At most so much, such as 5MB/s, for all transfers together; or none.")
@click.option("--at-once", type=int, metavar="N", help="At most so many transfers at a time; 4 by default.")
@click.option("--quiet-hours", metavar="HOURS", help="When not to deliver, such as 'mon-fri 09:00-17:30'; or none.")
@click.option("--mark-synced/--no-mark-synced", default=None, help="Leave stock's mark beside delivered runs, or not.")
@click.option("--clear", is_flag=True, help="Forget all rules first.")
def set_rules(name: str, clear: bool, **rules: Any) -> None:
    """Say what the daemon delivers to the remote NAME, how fast and when. What is not given stays as it is.

    Each of --project, --tag and --path may be repeated: one that fits is enough; '!GLOB' is for what not to deliver,
    and '' for no rule any more. A run goes where all three agree. `runstore sync` keeps to the rate and the number
    alone. A daemon that runs goes on by it at once. Safe to repeat.

    Example: runstore remote set lab --project 'paper-*' --tag '!debug' --rate 5MB/s --quiet-hours 22:00-06:00
    """
    from runstore.syncd.policy import Policy
    from runstore.syncd.remotes.configured import set_policy

    policy = set_policy(name, lambda before: _changed(Policy() if clear else before, **rules))
    reload_if_running()
    warn(f"remote {name} gets {_in_words(policy)}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; tokens are left out.")
def list_remotes(as_json: bool) -> None:
    """List the remotes, and what each gets; tokens are not shown.

    Example: runstore remote list
    """
    from runstore.syncd.remotes.configured import load_remotes

    remotes = sorted(load_remotes().items())
    if as_json:
        emit_json([{"name": name, **_facts(remote), **_rules(remote.policy)} for name, remote in remotes])
    else:
        rows = [(name, r.kind, _place(r), "yes" if _has_token(r) else "no", _in_words(r.policy)) for name, r in remotes]
        emit_table(rows, ("NAME", "KIND", "URL", "TOKEN", "GETS"))


@command.command("remove")
@click.argument("name", shell_complete=complete_remote)
def remove(name: str) -> None:
    """Forget the remote NAME. Nothing changes there.

    Example: runstore remote remove lab
    """
    from runstore.syncd.remotes.configured import remove_remote

    remove_remote(name)
    reload_if_running()


def _changed(
    policy: Policy,
    *,
    project: tuple[str, ...],
    tag: tuple[str, ...],
    path: tuple[str, ...],
    rate: str | None,
    at_once: int | None,
    quiet_hours: str | None,
    mark_synced: bool | None,
) -> Policy:
    from runstore.syncd.hours import QuietHours
    from runstore.syncd.policy import checked_at_once, parse_rate

    is_quiet_never = quiet_hours in ("", "none")
    return replace(
        policy,
        projects=_patterns(project) if project else policy.projects,
        tags=_patterns(tag) if tag else policy.tags,
        paths=tuple(map(_absolute, _patterns(path))) if path else policy.paths,
        bytes_per_second=policy.bytes_per_second if rate is None else parse_rate(rate),
        at_once=policy.at_once if at_once is None else checked_at_once(at_once),
        quiet=policy.quiet if quiet_hours is None else None if is_quiet_never else QuietHours.parse(quiet_hours),
        marks_synced=policy.marks_synced if mark_synced is None else mark_synced,
    )


def _patterns(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return patterns as they are kept: none where '' was given."""
    if given == ("",):
        return ()
    if any(pattern in ("", "!") for pattern in given):
        raise UsageError("'' stands alone: it is for no rule any more")
    return given


def _absolute(pattern: str) -> str:
    """Return a pattern of paths as from the root of the file system; one that begins with `*` may begin anywhere."""
    excluded, body = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    if body.startswith("*"):
        return pattern
    path = Path(body).expanduser()
    return excluded + str(path.resolve() if path.exists() else Path.cwd() / path)


def _facts(remote: ConfiguredRemote) -> dict[str, Any]:
    return {
        "kind": remote.kind,
        "url": remote.url,
        "entity": remote.entity,
        "project": remote.project,
        "has_token": _has_token(remote),
        **({"bundles": bundles_as_json(remote.bundles)} if remote.kind == "bundle" else {}),
    }


def _place(remote: ConfiguredRemote) -> str:
    """Return where a remote is, and where in it runs go, if not where they say: `https://api.wandb.ai team/*`."""
    overridden = f" {remote.entity or '*'}/{remote.project or '*'}" if remote.entity or remote.project else ""
    return f"{remote.url}{overridden}"


def _what(remote: ConfiguredRemote) -> str:
    kinds = {"wandb": "the W&B server", "bundle": "the folder for bundles"}
    return f"{kinds.get(remote.kind, 'the hub')} {_place(remote)}"


def _has_token(remote: ConfiguredRemote) -> bool:
    """Return whether there is a token for a remote, or an API key, wherever it is kept."""
    return bool(remote.token) or (remote.kind == "wandb" and not _key_missing(remote))


def _key_missing(remote: ConfiguredRemote) -> str:
    """Return, in a sentence, that a W&B server has no key yet; "" where that is not so."""
    from runstore.syncd.remotes import servers

    if remote.kind != "wandb" or remote.token or servers.find_key(remote.url):
        return ""
    return f"there is no API key for it yet; keep one: {servers.login_command(remote.url)}"


def _rules(policy: Policy) -> dict[str, Any]:
    return {
        "projects": list(policy.projects),
        "tags": list(policy.tags),
        "paths": list(policy.paths),
        "bytes_per_second": policy.bytes_per_second,
        "at_once": policy.at_once,
        "quiet_hours": policy.quiet.text if policy.quiet else "",
        "marks_synced": policy.marks_synced,
    }


def _in_words(policy: Policy) -> str:
    """Return a policy for people: `project paper-*, not tag debug; 5.0 MB/s; quiet 22:00-06:00`."""
    named = (("project", policy.projects), ("tag", policy.tags), ("path", policy.paths))
    chosen = [
        f"not {what} {pattern[1:]}" if pattern.startswith("!") else f"{what} {pattern}"
        for what, patterns in named
        for pattern in patterns
    ]
    words = [", ".join(chosen) or "everything"]
    words += [f"{size(policy.bytes_per_second)}/s"] if policy.bytes_per_second else []
    words += [f"{policy.at_once} at once"] if policy.at_once != type(policy).at_once else []
    words += [f"quiet {policy.quiet.text}"] if policy.quiet else []
    words += [] if policy.marks_synced else ["no mark of stock's"]
    return "; ".join(words)

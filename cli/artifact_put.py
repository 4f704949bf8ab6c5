"""`runstore artifact put`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runstore.cli.artifact_common import checked, complete_artifact
from runstore.cli.output import emit_json, size
from runstore.cli.runs_common import json_option
from runstore.errors import NotFound, StorageError, UsageError
from runstore.paths import default_root

if TYPE_CHECKING:
    from runstore.sdk.artifacts.artifact import Artifact

# What a run records by itself says nothing about one that only holds an artifact.
_PLAIN = {
    "quiet": True,
    "silent": False,
    "show_warnings": True,
    "console": "off",
    "disable_git": True,
    "save_code": False,
    "x_disable_stats": True,
    "x_disable_meta": True,
    "x_save_requirements": False,
}


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path())
@click.option("--name", "-n", required=True, shell_complete=complete_artifact, help="What it is called.")
@click.option("--type", "-t", "kind", default="dataset", show_default=True, help="What it is, such as model.")
@click.option("--project", "-p", help="The project that it is in; by default as the settings say.")
@click.option("--entity", "-e", help="The user or team whose it is; by default as the settings say.")
@click.option("--alias", "-a", "aliases", multiple=True, help="A name of this version beside latest; may be repeated.")
@click.option("--tag", "tags", multiple=True, help="A tag of this version; may be repeated.")
@click.option("--metadata", metavar="JSON|@FILE", help="What else is known of it: an object, or a file that holds one.")
@click.option("--description", "-d", help="A text for people.")
@click.option("--no-checksum", is_flag=True, help="Take URIs as they are: nothing is asked of what they refer to.")
@json_option
def command(
    paths: tuple[str, ...],
    name: str,
    kind: str,
    project: str | None,
    entity: str | None,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    metadata: str | None,
    description: str | None,
    no_checksum: bool,
    as_json: bool,
) -> None:
    """Keep files, folders and references (URIs) as the next version of an artifact, by a short run of its own.

    Of one folder the contents are kept; of several PATHs each under its own name. The bytes are copied into ./wandb, or
    where WANDB_DIR says. Safe to repeat: the same content makes no new version.

    Example: runstore artifact put data/train data/test --name digits --type dataset --alias clean
    """
    from runstore.sdk import lifecycle
    from runstore.sdk.artifacts.artifact import Artifact
    from runstore.sdk.artifacts.names import checked_tags

    asked_entity, asked_project, name = _parts(name, entity, project)
    checked(aliases), checked_tags(tags)  # before there is a run
    artifact = Artifact(name, kind, description, _metadata(metadata))
    files = [path for path in paths if not _is_reference(artifact, path, not no_checksum)]
    for path in files:
        _check(path)
    run: Any = lifecycle.init(asked_entity, asked_project, job_type="artifact", mode="offline", settings=_PLAIN)
    with run:
        for path in files:
            _add(artifact, path, "" if len(paths) == 1 else os.path.basename(os.path.abspath(path)))
        run.log_artifact(artifact, aliases=list(aliases), tags=list(tags))
    if artifact.is_draft():
        raise StorageError(f"artifact {name} was not kept: the disk refused, as was said above")
    found = artifact.wait()
    if as_json:
        emit_json(_as_json(found))
    else:
        count = f"{found.file_count:,} {'file' if found.file_count == 1 else 'files'}"
        click.echo(f"{found.qualified_name}  {', '.join(found.aliases)}  ({count}, {size(found.size)})")


def _is_reference(artifact: Artifact, path: str, checksum: bool) -> bool:
    """Add what a URI refers to, if it is one."""
    if "://" not in path:
        return False
    artifact.add_reference(path, checksum=checksum)
    return True


def _check(path: str) -> None:
    if not os.path.isfile(path) and not os.path.isdir(path):
        raise NotFound(f"{path}: there is no such file or folder; nothing was kept")
    runs = default_root().resolve()
    if runs.is_relative_to(Path(path).resolve()):
        raise UsageError(f"{path} holds {runs}, into which it would be copied; set WANDB_DIR to a folder outside of it")


def _add(artifact: Artifact, path: str, name: str) -> None:
    if os.path.isdir(path):
        artifact.add_dir(path, name or None)
    else:
        artifact.add_file(path)


def _parts(name: str, entity: str | None, project: str | None) -> tuple[str | None, str | None, str]:
    """Return entity, project and the name itself; what is before the name counts where the options say nothing."""
    *above, last = name.split("/")
    if len(above) > 2 or ":" in last or not all((*above, last)):
        raise UsageError(f"{name!r} can't be an artifact's name; write [[ENTITY/]PROJECT/]NAME, without a version")
    inside = [None] * (2 - len(above)) + above
    return entity or inside[0], project or inside[1], last


def _metadata(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    try:
        found = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise NotFound(f"--metadata: {text[1:]} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"--metadata: this is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f'--metadata: an object is needed, such as {{"rows": 100}}; this is {text:.40}')
    return found


def _as_json(artifact: Artifact) -> dict[str, Any]:
    return {
        "name": artifact.qualified_name,
        "version": artifact.version,
        "type": artifact.type,
        "aliases": artifact.aliases,
        "tags": artifact.tags,
        "files": artifact.file_count,
        "size": artifact.size,
        "digest": artifact.digest,
    }

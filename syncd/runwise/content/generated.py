"""The files of a run that are made of all that its logs say, when it is over: as stock's sync makes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from runstore.runlog import wire
from runstore.syncd.remotes.runs import CONSOLE, SUMMARY, RunFile
from runstore.syncd.runwise.content.environment import merge
from runstore.syncd.runwise.content.head import environments_of
from runstore.syncd.runwise.content.runconfig import server_config
from runstore.syncd.runwise.content.snapshot import RunSnapshot

CONFIG_FILE, METADATA_FILE = "config.yaml", "wandb-metadata.json"
_INDENT = 4
_ONE_LINE = 1 << 30  # characters: no text is wrapped


def generated_files(run: RunSnapshot, heads: Sequence[Mapping[str, Any]], console: Iterable[str]) -> list[RunFile]:
    """Return config, summary, what is known of the machine, and the console, of which `console` are all lines.

    Without lines there is no console; without an environment in its logs, a run brings its metadata along as a file.
    """
    files = [RunFile(CONFIG_FILE, _as_yaml(server_config(run, heads)))]
    files.append(RunFile(SUMMARY, wire.dumps(dict(run.summary)).encode("utf-8", "replace")))
    metadata: dict[str, Any] = {}
    for environment in environments_of(heads).values():
        metadata = merge(metadata, environment)
    if metadata:
        text = json.dumps(metadata, ensure_ascii=False, indent=2)
        files.append(RunFile(METADATA_FILE, text.encode("utf-8", "replace")))
    text = "".join(f"{line}\n" for line in console)
    if text:
        files.append(RunFile(CONSOLE, text.encode("utf-8", "replace")))
    return files


def _as_yaml(tree: Mapping[str, Any]) -> bytes:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # ten times as fast, where it was built
    text = yaml.dump(_without_aliases(tree), Dumper=dumper, indent=_INDENT, width=_ONE_LINE, allow_unicode=True)
    return str(text).encode("utf-8", "replace")


def _without_aliases(tree: Any) -> Any:
    """Return the same with each dict and list there once: yaml writes a reference for one that it has seen."""
    if isinstance(tree, Mapping):
        return {key: _without_aliases(value) for key, value in tree.items()}
    return [_without_aliases(value) for value in tree] if isinstance(tree, (list, tuple)) else tree

"""Which keys the configs and summaries of a project have: for choosing columns, and for completing a filter."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runstore.query.filtering.fields import flat, tree_in

_RECENT = 1_000  # runs that are looked through for keys
_RECENT_FOR_DEFAULTS = 100
_MOST_KEYS = 2_000  # of each part
_MOST_VALUES = 12  # distinct texts of a key; one with more is no choice among few
_MOST_LETTERS = 60
_DEFAULT_COLUMNS = 6  # of config, and of summary
_NEWEST = "SELECT {columns} FROM runs WHERE entity = ? AND project = ? ORDER BY created_at DESC LIMIT ?"


@dataclass
class Key:
    """One key: how many runs have it, whether its values are numbers, and the texts it has where they are few."""

    runs: int = 0
    numbers: int = 0
    texts: Counter[str] = field(default_factory=Counter)

    def note(self, value: Any) -> None:
        """Take note of one run's value."""
        self.runs += 1
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            self.numbers += 1
        elif isinstance(value, (str, bool)) and len(self.texts) <= _MOST_VALUES and len(str(value)) <= _MOST_LETTERS:
            self.texts[str(value)] += 1

    @property
    def values(self) -> list[str]:
        """The texts that it has, the most frequent first; none where there are many."""
        return [] if len(self.texts) > _MOST_VALUES else [text for text, _ in self.texts.most_common()]


@dataclass(frozen=True)
class RunKeys:
    """The keys of a project's newest runs, and their tags."""

    config: Mapping[str, Key]
    summary: Mapping[str, Key]
    tags: list[str]


def keys_of_project(connection: sqlite3.Connection, entity: str, project: str) -> RunKeys:
    """Return the keys of the project's newest runs, by dotted name."""
    config: dict[str, Key] = {}
    summary: dict[str, Key] = {}
    for of_config, of_summary in _trees(connection, entity, project, _RECENT):
        _note(config, of_config)
        _note(summary, of_summary)
    return RunKeys(config, summary, _tags(connection, entity, project))


def default_columns(connection: sqlite3.Connection, entity: str, project: str) -> list[str]:
    """Return the columns that tell a project's newest runs apart: config that differs, and numbers of the summary.

    Around them those of every run, with tags where there are any.
    """
    values: dict[str, set[str]] = {}
    numbers: Counter[str] = Counter()
    runs = 0
    for config, summary in _trees(connection, entity, project, _RECENT_FOR_DEFAULTS):
        runs += 1
        for key, value in flat(config).items():
            if not key.startswith("_") and isinstance(value, (str, int, float)):
                values.setdefault(key, set()).add(str(value))
        numbers.update(
            key
            for key, value in flat(_beside_media(summary)).items()
            if not key.startswith("_") and isinstance(value, (int, float)) and not isinstance(value, bool)
        )
    differing = [key for key, found in values.items() if len(found) > 1] or list(values)
    frequent = [key for key, count in numbers.items() if count * 2 >= runs] or list(numbers)
    tags = ["tags"] if _tags(connection, entity, project) else []
    return [
        "created_at",
        *(f"config.{key}" for key in differing[:_DEFAULT_COLUMNS]),
        *(f"summary.{key}" for key in frequent[:_DEFAULT_COLUMNS]),
        *tags,
        "last_step",
        "runtime",
    ]


def _trees(
    connection: sqlite3.Connection, entity: str, project: str, most: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    query = _NEWEST.format(columns="config, config_nan, summary, summary_nan")
    for config, config_nan, summary, summary_nan in connection.execute(query, (entity, project, most)):
        yield tree_in(config, config_nan), tree_in(summary, summary_nan)


def _beside_media(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a summary without pictures, tables and the like: how wide they are is no result."""
    return {
        key: _beside_media(value) if isinstance(value, dict) else value
        for key, value in tree.items()
        if not (isinstance(value, dict) and "_type" in value)
    }


def _note(keys: dict[str, Key], tree: Mapping[str, Any]) -> None:
    for name, value in flat(tree).items():
        if name in keys:
            keys[name].note(value)
        elif not name.startswith("_wandb") and len(keys) < _MOST_KEYS:
            keys[name] = Key()
            keys[name].note(value)


def _tags(connection: sqlite3.Connection, entity: str, project: str) -> list[str]:
    """Return the tags of the newest runs, the most frequent first."""
    import orjson

    found: Counter[str] = Counter()
    for (tags,) in connection.execute(_NEWEST.format(columns="tags"), (entity, project, _RECENT)):
        found.update(str(tag) for tag in orjson.loads(tags))
    return [tag for tag, _ in found.most_common()]

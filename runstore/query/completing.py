"""What a shell completes: names out of the index as it is. Nothing is brought up to date, made or waited for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any
from urllib.parse import quote

import orjson

from runstore.core.medianames import media_in
from runstore.errors import RunstoreError
from runstore.index.database import index_path

_PATIENCE_SECONDS = 0.2
_MOST = 200  # more than a person looks at
# The names of values that are no numbers, from one to the next: each log has few of them, and may have many values.
_OTHER_NAMES = (
    "WITH RECURSIVE names(log, key) AS ("
    "SELECT id, (SELECT min(key) FROM history_values WHERE log = logs.id) FROM logs {which} UNION ALL "
    "SELECT log, (SELECT min(h.key) FROM history_values AS h WHERE h.log = names.log AND h.key > names.key)"
    " FROM names WHERE key IS NOT NULL) SELECT DISTINCT key FROM names WHERE key LIKE '%._type'"
)
_RECENT = 100  # runs whose config and summary are looked through for keys


def runs_beginning(text: str) -> list[tuple[str, str]]:
    """Return ids and names of runs that begin so, newest first, each with what else tells it apart."""
    query = (
        "SELECT run_id, name, project FROM runs WHERE substr(run_id, 1, ?) = ? OR substr(name, 1, ?) = ?"
        " ORDER BY created_at DESC LIMIT ?"
    )
    found = _answer(query, len(text), text, len(text), text, _MOST)
    by_id = [(run_id, f"{project} {name}".strip()) for run_id, name, project in found if run_id.startswith(text)]
    by_name = [(name, f"{project} {run_id}") for run_id, name, project in found if not run_id.startswith(text)]
    return by_id + by_name


def metrics_beginning(text: str, run: str | None = None) -> list[str]:
    """Return the metrics that begin so, of one run or of all: numbers, and media values by their keys."""
    logs = "SELECT logs.id FROM logs JOIN runs ON run = runs.id WHERE run_id = ? OR name = ?"
    which, arguments = (f"log IN ({logs}) AND", (run, run)) if run else ("", ())
    numbers = f"SELECT DISTINCT key FROM series WHERE {which} substr(key, 1, ?) = ? ORDER BY key LIMIT ?"
    found = {key for (key,) in _answer(numbers, *arguments, len(text), text, _MOST)}
    names = f"{_OTHER_NAMES.format(which=f'WHERE id IN ({logs})' if run else '')} AND substr(key, 1, ?) = ?"
    found.update(media_in(key for (key,) in _answer(names, *arguments, len(text), text)))
    return sorted(found)[:_MOST]


def artifacts_beginning(text: str) -> list[tuple[str, str]]:
    """Return names of artifacts that begin so, each with its type; behind a colon, aliases and versions of that one."""
    path, colon, _ = text.partition(":")
    *above, name = path.split("/")
    where, arguments = "", []
    for column, part in zip(("project", "entity"), reversed(above), strict=False):
        where += f" AND c.{column} = ?"
        arguments.append(part)
    before = path[: len(path) - len(name)]
    if not colon:
        query = (
            f"SELECT DISTINCT c.name, c.type FROM collections AS c WHERE substr(c.name, 1, ?) = ?{where}"
            " ORDER BY c.name LIMIT ?"
        )
        return [(before + found, kind) for found, kind in _answer(query, len(name), name, *arguments, _MOST)]
    query = (
        f"SELECT a.alias, a.number FROM aliases AS a JOIN collections AS c ON c.id = a.collection"
        f" WHERE c.name = ?{where} UNION ALL SELECT 'v' || v.number, v.number FROM versions AS v"
        f" JOIN collections AS c ON c.id = v.collection WHERE v.removed = 0 AND c.name = ?{where}"
    )
    rows = _answer(query, name, *arguments, name, *arguments)
    choices = [(f"{path}:{alias}", f"v{number}") for alias, number in rows]
    return [choice for choice in choices if choice[0].startswith(text)][:_MOST]


def config_and_summary_keys() -> list[str]:
    """Return the keys at the top of config and summary of the newest runs, sorted."""
    query = "SELECT config, summary FROM runs ORDER BY created_at DESC LIMIT ?"
    keys: set[str] = set()
    for texts in _answer(query, _RECENT):
        for text in texts:
            keys.update(orjson.loads(text.replace("9e999", "0")))  # the keys are wanted alone
    return sorted(key for key in keys if not key.startswith("_"))


def _answer(query: str, *arguments: object) -> list[tuple[Any, ...]]:
    """Return what the index says; nothing where there is none or it can't be read, and nobody is told."""
    try:
        uri = f"file:{quote(str(index_path()))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE_SECONDS)) as connection:
            return connection.execute(query, arguments).fetchall()
    except (sqlite3.Error, RunstoreError):
        return []

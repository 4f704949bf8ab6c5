"""The views that people ask in SQL: runs by their ids, and every point as a row.

Each has the columns `run`, `project` and `entity`, by which views are joined. A view whose rows come from Python ends
in a UNION with nothing. That keeps SQLite from mixing its loops with those of the query around it: conditions on run
and key still reach the inside, but what is left is read once, and put in order for a join, instead of being read again
for each row of another table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from runstore.query.sql.series import PAGE

_NUMBERS = (
    "CREATE TEMP TABLE runstore_numbers (i INTEGER PRIMARY KEY)",
    "INSERT INTO runstore_numbers WITH RECURSIVE n(i) AS"
    f" (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {PAGE - 1}) SELECT i FROM n",
)

_RUNS = """
SELECT r.run_id AS run, r.project, r.entity, coalesce(nullif(r.name, ''), r.run_id) AS name,
    runstore_state(r.id) AS state, {created} AS created_at, {heartbeat} AS heartbeat_at, r.runtime, r.last_step,
    r.exit_code, r.tags, r.notes, r.run_group, r.job_type, r.sweep_id AS sweep, r.program, r.host, r.writer,
    r.git_commit, r.git_remote, r.config, r.summary
FROM main.runs AS r
"""
_OF_TREE = """
SELECT r.run_id AS run, runstore_item_key('{tree}', r.id, n.i) AS key,
    runstore_item_value('{tree}', r.id, n.i) AS value, r.project, r.entity
FROM main.runs AS r CROSS JOIN runstore_numbers AS n ON n.i < runstore_items('{tree}', r.id)
UNION ALL SELECT NULL, NULL, NULL, NULL, NULL FROM main.runs WHERE 0
"""
# A page is a number made of the run, the metric among the run's and the page among the metric's. What is asked once a
# metric or page stands inside, or SQLite would ask it again for each point.
_OF_SERIES = f"""
SELECT s.run, s.key, {{step}} AS {{step_name}}, runstore_{{kind}}_value(s.page, n.i) AS value, s.project, s.entity
FROM (
    SELECT m.run, m.project, m.entity, m.key, m.metric * {PAGE} + p.i AS page
    FROM (
        SELECT r.run_id AS run, r.project, r.entity, runstore_{{kind}}_key(r.id * {PAGE} + k.i) AS key,
            r.id * {PAGE} + k.i AS metric
        FROM main.runs AS r CROSS JOIN runstore_numbers AS k ON k.i < runstore_{{kind}}_keys(r.id)
        UNION ALL SELECT NULL, NULL, NULL, NULL, NULL FROM main.runs WHERE 0
    ) AS m CROSS JOIN runstore_numbers AS p ON p.i < runstore_{{kind}}_pages(m.metric)
    UNION ALL SELECT NULL, NULL, NULL, NULL, NULL FROM main.runs WHERE 0
) AS s CROSS JOIN runstore_numbers AS n ON n.i < runstore_{{kind}}_rows(s.page)
UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL FROM main.runs WHERE 0
"""
_OF_LOGS = """
SELECT r.run_id AS run, {columns}, r.project, r.entity
FROM main.{table} AS t JOIN main.logs AS l ON l.id = t.log JOIN main.runs AS r ON r.id = l.run
WHERE runstore_counts(r.id, l.id)
"""
_LOGS = """
SELECT r.run_id AS run, l.path, l.kind, {started} AS started_at, l.size, l.indexed, l.records, l.lost_bytes,
    l.undecodable, l.missing, l.last_step, runstore_counts(r.id, l.id) AS counts, r.project, r.entity
FROM main.logs AS l LEFT JOIN main.runs AS r ON r.id = l.run
"""


def make_views(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Make these views, in the schema `temp`: they stand before tables of the same name, which are in `main`."""
    for statement in _NUMBERS:
        connection.execute(statement)
    for name in names:
        connection.execute(f"CREATE TEMP VIEW {name} AS {VIEWS[name]}")
    connection.commit()


def _time(column: str) -> str:
    """Return a time, in seconds since the epoch, as text that sorts and that SQLite's date functions take."""
    return f"runstore_time({column})"  # what strftime says is rounded otherwise than everywhere else


def _series(kind: str, step_name: str = "step", step: str = "{}") -> str:
    at = step.format(f"runstore_{kind}_step(s.page, n.i)")
    return _OF_SERIES.format(kind=kind, step=at, step_name=step_name)


def _of_logs(table: str, *columns: str) -> str:
    return _OF_LOGS.format(table=table, columns=", ".join(columns))


VIEWS = {
    "runs": _RUNS.format(created=_time("r.created_at"), heartbeat=_time("r.heartbeat_at")),
    "config": _OF_TREE.format(tree="config"),
    "summary": _OF_TREE.format(tree="summary"),
    "points": _series("points"),
    "history": _series("history"),
    "system_metrics": _series("system", "time", "{} / 1000.0"),
    "console": _of_logs("console", "t.line", "t.stream", f"{_time('t.time')} AS time", "t.text"),
    "files": _of_logs("files", "t.path", "t.policy", "t.type", "l.path AS log"),
    "artifacts": _of_logs(
        "artifacts", "t.used", "t.type", "t.name", "t.version", "t.aliases", "t.tags", f"{_time('t.time')} AS time",
        "t.size", "t.entries", "t.digest", "t.client_id", "t.description", "t.metadata",
    ),
    "artifact_entries": _of_logs(
        "artifact_entries", "a.name AS artifact", "t.path", "t.size", "t.digest", "t.ref", "t.local_path"
    ).replace("WHERE", "JOIN main.artifacts AS a ON a.log = t.log AND a.place = t.place WHERE"),
    "alerts": _of_logs("alerts", f"{_time('t.time')} AS time", "t.level", "t.title", "t.text"),
    "logs": _LOGS.format(started=_time("l.started_at")),
}  # fmt: skip
"""Name of a view -> its query."""

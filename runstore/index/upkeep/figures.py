"""How much is in the index, as it is."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from runstore.index.database import open_index
from runstore.index.upkeep.renewal import SCHEMA_VERSION

_COUNTS = {
    "runs": "SELECT count(*) FROM runs",
    "logs": "SELECT count(*) FROM logs",
    "logs_to_index": "SELECT count(*) FROM to_index WHERE path NOT IN (SELECT path FROM logs)",
    "records": "SELECT coalesce(sum(records), 0) FROM logs",
    "points": "SELECT coalesce(sum(n), 0) FROM chunks",
    "lost_bytes": "SELECT coalesce(sum(lost_bytes), 0) FROM logs",
}


def figures(path: Path) -> dict[str, Any]:
    """Return path, schema, size in bytes and counts of the index at `path`, which is made where it is missing."""
    with closing(open_index(path)) as connection:
        counts = {name: connection.execute(query).fetchone()[0] for name, query in _COUNTS.items()}
        roots = [root for (root,) in connection.execute("SELECT path FROM roots ORDER BY path")]
        files = [path, path.with_name(f"{path.name}-wal")]
        return {
            "path": str(path),
            "schema": SCHEMA_VERSION,
            "size": sum(file.stat().st_size for file in files if file.exists()),
            **counts,
            "roots": roots,
        }

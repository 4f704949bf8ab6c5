"""A plugin of Datasette: the views that show every point can be asked for in its SQL, too.

Only Datasette imports this. Views whose names are those of tables are left out, since its pages show the tables.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from datasette import hookimpl

from runstore.index.database import connect_read_only
from runstore.index.upkeep.renewal import SCHEMA_VERSION
from runstore.query.sql.functions import Answers
from runstore.query.sql.views import make_views

_VIEWS = ("points", "history", "system_metrics", "config", "summary")


@hookimpl  # type: ignore[untyped-decorator]
def prepare_connection(conn: sqlite3.Connection, database: str, datasette: Any) -> None:
    """Add the views to a connection, if it is one to an index of this version."""
    files = [file for _, name, file in conn.execute("PRAGMA database_list") if name == "main" and file]
    if conn.execute("SELECT 1 FROM sqlite_temp_master WHERE name = ?", (_VIEWS[0],)).fetchone():
        return  # the plugin is loaded twice: it is installed, and in a folder of plugins
    if not files or conn.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
        return
    if conn.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('runs', 'chunks')").fetchone()[0] < 2:
        return
    behind = connect_read_only(Path(files[0]), "mode=ro")
    if behind is not None:
        Answers(behind).register(conn)
        make_views(conn, _VIEWS)

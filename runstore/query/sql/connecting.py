"""The index as SQL tables, every point included, for anyone's `sqlite3`: `connect().execute("select ...")`."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runstore.errors import IndexUnusable, NotFound
from runstore.index.connection import IndexConnection
from runstore.index.database import connect_read_only, index_path
from runstore.query.api import Api
from runstore.query.sql.functions import Answers
from runstore.query.sql.views import VIEWS, make_views

# Virtual machine instructions of SQLite between two looks at whether Ctrl-C was pressed: about a millisecond.
_LOOK_EVERY = 100_000


class SqlConnection(sqlite3.Connection):
    """What `connect` returns: a plain sqlite3.Connection, but for what it owns."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._answers: Answers | None = None
        self._behind: IndexConnection | None = None

    @property
    def failure(self) -> Exception | None:
        """What went wrong behind a view, where SQLite only says "user-defined function raised exception"."""
        return self._answers.failure if self._answers is not None else None

    def reads(self, behind: IndexConnection) -> None:
        """Make the views, whose rows are read over a connection of their own."""
        self._behind, self._answers = behind, Answers(behind)
        self._answers.register(self)
        make_views(self, VIEWS)

    def close(self) -> None:
        """Let the index go."""
        super().close()
        if self._behind is not None:
            self._behind.close()


def connect(path: Path | str | None = None, *, refresh: bool = True) -> SqlConnection:
    """Return a connection that reads the index at `path`, by default this machine's, with views for people.

    The views are `runs`, `config`, `summary`, `points`, `history`, `system_metrics`, `console`, `files`, `artifacts`,
    `artifact_entries`, `alerts` and `logs`, as docs/reading.md describes them; the tables themselves are in the schema
    `main`. The index is brought up to date first; with `refresh=False` it is read as it is. A million points take
    about half a second.

    Raises NotFound where there is no index, IndexUnusable where it can't be read.
    """
    where = index_path() if path is None else Path(path)
    if refresh:
        Api(where).close()
    if not where.exists():
        raise NotFound(f"{where}: there is no index; `runstore runs list PATH` makes one of the runs below PATH")
    # Where nobody can write, not even SQLite's own files beside the index, it must be told so.
    for option in ("mode=ro", "immutable=1"):
        behind = connect_read_only(where, option)
        if behind is not None:
            uri = f"file:{quote(str(where))}?{option}"
            connection = sqlite3.connect(uri, uri=True, factory=SqlConnection)
            connection.reads(behind)
            connection.set_progress_handler(lambda: 0, _LOOK_EVERY)  # lets Python see signals in long queries
            return connection
    raise IndexUnusable(f"{where}: can't be read as an index; `runstore runs list` makes it anew")

"""The first rows of logged tables, with the media in their cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runstore.errors import NotFound
from runstore.query.api import Api
from runstore.query.media.tables import NotATable
from runstore.query.stored.run import StoredRun
from runstore.web.export.files import Embedded
from runstore.web.jsontext import as_json
from runstore.web.media.tablefiles import Found
from runstore.web.media.tableviews import Tables, columns_json, rows_json

MOST_ROWS = 1_000  # of a table
_MOST_BYTES_OF_ONE = 1 << 20
_MOST_BYTES = 6 << 20  # of all of a page
_MOST_TEXT = 4_000  # characters of a cell; the page shows its beginning, and the rest where it is asked for


class Rows:
    """Takes rows in until the page is full; counts the tables that are not whole."""

    def __init__(self, tables: Tables, files: Embedded) -> None:
        self._tables, self._files = tables, files
        self._room = _MOST_BYTES
        self._cut = 0

    def of(self, api: Api, run: StoredRun, key: str, place: int | None) -> dict[str, Any]:
        """Return the first rows of a table of a run, and how many it has; or why there is none, as `error`."""
        try:
            _, found = self._tables.at(api, run, key, None, place)
        except (NotFound, NotATable) as error:
            return {"error": str(error)}
        rows = list(self._begin(found))
        self._cut += len(rows) < len(found.table.rows)
        return {**columns_json(found.table), "all_rows": len(found.table.rows), "rows": rows}

    def left_out(self) -> Iterator[str]:
        """Yield what of the tables is not in the page."""
        if self._cut:
            tables = "1 table" if self._cut == 1 else f"{self._cut:,} tables"
            yield f"of {tables} all but the first rows; how many is said below each"

    def _begin(self, found: Found) -> Iterator[list[Any]]:
        room = min(self._room, _MOST_BYTES_OF_ONE)
        for number in range(min(MOST_ROWS, len(found.table.rows))):
            (cells,) = rows_json(found, [number], _MOST_TEXT)
            size = len(as_json(cells))
            if size > room:
                return
            room -= size
            self._room -= size
            yield [self._with_files(cell) for cell in cells]

    def _with_files(self, cell: Any) -> Any:
        return {"media": self._files.view(cell["media"])} if isinstance(cell, dict) and "media" in cell else cell

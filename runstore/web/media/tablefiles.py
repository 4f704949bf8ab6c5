"""The tables that media values name: found in artifacts or files of the run, read, and kept for the next page of them.

A file is read whole, since it is one JSON; so what is read for one table has a largest size, and takes no more memory
than that, as far as it can be told beforehand; nor do all that are kept together with the one that is read.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from runstore.errors import NotFound
from runstore.query.api import Api
from runstore.query.media.artifacts import meant_by, paths_below
from runstore.query.media.tables import NotATable, Table, joined, memory_of, parsed, stacked, table_of
from runstore.query.stored.run import StoredRun
from runstore.web.media.folders import ArtifactFolder, Folder, RunFolder
from runstore.web.places import read_begin
from runstore.web.site import Site

MOST_BYTES = 64 << 20  # of the files of one table
MOST_MEMORY = 512 << 20  # of one table, and of all that are kept
_MOST_PARTS = 1000
_TABLE_ENDING = ".table.json"

_File: TypeAlias = tuple[int, int, int, int]  # device, inode, time of change, size: another content is another file
_Said: TypeAlias = "Table | Mapping[str, Any]"  # a table, or how one is put together of others


class Found(NamedTuple):
    """A table, and what the paths in its cells are relative to."""

    table: Table
    folder: Folder


class TableFiles:
    """Tables that were read lately, by their files as they are now; asked from several threads."""

    def __init__(self, most_memory: int = MOST_MEMORY) -> None:
        self._most_memory = most_memory
        self._kept: OrderedDict[_File, tuple[_Said, int]] = OrderedDict()
        self._lock = threading.Lock()
        # A table takes many times as much memory as its file: one is read at a time, and by the first who asks.
        self.one_reads = threading.Lock()

    def table(self, site: Site, api: Api, run: StoredRun, value: Mapping[str, Any]) -> Found:
        """Return the table that a media value of a run names.

        Raises NotFound where none of the files that hold it is here, and NotATable for what is none, or too large.
        """
        addresses = [*_list(value.get("previous_increments_paths"))[-_MOST_PARTS:], value.get("artifact_path")]
        reading = _Reading(self)
        parts = [part for address in addresses if (part := _of_artifact(reading, site, api, address)) is not None]
        if parts:
            return Found(_one(part.table for part in parts), parts[-1].folder)
        folder, path = RunFolder(site, api, run), value.get("path")
        table = reading.table(folder, path) if isinstance(path, str) and path else None
        if table is None:
            raise NotFound("the table's file is not on this machine: it was not brought along with the run")
        return Found(table, folder)

    def known(self, file: _File) -> tuple[_Said, int] | None:
        """Return what was read from a file before, and how much memory that takes."""
        with self._lock:
            if file in self._kept:
                self._kept.move_to_end(file)
            return self._kept.get(file)

    def make_room(self, memory: int) -> None:
        """Let go of what was asked for longest ago, until there is room for so many bytes more."""
        with self._lock:
            while self._kept and sum(each for _, each in self._kept.values()) + memory > self._most_memory:
                self._kept.popitem(last=False)

    def keep(self, file: _File, said: _Said, memory: int) -> None:
        """Keep what was read from a file, after room was made for it."""
        with self._lock:
            self._kept[file] = said, memory


class _Reading:
    """The files that are read for one table."""

    def __init__(self, files: TableFiles) -> None:
        self._files = files
        self._bytes = self._memory = 0

    def table(self, folder: Folder, path: str) -> Table | None:
        """Return the table in a file; None where it is not here, or is none itself."""
        said = self.said(folder, path)
        return said if isinstance(said, Table) else None

    def said(self, folder: Folder, path: str) -> _Said | None:
        """Return what is in a file; None where it is not here. Raises NotATable."""
        opened = folder.open(path)
        if opened is None:
            return None
        with opened:
            status = os.fstat(opened.fileno())
            self._bytes += status.st_size
            if self._bytes > MOST_BYTES:
                raise _too_large(f"has more than the {MOST_BYTES:,} bytes that are shown", path)
            file = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
            with self._files.one_reads:
                known = self._files.known(file)
                said, memory = known or self._read(opened, status.st_size, path)
                if known is None:
                    self._files.keep(file, said, memory)
                else:
                    self._take(memory, path)
        return said

    def _read(self, opened: BinaryIO, size: int, path: str) -> tuple[_Said, int]:
        """Return what is in an open file, and how much memory it takes."""
        content = read_begin(opened, size)
        memory = memory_of(content)
        self._take(memory, path)
        self._files.make_room(memory)
        return _understood(parsed(content)), memory

    def _take(self, memory: int, path: str) -> None:
        self._memory += memory
        if self._memory > MOST_MEMORY:
            size = f"{self._memory >> 20:,} MiB of memory, more than the {MOST_MEMORY >> 20}"
            raise _too_large(f"would take about {size} that there are for one", path)


def _too_large(how: str, path: str) -> NotATable:
    return NotATable(f"the table {how}; download its file {path.rpartition('/')[2]}")


def _of_artifact(reading: _Reading, site: Site, api: Api, address: object) -> Found | None:
    for meant in meant_by(api.connection, address):
        folder = ArtifactFolder(site, api, meant)
        said = reading.said(folder, meant.path)
        if isinstance(said, Table):
            return Found(said, folder)
        if said is None:
            continue
        if said.get("_type") == "joined-table":
            return _joined(reading, folder, said)
        manifests = api.known_artifacts().manifests
        paths = paths_below(api.connection, meant, str(said.get("parts_path")), manifests)
        tables = [reading.table(folder, path) for path in paths[:_MOST_PARTS] if path.endswith(_TABLE_ENDING)]
        known = [table for table in tables if table is not None]
        return Found(stacked(known), folder) if known else None
    return None


def _joined(reading: _Reading, folder: Folder, said: Mapping[str, Any]) -> Found | None:
    one, other = (reading.table(folder, str(said.get(name))) for name in ("table1", "table2"))
    if one is None or other is None:
        return None
    key = said.get("join_key")
    keys = key if isinstance(key, list) and len(key) == 2 else [key, key]
    return Found(joined(one, other, (str(keys[0]), str(keys[1]))), folder)


def _understood(said: Any) -> _Said:
    """Return a table, or what says how one is put together. Raises NotATable."""
    if isinstance(said, dict) and said.get("_type") in ("joined-table", "partitioned-table"):
        return said
    try:
        return table_of(said)
    except RecursionError:
        raise NotATable("the types of the table's columns are nested too deeply") from None


def _one(tables: Any) -> Table:
    found: Sequence[Table] = list(tables)
    return found[0] if len(found) == 1 else stacked(found)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

"""Parquet: a row a step with a column a metric, in row groups of a window each. Needs the extra `arrow`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from runstore.core.json_names import named
from runstore.query.export.runtable import table_columns
from runstore.query.export.windows import RunHistory
from runstore.query.points.frames import arrow_array, arrow_table, library

_COMPRESSION = "zstd"


class Parquet:
    """What is missing is null. The file's metadata has the run, config and summary included, under `runstore.run`."""

    suffix = table_suffix = ".parquet"

    def __init__(self) -> None:
        self._arrow = library("pyarrow", "arrow")
        self._parquet = library("pyarrow.parquet", "arrow")

    def write_run(
        self, path: Path, run: Mapping[str, Any], history: RunHistory, progress: Callable[[int], None]
    ) -> None:
        """Write a row group a window."""
        writer = None
        try:
            for columns in history.windows():
                table = arrow_table(columns)
                if writer is None:
                    said = orjson.dumps(named(run), option=orjson.OPT_NON_STR_KEYS)
                    schema = table.schema.with_metadata({"runstore.run": said})
                    writer = self._parquet.ParquetWriter(path, schema, compression=_COMPRESSION)
                writer.write_table(table.replace_schema_metadata(writer.schema.metadata))
                progress(columns.points)
        finally:
            if writer is not None:
                writer.close()

    def write_table(self, path: Path, runs: Sequence[Mapping[str, Any]]) -> None:
        """Write a row a run."""
        arrays = {name: arrow_array(column) for name, column in table_columns(runs).items()}
        self._parquet.write_table(self._arrow.table(arrays), path, compression=_COMPRESSION)

"""Table: rows of values and media under typed columns.

Logged to a run, a table is two things: a file of plain JSON in the run directory, and an artifact of the run's own that
holds all of it, with types and media. What is recorded in the row refers to both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from runstore.errors import WrongArtifact
from runstore.sdk.media.base import (
    ArtifactFolder,
    Media,
    MediaFolder,
    StoredFolder,
    WrongMedia,
    WrongMediaType,
    file_name,
)
from runstore.sdk.media.tablekeys import ForeignIndex, ForeignKey, PrimaryKey, TableIndex, TableKey, linked
from runstore.sdk.media.tablerows import Column, columns_and_rows, same
from runstore.sdk.media.tabletypes import (
    ANYTHING,
    UNKNOWN,
    DictOf,
    Kind,
    Scalar,
    TableFolder,
    TableOf,
    Union,
    is_numpy_scalar_of,
    kind_for,
    kind_of,
    optional,
)

if TYPE_CHECKING:
    from runstore.sdk.artifacts.artifact import Artifact
    from runstore.sdk.recorder import Recorder

LogMode = Literal["IMMUTABLE", "MUTABLE", "INCREMENTAL"]

_LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")
_INCREMENTAL_ARTIFACT = "wandb-run-incremental-table"
_MOST_INCREMENTS = 100  # that W&B's pages show
_LINKED = (PrimaryKey, ForeignKey, ForeignIndex)


@dataclass
class _Increments:
    """How far a table of mode INCREMENTAL was logged."""

    number: int = 0
    earlier: list[str] = field(default_factory=list)  # addresses of the increments before
    rows: int = 0  # that are logged


@dataclass
class _Recorded:
    """What a table became when it was logged."""

    recorder: Recorder
    json: dict[str, Any]


class Table(Media):
    """A table to be logged or put into an artifact. Cells may be numbers, texts, times, lists, dicts, arrays, media."""

    log_type = "table"
    MAX_ROWS: ClassVar[int] = 10_000  # of the plain file in the run directory
    MAX_ARTIFACT_ROWS: ClassVar[int] = 200_000

    def __init__(
        self,
        columns: Sequence[Column] | None = None,
        data: Any = None,
        rows: Iterable[Iterable[Any]] | None = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | list[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: LogMode = "IMMUTABLE",
    ) -> None:
        """Make a table, of `data`: a list of rows, a two-dimensional array of numpy's, or a data frame of pandas'.

        `columns` are its names, Input, Output and Expected by default; a data frame brings its own. `rows` is the older
        name of `data`. `dtype` is the type of all columns, or a list of one for each: a class such as int or Image, a
        list or dict of such, or a constant; by default it is found from the data. `optional` says whether values may
        be missing, for all columns or each. With `allow_mixed_types` any value goes into any column.

        A table of `log_mode` IMMUTABLE is logged once, as it is then; one of MUTABLE anew after each change; of
        INCREMENTAL, each time what was added since.

        Raises WrongMedia for columns, rows or a mode that can't be, WrongMediaType for a value that doesn't fit.
        """
        if log_mode not in _LOG_MODES:
            raise WrongMedia(f"log_mode is one of {', '.join(_LOG_MODES)}, not {log_mode!r}")
        self.log_mode = log_mode
        self.columns, found = columns_and_rows(columns, data if data is not None else rows, dataframe)
        self.data: list[list[Any]] = []
        self.column_types = DictOf({})
        self.kept_in: tuple[Artifact, str] | None = None
        self._usual: dict[Column, set[type]] = {}  # classes that a column took, and takes without a look
        self._recorded: _Recorded | None = None
        self._increments = _Increments()
        self._set_types(ANYTHING if allow_mixed_types else dtype, optional)
        for row in found:
            self.add_data(*row)

    # Adding to it.

    def add_data(self, *data: Any) -> None:
        """Add a row: one value for each column.

        Raises WrongMedia for another number of values, WrongMediaType for a value that doesn't fit its column.
        """
        if len(data) != len(self.columns):
            raise WrongMedia(
                f"a row of this table has {len(self.columns)} values, {self.columns}; this has {len(data)}"
            )
        changed: dict[Column, Kind] = {}
        for column, value in zip(self.columns, data, strict=True):
            if type(value) not in self._usual[column] or value != value:
                kind = self._kind_taking(column, value)
                if kind != self.column_types.fields[column]:
                    changed[column] = kind
                elif is_numpy_scalar_of(type(value), kind):
                    self._usual[column].add(type(value))
        self._changes()
        if changed:
            self._retype(changed)
        self.data.append(list(data))
        self._link(self.data[-1:])

    def add_row(self, *row: Any) -> None:
        """Add a row; the older name of `add_data`."""
        self.add_data(*row)

    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        """Add a column: a list, or an array of numpy's, of one value for each row.

        Raises WrongMedia for a name that is taken or another number of values, WrongMediaType for values that have
        nothing in common, or are missing although the column isn't `optional`.
        """
        self._not_incremental("add_column")
        if not isinstance(name, str) or name in self.columns:
            raise WrongMedia(f"a new column needs a name of its own, not {name!r}")
        values = list(data)
        if self.columns and len(values) != len(self.data):
            raise WrongMedia(f"column {name!r} needs {len(self.data)} values, one for each row; this has {len(values)}")
        kind = _taking_all(values, _optional(UNKNOWN) if optional else UNKNOWN, name)
        self._changes()
        if not self.columns:
            self.data = [[] for _ in values]
        for row, value in zip(self.data, values, strict=True):
            row.append(value)
        self.columns.append(name)
        self._retype({name: kind})

    def add_computed_columns(self, fn: Callable[[int, dict[Column, Any]], dict[str, Any]]) -> None:
        """Add columns that are computed row by row: `fn(number, row)` returns a dict of the new values by column."""
        self._not_incremental("add_computed_columns")
        computed: dict[str, list[Any]] = {}
        for number, row in self.iterrows():
            for name, value in fn(number, dict(zip(self.columns, row, strict=True))).items():
                computed.setdefault(name, []).append(value)
        for name, values in computed.items():
            self.add_column(name, values)

    def cast(self, col_name: Column, dtype: Any, optional: bool = False) -> Kind:
        """Set the type of a column, see `dtype` of the constructor, and return it.

        Raises WrongMedia for no column, WrongMediaType where a value that is there doesn't fit.
        """
        place = self._place(col_name)
        kind = kind_for(dtype)
        if isinstance(kind, _LINKED) and optional:
            raise WrongMedia(f"column {col_name!r} links tables: its values can't be optional")
        if isinstance(kind, (ForeignKey, ForeignIndex)) and kind.table is self:
            raise WrongMedia(f"column {col_name!r} can't link a table to itself")
        kind = _taking_all([row[place] for row in self.data], _optional(kind) if optional else kind, col_name)
        self._changes()
        self._retype({col_name: kind})
        self._link(self.data)
        return kind

    def set_pk(self, col_name: Column) -> None:
        """Make the values of a column the names of the rows, to which other tables can be linked."""
        if any(isinstance(kind, PrimaryKey) for kind in self.column_types.fields.values()):
            raise WrongMedia("a table has one primary key, and this one has it already")
        self.cast(col_name, PrimaryKey())

    def set_fk(self, col_name: Column, table: Table, table_col: str) -> None:
        """Link the values of a column to those of a column of another table."""
        table._place(table_col)
        self.cast(col_name, ForeignKey(table, table_col))

    # Reading it.

    def iterrows(self) -> Iterator[tuple[TableIndex, list[Any]]]:
        """Yield each row's number, which links to it when it is put into another table, and its values."""
        for number, row in enumerate(self.data):
            yield TableIndex.of(number, self), row

    def get_index(self) -> list[TableIndex]:
        """Return the numbers of all rows, which link to them when they are put into another table."""
        return [TableIndex.of(number, self) for number in range(len(self.data))]

    def index_ref(self, index: int) -> TableIndex:
        """Return the number of a row as a link to it."""
        if not 0 <= index < len(self.data):
            raise WrongMedia(f"there is no row {index} in a table of {len(self.data)}")
        return TableIndex.of(index, self)

    def get_column(self, name: Column, convert_to: Literal["numpy"] | None = None) -> Any:
        """Return the values of a column, as a list or, with `convert_to="numpy"`, an array."""
        place = self._place(name)
        values = [row[place] for row in self.data]
        if convert_to is None:
            return values
        if convert_to != "numpy":
            raise WrongMedia(f'convert_to is "numpy" or None, not {convert_to!r}')
        import numpy as np

        return np.array([value.to_data_array() if hasattr(value, "to_data_array") else value for value in values])

    def get_dataframe(self) -> Any:
        """Return the table as a data frame of pandas'."""
        import pandas as pd

        return pd.DataFrame.from_records(self.data, columns=self.columns)

    def has_been_logged(self) -> bool:
        """Whether it was logged, or put into an artifact, as it is now."""
        return self._recorded is not None or self.kept_in is not None

    def kind_in_table(self) -> Kind:
        """Return the kind of a column that holds such tables."""
        return TableOf(self.column_types)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table) or len(self.data) != len(other.data):
            return False
        if self.columns != other.columns or self.column_types != other.column_types:
            return False
        return all(map(same, self.data, other.data))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Table of {len(self.data)} rows: {', '.join(map(str, self.columns))}>"

    # Recording it.

    def recorded(self, recorder: Recorder, key: str, step: int | str) -> dict[str, Any]:
        """See Media.recorded. A table that did not change since it was logged is not written again."""
        from runstore.sdk.media import tablejson
        from runstore.sdk.media.onefile import file_json

        if self._recorded is None or self._recorded.recorder is not recorder:
            if self.log_mode == "INCREMENTAL":
                self._go_on(recorder, key)
            self._check_rows(recorder)
            address, latest = self._log_artifact(recorder, key)
            rows = self._new_rows()[: self.MAX_ROWS]
            data = file_json(tablejson.plain_json(self, rows))
            file = recorder.part(MediaFolder).put(data, self.log_type, key, step, "table.json")
            said = {**file, "artifact_path": address, "_latest_artifact_path": latest, **self._progress()}
            self._recorded = _Recorded(recorder, said)
            self._increments.rows = len(self.data)
        size = {"ncols": len(self.columns), "nrows": len(self.data), "log_mode": self.log_mode}
        kind = "incremental-table-file" if self.log_mode == "INCREMENTAL" else "table-file"
        return {**self._recorded.json, "_type": kind, **size}

    def in_artifact(self, artifact: ArtifactFolder) -> dict[str, Any]:
        """See Media.in_artifact."""
        from runstore.sdk.media import tablejson

        rows = tablejson.limited(self._new_rows(), self.MAX_ARTIFACT_ROWS)
        return {**tablejson.typed_json(self, rows, cast(TableFolder, artifact)), **self._progress()}

    @classmethod
    def restored(cls, said: Mapping[str, Any], folder: StoredFolder) -> Table:
        """See Media.restored."""
        from runstore.sdk.media.storedtypes import stored_kind, stored_rows

        columns = list(said["columns"])
        made = cls(columns, log_mode=said.get("log_mode") or "IMMUTABLE")
        known = stored_kind(said.get("column_types") or {}, folder)
        kinds: dict[Column, Kind] = dict.fromkeys(columns, ANYTHING)
        if isinstance(known, DictOf):
            kinds = {column: known.fields.get(str(column), ANYTHING) for column in columns}
        made.data = stored_rows(said["data"], columns, kinds, folder)
        made._retype(kinds)
        made._link(made.data)
        return made

    def _log_artifact(self, recorder: Recorder, key: str) -> tuple[str, str]:
        """Log the table's artifact; return the address of this table in it, and of the newest of its name."""
        from runstore.sdk.artifacts.artifact import Artifact
        from runstore.sdk.artifacts.recording import ArtifactLog

        if self.log_mode == "INCREMENTAL":
            artifact = Artifact.of_the_run(f"run-{recorder.run_id}-incr-{key}", _INCREMENTAL_ARTIFACT, incremental=True)
            name = f"{self._increments.number}-{time.time_ns() // 1_000_000}.{key}"
        else:
            artifact, name = Artifact.of_the_run(f"run-{recorder.run_id}-{key}", "run_table"), key
        try:
            entry = artifact.add(self, name)
        except WrongArtifact:  # a key that leads out of the artifact, which is no name in it
            entry = artifact.add(self, file_name(name))
        log = recorder.part(ArtifactLog)
        if artifact.incremental:  # a number it needs: it adds to the version before
            log.log_artifact(artifact)
        else:
            log.log_unnumbered(artifact)
        # Where the table was in an artifact that was logged, the run's refers to that.
        holder, path = self.kept_in if self.kept_in and self.kept_in[0].is_finalized else (artifact, entry.path)
        scheme = "wandb-client-artifact://"
        return f"{scheme}{holder.client_id}/{path}", f"{scheme}{holder.sequence_client_id}:latest/{path}"

    def _new_rows(self) -> list[list[Any]]:
        return self.data[self._increments.rows :] if self.log_mode == "INCREMENTAL" else self.data

    def _progress(self) -> dict[str, Any]:
        if self.log_mode != "INCREMENTAL":
            return {}
        return {
            "increment_num": self._increments.number,
            "previous_increments_paths": list(self._increments.earlier),
        }

    def _go_on(self, recorder: Recorder, key: str) -> None:
        """Begin the first increment: behind those of the earlier process, where the run was resumed."""
        if self._recorded is not None and self._recorded.recorder is not recorder:
            raise WrongMedia(f"{key}: a table of log_mode INCREMENTAL belongs to the run that it was first logged to")
        before = recorder.summary.get(key) if recorder.resumed and not self._increments.earlier else None
        if isinstance(before, dict) and before.get("_type") == "incremental-table-file":
            self._increments.earlier = [*before.get("previous_increments_paths", []), before["artifact_path"]]
            self._increments.number = before.get("increment_num", 0) + 1

    def _check_rows(self, recorder: Recorder) -> None:
        most = self.MAX_ARTIFACT_ROWS
        if len(self._new_rows()) <= most:
            return
        text = f"a table has {len(self.data):,} rows; {most:,} are recorded at most, see Table.MAX_ARTIFACT_ROWS"
        if getattr(recorder.settings, "table_raise_on_max_row_limit_exceeded", False):
            raise WrongMedia(text)
        recorder.warn(text)

    # Its types.

    def _set_types(self, dtype: Any, optional: bool | list[bool]) -> None:
        wanted = dtype if isinstance(dtype, list) else [dtype] * len(self.columns)
        may_lack = optional if isinstance(optional, list) else [optional] * len(self.columns)
        for column, kind, lacks in zip(self.columns, wanted, may_lack, strict=False):
            self.cast(column, UNKNOWN if kind is None else kind, lacks)
        for column in self.columns[min(len(wanted), len(may_lack)) :]:
            self.cast(column, UNKNOWN, optional=True)

    def _kind_taking(self, column: Column, value: Any) -> Kind:
        """Return what the column's type becomes by a value. Raises WrongMediaType."""
        kind = self.column_types.fields[column]
        if isinstance(value, (TableKey, TableIndex)) and not isinstance(kind, _LINKED):
            kind = _taking_all([row[self._place(column)] for row in self.data], kind_of(value), column)
        return _taking_all([value], kind, column)

    def _retype(self, changed: dict[Column, Kind]) -> None:
        self.column_types = DictOf({**self.column_types.fields, **changed})
        for column, kind in changed.items():
            self._usual[column] = _classes_taken(kind)

    def _link(self, rows: list[list[Any]]) -> None:
        for place, column in enumerate(self.columns):
            kind = self.column_types.fields.get(column)
            if isinstance(kind, _LINKED):
                for row in rows:
                    row[place] = linked(row[place], kind, self, column)

    def _place(self, column: Column) -> int:
        if column not in self.columns:
            raise WrongMedia(f"there is no column {column!r} in this table of {self.columns}")
        return self.columns.index(column)

    def _not_incremental(self, what: str) -> None:
        if self.log_mode == "INCREMENTAL":
            raise WrongMedia(f"{what}: a table of log_mode INCREMENTAL takes rows only; MUTABLE takes columns too")

    def _changes(self) -> None:
        """See to it that a change will be logged, or say that it won't."""
        if not self.has_been_logged():
            return
        if self.log_mode == "MUTABLE":
            self._recorded = self.kept_in = None
        elif self.log_mode == "IMMUTABLE" and self._recorded is not None:
            self._recorded.recorder.warn(
                "a table was changed after it was logged: the change is not, unless it is made with log_mode='MUTABLE'"
            )
        elif self._recorded is not None:
            self._begin_increment(self._recorded)

    def _begin_increment(self, last: _Recorded) -> None:
        self._increments.earlier.append(last.json["artifact_path"])
        self._increments.number += 1
        self._recorded = self.kept_in = None
        if self._increments.number == _MOST_INCREMENTS:
            last.recorder.warn(
                f"a table has more than {_MOST_INCREMENTS} increments; W&B's pages show the newest of them"
            )


_optional = optional  # by another name, where a parameter has this one


def _taking_all(values: Sequence[Any], kind: Kind, column: Column) -> Kind:
    """Return what a kind becomes when it takes these values. Raises WrongMediaType, naming the column and the value."""
    for value in values:
        found = kind.taking(value)
        if found is None:
            text = repr(value)
            short = text if len(text) <= 100 else text[:100] + "..."
            raise WrongMediaType(f"column {column!r} holds {kind}, which {short} ({kind_of(value)}) is not")
        kind = found
    return kind


def _classes_taken(kind: Kind) -> set[type]:
    """Return the classes of Python whose values this kind takes without becoming another one."""
    taken: set[type] = set()
    for member in kind.members if isinstance(kind, Union) else (kind,):
        if member == ANYTHING:
            taken.update((str, int, float, bool))
        elif isinstance(member, Scalar):
            taken.update({"string": (str,), "number": (int, float), "boolean": (bool,)}.get(member.name, ()))
    return taken

"""Links between tables: columns whose values name a row of another table, by a key or by its number."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runstore.sdk.media.tabletypes import NUMBER, STRING, Kind, TableFolder

if TYPE_CHECKING:
    from runstore.sdk.media.table import Table


class TableKey(str):
    """A value of a key's column; knows its table and column."""

    table: Table
    column: str | int

    @classmethod
    def of(cls, value: Any, table: Table, column: str | int) -> TableKey:
        """Return `value` as a key of this column."""
        key = cls(value)
        key.table, key.column = table, column
        return key

    def kind_in_table(self) -> Kind:
        """Return the kind of a column that holds such keys."""
        return ForeignKey(self.table, str(self.column))


class TableIndex(int):
    """The number of a row; knows its table."""

    table: Table

    @classmethod
    def of(cls, value: int, table: Table) -> TableIndex:
        """Return `value` as the number of a row of this table."""
        index = cls(value)
        index.table = table
        return index

    def get_row(self) -> dict[str | int, Any]:
        """Return the row, as a dict by columns."""
        return dict(zip(self.table.columns, self.table.data[self], strict=True))

    def kind_in_table(self) -> Kind:
        """Return the kind of a column that holds such numbers."""
        return ForeignIndex(self.table)


@dataclass(frozen=True)
class PrimaryKey(Kind):
    """The column whose values name the table's rows."""

    name = "primaryKey"

    def taking(self, value: Any) -> Kind | None:
        """Take strings, and keys that they became."""
        return self if isinstance(value, TableKey) else super().taking(value)

    def joined(self, other: Kind) -> Kind | None:
        """Take strings."""
        return self if other == STRING or isinstance(other, PrimaryKey) else None


@dataclass(frozen=True, eq=False)
class ForeignKey(Kind):
    """Values of a column of another table."""

    name = "foreignKey"
    table: Table
    col_name: str

    def joined(self, other: Kind) -> Kind | None:
        """Take strings, and keys of the same column."""
        same = isinstance(other, ForeignKey) and (id(other.table), other.col_name) == (id(self.table), self.col_name)
        return self if same or other == STRING else None

    def parameters(self, artifact: TableFolder) -> dict[str, Any]:
        """Return the column, and the table, which is put into the artifact too."""
        return {"table": _put(self.table, artifact), "col_name": self.col_name}


@dataclass(frozen=True, eq=False)
class ForeignIndex(Kind):
    """Numbers of rows of another table."""

    name = "foreignIndex"
    table: Table

    def joined(self, other: Kind) -> Kind | None:
        """Take numbers."""
        return self if other == NUMBER or (isinstance(other, ForeignIndex) and other.table is self.table) else None

    def parameters(self, artifact: TableFolder) -> dict[str, Any]:
        """Return the table, which is put into the artifact too."""
        return {"table": _put(self.table, artifact)}


def linked(value: Any, kind: Kind, table: Table, column: str | int) -> Any:
    """Return a value of a table's column as what its kind makes of it: a key or a number that knows its table."""
    if isinstance(kind, PrimaryKey):
        return TableKey.of(value, table, column)
    if isinstance(kind, ForeignKey):
        return TableKey.of(value, kind.table, kind.col_name)
    return TableIndex.of(value, kind.table) if isinstance(kind, ForeignIndex) else value


def _put(table: Table, artifact: TableFolder) -> str:
    entry = artifact.add(table, f"media/tables/t_{secrets.token_hex(4)}")
    return str(entry.path)

"""JoinedTable: two tables of an artifact, to be looked at side by side where their keys are equal."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from runstore.core.manifest import ManifestEntry, hex_of
from runstore.sdk.media.base import ArtifactFolder, Media, StoredFolder, WrongMedia
from runstore.sdk.media.table import Table

if TYPE_CHECKING:
    from runstore.sdk.artifacts.artifact import Artifact
    from runstore.sdk.recorder import Recorder

Joined = Table | ManifestEntry | str

_TABLE = ".table.json"
_DIGEST_CHARACTERS = 20


class JoinedTable(Media):
    """Two tables and the keys by which W&B's pages join them; it can be put into artifacts."""

    log_type = "joined-table"

    def __init__(self, table1: Joined, table2: Joined, join_key: str | list[str]) -> None:
        """Take two tables, each a Table, the path of one in the artifact, or the entry of one in another artifact.

        `join_key` is the name of a column of both, or a list of two. Raises WrongMedia for anything else.
        """
        if not isinstance(join_key, str) and not (isinstance(join_key, list) and len(join_key) == 2):
            raise WrongMedia(f"join_key is the name of a column, or a list of two, not {join_key!r}")
        for table in (table1, table2):
            path = table.path if isinstance(table, ManifestEntry) else table
            if not isinstance(table, Table) and not (isinstance(path, str) and path.endswith(_TABLE)):
                raise WrongMedia(f"a JoinedTable is made of tables, or of paths that end in {_TABLE}, not {table!r}")
        self.table1, self.table2, self.join_key = table1, table2, join_key

    def recorded(self, recorder: Recorder, key: str, step: int | str) -> dict[str, Any]:
        """Return the reference to where it is. Raises WrongMedia for one that is in no artifact yet."""
        kept: tuple[Artifact, str] | None = self.__dict__.get("kept_in")
        if kept is None:
            raise WrongMedia(
                f"{key}: a JoinedTable can be logged when it was added to an artifact: artifact.add(it, name)"
            )
        artifact, path = kept
        return {"_type": self.log_type, "artifact_path": f"wandb-client-artifact://{artifact.client_id}/{path}"}

    def in_artifact(self, artifact: ArtifactFolder) -> dict[str, Any]:
        """See Media.in_artifact; adds the tables that are not there yet."""
        into = cast("Artifact", artifact)
        paths = [_path_in(into, table, place) for place, table in ((1, self.table1), (2, self.table2))]
        return {"_type": self.log_type, "table1": paths[0], "table2": paths[1], "join_key": self.join_key}

    @classmethod
    def restored(cls, said: Mapping[str, Any], folder: StoredFolder) -> JoinedTable:
        """See Media.restored; the tables are there as such."""
        tables = [cast(Table, folder.media(said[name])) for name in ("table1", "table2")]
        return cls(tables[0], tables[1], said["join_key"])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JoinedTable):
            return False
        mine, theirs = (self.table1, self.table2, self.join_key), (other.table1, other.table2, other.join_key)
        return mine == theirs

    __hash__ = None  # type: ignore[assignment]


def _path_in(artifact: Artifact, table: Joined, place: int) -> str:
    """Return the path of a table in an artifact, adding it where it is not there. Raises WrongMedia."""
    if isinstance(table, Table):
        name = table.kept_in[1].rpartition("/")[2] if table.kept_in else f"t{place}_{secrets.token_hex(4)}"
        return artifact.add(table, name).path
    if isinstance(table, ManifestEntry):
        name = f"{hex_of(table.digest)[:_DIGEST_CHARACTERS]}{_TABLE}"
        return artifact.add_reference(table, name)[0].path
    if artifact.manifest.get_entry_by_path(table) is None:
        raise WrongMedia(f"{table!r} is not in artifact {artifact.name}: add the table first, then what joins it")
    return table

"""What the addresses in media values mean: tables refer to artifacts of their run, which hold all of them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runstore.core.identity import RunPath
from runstore.core.manifest import ALGORITHM_KEY, MD5
from runstore.core.rescued import entry_blob
from runstore.query.artifacts.contents import Entry, ManifestPlaces, artifact_entries, on_this_machine

_SCHEME = "wandb-client-artifact://"


class Meant(NamedTuple):
    """An artifact that an address may mean, by the row of its log and its place there, and a path inside of it."""

    run: RunPath
    log: int
    place: int
    path: str


def meant_by(connection: sqlite3.Connection, address: object) -> Iterator[Meant]:
    """Yield what an address means; more than one where copies of a log are known, none where no log is."""
    text = str(address)
    client_id, _, path = text.removeprefix(_SCHEME).partition("/")
    if not text.startswith(_SCHEME) or not path:
        return
    query = (
        "SELECT entity, project, run_id, log, place FROM artifacts JOIN logs ON logs.id = log"
        " JOIN runs ON runs.id = logs.run WHERE client_id = ? AND used = 0 ORDER BY log DESC"
    )
    for entity, project, run_id, log, place in connection.execute(query, (client_id,)).fetchall():
        yield Meant(RunPath(entity, project, run_id), log, place, path)


def entry_at(
    connection: sqlite3.Connection, meant: Meant, path: str, manifests: ManifestPlaces = on_this_machine
) -> Entry | None:
    """Return one entry of an artifact, None where it has no such. Raises ManifestMissing where its list is gone."""
    query = (
        "SELECT e.path, digest, e.size, ref, local_path, extra, l.path FROM artifact_entries AS e"
        " JOIN logs AS l ON l.id = e.log WHERE e.log = ? AND place = ? AND e.path = ?"
    )
    found = connection.execute(query, (meant.log, meant.place, path)).fetchone()
    if found is not None:
        name, digest, size, ref, local_path, extra, log = found
        return Entry(name, digest, size, ref, local_path, json.loads(extra), Path(log))
    listed = "SELECT 1 FROM artifacts WHERE log = ? AND place = ? AND manifest_file <> ''"
    if connection.execute(listed, (meant.log, meant.place)).fetchone() is None:
        return None
    every = artifact_entries(connection, meant.log, meant.place, manifests)
    return next((entry for entry in every if entry.path == path), None)


def paths_below(
    connection: sqlite3.Connection, meant: Meant, folder: str, manifests: ManifestPlaces = on_this_machine
) -> list[str]:
    """Return the paths in an artifact that lie below a folder, in order. Raises ManifestMissing as `entry_at` does."""
    found = artifact_entries(connection, meant.log, meant.place, manifests)
    return sorted(entry.path for entry in found if entry.path.startswith(f"{folder}/"))


def blob_names(entry: Entry) -> list[str]:
    """Return what the bytes of an entry may be called in the folder `blobs` of its run, the likeliest first.

    Where else the log says that they lie does not count: it may say anything.
    """
    if entry.ref:
        return []
    names = [os.path.basename(entry.local_path), entry_blob(entry.digest, str(entry.extra.get(ALGORITHM_KEY, MD5)))]
    return [name for name in names if name and name not in (".", "..")]

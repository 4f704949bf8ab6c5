"""What the tests of media look at: what a value became in its row, and the files that it names."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from runstore.core.keys import unflatten
from tests.sdk.reading import begin, only_log, records, rows, without_common


class Artifact:
    """The files that media put into an artifact, by path; stands for a real one."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.references: dict[str, str] = {}

    def put_media(self, source: Path | bytes, path: str) -> None:
        """Keep a file's content."""
        self.files[path] = source if isinstance(source, bytes) else source.read_bytes()

    def put_reference(self, uri: str, path: str) -> None:
        """Keep an address."""
        self.references[path] = uri


def logged(folder: Path, **data: Any) -> dict[str, Any]:
    """Log one row to a run of its own below `folder`; return what it became."""
    run = begin(dir=folder)
    run.log(data)
    run.finish()
    (row,) = logged_rows(folder)
    return row


def logged_rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of the one log below `folder`, nested as they were logged."""
    return [unflatten(without_common(row)) for _, row in rows(only_log(folder))]


def content(folder: Path, said: dict[str, Any]) -> bytes:
    """Return the bytes of the file that a JSON object names; asserts that its size and digest are as it says."""
    data = media(folder, said["path"])
    assert said["size"] == len(data)
    assert said["sha256"] == hashlib.sha256(data).hexdigest()
    return data


def media(folder: Path, path: str) -> bytes:
    """Return the bytes of a file of the one run below `folder`."""
    return (only_log(folder).parent / "files" / path).read_bytes()


def announced(folder: Path) -> list[str]:
    """Return the paths of media that the log names as files to deliver."""
    found = [file.path for record in records(only_log(folder)) for file in record.files.files]
    return [path for path in found if path.startswith("media/")]


def class_labels(folder: Path) -> dict[str, Any]:
    """Return the names of classes that the log keeps, by the key that W&B's tools look them up by."""
    found = {}
    for record in records(only_log(folder)):
        for item in record.config.update:
            if len(item.nested_key) == 3 and item.nested_key[1].endswith("/class_labels"):
                found[item.nested_key[2]] = json.loads(item.value_json)["value"]
    return found

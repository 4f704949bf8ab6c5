"""Run directories as stock tools leave them: artifacts staged elsewhere, saved files behind links."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runstore.core.manifest import hasher, text_of
from runstore.index.indexer import Indexer
from runstore.runlog import codec
from runstore.runlog.record_pb2 import ArtifactRecord, Record
from tests.index.writing import exit_record, log_path, run, write

HEADER = codec.encode(Record(header={"version_info": {"producer": "0.31.0"}}))


def digest_of(data: bytes, algorithm: str = "MD5") -> str:
    made = hasher(algorithm)
    made.update(data)
    return text_of(made.digest())


def blob_of(data: bytes) -> str:
    return f"md5-{hashlib.md5(data).hexdigest()}"


@dataclass
class StockRun:
    """A run directory below `folder`/wandb; `write` writes its log."""

    folder: Path
    run_id: str = "r1"
    bodies: list[bytes] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return log_path(self.folder, "a", self.run_id)

    @property
    def blobs(self) -> Path:
        return self.log.parent / "blobs"

    @property
    def files(self) -> Path:
        return self.log.parent / "files"

    def staged(self, data: bytes) -> Path:
        """Put bytes where stock tools stage them."""
        folder = self.folder / "home" / "artifacts" / "staging"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"tmp{len(list(folder.iterdir()))}"
        path.write_bytes(data)
        path.chmod(0o400)
        return path

    def logs(self, name: str, entries: Mapping[str, tuple[str | Path, bytes]], algorithm: str = "MD5") -> None:
        """Name an artifact: by path inside it, where each file lies, and the bytes that it had."""
        record = Record(artifact=ArtifactRecord(name=name, type="dataset", client_id=name))
        for path, (local, data) in entries.items():
            entry = record.artifact.manifest.contents.add(
                path=path, digest=digest_of(data, algorithm), size=len(data), local_path=str(local)
            )
            if algorithm != "MD5":
                entry.extra.add(key="alg", value_json=f'"{algorithm}"')
        self.bodies.append(codec.encode(record))

    def lists(self, name: str, entries: Mapping[str, tuple[str | Path, bytes]]) -> Path:
        """Name an artifact with more files than a record has room for; return the file that lists them."""
        known = [
            {"path": path, "digest": digest_of(data), "size": len(data), "local_path": str(local)}
            for path, (local, data) in entries.items()
        ]
        file = self.staged(gzip.compress("".join(f"{json.dumps(entry)}\n" for entry in known).encode()))
        record = ArtifactRecord(name=name, type="dataset", client_id=name, digest=name)
        record.manifest.manifest_file_path = str(file)
        self.bodies.append(codec.encode(Record(artifact=record)))
        return file

    def saves(self, path: str, original: Path | None = None, target: Path | None = None) -> Path:
        """Save a file as stock does, or make the link lead to `target`; return the link."""
        link = self.files / path
        link.parent.mkdir(parents=True, exist_ok=True)
        place = original or self.folder / "data" / path
        os.symlink(target or place, link)
        self.bodies += self.named(path)
        return link

    def named(self, path: str) -> list[bytes]:
        """Return the record that names a file of `files`."""
        return [codec.encode(Record(files={"files": [{"path": path}]}))]

    def write(self, ended: bool = True) -> StockRun:
        write(self.log, [HEADER, run(self.run_id), *self.bodies, *([exit_record()] if ended else [])])
        return self

    def end(self) -> None:
        """Let a run end that was written without an end."""
        whole = write(self.folder / "whole", [HEADER, run(self.run_id), *self.bodies, exit_record()])
        rest = whole.read_bytes()[self.log.stat().st_size :]
        with self.log.open("ab") as file:
            file.write(rest)


def original(folder: Path, path: str, data: bytes) -> Path:
    """Put a file where a program may have it, below `data`."""
    place = folder / "data" / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place


def outcomes(indexer: Indexer) -> dict[str, str]:
    """Return what became of each file that logs name, by its path."""
    return dict(indexer.connection.execute("SELECT path, outcome FROM rescues"))

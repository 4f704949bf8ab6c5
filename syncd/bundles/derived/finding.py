"""What a log says that must not leave, found before anything is written: words, values of config, names of blobs.

All logs of a bundle are looked through first: a machine's name that only one of them tells is replaced in all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from runstore.core.manifest import MD5
from runstore.core.rescued import entry_blob, list_blob
from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import ArtifactRecord, ConfigRecord, Record
from runstore.syncd.bundles.derived.lists import entries_of_list
from runstore.syncd.bundles.derived.redaction import CODE, CODE_TYPES, GIT, HOST, USER, Redaction
from runstore.syncd.bundles.derived.words import Words
from runstore.syncd.remotes.base import BLOBS, FILES

METADATA = "wandb-metadata.json"
_TABLES = "run_table"  # the type of artifacts that hold a logged table once more
# The tags of records that tell nothing of where they were made: history, summary, output, stats, metric, output_raw.
_OF_ANYWHERE = (b"\x12", b"\x1a", b"\x22", b"\x3a", b"\x62", b"\x6a")
_SETTINGS = {"host": HOST, "username": USER, "email": USER}
_LEAST_SUSPECT = 4  # letters of a config value that is looked for elsewhere


@dataclass
class Found:
    """What was found. `suspects` are values of redacted config, which may stand elsewhere by chance as well."""

    words: Words = field(default_factory=Words)
    suspects: Words = field(default_factory=Words)
    # Names in `blobs`, by log: of those that stay here because of what they belong to, and of those that leave.
    dropped: dict[Path, set[str]] = field(default_factory=dict)
    wanted: dict[Path, set[str]] = field(default_factory=dict)

    def leaves(self, log: Path, blob: str) -> bool:
        """Return whether a blob beside a log belongs to something that leaves, or to nothing that is known."""
        return blob not in self.dropped.get(log, ()) or blob in self.wanted.get(log, ())


class Finder:
    """Looks through logs, and what tools left beside them."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self.found = Found()
        for text in redaction.texts:
            self.found.words.add("text", text)

    def look(self, log: Path) -> None:
        """Look through one log; raises LogError and NotFound as readers do."""
        for framed in LogReader(log):
            payload = framed.payload
            if self._redaction.any_of(USER):
                self.found.words.add_homes(payload)
            if kind_of(payload) in _OF_ANYWHERE:
                continue
            record = codec.decode(payload)
            if record is not None:
                self._take(log, record)
        metadata = json_at(log.parent / FILES / METADATA)
        git = metadata.get("git")
        self._take_names(
            host=metadata.get("host"),
            user=(metadata.get("username"), metadata.get("email")),
            git=git if isinstance(git, Mapping) else {},
        )
        if self._redaction.any_of(USER):
            self.found.words.add_homes(orjson.dumps(metadata))

    def _take(self, log: Path, record: Record) -> None:
        if record.HasField("header"):
            self._take_names(host=record.header.origin.host)
        elif record.HasField("run"):
            git = {"remote": record.run.git.remote_url, "commit": record.run.git.commit}
            self._take_names(host=record.run.host, git=git)
            self._take_config(record.run.config)
            for item in record.run.settings.item:
                kind = _SETTINGS.get(item.key.lstrip("_"))
                if kind is not None and self._redaction.any_of(kind):
                    self.found.words.add(kind, str(codec.loads(item.value_json)))
        elif record.HasField("environment"):
            said = record.environment
            git = {"remote": said.git.remote_url, "commit": said.git.commit}
            self._take_names(host=said.host, user=(said.username, said.email), git=git)
        elif record.HasField("config"):
            self._take_config(record.config)
        elif record.HasField("footer"):
            self._take_config(record.footer.edit.config)
        elif record.HasField("artifact"):
            self._take_artifact(log, record.artifact)

    def _take_names(self, *, host: Any = "", user: tuple[Any, ...] = (), git: Mapping[str, Any] | None = None) -> None:
        words, redaction = self.found.words, self._redaction
        if redaction.any_of(HOST) and isinstance(host, str):
            words.add_host(host)
        if redaction.any_of(USER):
            for name in user:
                words.add(USER, name if isinstance(name, str) else "")
        if redaction.any_of(GIT) and git:
            words.add_remote(str(git.get("remote") or ""))
            words.add(GIT, str(git.get("commit") or ""))

    def _take_config(self, config: ConfigRecord) -> None:
        for item in config.update:
            path, value = codec.path_of(item), codec.loads(item.value_json)
            for text in _texts_in(value, self._redaction.config_value(path, value)):
                if len(text) >= _LEAST_SUSPECT:
                    self.found.suspects.add("config", text)

    def _take_artifact(self, log: Path, artifact: ArtifactRecord) -> None:
        dropped = self.found.dropped.setdefault(log, set())
        wanted = self.found.wanted.setdefault(log, set())
        is_code = self._redaction.any_of(CODE) and artifact.type in CODE_TYPES
        is_table = self._redaction.without_media and artifact.type == _TABLES
        listed = artifact.manifest.manifest_file_path
        if listed:
            names = {list_blob(listed), os.path.basename(listed)}
            (dropped if is_code else wanted).update(names)
        for path, digest, local in _entries(log, artifact):
            is_media = self._redaction.without_media and path.startswith("media/")
            algorithm = artifact.digest_algorithm if "XXH" in artifact.digest_algorithm.upper() else MD5
            names = {os.path.basename(local), entry_blob(digest, algorithm) or ""} - {""}
            (dropped if is_code or is_table or is_media else wanted).update(names)


def kind_of(payload: bytes) -> bytes:
    """Return the tag of what a record holds, where its number stands first as usual; else nothing."""
    at = 0
    if payload[:1] == b"\x08":
        at = 1
        while at < len(payload) and payload[at] & 0x80:
            at += 1
        at += 1
    return payload[at : at + 1]


def json_at(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where there is none."""
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _entries(log: Path, artifact: ArtifactRecord) -> Iterator[tuple[str, str, str]]:
    """Yield path, digest and local path of each entry of an artifact, also of those that a file lists."""
    for entry in artifact.manifest.contents:
        yield entry.path, entry.digest, entry.local_path
    listed = artifact.manifest.manifest_file_path
    if listed:
        beside = log.parent / BLOBS
        for place in (beside / list_blob(listed), beside / os.path.basename(listed)):
            for said in entries_of_list(place):
                yield str(said.get("path", "")), str(said.get("digest", "")), str(said.get("local_path") or "")


def _texts_in(before: Any, after: Any) -> Iterator[str]:
    """Yield the texts of a value that are not in what is left of it."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name, inner in before.items():
            yield from _texts_in(inner, after.get(name))
    elif before != after:
        yield from _texts_below(before)


def _texts_below(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts_below(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_below(inner)

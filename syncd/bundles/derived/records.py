"""A record without what must not leave; None where nothing of it may."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import (
    ArtifactManifest,
    ConfigRecord,
    EnvironmentRecord,
    FooterRecord,
    HeaderRecord,
    Record,
    RunRecord,
)
from runstore.syncd.bundles.derived.redaction import (
    CODE,
    CODE_TYPES,
    CONSOLE,
    ENV,
    GIT,
    HOST,
    USER,
    Redaction,
)
from runstore.syncd.bundles.derived.words import Words
from runstore.syncd.remotes.base import BLOBS

_OUTPUT = ("output", "output_raw", "output_logger")
# What identifies something, and is no text of anybody's: a word in it stands there by chance.
_IDENTIFIERS = frozenset(
    (
        *("run_id", "log_id", "storage_id", "boot_id", "uuid", "digest", "client_id", "sequence_client_id"),
        *("distributed_id", "base_client_id", "base_id", "birth_artifact_id"),
    )
)
_HIDDEN, _CODE_PATH = ("_wandb",), "code_path"  # of the config: what tools note there, the program's path among it
_FIELDS_OF_ENVIRONMENT = (
    (HOST, ("host", "writer_id")),
    (USER, ("username", "email")),
    (GIT, ("git",)),
    (CODE, ("program", "code_path", "code_path_local")),
)


@dataclass
class Redactor:
    """Takes out of records what a redaction names.

    `leaves` says whether a file beside the log leaves, `listed` under which name below `blobs` a list of an artifact's
    files does.
    """

    redaction: Redaction
    words: Words
    leaves: Callable[[str], bool]
    listed: Callable[[str], str]

    def redacted(self, record: Record) -> Record | None:
        """Return what may leave of a record, which is changed; None for nothing."""
        if not self._may_leave(record):
            return None
        for item in [item for item in record.files.files if not self.leaves(item.path)]:
            record.files.files.remove(item)
        if record.WhichOneof("record_type") == "files" and not record.files.files:
            return None
        if not self.redaction.rewrites:
            return record
        record.DiscardUnknownFields()
        self._take_out(record)
        self._replace(record)
        return record

    def _may_leave(self, record: Record) -> bool:
        kind = record.WhichOneof("record_type") or ""
        if kind in _OUTPUT:
            return not self.redaction.any_of(CONSOLE)
        if kind in ("environment", "telemetry"):
            return not self.redaction.any_of(ENV)
        of_code = self.redaction.any_of(CODE)
        if kind == "artifact":
            return not (of_code and record.artifact.type in CODE_TYPES)
        if kind == "use_artifact":
            return not (of_code and record.use_artifact.type in CODE_TYPES)
        if kind == "footer":
            return not (of_code and record.footer.artifact.type in CODE_TYPES)
        return True

    def _take_out(self, record: Record) -> None:
        kind = record.WhichOneof("record_type")
        if kind == "header":
            self._header(record.header)
        elif kind == "run":
            self._run(record.run)
        elif kind == "environment":
            self._environment(record.environment)
        elif kind == "config":
            self._config(record.config)
        elif kind == "footer":
            self._footer(record.footer)
        elif kind == "artifact":
            self._manifest(record.artifact.manifest)

    def _header(self, header: HeaderRecord) -> None:
        if not header.HasField("origin"):
            return
        if self.redaction.any_of(HOST, ENV):
            for name in ("host", "boot_id", "pid", "pid_started_ticks"):
                header.origin.ClearField(name)
        if self.redaction.any_of(CODE, ENV):
            header.origin.ClearField("program")

    def _run(self, run: RunRecord) -> None:
        run.ClearField("settings")  # all of the writer's settings: nobody needs them, and they tell of everything
        if self.redaction.any_of(HOST, ENV):
            run.ClearField("host")
        if self.redaction.any_of(GIT, ENV):
            run.ClearField("git")
        if self.redaction.any_of(ENV):
            run.ClearField("telemetry")
        if run.HasField("config"):
            self._config(run.config)

    def _environment(self, environment: EnvironmentRecord) -> None:
        for kind, names in _FIELDS_OF_ENVIRONMENT:
            for name in names if self.redaction.any_of(kind) else ():
                environment.ClearField(name)
        if self.redaction.config:
            environment.ClearField("args")

    def _config(self, config: ConfigRecord) -> None:
        for item in config.update:
            path = codec.path_of(item)
            if path[:1] == _HIDDEN and self.redaction.any_of(ENV):
                item.value_json = "{}"
            elif path == (*_HIDDEN, _CODE_PATH) and self.redaction.any_of(CODE):
                item.value_json = '""'
            elif path == _HIDDEN and self.redaction.any_of(CODE):
                item.value_json = _without_code_path(item.value_json)
            elif self.redaction.config:
                before = codec.loads(item.value_json)
                after = self.redaction.config_value(path, before)
                item.value_json = item.value_json if after == before else wire.dumps(after)

    def _footer(self, footer: FooterRecord) -> None:
        if footer.HasField("edit") and footer.edit.HasField("config"):
            self._config(footer.edit.config)

    def _manifest(self, manifest: ArtifactManifest) -> None:
        """Let what names places on this machine name the places beside the log, where readers look anyway."""
        for entry in manifest.contents:
            if entry.local_path:
                entry.local_path = beside(entry.local_path)
        if manifest.manifest_file_path:
            manifest.manifest_file_path = self.listed(manifest.manifest_file_path)

    def _replace(self, message: Message) -> None:
        """Replace words in all texts of a message, and of those in it."""
        for name, value in _fields_of(message):
            if isinstance(value, Message):
                self._replace(value)
            elif isinstance(value, str):
                setattr(message, name, self._text(name, value))
            elif not isinstance(value, (int, float)):
                for at, inner in enumerate(value):
                    if isinstance(inner, Message):
                        self._replace(inner)
                    elif isinstance(inner, str):
                        value[at] = self._text(name, inner)

    def _text(self, name: str, text: str) -> str:
        if not text or (name in _IDENTIFIERS and not is_address(name, text)):
            return text
        is_json = name.endswith("json") or name == "metadata"
        return self.words.replaced_json(text) if is_json else self.words.replaced(text)


def _without_code_path(value_json: str) -> str:
    said = codec.loads(value_json)
    if not isinstance(said, dict) or _CODE_PATH not in said:
        return value_json
    return wire.dumps({name: value for name, value in said.items() if name != _CODE_PATH})


def is_address(name: str, text: str) -> bool:
    """Return whether a digest is none: of what was never read an artifact has the address in its place."""
    return name == "digest" and "://" in text


def texts_in(message: Message) -> Iterator[str]:
    """Yield all texts in a message, and in those in it."""
    for _, value in _fields_of(message):
        several = value if not isinstance(value, (Message, str, bytes, int, float)) else (value,)
        for inner in several:
            if isinstance(inner, Message):
                yield from texts_in(inner)
            elif isinstance(inner, str):
                yield inner


def beside(local_path: str) -> str:
    """Return the place below the run directory where the bytes are that a path on this machine means."""
    return f"{BLOBS}/{os.path.basename(local_path)}"


def _fields_of(message: Message) -> Iterator[tuple[str, Any]]:
    for field, value in list(message.ListFields()):
        yield field.name, value

"""The artifacts that a run logs, links and uses."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import NoReturn

from runstore.core.manifest import MANIFEST_VERSION, STORAGE_POLICY, Manifest, ManifestEntry
from runstore.errors import Error, WrongArtifact, WrongArtifactType
from runstore.runlog import codec, wire
from runstore.runlog.record_pb2 import ArtifactManifest, ArtifactRecord, Record
from runstore.sdk.artifacts import staging
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.artifacts.facts import Logged
from runstore.sdk.artifacts.names import checked_aliases, checked_metadata, checked_tags, with_latest
from runstore.sdk.part import Part
from runstore.sdk.values import storable

PathLike = str | os.PathLike[str]

# More entries than this would make a record that is too large for protobuf; they go to a file, as stock tools have it.
MAX_ENTRIES_IN_RECORD = 100_000


class NotOffline(Error, NotImplementedError):
    """What needs to know more artifacts than those that this process made."""


@dataclass(frozen=True)
class Manner:
    """How an artifact is logged."""

    aliases: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    distributed_id: str = ""
    finalize: bool = True
    as_input: bool = False


class ArtifactLog(Part):
    """Records artifacts for one run."""

    def log_artifact(
        self,
        artifact_or_path: Artifact | PathLike,
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - W&B's name for it
        aliases: Sequence[str] | str | None = None,
        tags: Sequence[str] | str | None = None,
    ) -> Artifact:
        """Record an artifact, or what is at a path, as an output of the run; see Run.log_artifact."""
        manner = Manner(with_latest(aliases), checked_tags(tags or ()))
        return self._log_any(artifact_or_path, name, type, manner)

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,  # noqa: A002
        aliases: Sequence[str] | str | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Record a part of an artifact that several runs make; see Run.upsert_artifact."""
        manner = Manner(with_latest(aliases), distributed_id=self._group(distributed_id), finalize=False)
        return self._log_any(artifact_or_path, name, type, manner)

    def finish_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,  # noqa: A002
        aliases: Sequence[str] | str | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Record the last part of an artifact that several runs make; see Run.finish_artifact."""
        manner = Manner(with_latest(aliases), distributed_id=self._group(distributed_id))
        return self._log_any(artifact_or_path, name, type, manner)

    def log_model(
        self, path: PathLike, name: str | None = None, aliases: Sequence[str] | str | None = None
    ) -> Artifact:
        """Record the file or folder at `path` as a model, and return the artifact."""
        return self.log_artifact(path, name, "model", aliases)

    def use_artifact(
        self,
        artifact_or_name: str | Artifact,
        type: str | None = None,  # noqa: A002
        aliases: Sequence[str] | str | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Declare an artifact as an input of the run: one that was not logged yet is logged as such.

        Raises NotOffline for a name, WrongArtifactType for anything else.
        """
        if isinstance(artifact_or_name, str):
            _no_lookup(artifact_or_name)
        if not isinstance(artifact_or_name, Artifact):
            raise WrongArtifactType(f"use_artifact takes an Artifact or its name, not {_kind(artifact_or_name)}")
        checked = checked_aliases(aliases or ())
        if not artifact_or_name.is_draft():
            return artifact_or_name
        return self._log(artifact_or_name, Manner(with_latest(checked), as_input=True))

    def use_model(self, name: str) -> str:
        """Raise NotOffline: models can't be looked up by their names yet."""
        _no_lookup(name)

    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: Sequence[str] | str | None = None
    ) -> Artifact:
        """Log the artifact, where that was not done, and raise NotOffline: there is no registry yet."""
        checked_aliases(aliases or ())
        if artifact.is_draft():
            self._log(artifact, Manner(with_latest(None)))
        raise NotOffline(
            f"artifact {artifact.name} is logged, but can't be linked to {target_path!r} yet: link it on the server, "
            "when the run is delivered"
        )

    def link_model(
        self,
        path: PathLike,
        registered_model_name: str,
        name: str | None = None,
        aliases: Sequence[str] | str | None = None,
    ) -> Artifact:
        """Record a model; otherwise as `link_artifact`. Raises WrongArtifact for a registered name with slashes."""
        if "/" in registered_model_name:
            raise WrongArtifact(f"a registered model's name has no entity and project in it: {registered_model_name!r}")
        return self.link_artifact(self.log_model(path, name), registered_model_name, aliases)

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> Artifact | None:
        """Record the code below `root` as an artifact; see Run.log_code."""
        from runstore.sdk.artifacts import code

        try:
            folder = os.path.abspath(root) if root is not None else ""
            name = name or code.artifact_name(self.recorder.settings)
        except FileNotFoundError:  # the only thing that abspath asks the system for
            self.recorder.warn("no code is recorded: the program's current folder was deleted; the run goes on")
            return None
        artifact = Artifact.of_the_run(name, "code")
        found = False
        for file in code.files_below(folder, include_fn, exclude_fn, self.recorder.directory.parent) if folder else ():
            found = True
            with self._disk_trouble(f"{file} is not in the recorded code"):
                artifact.add_file(file, os.path.relpath(file, folder))
        if not len(artifact.manifest):
            if not found:
                self.recorder.warn(f"no code was found below {root}: none is recorded")
            return None
        self._log(artifact, Manner(with_latest(None)))
        if not artifact.is_draft():
            self.recorder.set_wandb_config(("code_path",), artifact.name)
        return artifact

    # How it is recorded.

    def _log_any(
        self, artifact_or_path: Artifact | PathLike, name: str | None, kind: str | None, manner: Manner
    ) -> Artifact:
        """Log an artifact, or one that is made of the file, folder or reference at a path."""
        if isinstance(artifact_or_path, Artifact):
            return self._log(artifact_or_path, manner)
        if not isinstance(artifact_or_path, (str, os.PathLike)):
            raise WrongArtifactType(f"an Artifact or a path can be logged, not {_kind(artifact_or_path)}")
        path = os.fspath(artifact_or_path)
        artifact = Artifact(name or f"run-{self.recorder.run_id}-{os.path.basename(path)}", kind or "unspecified")
        with self._disk_trouble(f"artifact {artifact.name} is not logged"):
            _fill(artifact, path)
            self._log(artifact, manner)
        return artifact

    def _group(self, distributed_id: str | None) -> str:
        found = distributed_id or self.recorder.settings.run_group
        if not found:
            raise WrongArtifactType("an artifact of several runs needs a distributed_id, or runs that are in a group")
        return found

    def _log(self, artifact: Artifact, manner: Manner) -> Artifact:
        """Write the record, all bytes that it names being in the run directory. Says so where the disk refuses."""
        artifact.metadata = checked_metadata(artifact.metadata)  # it may have been changed in place
        artifact.distributed_id = manner.distributed_id or None
        artifact.finalize()
        with self._disk_trouble(f"artifact {artifact.name} is not logged"):
            store = staging.store_of(self.recorder)
            for entry in artifact.manifest:
                if entry.local_path is not None:
                    entry.local_path = os.path.abspath(store.adopt(Path(entry.local_path)))
            self.recorder.append(codec.encode(Record(artifact=self._record(artifact, manner))))
            artifact.mark_logged(self._logged(manner))
        return artifact

    def _record(self, artifact: Artifact, manner: Manner) -> ArtifactRecord:
        settings = self.recorder.settings
        return ArtifactRecord(
            run_id=self.recorder.run_id,
            project=storable(settings.project),
            entity=storable(settings.entity),
            type=storable(artifact.type),
            name=artifact.name,
            digest=artifact.digest,
            description=storable(artifact.description or ""),
            metadata=wire.dumps(artifact.metadata) if artifact.metadata else "",
            user_created=manner.as_input,
            use_after_commit=manner.as_input,
            aliases=map(storable, manner.aliases),
            manifest=self._manifest(artifact.manifest),
            distributed_id=storable(manner.distributed_id),
            finalize=manner.finalize,
            client_id=artifact.client_id,
            sequence_client_id=artifact.sequence_client_id,
            ttl_duration_seconds=artifact.ttl_seconds,
            tags=map(storable, manner.tags),
            digest_algorithm=artifact.digest_algorithm,
            incremental_beta1=artifact.incremental,
        )

    def _manifest(self, manifest: Manifest) -> ArtifactManifest:
        record = ArtifactManifest(version=MANIFEST_VERSION, storage_policy=STORAGE_POLICY)
        if len(manifest) > MAX_ENTRIES_IN_RECORD:
            record.manifest_file_path = self._manifest_file(manifest)
            return record
        for key, value in manifest.storage_policy_config().items():
            record.storage_policy_config.add(key=key, value_json=wire.dumps(value))
        for entry in sorted(manifest, key=lambda found: found.path):
            _add_entry(record, entry)
        return record

    def _manifest_file(self, manifest: Manifest) -> str:
        """Write the entries to a file of one line of JSON each, compressed, and return its path."""
        lines = (json.dumps(entry.to_json()) + "\n" for entry in manifest)
        packed = gzip.compress("".join(lines).encode(), compresslevel=1, mtime=0)
        return os.path.abspath(staging.store_of(self.recorder).put(packed).path)

    def _logged(self, manner: Manner) -> Logged:
        settings, now = self.recorder.settings, datetime.now(timezone.utc).isoformat(timespec="seconds")
        return Logged(settings.entity, settings.project, self.recorder.run_id, now, manner.aliases, manner.tags)

    @contextlib.contextmanager
    def _disk_trouble(self, what: str) -> Iterator[None]:
        """Say `what`, and go on, where the disk refuses: that is no reason for a training run to end."""
        try:
            yield
        except OSError as error:
            self.recorder.warn(f"{what}: {error.strerror or error} ({error.filename or 'disk'})")


def _fill(artifact: Artifact, path: str) -> None:
    if os.path.isfile(path):
        artifact.add_file(path)
    elif os.path.isdir(path):
        artifact.add_dir(path)
    elif "://" in path:
        artifact.add_reference(path)
    else:
        raise WrongArtifact(f"{path!r} is neither a file, nor a folder, nor a reference such as file:///data")


def _add_entry(record: ArtifactManifest, entry: ManifestEntry) -> None:
    added = record.contents.add(
        path=entry.path,
        digest=storable(entry.digest),
        ref=storable(entry.ref or ""),
        size=entry.size or 0,
        local_path=storable(entry.local_path or ""),
        birth_artifact_id=entry.birth_artifact_id or "",
        skip_cache=entry.skip_cache,
    )
    for key, value in entry.extra.items():
        added.extra.add(key=key, value_json=wire.dumps(value))


def _no_lookup(name: str) -> NoReturn:
    raise NotOffline(
        f"artifact {name!r} can't be looked up by its name yet: pass the Artifact object, or the path of its files"
    )


def _kind(value: object) -> str:
    return type(value).__name__

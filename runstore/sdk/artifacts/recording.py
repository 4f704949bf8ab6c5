"""The artifacts that a run logs, links and uses."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from runstore.core.moves import CollectionPath
from runstore.errors import WrongArtifact, WrongArtifactType
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Record, UseArtifactRecord
from runstore.sdk.artifacts import staging
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.artifacts.claiming import append_move, blobs_of, claimed, registered
from runstore.sdk.artifacts.names import checked_aliases, checked_metadata, checked_tags, target_collection, with_latest
from runstore.sdk.artifacts.records import Manner, artifact_record
from runstore.sdk.artifacts.standing import Logged
from runstore.sdk.artifacts.stored import StoredManifest
from runstore.sdk.part import Part

if TYPE_CHECKING:
    from runstore.query.artifacts.claims import Claim
    from runstore.sdk.recorder import Recorder

PathLike = str | os.PathLike[str]

MODEL_REGISTRY = "model-registry"  # the project in which models are linked by their names alone


class ArtifactLog(Part):
    """Records artifacts for one run."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._used: set[str] = set()  # by client id

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

    def log_unnumbered(self, artifact: Artifact) -> None:
        """Record an artifact that nobody will ask for a moment later: rows with tables must not wait for a number."""
        self._log(artifact, Manner(with_latest(None), numbered=False))

    def use_artifact(
        self,
        artifact_or_name: str | Artifact,
        type: str | None = None,  # noqa: A002
        aliases: Sequence[str] | str | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Declare an artifact as an input of the run; see Run.use_artifact."""
        if isinstance(artifact_or_name, str):
            artifact_or_name = self._found(artifact_or_name, type)
        if not isinstance(artifact_or_name, Artifact):
            raise WrongArtifactType(f"use_artifact takes an Artifact or its name, not {_kind(artifact_or_name)}")
        checked = checked_aliases(aliases or ())
        if artifact_or_name.is_draft():
            return self._log(artifact_or_name, Manner(with_latest(checked), as_input=True))
        self._declare_used(artifact_or_name)
        return artifact_or_name

    def use_model(self, name: str) -> str:
        """Declare a model as an input of the run, and return the path of its file, or of their folder."""
        artifact = self.use_artifact(name)
        if "model" not in artifact.type.lower():
            raise WrongArtifact(f"{name} is no model, but of type {artifact.type!r}; use_artifact(name) takes it")
        folder = artifact.download()
        entries = list(artifact.manifest)
        return os.path.join(folder, entries[0].path) if len(entries) == 1 else folder

    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: Sequence[str] | str | None = None
    ) -> Artifact:
        """Make an artifact a version of another collection too, and return it as that has it; see Run.link_artifact."""
        settings = self.recorder.settings
        target = target_collection(target_path, settings.entity, settings.project)
        checked = checked_aliases(aliases or ())
        if artifact.is_draft():
            self._log(artifact, Manner(with_latest(None)))
            if artifact.is_draft():  # the disk refused, which was said
                return artifact
        with (
            registered(self.recorder) as registry,
            claimed(self.recorder, registry, target, artifact.digest) as claim,
        ):
            append_move(self.recorder, artifact, target, with_latest(checked), claim, linked=True)
        return artifact.as_linked(target, claim.number if claim is not None else None, with_latest(checked), _now())

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
        return self.link_artifact(self.log_model(path, name), f"{MODEL_REGISTRY}/{registered_model_name}", aliases)

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
        if isinstance(artifact.manifest, StoredManifest):  # of another run, which has its record and its bytes
            return self._move_aliases(artifact, manner)
        settings = self.recorder.settings
        collection = CollectionPath.of(settings.entity, settings.project, artifact.base_name)
        with self._disk_trouble(f"artifact {artifact.base_name} is not logged"):
            self._bring_here(artifact)
            number = self._append(artifact, manner, collection)
            self._mark(artifact, manner, number)
        return artifact

    def _move_aliases(self, artifact: Artifact, manner: Manner) -> Artifact:
        collection = CollectionPath.of(artifact.entity, artifact.project, artifact.base_name)
        with (
            registered(self.recorder) as registry,
            claimed(self.recorder, registry, collection, artifact.digest) as claim,
        ):
            append_move(self.recorder, artifact, collection, manner.aliases, claim)
        artifact.aliases = sorted({*artifact.aliases, *manner.aliases})
        return artifact

    def _found(self, name: str, kind: str | None) -> Artifact:
        """Return the artifact of this name, which the registry knows, or a hub."""
        from runstore.query.artifacts.restoring import artifact_named

        settings = self.recorder.settings
        return artifact_named(name, entity=settings.entity, project=settings.project, type=kind)

    def _declare_used(self, artifact: Artifact) -> None:
        """Record that the run uses an artifact, once."""
        if artifact.client_id in self._used:
            return
        self._used.add(artifact.client_id)
        use = UseArtifactRecord(id=artifact.client_id, type=artifact.type, name=artifact.source_qualified_name)
        self.recorder.append(codec.encode(Record(use_artifact=use)))

    def _bring_here(self, artifact: Artifact) -> None:
        store = staging.store_of(self.recorder)
        for entry in artifact.manifest:
            if entry.local_path is not None:
                entry.local_path = os.path.abspath(store.adopt(Path(entry.local_path)))
        if not self.recorder.settings.fsync and store.folder.exists():  # "always"
            store.sync(os.path.basename(entry.local_path) for entry in artifact.manifest if entry.local_path)

    def _append(self, artifact: Artifact, manner: Manner, collection: CollectionPath) -> int | None:
        """Write the records of an artifact, the number that it claims first, and return that."""
        settings, store = self.recorder.settings, staging.store_of(self.recorder)
        record = artifact_record(artifact, manner, self.recorder.run_id, settings, store)
        if manner.is_part or not manner.numbered:
            self.recorder.append(record)
            return None
        own = {entry.path: entry.digest for entry in artifact.manifest} if artifact.incremental else None
        # The last part of several knows nothing of the others: what they are together, the index finds out.
        digest = "" if manner.distributed_id else artifact.digest
        with registered(self.recorder) as registry:
            with claimed(self.recorder, registry, collection, digest, own) as claim:
                self._check_type(artifact, claim)
                append_move(self.recorder, artifact, collection, manner.aliases, claim)
                self.recorder.append(record)
            if registry is not None and claim is not None and claim.latest is not None:
                for _, blob in blobs_of(registry, claim.latest):
                    store.share(blob.path)
        return claim.number if claim is not None and not manner.distributed_id else None

    def _check_type(self, artifact: Artifact, claim: Claim | None) -> None:
        """Say where a W&B server would refuse an artifact, all of whose versions are of one type there."""
        before = claim.latest if claim is not None else None
        if before is not None and before.type != artifact.type:
            self.recorder.warn(
                f"artifact {before.name} is of type {before.type!r}; a version of type {artifact.type!r} is recorded,"
                " and a W&B server refuses it: take another name"
            )

    def _mark(self, artifact: Artifact, manner: Manner, number: int | None) -> None:
        settings, aliases, tags = self.recorder.settings, manner.aliases, manner.tags
        artifact.mark_logged(
            Logged(settings.entity, settings.project, self.recorder.run_id, _now(), aliases, tags, number)
        )

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


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _kind(value: object) -> str:
    return type(value).__name__

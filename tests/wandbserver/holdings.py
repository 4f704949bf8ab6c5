"""All that a server holds: runs, artifacts, alerts, and the addresses that it gave out.

Ids are opaque, so that no client gets by with a name in the place of an id. Rules of this file: no sockets, no
threads, no GraphQL. The server that calls holds the lock.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from tests.wandbserver.recorded import JsonObject, RecordedArtifact, RecordedRun
from tests.wandbserver.refusals import Refused
from tests.wandbserver.uploads import Uploads

DEFAULT_ENTITY = "tester"
DEFAULT_PROJECT = "uncategorized"
DIGESTS = "ARTIFACT_DIGEST_ALGORITHM"
"""The feature of a server that may take digests by XXH128, from those who may give them."""


def opaque_id(kind: str, *names: str) -> str:
    """Return the server's own id of something; the same for the same names."""
    digest = hashlib.sha256("\0".join(names).encode()).hexdigest()
    return base64.b64encode(f"{kind}:{digest[:12]}".encode()).decode()


@dataclass
class Holdings:
    """What the server has been told, and what it can do (`features`)."""

    features: frozenset[str] = frozenset()
    skips_known_files: bool = False
    """Whether files of artifacts that are stored already need not be put again, under whatever name."""
    xxhash_entities: frozenset[str] = frozenset()
    """Whose artifacts may have digests by XXH128."""
    stored: dict[str, bytes] = field(default_factory=dict)
    """Files of artifacts by their MD5 in base64."""
    uploads: Uploads = field(default_factory=Uploads)
    runs: dict[tuple[str, str, str], RecordedRun] = field(default_factory=dict)
    """By entity, project and run id, in order of their first UpsertBucket."""
    artifacts: list[RecordedArtifact] = field(default_factory=list)
    client_ids: dict[str, RecordedArtifact] = field(default_factory=dict)
    """Artifacts by the id that their client gave them."""
    alerts: list[JsonObject] = field(default_factory=list)

    def find_run(self, entity: str | None, project: str | None, run_id: str) -> RecordedRun | None:
        """Return the run, or None where it was never upserted."""
        return self.runs.get((entity or DEFAULT_ENTITY, project or DEFAULT_PROJECT, run_id))

    def held_run(self, entity: str | None, project: str | None, run_id: str) -> RecordedRun:
        """Return the run; raises Refused where it was never upserted."""
        run = self.find_run(entity, project, run_id)
        if run is None:
            raise Refused(f"run {entity}/{project}/{run_id} not found", 404)
        return run

    def run_to_upsert(self, wanted: JsonObject) -> tuple[RecordedRun, bool]:
        """Return the run that an UpsertBucket means, and whether it is new. Raises Refused."""
        if wanted.get("id"):
            return self._run_of_id(wanted["id"]), False
        if not wanted.get("name"):
            raise Refused("upsertBucket needs an id or a name")
        key = (wanted.get("entityName") or DEFAULT_ENTITY, wanted.get("modelName") or DEFAULT_PROJECT, wanted["name"])
        is_new = key not in self.runs
        return self.runs.setdefault(key, RecordedRun(*key)), is_new

    def _run_of_id(self, storage_id: str) -> RecordedRun:
        for run in self.runs.values():
            if run_id_of(run) == storage_id:
                return run
        raise Refused(f"no run has the id {storage_id!r}", 404)

    def arrived(self, run: RecordedRun) -> set[str]:
        """Return the paths of the run's files whose bytes were put, and of those of its artifacts."""
        mine = [artifact for artifact in self.artifacts if run.run_id in artifact.run_ids]
        return set(run.files).union(*(artifact.files for artifact in mine))

    def find_artifact(self, artifact_id: str) -> RecordedArtifact:
        """Return the artifact; raises Refused for an id that this server never gave out."""
        for artifact in self.artifacts:
            if artifact.artifact_id == artifact_id:
                return artifact
        raise Refused(f"no artifact has the id {artifact_id!r}", 404)

    def algorithm_of(self, type_name: str, name: str) -> str | None:
        """Return by what the digests of a collection are made, as its first artifact says; None where it has none."""
        of_it = [one for one in self.artifacts if (one.type, one.name) == (type_name, name)]
        return str(of_it[0].announced["digestAlgorithm"]) if of_it else None

    def pending_artifact(self, artifact_id: str) -> RecordedArtifact:
        """Return an artifact that may still be changed. Raises Refused."""
        artifact = self.find_artifact(artifact_id)
        if artifact.committed:
            raise Refused(f"{artifact.name}: committed artifacts are not changed")
        return artifact


def run_id_of(run: RecordedRun) -> str:
    """Return the server's own id of a run, by which a resumed run is upserted."""
    return opaque_id("Run", run.entity, run.project, run.run_id)

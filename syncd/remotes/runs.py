"""The whole contract of a target that takes runs, not logs: a W&B server.

What it is given is made of logs and the index (runstore/syncd/runwise); how it is said, is the remote's business. A
stream is a list of lines that is written by line number: what is sent again overwrites what was there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

# The streams of a run, by the names that W&B servers know them under.
HISTORY, EVENTS, SUMMARY, CONSOLE = "wandb-history.jsonl", "wandb-events.jsonl", "wandb-summary.json", "output.log"


@dataclass(frozen=True)
class RunDescription:
    """What a run is, as its server is told; an empty text says nothing, of entity or project: the server's default.

    `config` is whole: {"lr": {"value": 0.1}, "_wandb": {"value": {...}}}. `storage_id` is what the server calls a run
    that it is known to hold.
    """

    entity: str
    project: str
    run_id: str
    config: Mapping[str, Any]
    name: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    group: str = ""
    job_type: str = ""
    sweep_id: str = ""
    host: str = ""
    program: str = ""
    git_commit: str = ""
    git_remote: str = ""
    storage_id: str = ""


@dataclass(frozen=True)
class ServerRun:
    """A run as the server has it. `lines` are how many it says that it has of each stream; a stream of which it says
    nothing is not in there. `last_row` is the last line of the history, None where it says none.
    """

    storage_id: str
    entity: str
    project: str
    run_id: str
    is_new: bool = False
    lines: Mapping[str, int] = field(default_factory=dict)
    last_row: Mapping[str, Any] | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)  # plain values, `_wandb` left out


@dataclass(frozen=True)
class Lines:
    """Lines of one stream, the first of which has number `first`, from 0."""

    first: int
    content: Sequence[str]


@dataclass(frozen=True)
class RunFile:
    """A file of the run: its path there with forward slashes, and where its bytes are: on the disk, or made here."""

    path: str
    source: Path | bytes


@dataclass(frozen=True)
class ManifestEntry:
    """A file, or reference (`ref`), of an artifact: `digest` and `size` in bytes as its log says them.

    `source` is where its bytes are; None for a reference, and where they can't be had.
    """

    path: str
    digest: str
    size: int
    ref: str = ""
    source: Path | None = None
    skip_cache: bool = False
    birth_artifact_id: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OutgoingArtifact:
    """An artifact, as the log of its run says it; `metadata` is JSON, times are in seconds."""

    type: str
    name: str
    digest: str
    entries: Sequence[ManifestEntry]
    algorithm: str = ""
    description: str = ""
    metadata: str = ""
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    client_id: str = ""
    sequence_client_id: str = ""
    distributed_id: str = ""
    is_final: bool = True  # False: a part of one that several processes make, and not the last one
    is_incremental: bool = False
    is_output: bool = True  # False: no run made it; it was there before, and nobody had logged it
    is_used: bool = False  # the run takes it as an input
    base_id: str = ""
    ttl_seconds: int = 0
    storage_policy: str = "wandb-storage-policy-v1"
    storage_config: Mapping[str, Any] = field(default_factory=dict)
    manifest_version: int = 1


@runtime_checkable
class RunRemote(Protocol):
    """A target. Every method may raise RemoteUnreachable, RemoteRefused, RemoteFailed, RemoteConflict, RemoteUnfit and
    RemoteError, and may be called again; `progress` gets the number of bytes of files as they are sent.
    """

    @property
    def name(self) -> str:
        """What the user calls the target; only for messages."""
        ...

    @property
    def address(self) -> str:
        """Where the target is, as the user wrote it."""
        ...

    def identity(self) -> str:
        """Return what stays the same while runs go to the same place; kept in receipts. Asks nobody."""
        ...

    def place_of(self, entity: str, project: str) -> tuple[str, str]:
        """Return entity and project to which such runs go: others where the user said so, "" for the default."""
        ...

    def find(self, entity: str, project: str, run_id: str) -> ServerRun | None:
        """Return what the server holds of a run, lines and last row included; None for one that it does not know.

        A server that can't say gives one without a storage id.
        """
        ...

    def upsert(self, run: RunDescription) -> ServerRun:
        """Create a run, or say anew what it is. What the server calls entity and project counts from then on."""
        ...

    def rewind(self, run: ServerRun, step: int) -> ServerRun:
        """Drop the rows of a run behind `step`; return what it holds then."""
        ...

    def push(
        self,
        run: ServerRun,
        streams: Mapping[str, Lines],
        *,
        uploaded: Sequence[str] = (),
        preempting: bool = False,
        exit_code: int | None = None,
    ) -> None:
        """Write lines, and tell which files were uploaded; with an exit code, that the run has ended.

        A stream that began beyond its end would have a gap: nobody asks for that.
        """
        ...

    def most_bytes(self) -> int:
        """Return how many bytes of lines one push should hold at most."""
        ...

    def longest_line(self) -> int:
        """Return how many bytes one line may have at most."""
        ...

    def put_files(self, run: ServerRun, files: Sequence[RunFile], progress: Callable[[int], None]) -> Mapping[str, str]:
        """Give the bytes of files; return why, by path, for each that was refused, or could not be read."""
        ...

    def log_artifact(self, run: ServerRun, artifact: OutgoingArtifact, progress: Callable[[int], None]) -> None:
        """Make an artifact known with all its bytes, and commit it; of one that is there already nothing is sent.
        Then, where it is used, say that. Digests are made anew where the server wants others than the log has.

        Raises RemoteConflict, naming the file, where bytes of it are refused or can't be had; nothing is committed.
        """
        ...

    def alert(self, run: ServerRun, title: str, text: str, level: str, wait_ms: int) -> None:
        """Send an alert of the run's to its people."""
        ...

    def takes_structured_console(self) -> bool:
        """Return whether lines of the console are JSON objects with level, ts and content, or texts."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...

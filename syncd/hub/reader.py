"""What the hub asks of the query layer, and nothing more: the server can be tested, and later moved, without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from runstore.core.artifactname import ArtifactName


class RunReader(Protocol):
    """Answers about the runs in the hub's index. Called from several threads at once."""

    def runs(self) -> list[dict[str, Any]]:
        """Return one JSON object for every run."""
        ...

    def run(self, path: str) -> dict[str, Any]:
        """Return the run `entity/project/id`, or any shorter form that is unambiguous. Raises NotFound."""
        ...

    def history(self, path: str, keys: Sequence[str], samples: int | None) -> list[dict[str, Any]]:
        """Return rows in order of step; every metric where `keys` is empty, every row where `samples` is None.

        Raises NotFound for a run or a key that is not there.
        """
        ...


@dataclass(frozen=True)
class EntryFacts:
    """What the index knows of one entry of an artifact; `log_id` is the log that has it, `local_path` where it says
    that the bytes were: on another machine, so that nobody but the sender may open that."""

    path: str
    digest: str
    size: int
    ref: str
    local_path: str
    log_id: str
    extra: dict[str, Any] = field(default_factory=dict)


# Returns the files that the hub holds of what was delivered under a name beside the log with an id.
Delivered = Callable[[str, str], list[Path]]


class ArtifactReader(Protocol):
    """Answers about the artifacts in the hub's index. Called from several threads at once."""

    def version(self, name: ArtifactName, entity: str, project: str, kind: str | None) -> dict[str, Any]:
        """Return the facts of the version that a name means to somebody in `entity` and `project`. Raises NotFound."""
        ...

    def entries(self, client_id: str, after: str, most: int, delivered: Delivered) -> list[EntryFacts]:
        """Return what is in an artifact, in order of path: up to `most` entries behind `after`. Raises NotFound.

        Opens no files but those that `delivered` returns.
        """
        ...

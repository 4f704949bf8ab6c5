"""`runstore.Api`, as programs written for W&B make it: with settings, and a project that need not be named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runstore.errors import NotFound, UsageError
from runstore.query.api import Api as IndexedRuns
from runstore.query.artifacts.asking import ArtifactApi
from runstore.query.stored.projects import Project
from runstore.query.stored.run import StoredRun
from runstore.query.stored.runs import Runs


class Api(ArtifactApi, IndexedRuns):
    """Runs and artifacts of this machine's index, which is brought up to date first: `./wandb` and every log known.

    Needs no server, daemon, network or key.
    """

    def __init__(
        self,
        overrides: Mapping[str, Any] | None = None,
        timeout: int | None = None,
        api_key: str | None = None,
        *,
        index: Path | None = None,
        refresh: bool = True,
    ) -> None:
        """Open this machine's index, or the one at `index`; with `refresh=False` as it is.

        `overrides` may name the "entity" and "project" of paths that name none. `timeout` and `api_key` are accepted
        for programs written for W&B, and mean nothing here.
        """
        super().__init__(index, refresh=refresh)
        known = overrides or {}
        self.settings = {"entity": known.get("entity") or None, "project": known.get("project") or None}

    @property
    def default_entity(self) -> str | None:
        """The entity of paths that name none; None: any."""
        return self.settings["entity"]

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = False,
        lazy: bool = True,
        *,
        below: Sequence[Path] | None = None,
    ) -> Runs:
        """Return the runs of a project; see runstore.query.api.Api.runs."""
        path = self._whole(path or "")
        return super().runs(path or None, filters, order, per_page, include_sweeps, lazy, below=below)

    def run(self, path: str = "") -> StoredRun:
        """Return one run: "entity/project/run_id", "project/run_id", "run_id", or a name that only one run has."""
        parts = [part for part in path.strip("/").split("/") if part]
        if not parts:
            raise UsageError("which run? give its id, or entity/project/id")
        if len(parts) == 4 and parts[2] == "runs":  # as it stands in the address of a run's page
            del parts[2]
        if len(parts) == 1 and self.settings["project"]:
            parts = [*self._whole("").split("/"), *parts]
        elif len(parts) == 2 and self.settings["entity"]:
            parts = [self.settings["entity"], *parts]
        return super().run("/".join(parts))

    def from_path(self, path: str) -> StoredRun | Project:
        """Return the project of "entity/project", or the run of "entity/project/run_id" or ".../runs/run_id"."""
        parts = [part for part in path.strip("/").split("/") if part]
        if len(parts) in (3, 4):
            return self.run(path)
        if len(parts) in (1, 2):
            return self.project(parts[-1], parts[0] if len(parts) == 2 else self.settings["entity"])
        raise NotFound(f"{path!r} is no path of a project or run; write entity/project or entity/project/run_id")

    def flush(self) -> None:
        """Forget what was looked up: bring the index up to date with the logs."""
        self.refresh()

    def _whole(self, path: str) -> str:
        """Return a project's path with what the settings say of it."""
        parts = [part for part in path.strip("/").split("/") if part]
        if not parts and self.settings["project"]:
            parts = [self.settings["project"]]
        if len(parts) == 1 and self.settings["entity"]:
            parts = [self.settings["entity"], *parts]
        return "/".join(parts)

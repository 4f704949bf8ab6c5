"""What a server is told that a run is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runstore.syncd.remotes.runs import RunDescription, RunRemote, ServerRun
from runstore.syncd.runwise.content.runconfig import server_config
from runstore.syncd.runwise.content.snapshot import RunSnapshot


def described(
    run: RunSnapshot,
    heads: Sequence[Mapping[str, Any]],
    held: ServerRun | None,
    remote: RunRemote,
    begun_by_others: bool,
) -> RunDescription:
    """Return the description of a run; `heads` is what its logs say of their processes, in order.

    `held` is the run as the server had it. Of one that goes on there from what others recorded, its config stays.
    """
    entity, project = (held.entity, held.project) if held else remote.place_of(run.entity, run.project)
    config = server_config(run, heads)
    if held is not None and begun_by_others:
        config = {**{key: {"value": value} for key, value in held.config.items()}, **config}
    return RunDescription(
        entity=entity,
        project=project,
        run_id=run.run_id,
        config=config,
        name=run.name,
        notes=run.notes,
        tags=run.tags,
        group=run.group,
        job_type=run.job_type,
        sweep_id=run.sweep_id,
        host=run.host,
        program=run.program,
        git_commit=run.git_commit,
        git_remote=run.git_remote,
        storage_id=held.storage_id if held else "",
    )


def with_held_summary(run: RunSnapshot, held: ServerRun | None, begun_by_others: bool) -> Mapping[str, Any]:
    """Return the summary of a run, with what the server had of one that goes on there."""
    return {**held.summary, **run.summary} if held is not None and begun_by_others else run.summary

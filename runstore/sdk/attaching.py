"""Processes that add to a run which another process began: spawned workers, a launcher's ranks.

The other process hands over an attach id: the path of its run directory. All that is needed beside it is in the logs.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from runstore.errors import UsageError
from runstore.paths import is_log_name
from runstore.runlog.record_pb2 import Origin
from runstore.sdk.recorder import Recorder
from runstore.sdk.run import Run
from runstore.settings import resolve


def attached(attach_id: str) -> Run:
    """Return the run of this attach id, as this process adds to it.

    Raises UsageError where the path is no run directory, or holds no log that can be read.
    """
    from runstore.sdk.resume import earlier_logs, facts_of

    directory = Path(attach_id)
    logs = [path for path in directory.glob("run-*.wandb") if is_log_name(path.name)] if attach_id else []
    facts = facts_of(logs[0]) if logs else None
    if facts is None:
        raise UsageError(f"attach({attach_id!r}): no run is recorded there; hand over the _attach_id of one that is")
    settings = dataclasses.replace(
        resolve({"silent": True}),
        mode="offline",
        root_dir=str(directory.parent.parent),
        run_id=facts.run_id,
        entity=facts.entity,
        project=facts.project,
        run_name=facts.name,
        run_notes=facts.notes,
        run_tags=tuple(facts.tags),
        run_group=facts.group,
        run_job_type=facts.job_type,
        resume="",
        resume_from=None,
        fork_from=None,
    )
    earlier = earlier_logs(directory.parent, facts.entity, facts.project, facts.run_id)
    if earlier is not None:
        earlier = dataclasses.replace(earlier, kind=Origin.RANK)
    return Run(Recorder(settings, {}, earlier))

"""How a run begins: its id, and whether it goes on from earlier logs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.errors import UsageError
from runstore.runlog.record_pb2 import Origin
from runstore.sdk import autoresume, lifecycle
from runstore.sdk.recorder import Recorder
from runstore.sdk.run import Run
from runstore.sdk.rundir import checked_run_id, new_run_id
from runstore.settings import Settings

if TYPE_CHECKING:
    from runstore.sdk.resume import Earlier


def begin(settings: Settings, config: Mapping[str, Any]) -> Run:
    """Return a run that is being recorded; raises what `runstore.init` raises."""
    settings = dataclasses.replace(settings, root_dir=_absolute(settings.root_dir))
    known = _known_id(settings)
    settings = dataclasses.replace(settings, run_id=checked_run_id(known) if known else new_run_id())
    earlier, reason = _branched(settings) if settings.resume_from or settings.fork_from else _resumed(settings, known)
    if known and _adds_to_another(settings):
        earlier = _joined(earlier)
    if earlier is not None and earlier.kind != Origin.START:
        kept = {name: value for name, value in earlier.described.items() if not getattr(settings, name)}
        settings = dataclasses.replace(settings, **kept)
    recorder = Recorder(settings, config, earlier)
    try:
        run = Run(recorder)
        if reason:
            run._warn(reason)
        if settings.resume == "auto":
            autoresume.remember(settings.root_dir, settings.run_id)
        start_parts(recorder)
    except BaseException:  # the log that was begun must not look like that of a run that goes on
        recorder.finish(1)
        raise
    return run


def start_parts(recorder: Recorder) -> None:
    """Begin what is recorded of every run by itself: the machine, the program, the packages.

    What can't be begun, for want of descriptors, threads or modules, is said, and the run goes on without it.
    """
    for what, start in (
        ("what loggers say", _start_loggers),
        ("what the run was made with", _start_surroundings),
        ("the machine's use", _start_monitor),
        ("what is written for TensorBoard", _start_tensorboard),
    ):
        if recorder.adds_to_another and start is _start_surroundings:  # the process that began the run records these
            continue
        try:
            start(recorder)
        except (OSError, RuntimeError, ImportError) as error:
            recorder.warn(f"{what} can't be recorded ({error}); the run goes on without")


def _start_loggers(recorder: Recorder) -> None:
    if recorder.settings.capture_loggers:
        from runstore.sdk.console.loggers import Loggers

        recorder.part(Loggers).listen(recorder.settings.capture_loggers)


def _start_surroundings(recorder: Recorder) -> None:
    from runstore.sdk.surroundings.capture import Surroundings

    recorder.part(Surroundings).start()


def _start_monitor(recorder: Recorder) -> None:
    if not recorder.settings.x_disable_stats and not recorder.settings.x_disable_machine_info:
        from runstore.sdk.system.monitor import SystemMonitor

        recorder.part(SystemMonitor).start()


def _start_tensorboard(recorder: Recorder) -> None:
    if recorder.settings.sync_tensorboard:
        from runstore.integrations.tensorboard import patch_for_runs_that_ask

        patch_for_runs_that_ask()


def attach(attach_id: str | None = None, run_id: str | None = None, *, run: Run | None = None) -> Run:
    """Return the run that another process began, so that this one adds to it; see Run._attach_id.

    It becomes the current run of this process. What this process logs goes to a log of its own, which readers merge
    with the other by step; ending it here does not end the run. In the process that began it, the run itself is
    returned. Raises UsageError where no such run is recorded.
    """
    from runstore.sdk.attaching import attached

    handed_over = attach_id or run_id or ""
    found = run or lifecycle.recorded_in(handed_over)
    if found is None:
        found = attached(handed_over)
        lifecycle.opened(found)
    return found


def _absolute(folder: str) -> str:
    """Return `folder` as it is meant now, since a program may change its directory later."""
    try:
        return os.path.abspath(folder)
    except FileNotFoundError:  # the current folder was deleted: making the run directory will say so
        return folder


def _known_id(settings: Settings) -> str:
    """Return the id that the program, its settings or an earlier run decide; "" where a new one is to be made."""
    if settings.resume_from:
        if settings.run_id and settings.run_id != settings.resume_from.run:
            raise UsageError(f"resume_from names run {settings.resume_from.run}, and id is {settings.run_id}: drop one")
        return settings.resume_from.run
    if settings.fork_from and settings.run_id == settings.fork_from.run:
        raise UsageError(f"fork_from: a fork of run {settings.run_id} needs another id; resume_from goes on with it")
    if settings.resume == "auto" and not settings.run_id:
        return autoresume.remembered(settings.root_dir)
    return settings.run_id


def _branched(settings: Settings) -> tuple[Earlier | None, str]:
    """Return the state from which `resume_from` or `fork_from` goes on, and what is to be said of it."""
    from runstore.sdk.resume import Earlier, earlier_logs

    moment = settings.resume_from or settings.fork_from
    assert moment is not None
    kind = Origin.REWIND if settings.resume_from else Origin.START
    step = int(moment.value)
    wandb_config = {"branch_point": {"run_id": moment.run, "step": step}}
    found = earlier_logs(Path(settings.root_dir) / "wandb", settings.entity, settings.project, moment.run, until=step)
    if found is not None:
        beyond = f"{moment}: what is recorded here of that run ends at step {found.next_step - 1}"
        reason = beyond if found.next_step <= step else ""
        return dataclasses.replace(found, kind=kind, next_step=step + 1, wandb_config=wandb_config), reason
    reason = f"{moment}: that run is not below {settings.root_dir}; its config and summary are not carried over"
    return Earlier(next_step=step + 1, kind=kind, wandb_config=wandb_config), reason


def _adds_to_another(settings: Settings) -> bool:
    """Return whether this is one of several processes with one run, and not the one that begins and ends it."""
    return not (settings.x_primary and settings.x_update_finish_state)


def _joined(earlier: Earlier | None) -> Earlier:
    """Return the state in which a process adds to a run that another one begins, maybe only now."""
    from runstore.sdk.resume import Earlier

    return dataclasses.replace(earlier or Earlier(next_step=0), kind=Origin.RANK)


def _resumed(settings: Settings, known_id: str) -> tuple[Earlier | None, str]:
    """Return the state in which earlier logs of this id leave the run, if it is to go on from them."""
    if not settings.resume:
        return None, ""
    root = Path(settings.root_dir) / "wandb"
    earlier = None
    if known_id:
        from runstore.sdk.resume import earlier_logs  # a run that begins anew should not pay for it

        earlier = earlier_logs(root, settings.entity, settings.project, settings.run_id)
    if settings.resume == "never" and earlier is not None:
        raise UsageError(f'resume="never": run {settings.run_id} exists already; choose another id')
    if settings.resume == "must" and earlier is None:
        raise UsageError(
            f'resume="must": no run {known_id or "without an id"} is below {root}; '
            'give the id of one that is, or resume="allow"'
        )
    return earlier, ""

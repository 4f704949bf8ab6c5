"""The runs of this process: `init`, `finish`, and the current one.

The module-level names of `runstore` (`run`, `config`, `summary`, `log`) are bound to the current run while there is
one, so that `runstore.log` costs what `run.log` costs. A run begun with `reinit="create_new"` stands beside it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from runstore.errors import Error, StorageError, UsageError
from runstore.sdk import ending
from runstore.settings import Settings, resolve

if TYPE_CHECKING:
    from runstore.sdk.disabled import DisabledRun
    from runstore.sdk.run import Run

_current: Run | DisabledRun | None = None
_open: list[Run | DisabledRun] = []  # all that have not been finished, the current one among them

P = ParamSpec("P")
R = TypeVar("R")


def _older_first_argument(init: Callable[P, R]) -> Callable[P, R]:
    """Let `init("name", entity=...)` through, as W&B's own guides have it: the first argument names the project."""

    @functools.wraps(init)
    def accepting(*args: P.args, **kwargs: P.kwargs) -> R:
        if len(args) == 1 and kwargs.get("entity") is not None and kwargs.get("project") is None:
            kwargs["project"] = args[0]
            return init(**kwargs)  # type: ignore[call-arg]
        return init(*args, **kwargs)

    return accepting


@_older_first_argument
def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002 - W&B's name for it
    id: str | None = None,  # noqa: A002
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Any = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    anonymous: object = None,
) -> Run | DisabledRun:
    """Begin a run and return it.

    The run is recorded in `<dir>/wandb/offline-run-<time>-<id>`, whatever the mode, unless that is "disabled": then
    every call is a cheap no-op. `config` is a dict, a namespace such as argparse's, or the path of a YAML file.

    While another run goes on, `reinit` decides: "return_previous" (the default) returns that one, "finish_previous"
    (the default in notebooks) ends it first, "create_new" begins one beside it, which the module's names don't follow.

    With `resume="allow"` (or "must") and an `id`, the run of that id below the same folder is continued: steps, config
    and summary go on; "auto" continues the folder's last run if that did not end well. `resume_from="<id>?_step=<n>"`
    sets a run back to step n and goes on from there; `fork_from` begins another run with its config and summary.

    With `sync_tensorboard` what the program writes to TensorBoard's event files is read into the run.

    `force`, `allow_val_change` (give it to `config.update`), `monitor_gym` and `anonymous` are accepted and without
    effect; `tensorboard` is an older name of `sync_tensorboard`.

    Raises SettingsError for a setting that can't be used, UsageError for an id that is no name or a `resume` that
    can't be met, ConfigError for a config file that can't be read, StorageError where no run directory can be made.
    """
    arguments = {
        "entity": entity,
        "project": project,
        "root_dir": dir,
        "run_id": id,
        "run_name": name,
        "run_notes": notes,
        "run_tags": tags,
        "allow_val_change": allow_val_change,
        "run_group": group,
        "run_job_type": job_type,
        "mode": mode,
        "reinit": reinit,
        "resume": resume,
        "resume_from": resume_from,
        "fork_from": fork_from,
        "save_code": save_code,
        "sync_tensorboard": tensorboard if sync_tensorboard is None else sync_tensorboard,
    }
    resolved = resolve(arguments, given_settings=settings)
    beside = resolved.reinit == "create_new"
    if _open and not beside:
        if not _finishes_previous(resolved.reinit):
            return _going_on(resolved)
        finish_all(0)
    with _refusal_in_one_sentence():
        run = _begun(resolved, config, config_exclude_keys, config_include_keys)
    opened(run, current=not beside)
    return run


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run, if there is one; see Run.finish."""
    if _current is not None:
        _current.finish(exit_code, quiet)


def finish_all(exit_code: int) -> None:
    """End every run of this process that goes on."""
    for run in reversed(list(_open)):
        run.finish(exit_code)


def current() -> Run | DisabledRun | None:
    """Return the current run, or None."""
    return _current


def recorded_in(directory: str) -> Run | None:
    """Return the run of this process that goes on in a run directory, or None."""
    return next((run for run in _open if run.sync_dir == directory), None)


def opened(run: Run | DisabledRun, current: bool = True) -> None:
    """Take `run` in: it ends with the program, and is the current one if `current` says so."""
    global _current
    if not run.disabled and all(other.disabled for other in _open):
        from runstore.sdk import signals

        # No thread can be started, or no descriptor is left: a signal ends the run without an exit.
        with contextlib.suppress(RuntimeError, OSError):
            signals.watch(finish_all)
    _open.append(run)
    ending.at_exit(finish_all)
    if current:
        _current = run
        _bind(run)


def released(run: Run | DisabledRun) -> None:
    """Forget `run`, which has ended; the next `init` begins another."""
    global _current
    if run in _open:
        _open.remove(run)
    if all(other.disabled for other in _open) and not run.disabled:
        from runstore.sdk import signals

        signals.unwatch()
    if _current is run:
        _current = None
        _bind(None)


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None) -> None:
    """Log metrics to the current run; see Run.log. Raises Error where there is none."""
    if _current is None:
        raise Error("there is no run to log to: call runstore.init() first")
    _current.log(data, step, commit, sync)  # for programs that took this function before there was a run


class BeforeInit:
    """Stands for `config` and `summary` while there is no run; every use says what to do."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        raise self._error()

    def __setattr__(self, key: str, value: Any) -> None:
        raise self._error()

    def __getitem__(self, key: str) -> Any:
        raise self._error()

    def __setitem__(self, key: str, value: Any) -> None:
        raise self._error()

    def _error(self) -> Error:
        return Error(f"there is no run whose {self.__dict__['_name']} this could be: call runstore.init() first")


@contextlib.contextmanager
def _refusal_in_one_sentence() -> Iterator[None]:
    """Turn into a StorageError what is left: no descriptors, even for an import."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"no run can be begun ({error})") from error


def _begun(
    settings: Settings, config: Any, exclude: Sequence[str] | None, include: Sequence[str] | None
) -> Run | DisabledRun:
    from runstore.sdk.configvalues import config_defaults, config_of_files, config_values

    values = {
        **config_defaults(),
        **config_values(config, exclude, include),
        **config_of_files(settings.config_paths),
    }
    if settings.mode == "disabled":
        from runstore.sdk.disabled import DisabledRun

        return DisabledRun(values, settings)
    from runstore.sdk import beginning

    return beginning.begin(settings, values)


def _going_on(settings: Settings) -> Run | DisabledRun:
    if settings.resume == "must":
        raise UsageError('resume="must": a run is going on already; finish() it first, or pass reinit')
    run = _open[-1]
    run._warn("a run is going on already and init() returned it; finish() it to begin another")
    return run


def _finishes_previous(reinit: str) -> bool:
    # In a notebook the cell that calls init() is run again and again, each time for another run.
    return reinit == "finish_previous" or (reinit == "default" and "ipykernel" in sys.modules)


def _bind(run: Run | DisabledRun | None) -> None:
    module: Any = sys.modules["runstore"]
    module.run = run
    module.config = run.config if run is not None else BeforeInit("config")
    module.summary = run.summary if run is not None else BeforeInit("summary")
    module.log = run.log if run is not None else log

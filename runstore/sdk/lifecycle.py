"""The run of this process: `init`, `finish`, and what ends a run when the program ends.

The module-level names of `runstore` (`run`, `config`, `summary`, `log`) are bound to the current run while there is
one, so that `runstore.log` costs what `run.log` costs.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from runstore.errors import Error, UsageError
from runstore.settings import resolve

if TYPE_CHECKING:
    from runstore.sdk.disabled import DisabledRun
    from runstore.sdk.run import Run

KEYBOARD_INTERRUPT_EXIT_CODE = 255  # as stock tools record it

_current: Run | DisabledRun | None = None
_exit_code = 0
_hooked = False


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | Path | None = None,  # noqa: A002 - W&B's name for it
    id: str | None = None,  # noqa: A002
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Any = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    resume: bool | str | None = None,
) -> Run | DisabledRun:
    """Begin a run and return it; while one is going on, return that one.

    The run is recorded in `<dir>/wandb/offline-run-<time>-<id>`, whatever the mode, unless that is "disabled": then
    every call is a cheap no-op. With `resume="allow"` (or "must") and an `id`, the run of that id below the same
    folder is continued: steps, config and summary go on. `config` is a mapping or a namespace such as argparse's.

    Raises SettingsError for a setting that can't be used, UsageError for an id that is no name or a `resume` that
    can't be met, StorageError where no run directory can be made.
    """
    global _current, _exit_code
    if _current is not None:
        _current._warn("a run is going on already and init() returned it; finish() it to begin another")
        return _current
    given = {
        "entity": entity,
        "project": project,
        "root_dir": dir,
        "run_id": id,
        "run_name": name,
        "run_notes": notes,
        "run_tags": tags,
        "run_group": group,
        "run_job_type": job_type,
        "mode": mode,
        "resume": resume,
    }
    settings = resolve(given)
    if settings.mode == "disabled":
        from runstore.sdk.disabled import DisabledRun

        _current = DisabledRun(_as_mapping(config))
    else:
        from runstore.sdk import beginning

        _current = beginning.begin(settings, _as_mapping(config))
    _exit_code = 0
    _hook()
    _bind(_current)
    return _current


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run, if there is one; see Run.finish."""
    global _current
    if _current is not None:
        _current.finish(exit_code, quiet)


def released(run: Run | DisabledRun) -> None:
    """Forget `run` as the current one; the next `init` begins another."""
    global _current
    if _current is run:
        _current = None
        _bind(None)


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None) -> None:
    """Log metrics to the current run; see Run.log. Raises Error where there is none."""
    raise Error("there is no run to log to: call runstore.init() first")


def exit_code_of(error: BaseException | None) -> int:
    """Return what a program ends with that ends by `error`; 0 for None."""
    if isinstance(error, SystemExit):
        return _status(error.code)
    return 0 if error is None else KEYBOARD_INTERRUPT_EXIT_CODE if isinstance(error, KeyboardInterrupt) else 1


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


def _as_mapping(config: Any) -> Mapping[str, Any]:
    if config is None:
        return {}
    if isinstance(config, Mapping):
        return config
    if hasattr(config, "__dict__"):
        return dict(vars(config))
    raise UsageError(f"config must be a dict or a namespace, not {type(config).__name__}")


def _bind(run: Run | DisabledRun | None) -> None:
    module: Any = sys.modules["runstore"]
    module.run = run
    module.config = run.config if run is not None else BeforeInit("config")
    module.summary = run.summary if run is not None else BeforeInit("summary")
    module.log = run.log if run is not None else log


def _hook() -> None:
    """See to it that the run ends with the program, and with its exit code."""
    global _hooked
    if _hooked:
        return
    _hooked = True
    atexit.register(_at_exit)
    _remember_exception(sys)
    _remember_exit(sys)


def _at_exit() -> None:
    finish(_exit_code)


def _remember_exception(system: ModuleType) -> None:
    show: Callable[..., None] = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        global _exit_code
        _exit_code = exit_code_of(error)
        show(kind, error, trace)  # writes to stderr, which is still being recorded

    system.excepthook = excepthook  # type: ignore[attr-defined]


def _remember_exit(system: ModuleType) -> None:
    leave = sys.exit

    def exit(status: Any = None, /) -> None:  # noqa: A001 - it stands for sys.exit
        global _exit_code
        if threading.current_thread() is threading.main_thread():  # in any other it ends that thread alone
            _exit_code = _status(status)
        leave(status)

    system.exit = exit  # type: ignore[attr-defined]


def _status(argument: object) -> int:
    """Return the status that the system gives to a program ended by sys.exit(argument)."""
    return argument & 0xFF if isinstance(argument, int) else 0 if argument is None else 1

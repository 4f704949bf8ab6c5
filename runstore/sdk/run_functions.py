"""The methods of a run as functions of the module `runstore`: each is handed on to the current run.

A program may import them before `init`, as in `from runstore import save`. `log` is not among them: it has to cost as
little as the method does, so the module's name is bound to it (see lifecycle.py).
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from runstore.errors import UsageError
from runstore.sdk import lifecycle
from runstore.sdk.run import Run

P = ParamSpec("P")
R = TypeVar("R")

# Where launchers put the number of a process among those that train together.
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")


def _of_current_run(method: Callable[Concatenate[Run, P], R]) -> Callable[P, R]:
    """Return the method as a function that raises Error where there is no run."""

    @functools.wraps(method)
    def function(*args: P.args, **kwargs: P.kwargs) -> R:
        run = lifecycle.current()
        if run is None:
            raise UsageError(f"there is no run for {method.__name__}(): call runstore.init() first")
        bound: Callable[P, R] = getattr(run, method.__name__)
        return bound(*args, **kwargs)

    signature = inspect.signature(method)
    without_self = list(signature.parameters.values())[1:]
    function.__signature__ = signature.replace(parameters=without_self)  # type: ignore[attr-defined]
    return function


alert = _of_current_run(Run.alert)
link_model = _of_current_run(Run.link_model)
log_artifact = _of_current_run(Run.log_artifact)
log_model = _of_current_run(Run.log_model)
mark_preempting = _of_current_run(Run.mark_preempting)
pin_config_keys = _of_current_run(Run.pin_config_keys)
restore = _of_current_run(Run.restore)
save = _of_current_run(Run.save)
unwatch = _of_current_run(Run.unwatch)
use_artifact = _of_current_run(Run.use_artifact)
use_model = _of_current_run(Run.use_model)
watch = _of_current_run(Run.watch)

_define_metric = _of_current_run(Run.define_metric)


@functools.wraps(_define_metric)
def define_metric(*args: Any, **kwargs: Any) -> Any:
    """See Run.define_metric. With no run, in a process whose rank is not 0, this does nothing and returns None.

    Training code calls it on every rank, while one of them has the run.
    """
    if lifecycle.current() is None and _is_of_higher_rank(os.environ):
        return None
    return _define_metric(*args, **kwargs)


def _is_of_higher_rank(environment: Mapping[str, str]) -> bool:
    ranks = (environment.get(variable, "") for variable in RANK_VARIABLES)
    return any(rank.isdecimal() and int(rank) > 0 for rank in ranks)

"""TensorBoard: what a program writes to event files is read into its run.

`init(sync_tensorboard=True)` does it; or `patch()`, called before `init`, which takes the root of several folders.
Scalars, histograms, pictures, films, sounds, texts and precision-recall curves are recorded under their tags, with
TensorBoard's step as `global_step`. Writers are found that torch, tensorboardX, tensorboard or TensorFlow make; none of
these is imported for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import runstore
from runstore.errors import UsageError
from runstore.integrations.tensorboard.hooks import Hooks
from runstore.integrations.tensorboard.written import Written

__all__ = ["patch", "patch_for_runs_that_ask", "unpatch"]

_hooks: Hooks | None = None


def patch(
    save: bool = True,
    tensorboard_x: bool | None = None,
    pytorch: bool | None = None,
    root_logdir: str = "",
) -> None:
    """From now on, read the event files of every writer that is made into the current run.

    `save` copies the files into the run as well. `root_logdir` is the folder above those of several writers, whose
    paths below it stand before the keys. `tensorboard_x` and `pytorch` are accepted for older programs: every kind of
    writer is found. Raises UsageError where it was called before.
    """
    if _hooks is not None:
        raise UsageError("TensorBoard's writers are followed already: call unpatch() before patch() is called again")
    _follow(lambda run: True, save, root_logdir)


def patch_for_runs_that_ask() -> None:
    """As `patch`, for the runs alone whose setting `sync_tensorboard` is true; nothing where writers are followed."""
    if _hooks is None:
        _follow(lambda run: bool(run.settings.sync_tensorboard), save=True, root_logdir="")


def unpatch() -> None:
    """Follow no more writers; those that were found are read on."""
    global _hooks
    if _hooks is not None:
        _hooks.remove()
        _hooks = None


def _follow(wanted: Callable[[Any], bool], save: bool, root_logdir: str) -> None:
    global _hooks

    def tell(logdir: str, written: Written) -> None:
        run = runstore.run
        if run is not None and not run.disabled and wanted(run):
            run._tensorboard_callback(logdir, save, root_logdir, written)

    _hooks = Hooks(tell)

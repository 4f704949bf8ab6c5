"""Which files are a program's code, and what the artifact of them is called."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from runstore.core.identity import NO_PROJECT
from runstore.sdk.artifacts.names import shortened_name
from runstore.sdk.surroundings.program import program_of
from runstore.settings import Settings

Choose = Callable[..., bool]  # of a path, or of a path and the root

_RUN_FOLDERS = ("wandb", ".wandb")


def files_below(
    root: str, include_fn: Choose | None = None, exclude_fn: Choose | None = None, runs: Path | None = None
) -> Iterator[str]:
    """Yield the paths of the code's files below `root`, absolute, in order of names.

    By default these are Python sources, requirements.txt and Dockerfiles, but not what lies in run directories: below
    `wandb` or `.wandb` in the root, or below `runs`. Links to folders are not followed.
    """
    root = os.path.abspath(root)
    include = _of_two(include_fn) if include_fn is not None else _is_code
    exclude = _of_two(exclude_fn) if exclude_fn is not None else None
    skipped = {os.path.join(root, name) for name in _RUN_FOLDERS}
    if runs is not None:
        skipped.add(os.path.abspath(runs))
    for above, folders, files in os.walk(root):
        if exclude is None:  # thousands of runs may lie there: not even looked at
            folders[:] = [name for name in folders if os.path.join(above, name) not in skipped]
        folders.sort()
        for name in sorted(files):
            path = os.path.join(above, name)
            if include(path, root) and not (exclude is not None and exclude(path, root)):
                yield path


def artifact_name(settings: Settings) -> str:
    """Return what the artifact of the code is called, where no name is given: after the project and the program."""
    program = settings.notebook_name or settings.program_relpath or _program(settings)
    return shortened_name(f"source-{settings.project or NO_PROJECT}-{program}")


def _is_code(path: str, root: str) -> bool:
    name = os.path.basename(path)
    return name.endswith(".py") or name.startswith("Dockerfile") or name == "requirements.txt"


def _of_two(choose: Choose) -> Choose:
    """Return `choose` as a function of a path and the root; older programs give one of the path alone."""
    if len(inspect.signature(choose).parameters) == 2:
        return choose
    return lambda path, root: choose(path)


def _program(settings: Settings) -> str | None:
    """Return the program's path below its repository, or below the current folder; None where it is in neither."""
    return program_of(settings).path_below(_repository(os.getcwd()) or os.getcwd()) or None


def _repository(folder: str) -> str | None:
    """Return the folder, from this one upwards, that git keeps."""
    for above in (Path(folder), *Path(folder).parents):
        if (above / ".git").exists():
            return str(above)
    return None

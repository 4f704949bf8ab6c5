"""`runstore run`: start a program whose `import wandb` means runstore."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from runstore import shim
from runstore.cli.output import warn
from runstore.errors import NotFound, UsageError
from runstore.version import VERSION

_ASK = "import runstore.version"
_ASK_TIMEOUT_SECONDS = 60.0  # a first import from a network file system
# Options of Python by which it ignores PYTHONPATH.
_ISOLATING = ("I", "E")
# Letters of Python's, and the one among them that takes a value, in the same argument or the next.
_OPTION = re.compile("-(?=.)([^-cmWX][^cmWX]*|)(?:([cmWX])(.*))?", re.DOTALL)


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--quiet", "-q", is_flag=True, help="Don't say at the start that runstore takes wandb's place.")
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def command(quiet: bool, program: tuple[str, ...]) -> None:
    """Run a program unmodified, with runstore in the place of wandb.

    The command is started as it stands, with all its children: torchrun, composer and accelerate too. What it records
    with `import wandb` goes to run directories on this disk, and `wandb sync` in it is runstore's. Python's options -I
    and -E would keep runstore out, and are refused. The exit code is the program's own.

    Example: runstore run -- python train.py --epochs 3
    """
    executable = _found(program[0])
    _refuse_isolation(program)
    interpreter = _interpreter_of(executable)
    if interpreter is None:  # a shell, make, srun: who knows which Python it starts
        interpreter = _guessed()
    else:
        _ask(interpreter)
    if not quiet:
        warn(f"`import wandb` is runstore {VERSION} in this program; runs are kept on this disk")
    sys.stdout.flush()
    os.execve(executable, program, _environment(interpreter))


def _found(name: str) -> str:
    executable = shutil.which(name)
    if executable is None:
        raise NotFound(f"{name}: there is no such program; give the command as you would type it, `python train.py`")
    return executable


def _refuse_isolation(program: Sequence[str]) -> None:
    """Raise UsageError for `python -I` and `python -E`, alone or among other letters."""
    if not Path(program[0]).name.startswith("python"):
        return
    arguments = iter(program[1:])
    for argument in arguments:
        option = _OPTION.fullmatch(argument)
        if option is None:  # the script, or what is Python's no more
            return
        flags, valued, value = option.groups()
        if any(letter in flags for letter in _ISOLATING):
            raise UsageError(
                f"{argument}: Python ignores PYTHONPATH so, and would import W&B's wandb; leave it out, or call "
                "runstore.install_as_wandb() at the program's beginning"
            )
        if valued in ("c", "m"):  # the rest is the program's
            return
        if valued and not value:
            next(arguments, None)


def _interpreter_of(executable: str) -> str | None:
    """Return the Python that a program is run by: itself, or the one in its first line; None for what is no Python."""
    if Path(executable).name.startswith("python"):
        return executable
    with open(executable, "rb") as file:
        first = file.readline(512)
    if first.startswith(b"#!") and b"python" in first:
        words = os.fsdecode(first[2:]).split()
        if Path(words[0]).name != "env":
            return words[0]
        names = [word for word in words[1:] if not word.startswith("-")]
        return shutil.which(names[0]) or names[0]
    return None


def _guessed() -> str:
    """Return the Python that a shell would find, or this one where that one has no runstore, saying so."""
    found = shutil.which("python") or shutil.which("python3") or sys.executable
    try:
        _ask(found)
    except NotFound as error:
        warn(f"{error}; the program goes on, and records where its Python can")
        return sys.executable
    return found


def _ask(interpreter: str) -> None:
    """Raise NotFound where an interpreter can't import runstore."""
    try:
        done = subprocess.run(
            [interpreter, "-c", _ASK], capture_output=True, text=True, timeout=_ASK_TIMEOUT_SECONDS, check=False
        )
    except OSError as error:
        raise NotFound(
            f"{interpreter}: can't be started ({error.strerror}); is the program's Python installed?"
        ) from error
    if done.returncode != 0:
        why = done.stderr.strip().rpartition("\n")[2]
        raise NotFound(
            f"{interpreter} can't import runstore ({why}); install it there: {interpreter} -m pip install runstore"
        )


def _environment(interpreter: str) -> dict[str, str]:
    found = dict(os.environ)
    found["PYTHONPATH"] = _first(str(shim.folder()), found.get("PYTHONPATH"))
    found["PATH"] = _first(str(shim.commands_folder()), found.get("PATH", os.defpath))
    found["RUNSTORE_PYTHON"] = interpreter
    return found


def _first(folder: str, path: str | None) -> str:
    others = [part for part in (path or "").split(os.pathsep) if part and part != folder]
    return os.pathsep.join([folder, *others])

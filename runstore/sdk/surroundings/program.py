"""Which program a run records, and where its source lies."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from runstore.settings import Settings

# As W&B's client names a program that is no file: typed in, or given with -c.
NO_FILE = "<python with no main file>"
CODE_FOLDER = "code"  # in the folder `files`
# A script is some kB; what is much larger was not written by hand.
MOST_CODE_BYTES = 10 << 20


class Main(NamedTuple):
    """Python's main module: its name as of a program, and its source, "" where there is none."""

    name: str
    file: str


@dataclass(frozen=True)
class Program:
    """The program: `name` for people (a path, or "-m module"), `file` its source, "" where there is none."""

    name: str
    file: str

    def path_below(self, root: str) -> str:
        """Return the source's path relative to `root`, with slashes; "" where it does not lie below it."""
        if not self.file:
            return ""
        path = os.path.relpath(os.path.realpath(self.file), os.path.realpath(root))
        return "" if path.startswith("..") else path.replace(os.sep, "/")


def program_of(settings: Settings, notebook: str = "", main: Main | None = None) -> Program:
    """Return what this process runs: by the settings, or the notebook's file, or Python's main module.

    `main` is what `main_module` said before: at its end Python takes the module's names away.
    """
    main = main or main_module()
    name = settings.program or notebook or main.name
    file = settings.program_abspath or (main.file if name.startswith("-m ") else name)
    file = os.path.join(_folder(), file) if file else ""
    return Program(name, file if file and os.path.isfile(file) else "")


def main_module() -> Main:
    """Return what Python's main module is called, and where its source lies."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None) or ""
    spec = getattr(main, "__spec__", None)
    if spec is not None and getattr(spec, "name", None):
        return Main(f"-m {spec.name}", file)
    return Main(file or NO_FILE, file)


def is_below_git(folder: str) -> bool:
    """Return whether git can find a work tree for this folder: for that, `.git` is in it, or in one above."""
    above = os.path.realpath(folder) if folder else ""
    while above and not os.path.lexists(os.path.join(above, ".git")):
        above = "" if above == os.path.dirname(above) else os.path.dirname(above)
    return bool(above)


def local_path(program: Program, folder: str) -> str:
    """Return the source's path relative to the folder in which the program was started, as W&B's client does."""
    return os.path.relpath(program.file, folder).replace(os.sep, "/") if program.file and folder else ""


def read_code(program: Program) -> bytes:
    """Return the source. Raises OSError."""
    file = Path(program.file)
    if file.stat().st_size > MOST_CODE_BYTES:
        raise OSError(f"{file} is larger than {MOST_CODE_BYTES >> 20} MiB")
    return file.read_bytes()


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""

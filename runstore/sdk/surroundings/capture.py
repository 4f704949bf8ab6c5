"""What a run was made with: packages, repository, code, machine, notebook.

All of it is captured in one thread beside the training: `start` costs the program the start of that thread. A run that
ends early waits for it a little; what is missing then is named.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runstore.errors import UsageError
from runstore.runlog import wire
from runstore.sdk import preamble
from runstore.sdk.part import Part

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder
    from runstore.sdk.surroundings.git import Repository
    from runstore.sdk.surroundings.notebook import Displays
    from runstore.sdk.surroundings.program import Main, Program

# The end of a run waits this long for what is still being captured: for a short run on a machine under load.
WAITED_SECONDS = 2.0
# The thread lets the program finish `init` first: imports in two threads at once hold each other up for some ms.
_PAUSE_SECONDS = 0.05
# A fork waits at most this long until the thread has imported what it needs.
_IMPORTS_SECONDS = 5.0


class Surroundings(Part):
    """Captures the surroundings of a run, once."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._started = False
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._given_up = False
        self._steps: list[tuple[str, Callable[[], None]]] = []
        self._folder = ""
        self._shell: Any = None
        self._displays: Displays | None = None
        self._known: dict[str, Any] = {}
        self._repository: Repository | None = None
        self._program: Program | None = None
        self._main: Main | None = None
        self._source_path = ""

    # The run's life.

    def start(self) -> None:
        """Begin to capture; called right after the run has begun, and of no effect after that."""
        if self._started:
            return
        self._started = True
        with contextlib.suppress(OSError):  # the current folder was deleted
            self._folder = os.getcwd()
        self._shell = self._notebook_shell()
        self._steps = self._wanted()
        if not self._steps:
            return
        from runstore.sdk.surroundings.program import main_module

        self._main = main_module()  # now: a program that ends soon has lost its name when the thread comes to ask
        otherwise = "what the run was made with (packages, code, machine) is not recorded"
        self._thread = self.thread(self._capture, "runstore-surroundings", otherwise)
        if self._thread is None:
            self._steps = []

    def stop(self) -> None:
        """Wait a little for what is being captured, and keep the cells of a notebook."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ending.set()
            thread.join(WAITED_SECONDS)
            self._given_up = thread.is_alive()
        missing = [what for what, _ in self._steps]
        if missing:
            self.recorder.warn(f"the run ended before this was captured: {', '.join(missing)}")
        if self._displays is not None:
            self._guarded("the notebook's cells", self._save_notebook)

    def forked(self) -> None:
        """In a forked child there is no such thread: the surroundings are the parent's, which go on to be captured."""
        self._thread = None
        self._steps = []
        self._displays = None

    def _notebook_shell(self) -> Any:
        if "IPython" not in sys.modules:
            return None
        from runstore.sdk.surroundings import notebook

        shell = notebook.kernel_shell()
        if shell is not None and self._keeps_code:
            self._displays = notebook.Displays(shell)
        return shell

    # What is captured, in the order of how soon it is there.

    def _wanted(self) -> list[tuple[str, Callable[[], None]]]:
        settings = self.recorder.settings
        steps: list[tuple[str, Callable[[], None]]] = []
        if settings.x_save_requirements:
            steps.append(("the installed packages", self._packages))
        if settings.x_disable_machine_info:
            return steps
        steps.append(("the git commit", self._find_repository))
        steps.append(("the program's code", self._code))
        steps.append(("the uncommitted changes", self._changes))
        if not settings.x_disable_meta:
            # First without the machine: a GPU's driver may take seconds to wake up, and a large work tree to compare.
            steps.insert(-1, ("the program's description", self._metadata))
            steps.append(("the machine's description", self._machine))
        if self._keeps_code and settings.code_dir is not None:
            steps.append((f"the code in {settings.code_dir}", self._code_folder))
        return steps

    def _capture(self) -> None:
        self._ending.wait(_PAUSE_SECONDS)
        with _importing, contextlib.suppress(ImportError):  # the step that needs it will say so
            _import_all()
        while self._steps and not self._given_up:
            self._guarded(*self._steps[0])
            if self._steps:  # none are left in a child that was forked from this thread
                del self._steps[0]

    def _guarded(self, what: str, step: Callable[[], None]) -> None:
        try:
            step()
        except UsageError:  # the run has ended meanwhile, which stop() said
            pass
        except OSError as error:  # one cause for many files, which is said once
            self.recorder.warn(f"what the run was made with is not all recorded ({error.strerror or error})")
        except Exception as error:  # the edge of the thread: nothing here is worth failing a training run
            if not self._given_up:
                self.recorder.warn(f"{what} could not be captured ({error or type(error).__name__}); the run goes on")

    @property
    def _keeps_code(self) -> bool:
        return bool(self.recorder.settings.save_code) and not self.recorder.settings.disable_code

    def _packages(self) -> None:
        from runstore.sdk.surroundings.packages import requirements

        self._put("requirements.txt", requirements().encode("utf-8", "replace"))

    def _find_repository(self) -> None:
        from runstore.sdk.surroundings import notebook
        from runstore.sdk.surroundings.program import is_below_git, program_of

        settings = self.recorder.settings
        path = notebook.notebook_path(settings, self._shell) if self._shell is not None else ""
        self._program = program_of(settings, path, self._main)
        commit, remote = settings.git_commit or "", settings.git_remote_url or ""
        if not settings.disable_git:
            folders = [settings.git_root or "", self._folder, os.path.dirname(self._program.file), settings.root_dir]
            self._repository = self._repository_of([folder for folder in folders if is_below_git(folder)])
        if self._repository is not None:
            commit = commit or self._repository.commit()
            remote = remote or self._repository.remote_url(settings.git_remote)
        if commit or remote:
            self._known["git"] = {name: text for name, text in (("remote", remote), ("commit", commit)) if text}
            run_id, started_ns = self.recorder.run_id, self.recorder.started_ns
            self.recorder.append(preamble.git_record(settings, run_id, started_ns, remote, commit))

    def _repository_of(self, folders: list[str]) -> Repository | None:
        if not folders:  # then neither git nor what it takes to run commands is loaded
            return None
        with _importing:  # a fork waits for this import, too
            from runstore.sdk.surroundings import git
        return git.repository_of(folders, lambda: self._given_up)

    def _code(self) -> None:
        from runstore.sdk.surroundings import program

        assert self._program is not None
        path = self.recorder.settings.program_relpath or self._program.path_below(self._root())
        self._known |= {"program": self._program.name, "codePath": path}
        self._known["codePathLocal"] = program.local_path(self._program, self._folder) if path else ""
        if self._keeps_code and self._program.file:
            self._source_path = f"{program.CODE_FOLDER}/{path or os.path.basename(self._program.file)}"
            self._keep_source()
            self.recorder.set_wandb_config(("code_path",), self._source_path)

    def _keep_source(self) -> None:
        from runstore.sdk.surroundings.program import read_code

        if self._program is not None and self._source_path:
            self._put(self._source_path, read_code(self._program))

    def _machine(self) -> None:
        from runstore.sdk.system.machine import machine_description
        from runstore.sdk.system.source import Options

        self._known |= machine_description(Options.of(self.recorder.settings, os.getpid()))
        self._metadata()

    def _metadata(self) -> None:
        from runstore.sdk.system.slurm import slurm_variables

        known = {**self._first_metadata(), **self._known, "slurm": slurm_variables()}
        text = wire.dumps({name: value for name, value in known.items() if value})
        listed = self.recorder.files_folder() != self.recorder.directory / "files"  # else the preamble did
        self._put(preamble.METADATA_FILE, text.encode("utf-8", "replace"), listed=listed)

    def _changes(self) -> None:
        settings, repository = self.recorder.settings, self._repository
        if repository is None or settings.disable_code or settings.save_code is False:
            return
        # They are code: kept on this machine in any case, and delivered where the settings say so for code.
        if repository.commit():
            self._put_changes("diff.patch", repository, "HEAD")
        upstream = repository.upstream(nearest=not settings.disable_git_fork_point)
        if upstream:
            self._put_changes(f"diff_{upstream}.patch", repository, upstream)

    def _code_folder(self) -> None:
        from runstore.sdk.artifacts.recording import ArtifactLog

        self.recorder.part(ArtifactLog).log_code(self.recorder.settings.code_dir, None, None, None)

    def _save_notebook(self) -> None:
        from runstore.sdk.surroundings import notebook

        self._keep_source()  # saved again since the run began
        assert self._displays is not None
        self._displays.close()
        cells = notebook.executed_cells(self._shell, self._displays)
        if cells is not None:
            self._put(notebook.HISTORY_FILE, cells)
            self.recorder.set_wandb_config(("session_history",), notebook.HISTORY_FILE)

    # How it is written.

    def _put(self, path: str, content: bytes, listed: bool = True) -> None:
        from runstore.sdk.files.filelist import put

        put(self.recorder, path, content, listed)

    def _put_changes(self, path: str, repository: Repository, since: str) -> None:
        changes = repository.changes(since)
        if changes and not self._given_up:
            self._put(path, changes, listed=self._keeps_code)

    def _root(self) -> str:
        return self._repository.root if self._repository is not None else self._folder

    def _first_metadata(self) -> dict[str, Any]:
        """Return what was recorded when the run began: the program may have changed its folder and arguments since."""
        try:
            first = json.loads((self.recorder.directory / "files" / preamble.METADATA_FILE).read_bytes())
        except (OSError, ValueError):
            return preamble.metadata(self.recorder.settings, self.recorder.started_ns)
        return first if isinstance(first, dict) else {}


# A fork while another thread imports a module leaves a child that waits for ever if it imports that module too. Right
# after init is when programs fork most (the workers of a data loader), so a fork waits until the thread is past that.
_importing = threading.Lock()
_fork_waited = False


def _import_all() -> None:
    import psutil  # noqa: F401

    from runstore.sdk.files import filelist  # noqa: F401
    from runstore.sdk.surroundings import notebook, packages, program  # noqa: F401
    from runstore.sdk.system import machine, slurm  # noqa: F401


def _before_fork() -> None:
    global _fork_waited
    _fork_waited = _importing.acquire(timeout=_IMPORTS_SECONDS)


def _after_fork_in_parent() -> None:
    if _fork_waited:
        _importing.release()


def _after_fork_in_child() -> None:
    global _importing
    _importing = threading.Lock()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)

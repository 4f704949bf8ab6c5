"""What the git repository of a program says about its code: the commit, the remote, and what was changed since.

The `git` command is asked, never for longer or for more than is bounded here, never so that it could wait for a
person or take a lock that the person's own git commands then miss. Where git refuses a repository because it belongs to
another user (its setting safe.directory), that is respected, and there is nothing to record.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ASKED_SECONDS = 5.0  # a question about the repository
DIFF_SECONDS = 30.0  # git looks at every tracked file, of which a cold work tree may have a million
DIFF_BYTES = 16 << 20  # more than this is data, not code
_ANSWER_BYTES = 1 << 20
_MOST_BRANCHES = 50  # asked for where the upstream of HEAD is not known; each costs two commands
# With these, git would look at another repository than the one in which the program is; hooks run with them set.
_OF_ANOTHER_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
_SETTINGS = ("-c", "core.fsmonitor=false")
_DIFF = (
    "diff",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--submodule=diff",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
_USER_IN_ADDRESS = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)([^/?#]*)@")


class GitFailed(Exception):
    """Git is missing, refused or took too long; the message is the end of a sentence."""


class Repository:
    """The work tree that holds a folder. Each question is one git command and raises GitFailed where it fails."""

    def __init__(self, folder: str, stopped: Callable[[], bool] = lambda: False) -> None:
        """Find the repository; raises GitFailed where there is none. `stopped` is asked while a command runs."""
        self._stopped = stopped
        self._folder = folder
        self.root = self._line("rev-parse", "--show-toplevel")
        if not self.root:  # a bare repository, or the inside of `.git`
            raise GitFailed("there is no work tree")
        self._folder = self.root

    def commit(self) -> str:
        """Return the commit that is checked out; "" before the first one."""
        return self._line_or_nothing("rev-parse", "--verify", "--quiet", "HEAD")

    def remote_url(self, name: str) -> str:
        """Return the address of a remote without the password that may be in it; "" if there is no such remote."""
        return without_password(self._line_or_nothing("config", "--get", f"remote.{name}.url"))

    def upstream(self, nearest: bool = False) -> str:
        """Return the commit of the upstream of the branch that is checked out; "" where it has none.

        With `nearest` it is the latest commit of HEAD's history that is on any branch's upstream.
        """
        commit = self._line_or_nothing("rev-parse", "--verify", "--quiet", "@{upstream}^{commit}")
        return self._fork_point() if nearest and not commit else commit

    def changes(self, since: str) -> bytes:
        """Return a patch with all staged and unstaged changes of tracked files since a commit; b"" for none."""
        index = os.path.join(self.root, self._line("rev-parse", "--git-path", "index"))
        # In a copy of the index: git writes down in it which files it found unchanged, for which it locks it.
        with tempfile.TemporaryDirectory(prefix="runstore-git-") as folder:
            own = os.path.join(folder, "index")
            with contextlib.suppress(FileNotFoundError):  # nothing was ever added
                shutil.copy2(index, own)  # with its time, by which git knows files changed right after it
            return self._run(*_DIFF, since, "--", seconds=DIFF_SECONDS, most_bytes=DIFF_BYTES, index=own)

    def _fork_point(self) -> str:
        names = self._line_or_nothing("for-each-ref", "--format=%(upstream)", "refs/heads/").split()
        best = ""
        for name in list(dict.fromkeys(names))[:_MOST_BRANCHES]:
            base = self._line_or_nothing("merge-base", "HEAD", name)
            if base and (not best or self._line_or_nothing("merge-base", best, base) == best):
                best = base
        return best

    def _line_or_nothing(self, *arguments: str) -> str:
        try:
            return self._line(*arguments)
        except GitFailed:
            return ""

    def _line(self, *arguments: str) -> str:
        answer = self._run(*arguments, seconds=ASKED_SECONDS, most_bytes=_ANSWER_BYTES)
        return os.fsdecode(answer).removesuffix("\n")

    def _run(self, *arguments: str, seconds: float, most_bytes: int, index: str = "") -> bytes:
        command = [os.environ.get("GIT_PYTHON_GIT_EXECUTABLE") or "git", *_SETTINGS, *arguments]
        return run_bounded(command, self._folder, seconds, most_bytes, self._stopped, index)


def run_bounded(
    command: list[str],
    folder: str,
    seconds: float,
    most_bytes: int,
    stopped: Callable[[], bool] = lambda: False,
    index: str = "",
) -> bytes:
    """Return what a command writes to stdout. `index` is the index that git is to use, "" for the repository's.

    Raises GitFailed if it can't be run, ends with an error, takes longer, writes more, or if `stopped` becomes true.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(index),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # no terminal to ask at; Ctrl-C is the program's
        )
    except (OSError, ValueError) as error:
        raise GitFailed(f"git can't be run ({error})") from error
    with process:
        try:
            answer = _read(process, time.monotonic() + seconds, most_bytes, stopped)
            code = process.wait(ASKED_SECONDS)
        except subprocess.TimeoutExpired:
            raise GitFailed("git does not end") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # with what it started to filter files
    if code != 0:
        raise GitFailed(f"git {command[-1]} ended with {code}")
    return answer


def _read(process: subprocess.Popen[bytes], deadline: float, most_bytes: int, stopped: Callable[[], bool]) -> bytes:
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    pieces: list[bytes] = []
    size = 0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if stopped():
                raise GitFailed("the run ended before git answered")
            if time.monotonic() > deadline:
                raise GitFailed("git took too long")
            if not selector.select(0.1):
                continue
            piece = os.read(pipe, 1 << 16)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            size += len(piece)
            if size > most_bytes:
                raise GitFailed(f"it would be larger than {most_bytes >> 20} MiB")


def without_password(address: str) -> str:
    """Return the address of a remote without what gives access to it.

    In http addresses the user goes as well as the password: where a token is used, either may be it.
    """
    found = _USER_IN_ADDRESS.match(address)
    if found is None:  # a path, or user@host:path, which holds no password
        return address
    scheme, user = found.groups()
    name = "" if scheme.lower().startswith("http") else user.partition(":")[0]
    return f"{scheme}{name}{'@' if name else ''}{address[found.end() :]}"


def repository_of(folders: list[str], stopped: Callable[[], bool] = lambda: False) -> Repository | None:
    """Return the repository of the first of `folders` that is in one; None where git is missing or refuses."""
    for folder in dict.fromkeys(folders):
        if folder and Path(folder).is_dir():
            try:
                return Repository(folder, stopped)
            except GitFailed:
                continue
    return None


def _environment(index: str) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    if index:
        environment["GIT_INDEX_FILE"] = index
    return {**environment, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}

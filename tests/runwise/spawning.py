"""`runstore` in processes of its own that begin at once: each is forked from one that has imported everything.

A test that kills a hundred of them has no time for a hundred times the half second that Python takes to begin. What is
forked has no threads, no connections and no index open.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.commands import ROOT

# Forks for every line that comes, says the number of the child, and, asked to wait for one, how that ended.
_PROGRAM = """
import json, os, signal, sys
import runstore.cli.main, runstore.cli.sync, runstore.index.indexer, runstore.syncd.oneround
import runstore.syncd.remotes.wandb.remote, runstore.syncd.runwise.content.generated, runstore.settings
import runstore.index.parallel, runstore.syncd.crew, runstore.syncd.runwise.turns
from tests.timing import HANGS_SECONDS

runstore.syncd.runwise.turns.WAIT_SECONDS = HANGS_SECONDS  # for those who wait for their turn with a run

def run(asked):
    os.setsid()
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    said = os.open(asked["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, opened in enumerate((os.open(os.devnull, os.O_RDONLY), said, said)):
        os.dup2(opened, number)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runstore.syncd.remotes.wandb.remote.MOST_BYTES = asked["most_bytes"]
    if asked["processes"]:
        runstore.index.parallel.most_workers = lambda: asked["processes"]
        runstore.syncd.crew.WORTH_BYTES = 0
    sys.argv = ["runstore", *asked["arguments"]]
    code = 99
    try:
        runstore.cli.main.main()
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

for line in sys.stdin:
    asked = json.loads(line)
    if "wait" in asked:
        print(os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1]), flush=True)
        continue
    child = os.fork()
    if child == 0:
        run(asked)
    print(child, flush=True)
"""


@dataclass
class Spawned:
    """A command that was begun; what it prints is in the file `said`."""

    spawner: Spawner
    pid: int
    said: Path

    def kill(self) -> None:
        """End it with SIGKILL, at once."""
        os.kill(self.pid, signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL

    def interrupt(self) -> None:
        """Do what Ctrl-C does at a terminal: tell it, and all processes that it has."""
        os.killpg(self.pid, signal.SIGINT)

    def is_going_on(self) -> bool:
        """Return whether it has not ended yet."""
        return (Path("/proc") / str(self.pid) / "stat").read_text().split()[2] != "Z"

    def wait(self) -> int:
        """Return its exit code once it has ended, minus the number of the signal where it was one."""
        return self.spawner.ask({"wait": self.pid})


class Spawner:
    """Begins commands while it is open."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Spawner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def start(
        self, folder: Path, environment: Mapping[str, str], *arguments: str, most_bytes: int, processes: int = 0
    ) -> Spawned:
        """Begin a command in a folder, one push of which takes so many bytes of lines.

        On a machine of so many `processes`, few runs are worth one for each; 0: as it is.
        """
        said = folder / "said.txt"
        asked = {"folder": str(folder), "environment": dict(environment), "arguments": arguments, "said": str(said)}
        return Spawned(self, self.ask({**asked, "most_bytes": most_bytes, "processes": processes}), said)

    def ask(self, question: Mapping[str, object]) -> int:
        """Return the number that the process says."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

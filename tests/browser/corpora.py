"""The runs that the pages show in these tests: recorded by real programs, each in a process of its own."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.commands import Bench
from tests.conformance import stock
from tests.timing import HANGS_SECONDS, PATIENCE_SECONDS

PROGRAMS = Path(__file__).with_name("corpus")
AT_ONCE = 2

# Program and its arguments -> the exit code that it ends with.
ENDINGS = {
    ("train.py", "sweep"): 0,
    ("train.py", "diverged"): 0,
    ("train.py", "failed"): 1,
    ("train.py", "killed"): -9,
    ("spike.py",): 0,
    ("console.py",): 0,
    ("lineage.py",): 0,
    ("hostile.py",): 0,
    ("media.py",): 0,
}


def train(bench: Bench) -> None:
    """Run every program, in the folder of `bench`, which is a git repository with a change that is not committed."""
    repository(bench.folder)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = [pool.submit(_run, bench, arguments, code) for arguments, code in ENDINGS.items()]
        done.append(pool.submit(_run_stock, bench))
        for one in done:
            one.result()
    bench.runstore("runs", "list")


def repository(folder: Path) -> None:
    """Make a git repository with one commit of the programs, and of a file that is changed after that."""
    for program in PROGRAMS.glob("[a-z]*.py"):
        shutil.copy(program, folder)
    source = folder / "model.py"
    source.write_text("depth = 3\n", encoding="utf-8")
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first model"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, timeout=PATIENCE_SECONDS)
    source.write_text("depth = 4\n", encoding="utf-8")


def start(bench: Bench, program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a program whose lines on stdout the test reads."""
    return subprocess.Popen(
        [sys.executable, program, *arguments],
        cwd=bench.folder,
        env=bench.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def live(bench: Bench, run_id: str, project: str = "live") -> Iterator[Callable[[int], None]]:
    """A run `PROJECT/ID` that logs one row more than it is told, and has when that returns; ended at the end."""
    with start(bench, "live.py", run_id, project) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said, answers = process.stdin, process.stdout

        def log(rows: int) -> None:
            said.write(f"{rows}\n")
            said.flush()
            while (line := answers.readline()) != "logged\n":
                assert line, "the training program is gone"

        try:
            yield log
            said.close()
            process.wait(HANGS_SECONDS)
        finally:
            process.kill()


def shared(folder: Path, name: str, fill: Callable[[Path], None], look: Callable[[Path], None] | None = None) -> Path:
    """Return `folder`/`name`, filled once; of several processes that come at the same time, one fills it.

    Then each takes a `look` at it, one after the other: the first is the one that takes long.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / name
        if not made.is_dir():
            partial = folder / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            fill(partial)
            os.rename(partial, made)
        if look is not None:
            look(made)
    return made


def _run(bench: Bench, arguments: tuple[str, ...], code: int) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=bench.folder,
        env=bench.environment,
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
        check=False,
    )
    assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr}"


def _run_stock(bench: Bench) -> None:
    done = stock.run_file(stock.STOCK_VERSIONS[0], "stockoffline.py", bench.folder)
    assert done.returncode == 0, done.stderr

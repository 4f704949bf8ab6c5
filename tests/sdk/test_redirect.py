"""Console output by redirect: of C code and child processes too, shown and recorded whatever becomes of the program."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.sdk.console import relay
from tests.sdk.reading import console, fold, logs, only_log, program, records, succeeded
from tests.sdk.running import ended, running
from tests.timing import PATIENCE_SECONDS, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tried on Linux alone")

START = """
import ctypes, os, signal, subprocess, sys, threading, time, runstore
from runstore.sdk.console import redirect
from tests.timing import PATIENCE_SECONDS
redirect.SECONDS_TO_END = PATIENCE_SECONDS
run = runstore.init(project="p")
"""


@pytest.fixture(autouse=True)
def _redirected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_CONSOLE", "redirect")


def relays(folder: Path) -> int:
    """Return how many relays there are of programs that record into a folder."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_relay = os.fsencode(relay.__file__) in (process / "cmdline").read_bytes()
            count += is_relay and os.fsencode(folder) in (process / "environ").read_bytes()
    return count


def test_everything_that_reaches_the_terminal_is_shown_and_recorded(folder: Path) -> None:
    done = program(
        START
        + """
print("printed", flush=True)
os.write(1, b"written \\xc3"); os.write(1, b"\\xa9\\n")
sys.stdout.buffer.write(b"bytes\\n"); sys.stdout.flush()
ctypes.CDLL(None).puts(b"from C")
ctypes.CDLL(None).fflush(None)
subprocess.run("echo child; echo error >&2", shell=True)
if os.fork() == 0:
    print("forked", flush=True)
    os._exit(0)
os.wait()
ctypes.CDLL(None).puts(b"held by C")
print("tail", end="")
run.finish()
print("after")
"""
    )
    seen = ["printed", "written é", "bytes", "from C", "child", "forked"]
    assert succeeded(done).splitlines()[:6] == seen
    log = only_log(folder)
    assert console(log, "stdout")[:6] == seen
    assert sorted("".join(console(log, "stdout")[6:])) == sorted("held by Ctail")
    assert "after" in done.stdout
    assert "error" in console(log, "stderr")  # and what Python 3.12 says of forks
    assert "runstore: " in done.stderr


def test_an_exceptions_traceback_is_shown_once_and_recorded(folder: Path) -> None:
    done = program(START + "raise ValueError('the reason')")
    assert done.returncode == 1
    assert done.stderr.count("ValueError: the reason") == 1
    assert console(only_log(folder), "stderr")[-1] == "ValueError: the reason"
    assert fold(only_log(folder)).facts.exit_code == 1


@pytest.mark.parametrize("death", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()"])
def test_what_was_written_before_a_crash_reaches_the_terminal(folder: Path, death: str) -> None:
    for attempt in range(5):
        text = f"'x' * {10**attempt} + 'the end'"
        done = program(
            f"{START}time.sleep(0.1)\nos.write(1, ({text}).encode())\n{death}", WANDB_DIR=str(folder / str(attempt))
        )
        assert done.stdout.endswith("the end")
        assert len(done.stdout) == 10**attempt + 7


def test_output_of_a_moment_ago_is_in_the_log_of_a_killed_process(folder: Path) -> None:
    source = START + "print('ready', flush=True); print('\\rhalf', end='', flush=True); time.sleep(600)"
    with running(source) as process:
        eventually(lambda: console(only_log(folder), "stdout") == ["ready", "half"])
        process.kill()


def test_a_c_function_that_holds_pythons_lock_and_prints_does_not_hang(folder: Path) -> None:
    done = program(
        START
        + """
libc = ctypes.PyDLL(None)  # holds the lock
text = b"x" * 1000
for _ in range(5000):
    libc.puts(text)
libc.fflush(None)
"""
    )
    assert len(succeeded(done)) == 5000 * 1001
    assert console(only_log(folder), "stdout") == ["x" * 1000] * 5000


def test_much_output_of_children_at_once_is_whole(folder: Path) -> None:
    done = program(
        START
        + """
count = "import os, sys\\nfor n in range(20_000): os.write(1, b'%s %d;' % (sys.argv[1].encode(), n))"
children = [subprocess.Popen([sys.executable, "-c", count, str(me)]) for me in range(3)]
assert [child.wait() for child in children] == [0, 0, 0]
"""
    )
    lines = sorted(f"{me} {n}" for me in range(3) for n in range(20_000))
    assert sorted(succeeded(done).split(";")[:-1]) == lines
    recorded = "".join(record.output_raw.line for record in records(only_log(folder)) if record.HasField("output_raw"))
    assert sorted(recorded.split(";")[:-1]) == lines


def test_children_that_outlive_the_program_go_on_writing_to_the_terminal(folder: Path) -> None:
    source = START + "subprocess.Popen('sleep 0.4; echo late', shell=True); print('early', flush=True); {}"
    for end in ("run.finish()", "os.kill(os.getpid(), signal.SIGKILL)"):
        done = program(source.format(end))
        assert done.stdout == "early\nlate\n"
    eventually(lambda: relays(folder) == 0)


def test_descriptors_and_processes_are_given_back(folder: Path) -> None:
    done = program(
        """
        import os, threading, time, runstore
        from tests.timing import PATIENCE_SECONDS
        before = sorted(os.listdir("/proc/self/fd")), os.fstat(1).st_ino, os.fstat(2).st_ino
        for attempt in range(3):
            with runstore.init(id=f"r{attempt}"):
                print(attempt, flush=True)
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:  # a thread that was told to end closes its own
            after = sorted(os.listdir("/proc/self/fd")), os.fstat(1).st_ino, os.fstat(2).st_ino
            if after == before:
                break
            time.sleep(0.01)
        assert after == before, after
        try:
            os.wait()  # the relay is nobody's child
        except ChildProcessError:
            print("no child")
        """
    )
    assert succeeded(done) == "0\n1\n2\nno child\n"
    assert [console(log, "stdout") for log in logs(folder)] == [["0"], ["1"], ["2"]]


def test_a_descriptor_that_the_program_redirects_itself_stays_so(folder: Path) -> None:
    done = program(
        START
        + f"""
print("one", flush=True)
os.dup2(os.open({str(folder / "mine")!r}, os.O_WRONLY | os.O_CREAT), 1)
print("two", flush=True)
run.finish()
print("three", flush=True)
"""
    )
    assert succeeded(done) == "one\n"
    assert (folder / "mine").read_text() == "two\nthree\n"


def test_a_closed_stdout_is_no_obstacle(folder: Path) -> None:
    done = program("import os; os.close(1)\n" + START + "os.write(2, b'error\\n'); run.log({'a': 1})")
    assert done.returncode in (0, 120), done.stderr
    assert console(only_log(folder), "stderr")[0] == "error"
    assert fold(only_log(folder)).facts.exit_code == 0


def test_a_reader_that_goes_away_is_noticed_as_ever(folder: Path) -> None:
    with running(START + "print('ready', flush=True)\nwhile True: print('x' * 1000)") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(PATIENCE_SECONDS) == 1
        assert process.stderr is not None
        assert b"BrokenPipeError" in process.stderr.read()


def test_signals_to_the_whole_group_leave_the_relay_to_the_end(folder: Path) -> None:
    source = START + (
        "heard = []\n"
        "signal.signal(signal.SIGTERM, lambda *_: heard.append('TERM'))\n"
        "signal.signal(signal.SIGUSR1, lambda *_: heard.append('USR1'))\n"
        "print('ready', flush=True)\n"
        "while len(heard) < 2: time.sleep(0.01)\n"
        "print('still here', flush=True)"
    )
    with running(source, start_new_session=True) as process:
        os.killpg(process.pid, signal.SIGUSR1)
        os.killpg(process.pid, signal.SIGTERM)
        assert ended(process)[:2] == (0, "still here\n")
    assert console(only_log(folder), "stdout") == ["ready", "still here"]


def test_where_no_relay_can_be_started_what_python_prints_is_recorded(folder: Path) -> None:
    done = program(
        "import os, sys; sys.executable = '/nowhere'\n" + START + "print('printed', flush=True); os.write(1, b'not\\n')"
    )
    assert succeeded(done) == "printed\nnot\n"
    assert done.stderr.count("can't be redirected") == 1
    assert console(only_log(folder), "stdout") == ["printed"]


def test_streams_that_lead_elsewhere_are_heard_as_objects(folder: Path) -> None:
    done = program(
        "import io, sys; sys.stdout = io.StringIO()\n" + START + "print('to memory'); os.write(1, b'raw\\n')"
    )
    assert succeeded(done) == "raw\n"
    assert sorted(console(only_log(folder), "stdout")) == ["raw", "to memory"]


def test_forked_children_record_into_their_parents_log(folder: Path) -> None:
    done = program(
        START
        + """
import multiprocessing
def work(n):
    os.write(1, b"worker %d\\n" % n)
    os.system(f"echo grandchild {n}")
with multiprocessing.get_context("fork").Pool(4) as pool:
    pool.map(work, range(20), chunksize=1)
"""
    )
    lines = sorted([f"worker {n}" for n in range(20)] + [f"grandchild {n}" for n in range(20)])
    assert sorted(succeeded(done).splitlines()) == lines
    assert sorted(console(only_log(folder), "stdout")) == lines


class Terminal:
    """A pseudo terminal whose screen is what was written to it."""

    def __init__(self, rows: int, columns: int) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.seen = b""
        os.set_blocking(self.master, False)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def shows(self, text: bytes) -> bool:
        with contextlib.suppress(OSError):
            self.seen += os.read(self.master, 1 << 16)
        return text in self.seen


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    it = Terminal(33, 111)
    yield it
    os.close(it.master)
    os.close(it.slave)


def test_a_terminal_stays_one_with_its_size(folder: Path, terminal: Terminal) -> None:
    source = START + (
        "print(os.isatty(1), os.isatty(2), os.get_terminal_size(1), end=';\\n', flush=True)\n"
        "told = []\n"
        "signal.signal(signal.SIGWINCH, lambda *_: told.append(print('resized', flush=True)))\n"
        "subprocess.run('test -t 1 && echo child too', shell=True)\n"
        "while os.get_terminal_size(1).columns == 111 or not told: time.sleep(0.01)\n"
        "print(os.get_terminal_size(2), flush=True)\n"
        "run.finish(); print('again', os.get_terminal_size(1), flush=True)\n"
    )
    options = {"stdout": terminal.slave, "stderr": terminal.slave, "stdin": terminal.slave, "start_new_session": True}
    made_its = {"preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)}
    with running(source, ready=b"", **options, **made_its) as process:
        eventually(lambda: terminal.shows(b"child too"))
        assert b"True True os.terminal_size(columns=111, lines=33);\r\n" in terminal.seen
        terminal.resize(44, 99)
        assert process.wait(PATIENCE_SECONDS) == 0
    # What was written to a terminal comes out at its other end a moment later.
    eventually(lambda: terminal.shows(b"again os.terminal_size(columns=99, lines=44)\r\n"))
    assert b"resized\r\nos.terminal_size(columns=99, lines=44)\r\n" in terminal.seen
    assert b"\r\r\n" not in terminal.seen
    lines = console(only_log(folder), "stdout")
    assert lines[1:] == ["child too", "resized", "os.terminal_size(columns=99, lines=44)"]


def test_a_terminal_shows_what_was_written_before_a_kill(folder: Path, terminal: Terminal) -> None:
    source = START + "os.write(1, b'x' * 3000 + b'the end'); os.kill(os.getpid(), signal.SIGKILL)"
    with running(source, ready=b"", stdout=terminal.slave) as process:
        process.wait(PATIENCE_SECONDS)
        eventually(lambda: terminal.shows(b"x" * 3000 + b"the end"))


def test_a_progress_bar_of_a_child_is_folded(folder: Path) -> None:
    bar = "import sys\nfor n in range(5000): sys.stderr.write(f'\\r{n} of 5000')"
    began = time.monotonic()
    done = program(START + f"subprocess.run([sys.executable, '-u', '-c', {bar!r}]); sys.stderr.write('\\n')")
    assert done.returncode == 0
    assert console(only_log(folder), "stderr") == ["4999 of 5000"]
    assert only_log(folder).stat().st_size < 5000 + 1000 * (time.monotonic() - began)


def test_a_spawned_process_that_attaches_is_heard_by_the_one_that_began_the_run(folder: Path) -> None:
    done = program(
        START
        + """
child = "import sys; from runstore.sdk.beginning import attach; run = attach(sys.argv[1]); print('child'); "
child += "run.log({'a': 1}); run.finish()"
subprocess.run([sys.executable, "-c", child, run._attach_id], check=True)
"""
    )
    assert succeeded(done) == "child\n"
    assert [console(log, "stdout") for log in logs(folder)] == [["child"], []]

"""Signals that end the program: the run is ended first, and the program as it would have been."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sdk.reading import begin, fold, logs, only_log, program, rows, succeeded
from tests.sdk.running import ended, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals are left alone on other systems")

PATIENT = """
from runstore.sdk import signals
from tests.timing import HANGS_SECONDS, PATIENCE_SECONDS
signals.GRACE_SECONDS = HANGS_SECONDS
"""
"""Nobody gives up ending a run: on a busy machine it ends well, and where it hangs the test fails."""

START = f"""{PATIENT}
import ctypes, os, signal, subprocess, sys, threading, time, runstore
run = runstore.init(project="p")
run.log({{"a": 1}}, step=3)
def ready(): print("ready", flush=True)
"""


@pytest.mark.parametrize(
    "busy",
    [
        "while True: run.log({'n': 1.5})",
        "while True: pass",
        "time.sleep(60)",
        "ctypes.CDLL(None).read(os.pipe()[0], ctypes.create_string_buffer(1), 1)",
        "threading.Event().wait()",
        "os.read(os.pipe()[0], 1)",
        "r, w = os.pipe(); subprocess.run(['cat'], stdin=r)",  # which ends with its parent
        "import asyncio; asyncio.run(asyncio.sleep(60))",
        "\ntry: time.sleep(60)\nfinally: print('finally')",
    ],
)
def test_sigterm_ends_the_run_and_then_the_program_whatever_it_does(folder: Path, busy: str) -> None:
    with running(f"{START}ready()\n{busy}\n") as process:
        process.send_signal(signal.SIGTERM)
        code, out, err = ended(process)
    assert (code, out) == (-signal.SIGTERM, "")
    assert "Traceback" not in err
    assert "Error" not in err
    folded = fold(only_log(folder))
    assert folded.facts.exit_code == 143
    assert folded.pending is None
    assert folded.summary.tree()["a"] == 1


def test_a_c_call_that_the_signal_interrupts_is_no_good_end_of_the_program(folder: Path) -> None:
    for _ in range(5):
        with running(START + "ready()\nctypes.CDLL(None).sleep(60)") as process:
            process.send_signal(signal.SIGTERM)
            assert ended(process)[0] == -signal.SIGTERM


def test_a_closed_terminal_is_recorded_as_such(folder: Path) -> None:
    with running(START + "ready(); time.sleep(60)") as process:
        process.send_signal(signal.SIGHUP)
        assert ended(process)[0] == -signal.SIGHUP
    assert fold(only_log(folder)).facts.exit_code == 129


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU, signal.SIGQUIT])
def test_other_signals_are_left_alone(folder: Path, number: signal.Signals) -> None:
    with running(START + "ready(); time.sleep(60)") as process:
        process.send_signal(number)
        assert ended(process)[0] == -number
    assert fold(only_log(folder)).facts.exit_code is None


def test_the_rows_of_all_threads_are_whole(folder: Path) -> None:
    source = """
    def work(me):
        n = 0
        while True:
            run.log({f"t{me}": n})
            n += 1
    for me in range(4): threading.Thread(target=work, args=(me,), daemon=True).start()
    time.sleep(0.1); ready(); time.sleep(60)
    """
    with running(START + source.replace("\n    ", "\n")) as process:
        process.send_signal(signal.SIGTERM)
        code, _, err = ended(process)
    assert (code, "finished" in err) == (-signal.SIGTERM, False)
    folded = fold(only_log(folder))
    assert (folded.facts.exit_code, folded.facts.missing_records) == (143, 0)
    found = rows(only_log(folder))
    for me in range(4):
        mine = [row[f"t{me}"] for _, row in found if f"t{me}" in row]
        assert mine == list(range(len(mine)))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_handler_of_the_programs_is_the_only_one_that_hears(folder: Path, when: str) -> None:
    handler = "signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(5))\n"
    source = START.replace("run =", handler + "run =") if when == "before" else START + handler
    with running(source + "ready(); time.sleep(60)") as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 5
    assert fold(only_log(folder)).facts.exit_code == 5


def test_a_handler_that_lets_the_training_go_on_does(folder: Path) -> None:
    source = """
heard = []
signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
ready()
while not heard: time.sleep(0.01)
run.log({"after": 1})
"""
    with running(START + source) as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0
    assert rows(only_log(folder))[-1] == (3, {"a": 1, "after": 1})


def test_a_loop_of_asyncios_hears_its_signal(folder: Path) -> None:
    source = """
import asyncio
async def main():
    heard = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, heard.set)
    ready()
    await heard.wait()
asyncio.run(main())
run.finish(exit_code=4)
"""
    with running(START + source) as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0
    assert fold(only_log(folder)).facts.exit_code == 4


def test_an_ignored_signal_stays_ignored(folder: Path) -> None:
    source = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + START
    source += "os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.2); run.log({'b': 2})"
    succeeded(program(source))
    assert fold(only_log(folder)).facts.exit_code == 0


def test_python_still_says_that_the_default_is_in_force() -> None:
    run = begin()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert caught(signal.SIGTERM)
    run.finish()
    assert not caught(signal.SIGTERM)


def test_runs_after_one_another_leave_the_signals_as_they_were_found(folder: Path) -> None:
    source = f"""{PATIENT}
import signal, time, runstore
heard = []
for attempt in range(20):
    runstore.init(id=f"r{{attempt}}").finish()
    if attempt == 5:
        run = runstore.init(id="mine")
        signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
        run.finish()
        assert callable(signal.getsignal(signal.SIGTERM))
        signal.raise_signal(signal.SIGTERM)
    if attempt == 10:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
assert heard == [15]
run = runstore.init(id="last")
print("ready", flush=True)
time.sleep(60)
"""
    with running(source) as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == -signal.SIGTERM
    last = next(log for log in logs(folder) if log.name == "run-last.wandb")
    assert fold(last).facts.exit_code == 143


def test_a_process_that_began_no_run_ends_at_once() -> None:
    with running(
        "import time, runstore; runstore.init(mode='disabled')\nprint('ready', flush=True); time.sleep(60)"
    ) as it:
        it.send_signal(signal.SIGTERM)
        assert ended(it)[0] == -signal.SIGTERM


def test_a_finished_run_is_left_as_it_ended(folder: Path) -> None:
    with running(START + "run.finish(); ready(); time.sleep(60)") as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == -signal.SIGTERM
    assert fold(only_log(folder)).facts.exit_code == 0


def test_several_runs_are_all_ended(folder: Path) -> None:
    source = START + "runstore.init(id='two', reinit='create_new'); ready(); time.sleep(60)"
    with running(source) as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == -signal.SIGTERM
    assert [fold(log).facts.exit_code for log in logs(folder)] == [143, 143]


def test_sigterm_at_any_moment_from_init_to_finish_leaves_whole_logs(folder: Path) -> None:
    source = """
import os, sys
print("ready", flush=True)
import runstore
for attempt in range(1000):
    run = runstore.init(id=f"r{attempt}")
    run.log({"a": attempt})
    run.finish(exit_code=1)
"""
    for attempt in range(12):
        here = folder / str(attempt)
        with running(source, environment={"WANDB_DIR": str(here)}) as process:
            time.sleep(0.02 + 0.017 * attempt)
            process.send_signal(signal.SIGTERM)
            code, _, err = ended(process)
        assert (code, "Traceback" in err) == (-signal.SIGTERM, False), err
        codes = [fold(log).facts.exit_code for log in logs(here)]
        assert set(codes) <= {1, 143, None}
        assert codes.count(143) + codes.count(None) <= 1  # None: the signal came within init


def test_a_run_that_cant_end_does_not_keep_the_program(folder: Path) -> None:
    source = START + "signals.GRACE_SECONDS = 0.5\n"
    source += "run._recorder.history.mutex.acquire(); ready(); time.sleep(HANGS_SECONDS)"
    with running(source) as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == -signal.SIGTERM
    assert rows(only_log(folder)) == []
    assert fold(only_log(folder)).pending == (3, fold(only_log(folder)).pending[1])  # type: ignore[index]


def test_workers_of_a_launcher_that_ends_them_record_it(folder: Path) -> None:
    source = f"""
import os, signal, subprocess, sys
worker = {PATIENT!r}
worker += "import time, runstore; run = runstore.init(); run.log({{'a': 1}}); print('up', flush=True); time.sleep(60)"
workers = [subprocess.Popen([sys.executable, "-c", worker], stdout=subprocess.PIPE) for _ in range(4)]
assert [one.stdout.readline() for one in workers] == [b"up\\n"] * 4
for one in workers: one.terminate()
print([one.wait() for one in workers])
"""
    assert succeeded(program(source)) == f"{[-15] * 4}\n"
    assert [fold(log).facts.exit_code for log in logs(folder)] == [143] * 4


def test_forked_workers_die_of_their_signal_and_the_parent_does_not(folder: Path) -> None:
    source = """
import multiprocessing, time, runstore
from tests.timing import PATIENCE_SECONDS
run = runstore.init()
context = multiprocessing.get_context("fork")
for attempt in range(60):
    worker = context.Process(target=time.sleep, args=(600,))
    worker.start()
    worker.terminate()  # in the middle of its beginning
    worker.join(PATIENCE_SECONDS)
    assert worker.exitcode == -15, worker.exitcode
run.log({"alive": 1})
"""
    succeeded(program(source))
    assert fold(only_log(folder)).facts.exit_code == 0


def test_a_child_that_inherited_the_watch_and_is_signalled_is_signalled_again(folder: Path) -> None:
    # vfork in disguise: the child has the handler, and no hook of Python's takes it off until it execs.
    source = """
import ctypes, os, signal, time, runstore
run = runstore.init()
libc = ctypes.PyDLL(None)
pid = libc.fork()
if pid == 0:
    libc.usleep(200_000)
    libc.execlp(b"sleep", b"sleep", b"60", None)
time.sleep(0.05)
os.kill(pid, signal.SIGTERM)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -15
run.log({"alive": 1})
"""
    succeeded(program(source))
    assert fold(only_log(folder)).facts.exit_code == 0


def test_the_whole_group_may_be_signalled(folder: Path) -> None:
    source = (
        START
        + """
import multiprocessing
workers = [multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=True) for _ in range(3)]
for worker in workers: worker.start()
ready(); time.sleep(60)
"""
    )
    with running(source, start_new_session=True) as process:
        subprocess.run(["kill", "-TERM", "--", f"-{process.pid}"], check=True)
        assert ended(process)[0] == -signal.SIGTERM
    assert fold(only_log(folder)).facts.exit_code == 143


def test_ctrl_c_twice_leaves_a_whole_log(folder: Path) -> None:
    source = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + START + "ready(); time.sleep(60)"
    )
    for attempt in range(6):
        here = folder / str(attempt)
        with running(source, environment={"WANDB_DIR": str(here)}) as process:
            process.send_signal(signal.SIGINT)
            time.sleep(0.004 * attempt)
            process.send_signal(signal.SIGINT)
            code, _, _ = ended(process)
        assert code in (-signal.SIGINT, 1, 130)
        # A record whose writing was interrupted is followed by another log: nobody knows how much of it is there.
        *before, last = map(fold, logs(here))
        assert len(before) <= 1
        assert last.facts.exit_code in (255, None)  # None: the second came before or between what ends the run
        assert [folded.facts.missing_records for folded in (*before, last)] == [0] * (len(before) + 1)
        assert max(folded.last_step for folded in (*before, last)) == 3


def caught(number: int) -> bool:
    """Whether this process has a handler for a signal, be it Python's or not."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return bool(int(status["SigCgt"], 16) >> (number - 1) & 1)

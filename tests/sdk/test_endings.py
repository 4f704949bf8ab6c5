"""How a run ends: by finish, with the program, by an exception, by a signal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import runstore
from runstore.sdk import ending
from tests.sdk.reading import begin, fold, only_log, program, records

# A shell starts what runs in its background with SIGINT ignored.
START = "import os, sys, signal, time, runstore\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("pass", 0),
        ("raise ValueError", 1),
        ("sys.exit()", 0),
        ("sys.exit(3)", 3),
        ("sys.exit(-1)", 255),
        ("sys.exit(256)", 0),
        ("sys.exit('a message')", 1),
        ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", 255),
    ],
)
@pytest.mark.parametrize("block", ["if run := runstore.init():", "with runstore.init() as run:"])
def test_the_exit_code_is_the_programs(folder: Path, ending: str, status: int, block: str) -> None:
    done = program(f"{START}{block}\n    run.log({{'a': 1}}, step=4)\n    {ending}\n")
    expected = -2 if "SIGINT" in ending else status  # where a signal ended it, the system says which
    assert done.returncode == expected, done.stderr
    folded = fold(only_log(folder))
    assert folded.facts.exit_code == status
    assert folded.last_step == 4
    assert folded.pending is None


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize(("ending", "status"), [("pass", 0), ("raise ValueError", 1), ("sys.exit(3)", 3)])
def test_a_run_of_a_child_of_multiprocessing_ends_with_the_child(
    folder: Path, tmp_path: Path, method: str, ending: str, status: int
) -> None:
    (tmp_path / "work.py").write_text(
        f"import sys, runstore\ndef work():\n    run = runstore.init()\n    run.log({{'a': 1}}, step=4)\n    {ending}\n"
    )
    done = program(
        f"""
        import multiprocessing, sys
        sys.path.insert(0, {str(tmp_path)!r})
        import work
        if __name__ == "__main__":
            child = multiprocessing.get_context({method!r}).Process(target=work.work)
            child.start()
            child.join()
            sys.exit(child.exitcode)
        """
    )
    assert done.returncode == status, done.stderr
    folded = fold(only_log(folder))
    assert (folded.facts.exit_code, folded.last_step, folded.pending) == (status, 4, None)


def test_a_second_ctrl_c_before_the_first_was_noted_is_no_good_end(folder: Path) -> None:
    program(
        """
        import sys, runstore
        runstore.init()

        def interrupted(*_):
            raise KeyboardInterrupt

        sys.excepthook = interrupted  # as ours is when the second one comes before its first line
        raise KeyboardInterrupt
        """
    )
    assert fold(only_log(folder)).facts.exit_code == ending.KEYBOARD_INTERRUPT_EXIT_CODE


def test_finish_says_the_exit_code(folder: Path) -> None:
    run = begin()
    run.finish(exit_code=7)
    run.finish(exit_code=8)
    assert fold(only_log(folder)).facts.exit_code == 7


def test_a_library_that_ends_the_run_with_0_while_the_program_exits_does_not_hide_how_it_ends(folder: Path) -> None:
    done = program(
        """
        import os, signal, sys, time, runstore
        class Trainer:
            def __del__(self):  # called when the frames of the exception go, before anything of atexit
                self.run.finish(0)
        def train():
            trainer = Trainer()
            trainer.run = runstore.init()
            signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(9)
        train()
        """
    )
    assert done.returncode == 143, done.stderr
    assert fold(only_log(folder)).facts.exit_code == 143


def test_a_with_block_that_ends_well_is_no_failure_whatever_comes_later(folder: Path) -> None:
    done = program("import runstore\nwith runstore.init() as run:\n    pass\nraise ValueError\n")
    assert done.returncode == 1
    assert fold(only_log(folder)).facts.exit_code == 0


def test_a_thread_that_exits_ends_no_program(folder: Path) -> None:
    program(
        """
        import sys, threading, runstore
        runstore.init()
        thread = threading.Thread(target=sys.exit, args=(3,))
        thread.start(); thread.join()
        """
    )
    assert fold(only_log(folder)).facts.exit_code == 0


def test_a_new_run_forgets_an_exit_that_was_caught(folder: Path) -> None:
    program(
        """
        import sys, runstore
        runstore.init().finish()
        try:
            sys.exit(3)
        except SystemExit:
            pass
        runstore.init(dir="{}")
        """.format(folder / "second")
    )
    assert fold(only_log(folder / "second")).facts.exit_code == 0


def test_rows_of_threads_that_outlive_the_program_are_there(folder: Path) -> None:
    program(
        """
        import threading, time, runstore
        run = runstore.init()
        def work():
            for n in range(20):
                run.log({"n": n})
                time.sleep(0.005)
        threading.Thread(target=work).start()
        """
    )
    folded = fold(only_log(folder))
    assert (folded.last_step, folded.facts.exit_code) == (19, 0)


def test_logging_while_another_thread_finishes_is_either_kept_or_refused(folder: Path) -> None:
    done = program(
        """
        import sys, threading, runstore
        sys.setswitchinterval(1e-6)
        for attempt in range(20):
            run, kept = runstore.init(id=f"r{attempt}"), [0, 0]
            def work(me):
                try:
                    while True:
                        run.log({f"n{me}": kept[me]})
                        kept[me] += 1
                except runstore.UsageError as error:
                    assert "finished" in str(error)
            threads = [threading.Thread(target=work, args=(me,)) for me in range(2)]
            for thread in threads: thread.start()
            while min(kept) < 20: pass
            run.finish()
            for thread in threads: thread.join()
            print(run.sync_dir, sum(kept))
        """
    )
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        directory, kept = line.split()
        found = records(only_log(Path(directory)))
        assert sum(record.HasField("history") for record in found) == int(kept)
        assert found[-2].HasField("exit")


def test_hooks_are_put_in_place_once(folder: Path) -> None:
    begin().finish()
    hook, leave = sys.excepthook, sys.exit
    begin().finish()
    assert (sys.excepthook, sys.exit) == (hook, leave)


def test_a_run_that_is_going_on_is_returned_and_said(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = begin(project="p")
    assert runstore.init(project="q") is run
    assert "a run is going on already" in capfd.readouterr().err
    assert only_log(folder)


def test_the_status_of_an_exit_is_what_the_system_gives() -> None:
    assert ending.exit_code_of(None) == 0
    assert ending.exit_code_of(SystemExit(None)) == 0
    assert ending.exit_code_of(SystemExit(2**40 + 5)) == 5
    assert ending.exit_code_of(SystemExit(["text"])) == 1

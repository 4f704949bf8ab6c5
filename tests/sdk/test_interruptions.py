"""Signal handlers, finalizers, Ctrl-C and threads: whatever comes between two bytes of a call."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.sdk.reading import begin, fold, logs, only_log, program, records, rows, succeeded


def test_threads_logging_at_once_lose_nothing_and_share_no_step(folder: Path) -> None:
    run = begin()

    def work(name: int) -> None:
        for n in range(300):
            run.log({f"thread{name}": n, "text": "x" * (n % 50)} if n % 3 else {f"thread{name}": n})

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    found = rows(only_log(folder))
    assert [step for step, _ in found] == list(range(1800))
    for name in range(6):
        assert [row[f"thread{name}"] for _, row in found if f"thread{name}" in row] == list(range(300))


def test_a_signal_handler_that_logs_and_prints_neither_hangs_nor_loses(folder: Path) -> None:
    done = program(
        """
        import signal, sys, runstore
        run, seen = runstore.init(), 0
        def handler(number, frame):
            global seen
            run.log({"seen": seen})
            sys.stderr.write(f"signal {seen}\\n")
            run.summary["last"] = seen
            seen += 1
            if seen < 400:
                signal.setitimer(signal.ITIMER_REAL, 0.0003)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        n = 0
        while seen < 400:
            run.log({"n": n})
            print("line", n)
            n += 1
        run.finish()
        sys.__stdout__.write(f"!{n} {seen}")
        """
    )
    n, seen = map(int, succeeded(done).split("!")[1].split())
    folded = fold(only_log(folder))
    found = rows(only_log(folder))
    assert sorted({row["n"] for _, row in found if "n" in row}) == list(range(n))
    assert {row["seen"] for _, row in found if "seen" in row} == set(range(seen))
    assert folded.summary.get("last") == seen - 1
    assert folded.facts.missing_records == 0


def test_a_signal_handler_in_a_print_does_not_hang_beside_a_thread_that_logs(folder: Path) -> None:
    done = program(
        """
        import signal, threading, runstore
        run, seen, ended = runstore.init(), 0, threading.Event()
        def train():
            n = 0
            while not ended.is_set():
                run.log({"n": n})
                n += 1
        def handler(number, frame):
            global seen
            run.log({"seen": seen})
            run.summary["last"] = seen
            seen += 1
            if seen < 400:
                signal.setitimer(signal.ITIMER_REAL, 0.0003)
        training = threading.Thread(target=train)
        training.start()
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        while seen < 400:
            print("line")
        ended.set()
        training.join()
        run.finish()
        """
    )
    succeeded(done)
    assert [row["seen"] for _, row in rows(only_log(folder)) if "seen" in row] == list(range(400))
    assert fold(only_log(folder)).summary.get("last") == 399


def test_a_signal_handler_may_finish_the_run_and_leave(folder: Path) -> None:
    source = """
        import signal, sys, runstore
        run = runstore.init(id="{}")
        def handler(number, frame):
            run.log({{"last": 1}})
            run.finish(exit_code=9)
            sys.exit(9)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, {})
        while True:
            run.log({{"n": 1.5}})
        """
    for attempt in range(8):
        done = program(source.format(attempt, 0.003 + attempt * 0.0017), WANDB_DIR=str(folder / str(attempt)))
        assert done.returncode == 9, done.stderr
        folds = [fold(log) for log in logs(folder / str(attempt))]  # two, if it came in the middle of a write
        assert folds[-1].facts.exit_code == 9
        assert 1 in [folded.summary.tree().get("last") for folded in folds]
        assert [folded.facts.missing_records for folded in folds] == [0] * len(folds)


def test_a_finalizer_that_prints_in_the_middle_of_a_call_does_not_hang(folder: Path) -> None:
    done = program(
        """
        import gc, sys, runstore
        gc.set_threshold(1)
        class Chatty:
            def __init__(self): self.circle = self
            def __del__(self): print("gone")
        run = runstore.init()
        for n in range(300):
            Chatty()
            run.log({"n": n, "nested": {"a": [n]}})
        """
    )
    succeeded(done)
    assert [row["n"] for _, row in rows(only_log(folder))] == list(range(300))


def test_ctrl_c_in_the_middle_of_a_call_damages_nothing(folder: Path) -> None:
    done = program(
        """
        import random, signal, runstore
        def handler(number, frame):
            if "runstore/" in frame.f_code.co_filename:
                signal.signal(signal.SIGALRM, signal.SIG_IGN)
                raise KeyboardInterrupt
        text, source = "x" * 700, random.Random(5)
        for attempt in range(60):
            run, n = runstore.init(id=f"r{attempt:02}"), 0
            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, source.uniform(0.0005, 0.002), 0.0001)
            try:
                while True:
                    run.log({"n": n, "text": text})
                    n += 1
            except KeyboardInterrupt:
                signal.setitimer(signal.ITIMER_REAL, 0)
            for later in range(60):
                run.log({"n": n, "text": text})
                n += 1
            run.finish()
            print(n)
        """
    )
    for attempt, acknowledged in enumerate(map(int, succeeded(done).split())):
        found = sorted(folder.glob(f"wandb/*/run-r{attempt:02}.wandb"))
        kept = [row["n"] for log in found for _, row in rows(log)]  # asserts that no byte is lost
        assert sorted(set(kept)) == list(range(acknowledged))
        assert len(found) <= 2
        for log in found:
            assert [record.num for record in records(log)] == list(range(1, len(records(log)) + 1))
        assert fold(found[-1]).facts.exit_code == 0

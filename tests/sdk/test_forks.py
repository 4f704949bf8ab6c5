"""Forked children: their rows are in logs of their own, and what is their parent's stays their parent's."""

from __future__ import annotations

from pathlib import Path

from tests.sdk.reading import console, fold, kinds, logs, only_log, program, rows, succeeded

CHILD = """
    import os, sys, runstore
    run = runstore.init(project="p", id="r", config={"lr": 1})
    def child(work):
        pid = os.fork()
        if pid == 0:
            try:
                work()
            finally:
                sys.stdout.flush()
                os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
"""


def test_a_child_logs_into_a_fragment_of_its_own(folder: Path) -> None:
    succeeded(
        program(
            CHILD
            + """
    run.log({"parent": 0})
    def work():
        run.log({"child": 1})
        run.log({"child": 2})
        runstore.log({"child": 3})
    child(work)
    run.log({"parent": 1})
    run.finish()
    """
        )
    )
    parent, child = logs(folder)
    assert kinds(folder) == ["start", "rank"]
    assert rows(parent) == [(0, {"parent": 0}), (1, {"parent": 1})]
    assert rows(child) == [(1, {"child": 1}), (2, {"child": 2}), (3, {"child": 3})]
    assert fold(child).config == {"lr": 1, "_wandb": {}}
    assert (fold(parent).facts.exit_code, fold(child).facts.exit_code) == (0, None)
    assert fold(parent).facts.pid != fold(child).facts.pid


def test_the_parents_open_row_is_written_once_by_the_parent(folder: Path) -> None:
    succeeded(
        program(
            CHILD
            + """
    run.log({"open": 1}, step=5)
    child(lambda: run.finish())
    child(lambda: (run.log({"child": 1}, step=5), run.finish()))
    run.log({"more": 2}, step=5)
    run.finish()
    """
        )
    )
    parent, child = logs(folder)
    assert rows(parent) == [(5, {"open": 1, "more": 2})]
    assert rows(child) == [(5, {"child": 1})]


def test_a_child_that_logs_nothing_leaves_nothing(folder: Path) -> None:
    succeeded(
        program(
            CHILD
            + """
    run.log({"a": 1})
    print("half a line", end="")
    if os.fork() == 0:
        sys.exit(3)  # runs what was registered for the end of the program
    assert os.wait()[1] >> 8 == 3
    run.log({"a": 2})
    """
        )
    )
    log = only_log(folder)
    assert fold(log).facts.exit_code == 0
    assert rows(log) == [(0, {"a": 1}), (1, {"a": 2})]
    assert console(log, "stdout") == ["half a line"]


def test_a_childs_terminal_is_in_the_childs_fragment(folder: Path) -> None:
    succeeded(
        program(
            CHILD
            + """
    print("parent", flush=True)
    child(lambda: print("child", flush=True))
    """
        )
    )
    parent, child = logs(folder)
    assert console(parent, "stdout") == ["parent"]
    assert console(child, "stdout") == ["child"]


def test_children_of_multiprocessing_log_beside_each_other(folder: Path) -> None:
    succeeded(
        program(
            CHILD
            + """
    import multiprocessing
    def work(rank):
        for n in range(50):
            run.log({f"rank{rank}": n})
    with multiprocessing.get_context("fork").Pool(3) as pool:
        pool.map(work, range(6), chunksize=1)
    run.log({"parent": 1})
    """
        )
    )
    assert set(kinds(folder)[1:]) == {"rank"}
    found = [row for log in logs(folder) for _, row in rows(log)]
    for rank in range(6):
        assert [row[f"rank{rank}"] for row in found if f"rank{rank}" in row] == list(range(50))


def test_a_child_goes_on_with_the_log_once_its_parent_was_killed(folder: Path) -> None:
    done = program(
        CHILD
        + """
    from pathlib import Path
    from tests.runlog.orphans import wait_until_left_alone
    run.log({"parent": 1})
    parent = os.getpid()
    (log,) = Path(run.sync_dir).glob("*.wandb")
    if os.fork() == 0:
        wait_until_left_alone(parent, log)
        run.log({"child": 2})
        run.finish()
        print("done", flush=True)
        os._exit(0)
    os._exit(0)
    """
    )
    assert succeeded(done) == "done\n"
    assert rows(only_log(folder)) == [(0, {"parent": 1}), (1, {"child": 2})]


def test_a_fork_in_the_middle_of_other_threads_calls_leaves_a_child_that_logs(folder: Path) -> None:
    done = program(
        CHILD
        + """
    import threading
    stop = False
    def busy(me):
        n = 0
        while not stop:
            run.log({f"t{me}": n, "text": "x" * (n % 9)} if n % 2 else {f"t{me}": n})
            n += 1
    threads = [threading.Thread(target=busy, args=(me,)) for me in range(2)]
    for thread in threads: thread.start()
    for attempt in range(15):
        child(lambda: [run.log({f"child{attempt}": 1.5 * k}) for k in range(3)])
    stop = True
    for thread in threads: thread.join()
    run.finish()
    """
    )
    succeeded(done)
    found = [row for log in logs(folder)[1:] for _, row in rows(log)]
    for attempt in range(15):
        assert [row for row in found if f"child{attempt}" in row] == [{f"child{attempt}": 1.5 * k} for k in range(3)]


def test_a_child_that_outlives_its_finished_parent_writes_nothing_behind_the_end(folder: Path) -> None:
    done = program(
        CHILD
        + """
    import time
    run.log({"parent": 1})
    parent = os.getpid()
    if os.fork() == 0:
        while os.getppid() == parent:
            time.sleep(0.01)
        run.log({"child": 2})
        run.finish()
        print("done", flush=True)
        os._exit(0)
    run.finish()
    os._exit(0)
    """
    )
    assert succeeded(done) == "done\n"
    assert kinds(folder) == ["start", "rank"]
    assert [rows(log) for log in logs(folder)] == [[(0, {"parent": 1})], [(1, {"child": 2})]]

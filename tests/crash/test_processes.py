"""Many processes and threads at once: nothing is lost, and nothing is shared that should not be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.index.indexer import Indexer
from runstore.query.api import Api
from tests.crash.workers import PROJECT
from tests.sdk.reading import ROOT, console, fold, kinds, logs, program, rows, succeeded
from tests.timing import HANGS_SECONDS

PROCESSES, ROWS = 16, 1000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder below which the runs are recorded."""
    for name in list(os.environ):
        if name.startswith(("WANDB_", "RUNSTORE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "stock"))
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_X_DISABLE_STATS", "true")
    yield tmp_path / "runs"
    runstore.finish()


def values(found: list[tuple[int, dict[Any, Any]]], key: str) -> list[Any]:
    return [row[key] for _, row in found if key in row]


# 16 interpreters start on a machine of 2 cores: that alone takes seconds.
def test_16_processes_log_1000_rows_each_into_one_project(folder: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    command = [sys.executable, "-m", "tests.crash.workers"]
    started = [
        subprocess.Popen([*command, str(rank), str(ROWS), str(go)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for rank in range(PROCESSES)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
    go.touch()
    ids = [process.communicate(timeout=HANGS_SECONDS)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0] * PROCESSES
    assert len(set(ids)) == PROCESSES
    check_logs(folder, ids)
    check_index(folder, tmp_path / "index.db", ids)


def check_logs(folder: Path, ids: list[str]) -> None:
    found = logs(folder)
    assert sorted(fold(log).facts.run_id for log in found) == sorted(ids)
    assert len({log.parent for log in found}) == PROCESSES
    for log in found:
        rank = ids.index(fold(log).facts.run_id)
        kept = rows(log)
        assert [step for step, _ in kept] == list(range(ROWS))
        assert values(kept, "n") == list(range(ROWS))
        assert set(values(kept, "rank")) == {rank}
        assert values(kept, "text") == [f"{rank}:{n}" for n in range(0, ROWS, 10)]
        assert (fold(log).facts.exit_code, fold(log).facts.missing_records) == (0, 0)


def check_index(folder: Path, index: Path, ids: list[str]) -> None:
    indexer = Indexer(index)
    assert indexer.catch_up_below(folder / "wandb") == []
    indexer.close()
    api = Api(index=index, refresh=False)
    try:
        for rank, run_id in enumerate(ids):
            run = api.run(f"{PROJECT}/{run_id}")
            assert (run.state, run.lastHistoryStep, run.config["rank"]) == ("finished", ROWS - 1, rank)
            assert run.summary["n"] == ROWS - 1
            assert [row["n"] for row in run.scan_history(["n", "rank"])] == list(range(ROWS))
    finally:
        api.close()


def test_16_threads_log_1000_rows_each_to_one_run(folder: Path) -> None:
    run = runstore.init(project=PROJECT)
    done = program(
        """
        import threading, runstore
        run = runstore.init(id="threads")
        def work(me):
            for n in range(1000):
                run.log({f"t{me}": n, "text": f"{me}:{n}"} if n % 10 == 0 else {f"t{me}": n})
        threads = [threading.Thread(target=work, args=(me,)) for me in range(16)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    )
    succeeded(done)
    run.finish()
    (log,) = [log for log in logs(folder) if log.name == "run-threads.wandb"]
    found = rows(log)
    assert [step for step, _ in found] == list(range(16_000))
    for me in range(16):
        assert values(found, f"t{me}") == list(range(1000))
    assert Counter(values(found, "text")) == Counter(f"{me}:{n}" for me in range(16) for n in range(0, 1000, 10))


def test_ranks_that_are_told_one_id_share_no_file(folder: Path) -> None:
    source = """
        import multiprocessing, time
        from tests.crash.workers import log_many
        context = multiprocessing.get_context("fork")
        ranks = [context.Process(target=log_many, args=(rank, 50, time.time() + 0.2)) for rank in range(12)]
        for rank in ranks: rank.start()
        for rank in ranks: rank.join()
        print([rank.exitcode for rank in ranks])
        """
    assert succeeded(program(source, WANDB_RUN_ID="same")) == f"{[0] * 12}\n"
    found = logs(folder)
    assert [log.name for log in found] == ["run-same.wandb"] * 12
    assert sorted(values(rows(log), "rank")[0] for log in found) == list(range(12))
    assert all(values(rows(log), "n") == list(range(50)) for log in found)


@pytest.mark.parametrize(("method", "calls"), [("fork", 120), ("spawn", 12), ("forkserver", 24)])
def test_workers_of_a_pool_record_runs_of_their_own(folder: Path, method: str, calls: int) -> None:
    source = f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        from tests.crash.workers import log_few
        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            with ProcessPoolExecutor(4, mp_context=context) as pool:
                print(*pool.map(log_few, range({calls})))
        """
    ids = succeeded(program(source)).split()
    assert len(set(ids)) == calls
    found = logs(folder)
    assert sorted(fold(log).facts.run_id for log in found) == sorted(ids)
    assert all(values(rows(log), "n") == list(range(20)) for log in found)
    assert {fold(log).facts.exit_code for log in found} == {0}


def test_loaders_workers_inherit_the_run_and_log_beside_the_training(folder: Path) -> None:
    source = """
        import multiprocessing, runstore
        from tests.crash.workers import add_to
        run = runstore.init(project="processes", id="loader")
        context = multiprocessing.get_context("fork")
        for epoch in range(4):
            workers = [context.Process(target=add_to, args=(run, 10 * epoch + w, 100), daemon=True) for w in range(8)]
            for worker in workers: worker.start()
            for n in range(200): run.log({"train": 200 * epoch + n})
            for worker in workers: worker.join()
            assert [worker.exitcode for worker in workers] == [0] * 8
        """
    succeeded(program(source))
    parent, *children = logs(folder)
    assert set(kinds(folder)[1:]) == {"rank"}
    assert len(children) == 32
    assert values(rows(parent), "train") == list(range(800))
    assert [set(row) for _, row in rows(parent)] == [{"train"}] * 800
    for number in [10 * epoch + worker for epoch in range(4) for worker in range(8)]:
        assert [values(rows(log), f"worker{number}") for log in children if values(rows(log), f"worker{number}")] == [
            list(range(100))
        ]
    run = merged(folder, "loader")
    assert sorted(row["worker31"] for row in run if "worker31" in row) == list(range(100))


def merged(folder: Path, run_id: str) -> list[dict[str, Any]]:
    """Return the rows of a run as its readers see them, from all its logs."""
    indexer = Indexer(folder / "index.db")
    assert indexer.catch_up_below(folder / "wandb") == []
    indexer.close()
    api = Api(index=folder / "index.db", refresh=False)
    try:
        return list(api.run(f"{PROJECT}/{run_id}").scan_history())
    finally:
        api.close()


@pytest.mark.parametrize(
    ("how", "code"), [("return", 0), ("exit", 3), ("raise", 1), ("os._exit", 4), ("finish", 0), ("abort", -9)]
)
def test_however_a_forked_child_ends_the_run_goes_on(folder: Path, how: str, code: int) -> None:
    source = f"""
        import multiprocessing, runstore
        from tests.crash.workers import leave
        run = runstore.init(project="processes", id="r")
        children = [multiprocessing.get_context("fork").Process(target=leave, args=(run, w, {how!r})) for w in range(6)]
        for child in children: child.start()
        for child in children: child.join()
        assert [child.exitcode for child in children] == [{code}] * 6, [child.exitcode for child in children]
        run.log({{"parent": 1}})
        """
    succeeded(program(source))
    parent, *children = logs(folder)
    assert (fold(parent).facts.exit_code, values(rows(parent), "parent")) == (0, [1])
    assert sorted(key for log in children for key in rows(log)[0][1]) == [f"worker{w}" for w in range(6)]
    for log in children:
        assert [next(iter(row.values())) for _, row in rows(log)] == list(range(5))
        assert fold(log).facts.exit_code is None
    assert len(merged(folder, "r")) == len({step for log in logs(folder) for step, _ in rows(log)})


@pytest.mark.parametrize(
    ("ending", "code", "recorded"),
    [
        ("os._exit(5)", 5, None),
        ("os.kill(os.getpid(), 9)", -9, None),
        ("raise ValueError", 1, 1),
        ("raise KeyboardInterrupt", -2, 255),
        ("os.kill(os.getpid(), 15); time.sleep(9)", -15, 143),
    ],
)
def test_however_the_parent_ends_its_children_keep_their_rows(
    folder: Path, ending: str, code: int, recorded: int | None
) -> None:
    source = f"""
        import os, time, runstore
        from tests.crash.workers import add_to
        run = runstore.init(project="processes", id="r")
        run.log({{"parent": 1}})
        ready, parent = os.pipe(), os.getpid()
        for worker in range(3):
            if os.fork() == 0:
                add_to(run, worker, 20)
                os.write(ready[1], b".")
                while os.getppid() == parent: time.sleep(0.002)
                add_to(run, worker + 10, 20)
                os.write(1, b"done %d;" % worker)
                os._exit(0)
        got = b""
        while len(got) < 3: got += os.read(ready[0], 1)
        {ending}
        """
    done = program(source)
    assert done.returncode == code, done.stderr
    assert sorted(done.stdout.split(";")[:-1]) == ["done 0", "done 1", "done 2"]
    found = [row for log in logs(folder) for row in rows(log)]
    for worker in range(3):
        assert values(found, f"worker{worker}") == list(range(20))
        assert values(found, f"worker{worker + 10}") == list(range(20))
    codes = [fold(log).facts.exit_code for log in logs(folder)]
    assert [one for one in codes if one is not None] == ([] if recorded is None else [recorded])


def test_children_of_children_log_into_logs_of_their_own(folder: Path) -> None:
    source = """
        import os, runstore
        run = runstore.init(project="processes", id="deep")
        def descend(depth, path):
            for side in "ab":
                if os.fork() == 0:
                    me = path + side
                    for n in range(10): run.log({me: n})
                    if depth: descend(depth - 1, me)
                    os._exit(0)
            for _ in "ab": assert os.wait()[1] == 0
        descend(3, "")
        run.log({"root": 1})
        """
    succeeded(program(source))
    found = logs(folder)
    assert len(found) == 1 + 2 + 4 + 8 + 16
    keys = [{key for _, row in rows(log) for key in row} for log in found]
    assert all(len(one) == 1 for one in keys)
    assert sorted(min(one) for one in keys if "root" not in one)[0] == "a"
    for log in found[1:]:
        assert [next(iter(row.values())) for _, row in rows(log)] == list(range(10))


def test_forks_while_threads_log_print_and_summarise_leave_children_that_can(folder: Path) -> None:
    source = """
        import os, sys, threading, time, runstore
        from tests.timing import PATIENCE_SECONDS
        run = runstore.init(project="processes", id="busy")
        sys.setswitchinterval(1e-5)
        stop = False
        def busy(me):
            n = 0
            while not stop:
                run.log({f"t{me}": n, "text": "x" * (n % 100)})
                sys.stderr.write(f"{me} {n}\\n")
                run.summary[f"s{me}"] = n
                run.config.update({f"c{me}": n}, allow_val_change=True)
                n += 1
        threads = [threading.Thread(target=busy, args=(me,)) for me in range(3)]
        for thread in threads: thread.start()
        children = []
        for child in range(60):
            pid = os.fork()
            if pid == 0:
                run.log({f"child{child}": 1})
                run.summary[f"child{child}"] = 2
                print("child", child, flush=True)
                run.finish()
                os._exit(0)
            children.append(pid)
        until = time.monotonic() + PATIENCE_SECONDS
        while children and time.monotonic() < until:
            for pid in children[:]:
                if os.waitpid(pid, os.WNOHANG)[0]: children.remove(pid)
            time.sleep(0.01)
        for pid in children: os.kill(pid, 9)
        stop = True
        for thread in threads: thread.join()
        assert not children, "hung"
        """
    done = program(source, timeout=HANGS_SECONDS)
    assert done.returncode == 0, done.stderr[-2000:]
    parent, *children = logs(folder)
    assert len(children) == 60
    seen = Counter(key for log in children for _, row in rows(log) for key in row)
    assert seen == Counter({f"child{n}": 1 for n in range(60)})
    assert sorted(line for log in children for line in console(log, "stdout")) == sorted(
        f"child {n}" for n in range(60)
    )
    found = rows(parent)
    for me in range(3):
        assert values(found, f"t{me}") == list(range(len(values(found, f"t{me}"))))


def test_many_short_processes_leave_as_many_whole_runs(folder: Path) -> None:
    source = """
        import os, runstore
        for n in range(50):
            if os.fork() == 0:
                with runstore.init(project="processes") as run:
                    run.log({"n": n})
                os._exit(0)
            if n % 5 == 4:
                for _ in range(5): assert os.wait()[1] == 0
        """
    succeeded(program(source))
    found = logs(folder)
    assert len({fold(log).facts.run_id for log in found}) == len(found) == 50
    assert sorted(values(rows(log), "n")[0] for log in found) == list(range(50))
    assert {fold(log).facts.exit_code for log in found} == {0}


def test_errors_of_threads_leave_the_exit_code_alone(folder: Path) -> None:
    source = """
        import threading, runstore
        run = runstore.init()
        def fail(): raise ValueError("in a thread")
        for _ in range(3):
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
        """
    done = program(source)
    assert done.returncode == 0
    (log,) = logs(folder)
    assert fold(log).facts.exit_code == 0
    assert console(log, "stderr").count("ValueError: in a thread") == 3


def test_ctrl_c_in_a_group_of_parent_and_workers_ends_the_run_once(folder: Path) -> None:
    source = """
        import multiprocessing, os, signal, sys, time, runstore
        from tests.crash.workers import add_to
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setpgrp()
        run = runstore.init(project="processes", id="r")
        def work(worker):
            add_to(run, worker, 20)
            ready.release()
            time.sleep(60)
        ready = multiprocessing.get_context("fork").Semaphore(0)
        workers = [multiprocessing.get_context("fork").Process(target=work, args=(w,)) for w in range(4)]
        for worker in workers: worker.start()
        for _ in workers: ready.acquire()
        os.killpg(0, signal.SIGINT)
        time.sleep(60)
        """
    done = program(source)
    assert done.returncode == -2
    parent, *children = logs(folder)
    assert (fold(parent).facts.exit_code, len(children)) == (255, 4)
    assert [fold(log).facts.exit_code for log in children] == [None] * 4
    assert sorted(len(rows(log)) for log in children) == [20] * 4

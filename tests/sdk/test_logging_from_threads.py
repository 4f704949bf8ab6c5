"""Threads, handlers and forked children that log at once, or change what is logged: every row is there."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import runstore
from tests.sdk.reading import begin, logs, only_log, program, rows, succeeded
from tests.timing import PATIENCE_SECONDS


class Changing:
    """Stands for another thread that changes the dict just while it is being read."""

    def __init__(self, around: dict[str, Any]) -> None:
        self._around = around

    def __repr__(self) -> str:
        self._around[f"more {len(self._around)}"] = 1
        return "changing"


def test_values_that_another_thread_changes_can_be_logged(folder: Path) -> None:
    values: dict[str, Any] = {}
    values["first"] = Changing(values)
    run = begin()
    run.log({"values": values, "loss": 1.0})
    run.config.update({"values": values})
    run.finish()
    assert rows(only_log(folder))[0][1]["loss"] == 1.0


def test_a_config_that_another_thread_changes_does_not_stop_log(folder: Path) -> None:
    run = begin(config={"lent": {"a": 1}})
    lent = run.config["lent"]
    lent["first"] = Changing(lent)
    try:
        run.log({"loss": 1.0})
    finally:
        del lent["first"]
    run.finish()
    assert rows(only_log(folder)) == [(0, {"loss": 1.0})]


@pytest.mark.parametrize("nested", [False, True])
def test_a_handler_that_logs_in_the_middle_of_log_gets_a_row_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch, nested: bool
) -> None:
    run = begin()
    run.log({"a": -1.0})
    real_append = run._recorder.history._append
    interrupted = False

    def append(record: bytes) -> None:
        nonlocal interrupted
        real_append(record)
        if not interrupted:  # as a signal handler or a finalizer would
            interrupted = True
            run.log({"handler": {"n": 1}} if nested else {"handler": 1.0})

    monkeypatch.setattr(run._recorder.history, "_append", append)
    run.log({"a": {"b": 0.0}} if nested else {"a": 0.0})
    run.log({"a": 1.0})
    run.finish()
    found = rows(only_log(folder))
    assert [step for step, _ in found] == [0, 1, 2, 3]
    assert all(len(row) == 1 for _, row in found)


def test_every_row_that_log_took_before_the_end_is_there(folder: Path) -> None:
    run = begin()
    logged: Counter[str] = Counter()
    refused: list[Exception] = []

    def work(name: str) -> None:
        try:
            while True:
                run.log({name: 1.0})
                logged[name] += 1
        except Exception as error:
            refused.append(error)

    threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    while sum(logged.values()) < 500 and any(thread.is_alive() for thread in threads):
        time.sleep(0.001)
    run.finish()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert [type(error) for error in refused] == [runstore.UsageError] * 6
    assert Counter(key for _, row in rows(only_log(folder)) for key in row) == logged


def test_children_forked_while_threads_log_are_never_stuck(folder: Path) -> None:
    done = program(
        """
        import os, signal, threading, time, runstore
        from tests.timing import PATIENCE_SECONDS
        run = runstore.init()
        ended = threading.Event()
        def work():
            while not ended.is_set():
                run.log({"thread": {"n": 1}})
        threads = [threading.Thread(target=work) for _ in range(3)]
        [thread.start() for thread in threads]
        children = []
        for number in range(10):
            child = os.fork()
            if child == 0:
                signal.alarm(int(PATIENCE_SECONDS))
                run.log({"child": number})
                print("child", number)
                os._exit(0)
            children.append(child)
        print([os.waitpid(child, 0)[1] for child in children])
        ended.set()
        [thread.join() for thread in threads]
        """
    )
    assert str([0] * 10) in succeeded(done)
    found = [row["child"] for log in logs(folder) for _, row in rows(log) if "child" in row]
    assert sorted(found) == list(range(10))

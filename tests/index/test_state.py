"""What state a run is in, by its exit record, its process and the signs of life of its logs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runstore.errors import SettingsError
from runstore.index.indexer import Indexer
from runstore.index.state import (
    CRASHED,
    FAILED,
    FINISHED,
    PREEMPTED,
    PREEMPTING,
    RUNNING,
    silence_seconds,
    state_of,
)
from runstore.query.api import Api
from runstore.runlog import codec
from runstore.runlog.process import ProcessName
from runstore.runlog.record_pb2 import Record
from tests.index.writing import exit_record, plain_rows, write_log
from tests.timing import eventually

ROOT = Path(__file__).parents[2]
AWAY = ProcessName("another", "boot", 1, 1)
NOW = 1e9


def here() -> ProcessName:
    return ProcessName.of_this_process()


def gone() -> ProcessName:
    return ProcessName(here().host, here().boot_id, 2**22 + 1, 1)


@pytest.mark.parametrize(("code", "state"), [(0, FINISHED), (1, FAILED), (255, FAILED), (-9, FAILED)])
def test_a_run_that_ended_is_what_it_said_and_costs_no_look_at_its_logs(code: int, state: str) -> None:
    logs = iter(["a", "b"])
    assert state_of(code, here(), 0, logs, NOW) == state
    assert next(logs) == "a"  # nobody had asked for it


def test_where_this_host_knows_the_process_that_decides() -> None:
    assert state_of(None, here(), 0, [], NOW) == RUNNING
    assert state_of(None, gone(), NOW, [], NOW) == CRASHED


def test_elsewhere_records_and_growth_are_signs_of_life(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"")
    os.utime(log, (NOW - 200, NOW - 200))
    assert state_of(None, AWAY, NOW - 200, [], NOW) == RUNNING
    assert state_of(None, AWAY, NOW - 400, [str(tmp_path / "nowhere")], NOW) == CRASHED
    assert state_of(None, AWAY, 0, [str(log)], NOW) == RUNNING
    assert state_of(None, AWAY, 0, [str(log)], NOW + 200) == CRASHED


def test_times_far_ahead_are_no_signs_of_life(tmp_path: Path) -> None:
    assert state_of(None, AWAY, NOW + 100, [], NOW) == RUNNING
    assert state_of(None, AWAY, NOW + 1e6, [], NOW) == CRASHED


def test_a_run_that_is_to_be_preempted_says_so_until_it_has_ended() -> None:
    assert state_of(None, here(), 0, [], NOW, preempting=True) == PREEMPTING
    assert state_of(None, gone(), 0, [], NOW, preempting=True) == PREEMPTED
    assert state_of(1, gone(), 0, [], NOW, preempting=True) == PREEMPTED
    assert state_of(0, gone(), 0, [], NOW, preempting=True) == FINISHED


def test_how_long_silence_is_allowed_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert silence_seconds() == 300
    monkeypatch.setenv("RUNSTORE_CRASHED_AFTER", "10")
    assert state_of(None, AWAY, NOW - 20, [], NOW) == CRASHED
    monkeypatch.setenv("RUNSTORE_CRASHED_AFTER", "inf")
    assert state_of(None, AWAY, 0, [], NOW) == RUNNING
    monkeypatch.setenv("RUNSTORE_CRASHED_AFTER", "-1")
    with pytest.raises(SettingsError, match="RUNSTORE_CRASHED_AFTER='-1'"):
        silence_seconds()


CHILD_GOES_ON = """
import os, sys, time
from pathlib import Path
import runstore
from tests.runlog.orphans import wait_until_left_alone
run = runstore.init(project="p", id="r1", dir=sys.argv[1], settings={"x_disable_stats": True})
run.log({"parent": 1})
parent = os.getpid()
(log,) = Path(run.sync_dir).glob("*.wandb")
if os.fork() == 0:
    wait_until_left_alone(parent, log)
    run.log({"child": 2})
    print(os.getpid(), flush=True)
    time.sleep(600)
os._exit(0)
"""


def test_a_child_that_has_its_dead_parents_log_keeps_the_run_running(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD_GOES_ON, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        child = int(program.stdout.readline())
        api = Api(tmp_path / "i.db", refresh=False)
        api.catch_up_below(tmp_path)
        assert (api.run("r1").state, len(api.run("r1").logs)) == (RUNNING, 1)
        os.kill(child, signal.SIGKILL)
    eventually(lambda: api.run("r1").state != RUNNING)  # the system takes a moment to let the lock go
    assert api.run("r1").state == CRASHED


def test_a_run_says_that_it_is_preempted_until_it_is_resumed(tmp_path: Path) -> None:
    preempting = codec.encode(Record(preempting={}))
    write_log(tmp_path, [*plain_rows(range(3)), preempting, exit_record(1)])
    index = tmp_path / "i.db"
    Indexer(index).catch_up_below(tmp_path)
    assert Api(index, refresh=False).run("r1").state == PREEMPTED
    write_log(tmp_path, [exit_record(1)], "b", kind="resume", started=2000.0, starting_step=3)
    Indexer(index).catch_up_below(tmp_path)
    assert Api(index, refresh=False).run("r1").state == FAILED

"""The daemon's socket and lock: who may ask, what hangs, what is stale."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from runstore.errors import DaemonError, NotFound, StorageError
from runstore.syncd import control
from runstore.syncd.control import ControlServer, ask, daemon_process, socket_path
from runstore.syncd.lock import DaemonLock
from tests.timing import HANGS_SECONDS, PATIENCE_SECONDS, PROMPT_SECONDS, eventually


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def failing(request: Mapping[str, Any]) -> dict[str, Any]:
    raise NotFound(f"there is no {request['what']}")


def broken(request: Mapping[str, Any]) -> dict[str, Any]:
    raise ZeroDivisionError("oops")


def echo(request: Mapping[str, Any]) -> dict[str, Any]:
    return {"got": request.get("value")}


@pytest.fixture
def server(home: Path) -> Iterator[ControlServer]:
    long = {"logs": [{"path": "/data/" + "x" * 100, "n": n} for n in range(50_000)]}
    commands = {"echo": echo, "long": lambda _: long, "failing": failing, "broken": broken}
    running = ControlServer(home, commands)
    running.start()
    yield running
    running.stop()


def connected(home: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(PATIENCE_SECONDS)
    connection.connect(str(socket_path(home)))
    return connection


def test_commands_take_what_they_are_given(home: Path, server: ControlServer) -> None:
    assert ask(home, "echo", value=["a", 1, "\udcff"]) == {"got": ["a", 1, "\udcff"]}


def test_an_answer_of_megabytes_arrives_whole(home: Path, server: ControlServer) -> None:
    assert len(ask(home, "long")["logs"]) == 50_000


def test_the_socket_is_the_owners_alone(home: Path, server: ControlServer) -> None:
    assert stat.S_IMODE(socket_path(home).stat().st_mode) == 0o600
    assert daemon_process(home) in (os.getpid(), 0)


def test_what_goes_wrong_in_a_command_is_a_sentence_and_the_next_is_answered(home: Path, server: ControlServer) -> None:
    with pytest.raises(DaemonError, match="there is no remote"):
        ask(home, "failing", what="remote")
    with pytest.raises(DaemonError, match="oops"):
        ask(home, "broken")
    with pytest.raises(DaemonError, match="knows echo, long, failing, broken"):
        ask(home, "unheard-of")
    assert ask(home, "echo", value=1) == {"got": 1}


@pytest.mark.parametrize(
    "line", [b"\n", b"{\n", b"[]\n", b"5\n", b'{"command": []}\n', b'{"command": {}}\n', b"\xff\n"]
)
def test_what_is_no_request_is_answered_all_the_same(home: Path, server: ControlServer, line: bytes) -> None:
    with connected(home) as connection:
        connection.sendall(line)
        assert "knows echo" in json.loads(connection.makefile("rb").readline())["error"]


def test_clients_that_hang_or_leave_hold_up_nobody(
    home: Path, server: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_ANSWER_SECONDS", HANGS_SECONDS)  # so long each of them hangs
    hanging = [connected(home) for _ in range(20)]
    for connection in hanging[:10]:
        connection.sendall(b'{"command": "long"}\n')  # and never reads
    hanging[15].close()
    assert ask(home, "echo", seconds=PATIENCE_SECONDS, value=1) == {"got": 1}
    for connection in hanging:
        connection.close()


def test_a_request_without_end_is_not_kept(home: Path, server: ControlServer) -> None:
    with connected(home) as connection, pytest.raises(OSError, match=r"Broken pipe|reset"):
        connection.sendall(b"x" * (1 << 23))


def test_more_connections_than_there_are_places_are_turned_away_and_places_come_back(
    home: Path, server: ControlServer
) -> None:
    many = [connected(home) for _ in range(40)]
    with pytest.raises(DaemonError, match="does not answer"):
        ask(home, "echo")
    for connection in many:
        connection.close()

    def answer() -> dict[str, Any] | None:
        try:
            return ask(home, "echo", value=2)
        except DaemonError:  # there is no place yet
            return None

    assert eventually(answer) == {"got": 2}


def test_a_stop_does_not_wait_for_who_hangs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_ANSWER_SECONDS", HANGS_SECONDS)
    server = ControlServer(home, {"echo": echo})
    server.start()
    with connected(home):
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < PROMPT_SECONDS
    assert not socket_path(home).exists()
    with pytest.raises(DaemonError, match="no daemon runs"):
        ask(home, "echo")


def test_a_socket_that_a_dead_daemon_left_is_taken_over(home: Path) -> None:
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(str(socket_path(home)))
    stale.close()
    with pytest.raises(DaemonError, match="no daemon runs"):
        ask(home, "echo")
    server = ControlServer(home, {"echo": echo})
    server.start()
    assert ask(home, "echo", value=1) == {"got": 1}
    server.stop()


def test_a_socket_that_somebody_deleted_or_replaced_is_made_anew(home: Path, server: ControlServer) -> None:
    socket_path(home).unlink()
    with pytest.raises(DaemonError, match="no daemon runs"):
        ask(home, "echo")
    server.renew()
    assert ask(home, "echo", value=1) == {"got": 1}
    first = socket_path(home).stat().st_ino
    server.renew()
    assert socket_path(home).stat().st_ino == first
    socket_path(home).unlink()
    socket_path(home).touch()
    server.renew()
    assert ask(home, "echo", value=2) == {"got": 2}


def test_a_home_that_is_away_for_a_while_is_listened_in_again(home: Path, server: ControlServer) -> None:
    home.rename(home.with_name("away"))
    with pytest.raises(DaemonError, match="can't listen"):
        server.renew()
    home.with_name("away").rename(home)
    server.renew()
    assert ask(home, "echo", value=1) == {"got": 1}


def test_an_answer_that_is_under_way_arrives_though_it_stops(home: Path) -> None:
    begun = threading.Event()

    def slow(request: Mapping[str, Any]) -> dict[str, Any]:
        begun.set()
        time.sleep(0.05)
        return {"stopping": True}

    server = ControlServer(home, {"stop": slow})
    server.start()
    answers: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: answers.append(ask(home, "stop")))
    asking.start()
    assert begun.wait(PATIENCE_SECONDS)
    server.stop()
    asking.join(PATIENCE_SECONDS)
    assert answers == [{"stopping": True}]


def test_a_long_home_and_one_on_a_network_have_a_socket_of_this_machine(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(control, "local_folder", lambda name: tmp_path)
    monkeypatch.setattr(control, "is_local", lambda path: path != home)
    for folder in (long, home):
        assert socket_path(folder).parent == tmp_path
        server = ControlServer(folder, {"echo": echo})
        server.start()
        assert ask(folder, "echo", value=1) == {"got": 1}
        server.stop()
    assert socket_path(long) != socket_path(home)


def test_a_place_where_nothing_can_listen_is_said(tmp_path: Path) -> None:
    with pytest.raises(DaemonError, match="can't listen"):
        ControlServer(tmp_path / "missing", {}).start()


def test_the_lock_is_free_until_it_is_taken_and_after_it_is_released(home: Path) -> None:
    lock, other = DaemonLock(home), DaemonLock(home)
    assert other.is_free()
    lock.take()
    assert not other.is_free()
    with pytest.raises(DaemonError, match=f"pid {os.getpid()}.+runs already"):
        other.take()
    with pytest.raises(DaemonError, match="can't be asked from here"):
        ask(home, "echo")  # it holds the lock and does not listen yet
    lock.release()
    other.take()
    other.release()


def test_the_lock_ends_with_its_process_though_its_number_stays_in_the_file(home: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from runstore.syncd.lock import DaemonLock;"
        f"DaemonLock(Path({str(home)!r})).take(); print('taken', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == b"taken\n"
        assert not DaemonLock(home).is_free()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert DaemonLock(home).holder() == f"pid {holder.pid}"
    lock = DaemonLock(home)
    lock.take()
    assert lock.holder() == f"pid {os.getpid()}"
    lock.release()


def test_a_daemon_starts_while_others_keep_asking_whether_one_runs(home: Path) -> None:
    lock, done = DaemonLock(home), threading.Event()
    lock.take()
    lock.release()

    def ask_on() -> None:
        while not done.is_set():
            DaemonLock(home).is_free()

    asking = [threading.Thread(target=ask_on) for _ in range(3)]
    for thread in asking:
        thread.start()
    try:
        for _ in range(20):
            lock.take()
            lock.release()
    finally:
        done.set()
        for thread in asking:
            thread.join()


def test_a_lock_whose_file_was_deleted_is_taken_again_or_lost_to_who_has_it_by_then(home: Path) -> None:
    lock = DaemonLock(home)
    lock.take()
    lock.keep()
    (home / "daemon.lock").unlink()
    lock.keep()
    assert not DaemonLock(home).is_free()
    home.rename(home.with_name("away"))
    lock.keep()  # nothing can be done as long as there is no home
    home.with_name("away").rename(home)
    lock.keep()
    assert not DaemonLock(home).is_free()
    (home / "daemon.lock").unlink()
    other = DaemonLock(home)
    other.take()
    with pytest.raises(DaemonError, match="runs already"):
        lock.keep()
    other.release()


@pytest.mark.parametrize("text", ["", "no number at all\n", "12", "99999999999 elsewhere\n"])
def test_whatever_stands_in_the_lock_file_is_only_shown(home: Path, text: str) -> None:
    (home / "daemon.lock").write_text(text)
    assert DaemonLock(home).is_free()
    assert DaemonLock(home).holder().startswith("pid ")


def test_a_lock_file_that_can_not_be_used_is_said(home: Path) -> None:
    (home / "daemon.lock").mkdir()
    with pytest.raises(StorageError, match=r"daemon\.lock"):
        DaemonLock(home).take()

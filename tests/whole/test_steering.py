"""A daemon that runs is steered: folders, remotes, rules and pauses change without a restart; it heeds signals."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runstore.cli.main import cli
from runstore.errors import DaemonError
from runstore.syncd.control import ask, daemon_process
from tests.commands import ONE_RUN, Bench, reserved_port
from tests.syncd.hubs import RunningHub, hub_in_thread
from tests.timing import PATIENCE_SECONDS, PROMPT_SECONDS, eventually

TWO_RUNS = """
    import runstore
    for name, project, folder in (("one", "demo", "."), ("two", "private", "more")):
        with runstore.init(project=project, id=name, dir=folder) as run:
            run.log({"loss": 0.1})
"""
TAG = """
    from runstore import Api
    run = Api().run("one")
    run.tags = ["paper"]
    run.update()
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.chdir(tmp_path)
    bench = Bench(tmp_path)
    (tmp_path / "wandb").mkdir()
    (tmp_path / "more").mkdir()
    return bench


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    with hub_in_thread(tmp_path / "hub") as running:
        yield running


def told(bench: Bench, *arguments: str) -> str:
    """Run a command in this process, which saves starting one; return what it says."""
    done = CliRunner().invoke(cli, arguments, env=bench.environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stderr


def asked(bench: Bench, command: str, **arguments: Any) -> dict[str, Any]:
    return ask(bench.folder / "home", command, **arguments)


@contextlib.contextmanager
def foreground(bench: Bench, *arguments: str, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon over ./wandb as a child of this process; it is killed if it has not ended by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "runstore", "daemon", "start", "--watch", "wandb", "--foreground", *arguments],
        cwd=bench.folder,
        env=bench.environment,
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        with contextlib.suppress(DaemonError):
            return bool(asked(bench, "ping")["pid"] == process.pid)
        return False

    try:
        eventually(answers)
        yield process
    finally:
        process.kill()
        process.wait()


def ended_within(process: subprocess.Popen[bytes], number: int) -> float:
    """Send a signal; return the seconds until the process has ended, which it does with exit code 0."""
    started = time.monotonic()
    process.send_signal(number)
    assert process.wait(PATIENCE_SECONDS) == 0
    return time.monotonic() - started


def log_of(bench: Bench, name: str, root: str = "wandb") -> Path:
    return next((bench.folder / root).rglob(f"run-{name}.wandb"))


def delivered_logs(bench: Bench, remote: str) -> list[dict[str, Any]]:
    """Return the logs of which the daemon says that `remote` has all."""
    logs = asked(bench, "status")["logs"]
    return [log for log in logs if log["delivered_bytes"].get(remote) == log["durable_bytes"] > 0]


def delivered(bench: Bench, remote: str) -> set[str]:
    """Return the runs of these logs."""
    return {log["run"] for log in delivered_logs(bench, remote)}


def test_folders_remotes_and_rules_change_while_it_runs(bench: Bench, hub: RunningHub) -> None:
    assert bench.train(TWO_RUNS).returncode == 0
    with foreground(bench):
        told(bench, "remote", "add", "lab", hub.url, "--token", hub.token)
        eventually(lambda: delivered(bench, "lab") == {"one"})
        told(bench, "remote", "set", "lab", "--project", "!private")
        told(bench, "daemon", "watch", "more")
        runs = eventually(lambda: {log["run"]: log for log in asked(bench, "status")["logs"]}.get("two"))
        assert runs["delivered_bytes"] == {}
        told(bench, "remote", "set", "lab", "--clear")
        eventually(lambda: delivered(bench, "lab") == {"one", "two"})
        told(bench, "daemon", "unwatch", "more")
        assert {log["run"] for log in asked(bench, "status")["logs"]} == {"one"}
        assert bench.json("runs", "show", "two")["state"] == "finished"  # in the index it stays
        told(bench, "remote", "remove", "lab")
        assert asked(bench, "status")["remotes"] == []


def test_what_is_paused_is_indexed_and_goes_out_when_it_is_resumed(bench: Bench, hub: RunningHub) -> None:
    with foreground(bench):
        told(bench, "remote", "add", "lab", hub.url, "--token", hub.token)
        told(bench, "daemon", "pause", "lab")
        assert bench.train(ONE_RUN).returncode == 0
        size = log_of(bench, "one").stat().st_size
        eventually(lambda: [log["indexed_bytes"] for log in asked(bench, "status")["logs"]] == [size])
        assert asked(bench, "status")["remotes"][0]["state"] == "paused"
        assert delivered(bench, "lab") == set()
        told(bench, "daemon", "resume")
        eventually(lambda: delivered(bench, "lab") == {"one"})


def test_a_run_goes_out_when_it_gets_the_tag_and_not_a_byte_before(bench: Bench, hub: RunningHub) -> None:
    told(bench, "remote", "add", "lab", hub.url, "--token", hub.token)
    told(bench, "remote", "set", "lab", "--tag", "paper")
    with foreground(bench):
        assert bench.train(ONE_RUN).returncode == 0
        size = log_of(bench, "one").stat().st_size
        eventually(lambda: [log["indexed_bytes"] for log in asked(bench, "status")["logs"]] == [size])
        assert not (hub.data / "logs").exists()
        assert bench.train(TAG).returncode == 0
        logs = eventually(lambda: len(asked(bench, "status")["logs"]) == 2 and asked(bench, "status")["logs"])
        eventually(lambda: delivered(bench, "lab") == {"one"})
        assert {Path(log["path"]).suffix for log in logs} == {".wandb", ".rslog"}
        eventually(lambda: len(delivered_logs(bench, "lab")) == 2)


def test_sighup_reads_files_that_were_changed_by_hand_and_a_broken_one_changes_nothing(bench: Bench) -> None:
    with foreground(bench) as daemon:
        file = bench.folder / "home" / "daemon.json"
        kept = file.read_text()
        file.write_text(kept.replace("/wandb", "/more"))
        daemon.send_signal(signal.SIGHUP)
        eventually(lambda: asked(bench, "status")["watching"] == [str(bench.folder / "more")])
        file.write_text("{")
        daemon.send_signal(signal.SIGHUP)
        problem = eventually(lambda: asked(bench, "status")["problems"])
        assert "daemon.json: is damaged" in problem[0]
        assert "is damaged" in told(bench, "daemon", "status")
        assert asked(bench, "status")["watching"] == [str(bench.folder / "more")]
        assert "is damaged" in bench.sentence("daemon", "reload", code=1)
        file.write_text(kept)
        assert str(bench.folder / "wandb") in told(bench, "daemon", "reload")
        assert asked(bench, "status")["problems"] == []
        daemon.send_signal(signal.SIGUSR1)
        assert asked(bench, "ping")["pid"] == daemon.pid == daemon_process(bench.folder / "home")
        assert ended_within(daemon, signal.SIGINT) < PROMPT_SECONDS


def test_sigterm_ends_it_in_time_though_a_hub_hangs_in_the_middle(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        for name in ("a", "b", "c"):
            told(bench, "remote", "add", name, url, "--token", "rs_x")
        assert bench.train(ONE_RUN).returncode == 0
        with foreground(bench) as daemon:
            connections = [hanging.accept()[0] for _ in range(3)]  # each courier asks, and gets no answer
            assert ended_within(daemon, signal.SIGTERM) < PROMPT_SECONDS
            for connection in connections:
                connection.close()


def test_it_ends_with_the_terminal_that_it_stands_in(bench: Bench) -> None:
    ours, its = pty.openpty()
    with foreground(bench, stdin=its) as daemon:
        os.close(its)
        assert ended_within(daemon, signal.SIGHUP) < PROMPT_SECONDS
    os.close(ours)


def test_its_messages_go_on_when_their_file_is_rotated_and_can_be_followed(bench: Bench) -> None:
    bench.runstore("daemon", "start", "--watch", "wandb")
    try:
        log = bench.folder / "home" / "daemon.log"
        following = subprocess.Popen(
            [sys.executable, "-m", "runstore", "daemon", "logs", "-f"],
            cwd=bench.folder,
            env=bench.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert following.stdout is not None
        with following.stdout as lines:
            assert "event=started" in lines.readline()
            log.rename(log.with_name("daemon.log.rotated"))
            os.kill(asked(bench, "ping")["pid"], signal.SIGHUP)
            assert any("event=reloaded" in line for line in lines)  # what the watcher says may come before
            following.send_signal(signal.SIGINT)
            assert following.wait(PATIENCE_SECONDS) == 0
        assert "event=reloaded" in bench.runstore("daemon", "logs").stdout
        standard = {os.readlink(f"/proc/{asked(bench, 'ping')['pid']}/fd/{n}") for n in (1, 2)}
        assert standard == {str(log)}
    finally:
        bench.runstore("daemon", "stop")


def test_figures_are_printed_and_served(bench: Bench) -> None:
    with reserved_port() as port, foreground(bench, "--metrics-port", str(port)):
        assert "runstore_logs 0" in bench.runstore("daemon", "metrics").stdout
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(f"GET /metrics HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n".encode())
            assert b"runstore_logs 0" in b"".join(iter(lambda: connection.recv(65536), b""))


def test_many_who_ask_and_hang_do_not_slow_it(bench: Bench) -> None:
    with foreground(bench):
        home = bench.folder / "home"
        hanging = []
        for _ in range(20):
            one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            one.connect(str(home / "daemon.sock"))
            hanging.append(one)
        answers: list[dict[str, Any]] = []
        asking = [threading.Thread(target=lambda: answers.append(ask(home, "status"))) for _ in range(5)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(PATIENCE_SECONDS)
        assert len(answers) == 5
        for one in hanging:
            one.close()


def test_a_home_that_is_deleted_under_it_is_begun_anew(bench: Bench) -> None:
    home = bench.folder / "home"
    assert bench.train(ONE_RUN).returncode == 0
    with foreground(bench) as daemon:
        eventually(lambda: asked(bench, "status")["logs"])
        gone = home.rename(bench.folder / "gone")  # all at once: the daemon may write there meanwhile
        home.mkdir(exist_ok=True)
        shutil.rmtree(gone)

        def answers() -> Any:
            with contextlib.suppress(DaemonError):
                return asked(bench, "ping")["pid"] == daemon.pid
            return False

        eventually(answers)
        assert "runs already" in bench.sentence("daemon", "start", "--watch", "wandb", code=1)
        eventually(lambda: (home / "index.db").exists())
        assert ended_within(daemon, signal.SIGTERM) < PROMPT_SECONDS


def test_a_daemon_killed_leaves_a_socket_and_a_lock_that_hinder_nobody(bench: Bench) -> None:
    with foreground(bench) as daemon:
        daemon.kill()
        daemon.wait()
        assert (bench.folder / "home" / "daemon.sock").exists()
        assert "no daemon runs" in bench.sentence("daemon", "status", code=1)
    with foreground(bench) as daemon:
        assert asked(bench, "ping")["pid"] == daemon.pid

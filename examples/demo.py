"""The whole line in half a minute, in a folder of its own: train, kill, deliver, look.

The daemon is started first, then two training runs, each in a process of its own. One is killed with SIGKILL in the
middle. Only then does a hub appear; the daemon delivers to it by itself, and the runs are read back from the hub.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60
TRAIN = Path(__file__).with_name("train.py")


def main() -> None:
    """Run the demonstration; ends with exit code 1 if anything was not delivered."""
    with tempfile.TemporaryDirectory(prefix="runstore-demo-") as name:
        folder = Path(name)
        # Nothing of this machine's own settings and runs is touched.
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB_", "RUNSTORE_"))}
        demonstrate(folder, {**keep, "RUNSTORE_HOME": str(folder / "home"), "WANDB_DIR": str(folder / "work")})


def demonstrate(folder: Path, environment: dict[str, str]) -> None:
    """Do it all in `folder`."""
    (folder / "work" / "wandb").mkdir(parents=True)
    port, data = free_port(), str(folder / "hub")

    def runstore(*arguments: str) -> str:
        command = [sys.executable, "-m", "runstore", *arguments]
        return subprocess.run(
            command, env=environment, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    say("Start the daemon. There is no hub yet.")
    token = runstore("hub", "token", "create", "demo", "--data", data).strip()
    runstore("remote", "add", "lab", f"http://127.0.0.1:{port}", "--token", token)
    runstore("daemon", "start", "--watch", "work/wandb", "--remote", "lab")
    try:
        say("Train two runs, and kill one of them with SIGKILL in the middle.")
        train_two(folder, environment)
        say(runstore("runs", "list", "work/wandb"))
        say("Now a hub appears. The daemon delivers by itself.")
        with hub(folder, environment, port, data):
            status = wait_for_delivery(runstore)
            say("The runs, read back from the hub:")
            say(runstore("runs", "list", "--remote", "lab"))
            report(status, json.loads(runstore("sync", "work/wandb", "--remote", "lab", "--json")))
    finally:
        runstore("daemon", "stop")


def train_two(folder: Path, environment: dict[str, str]) -> None:
    """Run one training to its end, and kill another one."""
    whole = subprocess.Popen([sys.executable, TRAIN, "--name", "whole"], env=environment, cwd=folder)
    command = [sys.executable, TRAIN, "--name", "killed", "--lr", "0.02", "--steps", "100000"]
    killed = subprocess.Popen(command, env=environment, cwd=folder)
    if whole.wait() != 0:
        raise SystemExit("the training did not end well")
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()


@contextlib.contextmanager
def hub(folder: Path, environment: dict[str, str], port: int, data: str) -> Iterator[None]:
    """A hub on the loopback, for as long as the block lasts."""
    command = [sys.executable, "-m", "runstore", "hub", "serve", "--port", str(port), "--data", data]
    process = subprocess.Popen(command, env=environment, cwd=folder)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def wait_for_delivery(runstore: Any) -> dict[str, Any]:
    """Return the daemon's status once every log is delivered as far as it is indexed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        status: dict[str, Any] = json.loads(runstore("daemon", "status", "--json"))
        logs = status["logs"]
        if len(logs) == 2 and all(log["delivered_bytes"]["lab"] == log["indexed_bytes"] > 0 for log in logs):
            return status
        if time.monotonic() > deadline:
            raise SystemExit(f"not delivered after {PATIENCE_SECONDS} s: {json.dumps(status, indent=2)}")
        time.sleep(0.2)


def report(status: dict[str, Any], again: dict[str, Any]) -> None:
    """Say what was delivered, and that a second look found nothing to send."""
    delivered = sum(log["delivered_bytes"]["lab"] for log in status["logs"])
    records = sum(log["delivered_records"]["lab"] for log in status["logs"])
    say(f"Delivered and verified: {delivered:,} bytes, {records:,} records of {len(status['logs'])} runs.")
    say(f"Sent by a second sync: {again['bytes_sent']} bytes; {again['verified']} of {again['logs']} logs verified.")
    if again["bytes_sent"] or again["failed"] or again["verified"] != 2:
        raise SystemExit("the second sync should have found everything delivered")


def free_port() -> int:
    """Return a port of the loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say(text: str) -> None:
    """Print a paragraph, at once."""
    print(text.rstrip("\n") + "\n", flush=True)


if __name__ == "__main__":
    main()

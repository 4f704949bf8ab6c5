"""`runstore login --verify`, over a server that knows keys. What is kept, and where, is in test_modes.py."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Bench
from tests.wandbserver.server import RecordingServer

KEY, WRONG = "0123456789" * 4, "9876543210" * 4


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer(keys=[KEY]) as server:
        yield server


def login(bench: Bench, *arguments: str, code: int = 0, **extra: str) -> subprocess.CompletedProcess[str]:
    return bench.runstore("login", *arguments, code=code, NETRC=str(bench.folder / "netrc"), **extra)


def test_a_key_that_the_server_knows_is_kept_and_told_whose_it_is(bench: Bench, server: RecordingServer) -> None:
    said = login(bench, KEY, "--host", server.url, "--verify").stderr.splitlines()
    assert said[0] == f"runstore: the key for {server.url} is in {bench.folder / 'netrc'}"
    assert said[1].startswith(f"runstore: {server.url} knows it as ")
    assert "runs that name no entity go to " in said[1]
    assert [name for name, _ in server.operations] == ["Viewer"]
    assert login(bench, "--verify").stderr.splitlines()[1] == said[1]  # the one that is kept, likewise


def test_a_key_that_the_server_does_not_know_is_not_kept(bench: Bench, server: RecordingServer) -> None:
    said = login(bench, WRONG, "--host", server.url, "--verify", code=4).stderr
    assert server.url in said
    assert "runstore login" in said
    assert WRONG not in said
    assert not (bench.folder / "netrc").exists()
    assert not (bench.folder / "stock").exists()


def test_a_server_that_does_not_answer_is_one_sentence(bench: Bench) -> None:
    said = login(bench, KEY, "--host", "http://127.0.0.1:9", "--verify", code=5).stderr
    assert said.count("\n") == 1
    assert not (bench.folder / "netrc").exists()


def test_without_being_asked_to_nobody_is_asked(bench: Bench, server: RecordingServer) -> None:
    login(bench, WRONG, "--host", server.url)
    assert server.operations == []

"""Artifacts that only a hub has: found by name, fetched by content, checked, and never half a file."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runstore.core.artifactname import parse_artifact_name
from runstore.errors import ArtifactNotFound, CommError, StorageError
from runstore.syncd import elsewhere
from runstore.syncd.hub.reader import EntryFacts
from runstore.syncd.remotes import configured
from runstore.syncd.remotes.artifacts import HubArtifacts
from runstore.syncd.remotes.base import BLOBS, FileEntry
from runstore.syncd.remotes.configured import add_remote
from runstore.syncd.remotes.downloading import KEPT_SECONDS
from runstore.syncd.remotes.hub import HubRemote
from tests.syncd.hubs import RunningHub, hub_in_thread, log_id_of, program, random_bytes

MIB = 1 << 20
DATA = random_bytes(9 * MIB)
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()
LOG = log_id_of(b"a log")
FACTS = {
    "entity": "team", "project": "mnist", "name": "model", "version": 3, "type": "model", "client_id": "c1",
    "digest": "d1", "created_ns": 17, "aliases": ["latest", "best"], "metadata": {"acc": float("nan")},
}  # fmt: skip
NAME = parse_artifact_name("team/mnist/model:best")


def keep(hub: RunningHub, data: bytes, name: str = "") -> str:
    """Let the hub hold bytes, delivered with LOG under a name."""
    digest = hashlib.sha256(data).hexdigest()
    remote = hub.remote()
    remote.append(LOG, 0, b"a log")
    remote.missing_files(LOG, [FileEntry(name or digest, len(data), digest, BLOBS)])
    remote.connection.request("PUT", f"/v1/blobs/{digest}", content=data)
    remote.close()
    return digest


@pytest.fixture
def lab(hub: RunningHub) -> RunningHub:
    add_remote("lab", hub.url, hub.token)
    hub.artifacts.facts[str(NAME)] = FACTS
    return hub


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / SHA256


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The ranges that were asked for, and how many bytes came of each."""
    found: list[tuple[str, int]] = []
    iter_raw = httpx.Response.iter_raw

    def counting(response: httpx.Response) -> Iterator[bytes]:
        came = 0
        for piece in iter_raw(response):
            came += len(piece)
            yield piece
        found.append((response.request.headers.get("Range", ""), came))

    monkeypatch.setattr(httpx.Response, "iter_raw", counting)
    return found


def files_below(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


# Names.


def test_version_is_found_by_its_name(lab: RunningHub) -> None:
    found = elsewhere.find_version(NAME, "", "")
    assert found is not None
    assert (found.remote, found.number, found.client_id, found.aliases) == ("lab", 3, "c1", ("latest", "best"))
    assert elsewhere.find_version(parse_artifact_name("model:best"), "team", "mnist") == found
    assert elsewhere.find_version(parse_artifact_name("model:best"), "team", "other") is None


def test_nobody_is_asked_where_no_remote_is_known(target: Path) -> None:
    assert elsewhere.find_version(NAME, "", "") is None
    assert not elsewhere.fetch_blob([SHA256], target)


def test_hub_that_does_not_answer_is_named_only_if_no_other_knows(lab: RunningHub, tmp_path: Path) -> None:
    add_remote("away", "http://127.0.0.1:9", "rs_x")
    assert elsewhere.find_version(NAME, "", "") is not None
    with pytest.raises(CommError, match=r"team/mnist/other:v1 is not on this machine.*127.0.0.1:9: no answer"):
        elsewhere.find_version(parse_artifact_name("team/mnist/other:v1"), "", "")
    with pytest.raises(CommError, match="no answer"):
        elsewhere.fetch_blob([SHA256], tmp_path / "x")


def test_token_that_the_hub_does_not_know_is_said(lab: RunningHub) -> None:
    add_remote("lab", lab.url, "rs_wrong")
    with pytest.raises(CommError, match="refused the token"):
        elsewhere.find_version(NAME, "", "")


def test_hub_of_before_says_that_it_is_too_old(monkeypatch: pytest.MonkeyPatch, target: Path) -> None:
    def old_hub(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/hub":
            return httpx.Response(200, json={"hub": "1234", "version": "0.0.9"})
        return httpx.Response(404, json={"error": "Not Found"})

    def open_old(name: str) -> HubRemote:
        return HubRemote("https://hub", "rs_x", transport=httpx.MockTransport(old_hub))

    add_remote("lab", "https://hub", "rs_x")
    monkeypatch.setattr(elsewhere, "open_hub", open_old)
    sentence = r"the hub at https://hub is too old to keep artifacts \(version 0.0.9\): install a newer runstore there"
    with pytest.raises(CommError, match=sentence):
        elsewhere.find_version(NAME, "", "")
    with pytest.raises(CommError, match=sentence):
        elsewhere.fetch_blob([f"md5-{MD5}"], target)


@pytest.mark.parametrize("answer", [{}, {"entity": "team"}, {**FACTS, "version": "x"}, {**FACTS, "aliases": 3}])
def test_strange_answers_are_no_hubs(answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def strange(request: httpx.Request) -> httpx.Response:
        about = {"hub": "1", "version": "1", "features": ["artifacts"]}
        return httpx.Response(200, json=about if request.url.path == "/v1/hub" else answer)

    answer.pop("metadata", None)  # NaN is no JSON
    remote = HubRemote("https://hub", "rs_x", transport=httpx.MockTransport(strange))
    monkeypatch.setattr(configured, "load_remotes", dict)
    with pytest.raises(Exception, match="not a runstore hub"):
        HubArtifacts("lab", remote.connection).find(NAME, "", "")
    with pytest.raises(Exception, match="not a runstore hub"):
        list(HubArtifacts("lab", remote.connection).entries("c1"))


# What is in it.


def entry(path: str, data: bytes, local_path: str, ref: str = "") -> EntryFacts:
    digest = base64.b64encode(hashlib.md5(data).digest()).decode()
    return EntryFacts(path, digest, len(data), ref, local_path, LOG)


def test_entries_say_which_bytes_the_hub_holds(lab: RunningHub) -> None:
    ours, rescued = keep(lab, b"ours"), keep(lab, b"stock", f"md5-{hashlib.md5(b'stock').hexdigest()}")
    lab.artifacts.contents["c1"] = [
        entry("a", b"ours", f"/home/me/wandb/run/blobs/{ours}"),
        entry("b", b"stock", "/home/me/.local/share/wandb/artifacts/staging/tmpx"),
        entry("c", b"lost", "/home/me/wandb/run/blobs/" + hashlib.sha256(b"lost").hexdigest()),
        entry("d", b"ours", f"/home/me/{ours}", ref="s3://bucket/d"),
        EntryFacts("e", "no digest", 3, "", "", LOG),
    ]
    version = elsewhere.find_version(NAME, "", "")
    assert version is not None
    found = {entry.path: entry.sha256 for entry in elsewhere.entries_of(version)}
    assert found == {"a": ours, "b": rescued, "c": "", "d": "", "e": ""}


def test_hub_opens_nothing_that_a_log_names(lab: RunningHub, tmp_path: Path) -> None:
    secret = tmp_path / "blobs" / "secret"
    secret.parent.mkdir()
    secret.write_bytes(b"key")
    lab.artifacts.contents["c1"] = [entry("a", b"key", str(secret)), entry("b", b"key", "../../hub.db")]
    version = elsewhere.find_version(NAME, "", "")
    assert version is not None
    assert [entry.sha256 for entry in elsewhere.entries_of(version)] == ["", ""]


def test_many_entries_come_in_parts(lab: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runstore.syncd.hub.artifact_routes.ENTRIES_AT_ONCE", 10)
    lab.artifacts.contents["c1"] = [entry(f"{k:03}", b"", "") for k in range(30)]
    version = elsewhere.find_version(NAME, "", "")
    assert version is not None
    assert [entry.path for entry in elsewhere.entries_of(version)] == [f"{k:03}" for k in range(30)]
    lab.artifacts.contents.clear()
    with pytest.raises(CommError, match="there is no artifact c1"):
        list(elsewhere.entries_of(version))


# Bytes.


def test_bytes_come_by_their_digest(lab: RunningHub, target: Path) -> None:
    keep(lab, DATA)
    assert elsewhere.fetch_blob([SHA256, f"md5-{MD5}"], target)
    assert target.read_bytes() == DATA
    assert stat.S_IMODE(target.stat().st_mode) == 0o444
    assert files_below(target.parent) == {SHA256}


def test_bytes_of_stock_tools_come_by_the_name_that_they_were_delivered_under(lab: RunningHub, target: Path) -> None:
    keep(lab, DATA, f"md5-{MD5}")
    assert elsewhere.fetch_blob([f"md5-{MD5}"], target)
    assert target.read_bytes() == DATA


def test_bytes_that_no_hub_holds_leave_nothing(lab: RunningHub, target: Path) -> None:
    assert not elsewhere.fetch_blob([SHA256, f"md5-{MD5}"], target)
    assert files_below(target.parent) == set()


def test_second_hub_is_asked_where_the_first_lacks_bytes(lab: RunningHub, target: Path, tmp_path: Path) -> None:
    with hub_in_thread(tmp_path / "second") as second:
        add_remote("second", second.url, second.token)
        keep(second, DATA)
        assert elsewhere.fetch_blob([SHA256], target)


def test_bytes_that_have_another_digest_are_thrown_away(lab: RunningHub, target: Path) -> None:
    keep(lab, DATA)
    held = lab.data / "blobs" / SHA256[:2] / SHA256
    held.chmod(0o600)
    held.write_bytes(DATA[:-1] + b"x")
    with pytest.raises(CommError, match="do not have the digest.*thrown away"):
        elsewhere.fetch_blob([SHA256], target)
    assert files_below(target.parent) == set()


def test_bytes_under_the_wrong_name_are_thrown_away(lab: RunningHub, target: Path) -> None:
    keep(lab, b"others", f"md5-{MD5}")
    with pytest.raises(CommError, match=f"do not have the digest {MD5}"):
        elsewhere.fetch_blob([f"md5-{MD5}"], target)
    assert files_below(target.parent) == set()


@pytest.mark.parametrize("begun", [1, 5 * MIB, len(DATA)])
def test_download_that_broke_off_goes_on(
    lab: RunningHub, target: Path, asked: list[tuple[str, int]], begun: int
) -> None:
    keep(lab, DATA)
    (target.parent / "partial").mkdir(parents=True)
    (target.parent / "partial" / SHA256).write_bytes(DATA[:begun])
    asked.clear()
    assert elsewhere.fetch_blob([SHA256], target)
    assert target.read_bytes() == DATA
    assert [found for found in asked if found[0]] == (
        [(f"bytes={begun}-", len(DATA) - begun)] if begun < len(DATA) else []
    )


@pytest.mark.parametrize("spoiled", [100, len(DATA) + 100])
def test_beginning_that_is_spoiled_is_fetched_anew(lab: RunningHub, target: Path, spoiled: int) -> None:
    keep(lab, DATA)
    (target.parent / "partial").mkdir(parents=True)
    (target.parent / "partial" / SHA256).write_bytes(bytes(spoiled))
    assert elsewhere.fetch_blob([SHA256], target)
    assert target.read_bytes() == DATA


FETCHER_PROGRAM = """
import os, signal, sys
from pathlib import Path
from runstore.syncd import elsewhere
from runstore.syncd.remotes.connection import HubConnection

streamed = HubConnection.streamed

def killed_in_the_middle(connection, path, start):
    came = 0
    for piece in streamed(connection, path, start):
        came += len(piece)
        yield piece
        if came > 4 << 20:
            os.kill(os.getpid(), signal.SIGKILL)

HubConnection.streamed = killed_in_the_middle
elsewhere.fetch_blob([sys.argv[1]], Path(sys.argv[2]))
"""


def test_fetcher_killed_in_the_middle_leaves_no_half_file_and_goes_on(
    lab: RunningHub, target: Path, asked: list[tuple[str, int]]
) -> None:
    keep(lab, DATA)
    with program(FETCHER_PROGRAM, SHA256, str(target)) as fetcher:
        assert fetcher.wait(60) == -signal.SIGKILL
    assert not target.exists()
    asked.clear()
    assert elsewhere.fetch_blob([SHA256], target)
    assert target.read_bytes() == DATA
    ((_, came),) = (found for found in asked if found[0])
    assert came <= len(DATA) - 4 * MIB


def test_many_fetch_the_same_at_once(lab: RunningHub, target: Path) -> None:
    keep(lab, DATA)
    answers: list[bool] = []
    begin = threading.Barrier(5)

    def fetch() -> None:
        begin.wait()
        answers.append(elsewhere.fetch_blob([SHA256], target))

    threads = [threading.Thread(target=fetch) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 5
    assert target.read_bytes() == DATA
    assert files_below(target.parent) == {SHA256}


def test_disk_that_refuses_is_said(lab: RunningHub, tmp_path: Path) -> None:
    keep(lab, DATA)
    (tmp_path / "cache").write_text("no folder")
    with pytest.raises(StorageError, match="can't be fetched from http"):
        elsewhere.fetch_blob([SHA256], tmp_path / "cache" / SHA256)


def test_what_nobody_came_back_for_is_removed(lab: RunningHub, target: Path) -> None:
    keep(lab, DATA)
    old, recent = (target.parent / "partial" / name for name in ("old", "recent"))
    old.parent.mkdir(parents=True)
    old.write_bytes(b"x")
    recent.write_bytes(b"x")
    long_ago = old.stat().st_mtime - KEPT_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    assert elsewhere.fetch_blob([SHA256], target)
    assert files_below(old.parent) == {"recent"}


def test_errors_are_those_of_the_public_tree() -> None:
    assert issubclass(ArtifactNotFound, CommError)

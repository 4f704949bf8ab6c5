"""Artifacts on their way to a W&B server: committed with exactly the bytes that their log says, or not at all."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from runstore.errors import RemoteConflict, RemoteFailed
from runstore.syncd.remotes.runs import ManifestEntry, ServerRun
from runstore.syncd.remotes.wandb import parts as wandb_parts
from tests.syncd.wandbs import LAYOUT, Met, artifact, entry, md5, remote_over, silent
from tests.wandbserver.faults import answer

RUN = ServerRun("", "e", "p", "r1")


def test_an_artifact_is_committed_with_all_its_bytes(meeting: Met, tmp_path: Path) -> None:
    contents = {"a.txt": b"1", "d/é #?%.bin": bytes(3 << 20), "e": b""}
    entries = [entry(path, tmp_path, content) for path, content in contents.items()]
    said: dict[str, Any] = {"description": "ten digits", "metadata": '{"n": 10}', "tags": ("ok",), "ttl_seconds": 3600}
    ids = {"client_id": "c" * 128, "sequence_client_id": "s" * 128, "aliases": ("best", "latest")}
    sent: list[int] = []
    meeting.remote.log_artifact(meeting.run(), artifact(*entries, **said, **ids), sent.append)
    (held,) = meeting.server.artifacts
    assert held.committed
    assert held.files == contents
    assert sum(sent) > 3 << 20
    assert held.aliases == {"best", "latest"}
    announced = held.announced
    assert (announced["description"], announced["metadata"]) == ("ten digits", '{"n": 10}')
    assert (announced["tags"], announced["ttlDurationSeconds"]) == ([{"tagName": "ok"}], 3600)
    assert (announced["clientID"], announced["sequenceClientID"]) == ("c" * 128, "s" * 128)
    assert held.manifest is not None
    birth = {"birthArtifactID": held.artifact_id}  # by which servers find the bytes again
    assert held.manifest["contents"]["a.txt"] == {"digest": md5(b"1"), "size": 1, **birth}
    assert meeting.artifact_operations() == [
        *("CreateArtifact", "CreateArtifactManifest", "CreateArtifactFiles"),
        *("CreateArtifactManifest", "CommitArtifact"),
    ]
    assert not meeting.server.errors


def test_of_one_that_is_there_nothing_is_sent(meeting: Met, tmp_path: Path) -> None:
    one = artifact(entry("a.txt", tmp_path, b"1"))
    run = meeting.run()
    meeting.remote.log_artifact(run, one, silent)
    before = len(meeting.artifact_operations())
    meeting.remote.log_artifact(run, one, silent)
    assert meeting.artifact_operations()[before:] == ["CreateArtifact"]


def test_references_are_told_as_they_are(meeting: Met, tmp_path: Path) -> None:
    bucket = ManifestEntry("data", "s3://b/k", 0, ref="s3://b/k")
    known = ManifestEntry("etag", '"abc"', 7, ref="s3://b/e", extra={"versionID": "v1"}, skip_cache=True)
    meeting.remote.log_artifact(meeting.run(), artifact(bucket, known, entry("f", tmp_path, b"1")), silent)
    (held,) = meeting.server.artifacts
    assert held.manifest is not None
    assert held.manifest["contents"]["data"] == {"digest": "s3://b/k", "ref": "s3://b/k"}
    extra = {"extra": {"versionID": "v1"}, "skip_cache": True}
    assert held.manifest["contents"]["etag"] == {"digest": '"abc"', "size": 7, "ref": "s3://b/e", **extra}
    assert list(held.files) == ["f"]


def test_references_to_another_artifact_get_the_servers_name_for_it(meeting: Met, tmp_path: Path) -> None:
    run = meeting.run()
    meeting.remote.log_artifact(run, artifact(entry("t", tmp_path, b"1"), client_id="k" * 128), silent)
    ref = f"wandb-client-artifact://{'k' * 128}/t"
    meeting.remote.log_artifact(run, artifact(ManifestEntry("t", md5(b"1"), 1, ref=ref), name="n"), silent)
    first, second = meeting.server.artifacts
    assert second.manifest is not None
    server_id = second.manifest["contents"]["t"]["ref"].removeprefix("wandb-artifact://").removesuffix("/t")
    assert base64.b64encode(bytes.fromhex(server_id)).decode() == first.artifact_id


def test_what_several_processes_make_is_committed_by_the_last(meeting: Met, tmp_path: Path) -> None:
    run = meeting.run()
    one, two = entry("0.txt", tmp_path, b"0"), entry("1.txt", tmp_path, b"1")
    meeting.remote.log_artifact(run, artifact(one, distributed_id="g1", is_final=False), silent)
    assert not meeting.server.artifacts[0].committed
    assert meeting.artifact_operations()[-1] == "UpdateArtifactManifest"
    meeting.remote.log_artifact(run, artifact(two, distributed_id="g1"), silent)
    (held,) = meeting.server.artifacts
    assert held.committed
    assert held.files == {"0.txt": b"0", "1.txt": b"1"}
    assert {manifest.type for manifest in held.manifests.values()} == {"PATCH"}
    assert not meeting.server.errors


def test_what_adds_to_an_earlier_one_says_so(meeting: Met, tmp_path: Path) -> None:
    run = meeting.run()
    meeting.remote.log_artifact(run, artifact(entry("a", tmp_path, b"0")), silent)
    meeting.remote.log_artifact(run, artifact(entry("b", tmp_path, b"1"), is_incremental=True), silent)
    first, second = meeting.server.artifacts
    assert second.committed
    assert {(kind.type, kind.name) for kind in second.manifests.values()} == {
        ("INCREMENTAL", "wandb_manifest.incremental.json")
    }
    bases = [said.get("baseArtifactID") for name, said in meeting.server.operations if "Manifest" in name]
    assert bases == [None, None, first.artifact_id, first.artifact_id]


def test_a_file_that_is_not_what_the_log_says_is_not_committed(meeting: Met, tmp_path: Path) -> None:
    good, bad = entry("good", tmp_path, b"1"), entry("bad", tmp_path, b"right" + bytes(2 << 20))
    assert bad.source is not None
    bad.source.write_bytes(b"wrong" + bytes(2 << 20))
    with pytest.raises(RemoteConflict, match="bad: its bytes do not have the digest"):
        meeting.remote.log_artifact(meeting.run(), artifact(good, bad), silent)
    (held,) = meeting.server.artifacts
    assert not held.committed
    assert "bad" not in held.files


def test_a_small_file_that_is_not_what_the_log_says_is_not_even_sent(meeting: Met, tmp_path: Path) -> None:
    bad = entry("bad", tmp_path, b"right")
    assert bad.source is not None
    bad.source.write_bytes(b"wrong")
    sent: list[int] = []
    with pytest.raises(RemoteConflict, match="nothing was committed"):
        meeting.remote.log_artifact(meeting.run(), artifact(bad), sent.append)
    assert not sent


def test_files_that_cannot_be_had_are_named(meeting: Met, tmp_path: Path) -> None:
    run = meeting.run()
    lost = ManifestEntry("lost", md5(b"1"), 1)
    gone = entry("gone", tmp_path, b"1", source=tmp_path / "gone")
    other = entry("other", tmp_path, b"123", size=4)
    os.remove(tmp_path / "gone")
    for one, why in ((lost, "lost: its bytes can't be had"), (gone, "gone: .*can't be read"), (other, "3 bytes")):
        with pytest.raises(RemoteConflict, match=why):
            meeting.remote.log_artifact(run, artifact(one), silent)
    assert not any(held.committed or held.files for held in meeting.server.artifacts)


def test_what_was_taken_over_from_another_artifact_is_not_sent(meeting: Met, tmp_path: Path) -> None:
    run = meeting.run()
    meeting.remote.log_artifact(run, artifact(entry("a", tmp_path, b"0")), silent)
    born = meeting.server.artifacts[0].artifact_id
    taken = ManifestEntry("a", md5(b"0"), 1, birth_artifact_id=born)
    meeting.remote.log_artifact(run, artifact(taken, entry("b", tmp_path, b"1")), silent)
    second = meeting.server.artifacts[1]
    assert (second.committed, second.files) == (True, {"b": b"1"})


def test_a_file_that_is_refused_is_named_and_nothing_committed(meeting: Met, tmp_path: Path) -> None:
    meeting.server.fail(answer(403), "artifact", "b", times=None)
    files = [entry("a", tmp_path, b"0"), entry("b", tmp_path, b"1")]
    with pytest.raises(RemoteConflict, match=r"artifact digits: b: was refused: .*\(HTTP 403\); .* not committed"):
        meeting.remote.log_artifact(meeting.run(), artifact(*files), silent)
    assert not meeting.server.artifacts[0].committed


def test_an_address_that_has_expired_is_asked_for_anew(meeting: Met, tmp_path: Path) -> None:
    for kind in ("artifact", "manifest"):
        meeting.server.fail(answer(403), kind)
    meeting.remote.log_artifact(meeting.run(), artifact(entry("a", tmp_path, b"0")), silent)
    (held,) = meeting.server.artifacts
    assert held.committed
    assert meeting.artifact_operations().count("CreateArtifactFiles") == 2


@pytest.mark.parametrize("operation", ["CreateArtifact", "CreateArtifactManifest", "CreateArtifactFiles", "Commit*"])
def test_what_passes_is_tried_again(meeting: Met, operation: str, tmp_path: Path) -> None:
    meeting.server.fail(answer(500, is_applied=True), "graphql", operation, times=2)
    meeting.remote.log_artifact(meeting.run(), artifact(entry("a", tmp_path, b"0")), silent)
    assert any(held.committed for held in meeting.server.artifacts)


def test_what_does_not_pass_can_be_done_again(meeting: Met, tmp_path: Path) -> None:
    rule = meeting.server.fail(answer(500), "artifact", times=None)
    one = artifact(entry("a", tmp_path, b"0"))
    with pytest.raises(RemoteFailed):
        meeting.remote.log_artifact(meeting.run(), one, silent)
    meeting.server.faults.remove(rule)
    meeting.remote.log_artifact(meeting.run(), one, silent)
    assert meeting.server.artifacts[-1].committed


def test_of_files_that_the_storage_has_only_the_rest_is_sent(tmp_path: Path) -> None:
    puts: list[str] = []
    manifest: dict[str, Any] = {}
    held = {"uploadUrl": None, "artifact": {"id": "earlier"}}
    nodes = [held, {"uploadUrl": "http://store/b", "uploadHeaders": ["Content-MD5:x"]}]

    def server(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            puts.append(f"{request.url} {request.headers.get('Content-MD5')}")
            if request.url.path == "/manifest":
                manifest.update(json.loads(request.read()))
            return httpx.Response(200)
        return _server(request, nodes)

    files = [entry("a", tmp_path, b"0"), entry("b", tmp_path, b"1")]
    remote_over(httpx.MockTransport(server)).log_artifact(RUN, artifact(*files), silent)
    assert puts == ["http://store/b x", "http://store/manifest None"]
    births = {path: said["birthArtifactID"] for path, said in manifest["contents"].items()}
    assert births == {"a": "earlier", "b": "a"}


@pytest.mark.parametrize("nodes", [[], [{"uploadUrl": "http://store/a"}], [None, None]])
def test_answers_that_cannot_be_paired_with_files_are_refused(nodes: list[Any], tmp_path: Path) -> None:
    remote = remote_over(httpx.MockTransport(lambda request: _server(request, nodes)))
    files = [entry("a", tmp_path, b"0"), entry("b", tmp_path, b"1")]
    with pytest.raises(RemoteConflict, match="was asked where 2 files of artifact digits go"):
        remote.log_artifact(RUN, artifact(*files), silent)


@pytest.mark.parametrize(
    ("size", "parts"),
    [(1 << 20, 1), ((2 << 20) - 1, 2), (2 << 20, 2), ((2 << 20) + 1, 3), ((7 << 20) + 12345, 8)],
)
def test_large_files_go_in_parts(
    meeting: Met, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int, parts: int
) -> None:
    monkeypatch.setattr(wandb_parts, "PARTS_FROM_BYTES", 1 << 20)
    monkeypatch.setattr(wandb_parts, "PART_BYTES", 1 << 20)
    content = os.urandom(size)
    files = [entry("large", tmp_path, content), entry("small", tmp_path, b"1")]
    meeting.remote.log_artifact(meeting.run(), artifact(*files), silent)
    (held,) = meeting.server.artifacts
    assert held.committed
    assert held.files == {"large": content, "small": b"1"}
    assert sum(asked.startswith("part large") for asked in meeting.asked()) == parts
    assert not meeting.server.errors


def test_a_large_file_that_is_not_what_the_log_says_is_not_sent(
    meeting: Met, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(wandb_parts, "PARTS_FROM_BYTES", 1 << 20)
    one = entry("large", tmp_path, bytes(3 << 20), digest=md5(b"other"))
    with pytest.raises(RemoteConflict, match="do not have the digest"):
        meeting.remote.log_artifact(meeting.run(), artifact(one), silent)
    assert not any(asked.startswith("part") for asked in meeting.asked())


def test_a_part_that_is_refused_is_begun_anew(meeting: Met, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wandb_parts, "PARTS_FROM_BYTES", 1 << 20)
    monkeypatch.setattr(wandb_parts, "PART_BYTES", 1 << 20)
    meeting.server.fail(answer(403), "part", "large#3")
    meeting.remote.log_artifact(meeting.run(), artifact(entry("large", tmp_path, os.urandom(4 << 20))), silent)
    assert meeting.server.artifacts[0].committed
    meeting.server.fail(answer(403), "part", "other#*", times=None)
    with pytest.raises(RemoteConflict, match="other: was refused"):
        meeting.remote.log_artifact(meeting.run(), artifact(entry("other", tmp_path, bytes(4 << 20))), silent)


def test_a_server_that_knows_no_parts_gets_large_files_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wandb_parts, "PARTS_FROM_BYTES", 1 << 20)
    puts: list[int] = []

    def server(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            puts.append(len(request.read()))
            return httpx.Response(200)
        return _server(request, [{"uploadUrl": "http://store/a", "uploadMultipartUrls": None}])

    one = artifact(entry("large", tmp_path, bytes(3 << 20)))
    remote_over(httpx.MockTransport(server)).log_artifact(RUN, one, silent)
    assert puts[0] == 3 << 20


def test_many_files_are_asked_about_a_few_hundred_at_once(meeting: Met, tmp_path: Path) -> None:
    files = [entry(f"{number}.txt", tmp_path, str(number).encode()) for number in range(600)]
    meeting.remote.log_artifact(meeting.run(), artifact(*files), silent)
    (held,) = meeting.server.artifacts
    assert held.committed
    assert len(held.files) == 600
    assert meeting.artifact_operations().count("CreateArtifactFiles") == 2


def test_the_layout_of_the_storage_is_told(meeting: Met, tmp_path: Path) -> None:
    config = {**LAYOUT, "storageRegion": "eu"}
    meeting.remote.log_artifact(meeting.run(), artifact(entry("a", tmp_path, b"0"), storage_config=config), silent)
    (held,) = meeting.server.artifacts
    assert held.announced["storageRegion"] == "eu"
    assert held.manifest is not None
    assert held.manifest["storagePolicyConfig"] == config


def _server(request: httpx.Request, nodes: list[Any]) -> httpx.Response:
    """Answer as a server that makes an artifact and says this of its files."""
    body = request.read().decode()
    manifest = {"artifactManifest": {"id": "m", "file": {"uploadUrl": "http://store/manifest"}}}
    answers = {
        "createArtifactManifest(": {"createArtifactManifest": manifest},
        "createArtifactFiles(": {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}},
        "commitArtifact(": {"commitArtifact": {"artifact": {"id": "a"}}},
        "createArtifact(": {"createArtifact": {"artifact": {"id": "a", "state": "PENDING"}}},
    }
    data = next((data for name, data in answers.items() if name in body), {})
    return httpx.Response(200, json={"data": data})

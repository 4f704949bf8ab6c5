"""Artifacts whose log has digests by XXH128: a W&B server gets such as it takes, of the bytes that were logged."""

from __future__ import annotations

import base64
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import xxhash

from runstore.core.manifest import XXH128, content_digest
from runstore.errors import RemoteConflict
from runstore.syncd.remotes.runs import ManifestEntry, OutgoingArtifact, ServerRun
from runstore.syncd.remotes.wandb import parts as wandb_parts
from tests.syncd.wandbs import Met, artifact, entry, md5, met, remote_over, silent
from tests.wandbserver.drift import Drift
from tests.wandbserver.holdings import DEFAULT_ENTITY, DIGESTS
from tests.wandbserver.recorded import RecordedArtifact

ALGORITHM = {"alg": "XXH128"}
CONTENTS = {"a.txt": b"1", "d/b.bin": bytes(3 << 20), "empty": b""}


def quick(content: bytes) -> str:
    """Return a digest by XXH128 as manifests spell it."""
    return base64.b64encode(xxhash.xxh128(content).digest()).decode()


def quick_entry(path: str, folder: Path, content: bytes, **said: Any) -> ManifestEntry:
    """Return a file of an artifact, which is written, with such a digest."""
    return entry(path, folder, content, **{"digest": quick(content), "extra": ALGORITHM, **said})


def quick_artifact(*entries: ManifestEntry, **said: Any) -> OutgoingArtifact:
    """Return an artifact whose digests are such."""
    digest = content_digest({one.path: one.digest for one in entries}, XXH128)
    return artifact(*entries, **{"digest": digest, "algorithm": "MANIFEST_XXH128", **said})


def delivered(both: Met, one: OutgoingArtifact) -> RecordedArtifact:
    """Deliver an artifact, which is committed; return what the server has of it."""
    both.remote.log_artifact(both.run(), one, silent)
    held = both.server.artifacts[-1]
    assert held.committed
    assert both.server.errors == []
    return held


def contents(held: RecordedArtifact) -> dict[str, Any]:
    assert held.manifest is not None
    known: dict[str, Any] = held.manifest["contents"]
    return known


def asked_of_digests(both: Met) -> list[str]:
    return [name for name, _ in both.server.operations if "Digest" in name]


def test_server_that_knows_no_other_digests_gets_md5s(tmp_path: Path) -> None:
    files = [quick_entry(path, tmp_path, content) for path, content in CONTENTS.items()]
    bucket = ManifestEntry("far", "etag", 7, ref="s3://b/k", extra={"etag": "x"})
    with met() as both:
        held = delivered(both, quick_artifact(*files, bucket))
        assert held.files == CONTENTS
        assert held.announced["digestAlgorithm"] == "MANIFEST_MD5"
        assert {path: said["digest"] for path, said in contents(held).items() if path != "far"} == {
            path: md5(content) for path, content in CONTENTS.items()
        }
        assert contents(held)["far"] == {"digest": "etag", "size": 7, "ref": "s3://b/k", "extra": {"etag": "x"}}
        assert "extra" not in contents(held)["a.txt"]
        assert asked_of_digests(both) == []


def test_server_that_takes_them_gets_the_digests_of_the_log(tmp_path: Path) -> None:
    one = quick_artifact(*(quick_entry(path, tmp_path, content) for path, content in CONTENTS.items()))
    with met(DIGESTS, xxhash_entities=[DEFAULT_ENTITY]) as both:
        held = delivered(both, one)
        assert (held.announced["digestAlgorithm"], held.announced["digest"]) == ("MANIFEST_XXH128", one.digest)
        assert contents(held)["a.txt"]["extra"] == {"alg": "XXH128"}
        assert {path: said["digest"] for path, said in contents(held).items()} == {
            path: quick(content) for path, content in CONTENTS.items()
        }
        assert held.files == CONTENTS


@pytest.mark.parametrize("entities", [[], ["others"]])
def test_owner_who_may_not_give_them_gives_md5s(entities: list[str], tmp_path: Path) -> None:
    with met(DIGESTS, xxhash_entities=entities) as both:
        held = delivered(both, quick_artifact(quick_entry("a", tmp_path, b"1")))
        assert contents(held)["a"]["digest"] == md5(b"1")


def test_collection_that_has_md5s_keeps_to_them(tmp_path: Path) -> None:
    with met(DIGESTS, xxhash_entities=[DEFAULT_ENTITY]) as both:
        delivered(both, artifact(entry("a", tmp_path, b"1")))
        assert asked_of_digests(both) == []
        held = delivered(both, quick_artifact(quick_entry("a", tmp_path, b"2")))
        assert contents(held)["a"]["digest"] == md5(b"2")
        held = delivered(both, quick_artifact(quick_entry("a", tmp_path, b"3"), name="another"))
        assert contents(held)["a"]["digest"] == quick(b"3")


@pytest.mark.parametrize("operation", ["XXHashDigestsEnabled", "FetchArtifactDigestAlgorithm"])
def test_server_that_refuses_to_say_gets_md5s(operation: str, tmp_path: Path) -> None:
    with met(DIGESTS, xxhash_entities=[DEFAULT_ENTITY]) as both:
        both.server.drift = Drift(refused={operation: "not for you"})
        both.remote.log_artifact(both.run(), quick_artifact(quick_entry("a", tmp_path, b"1")), silent)
        assert contents(both.server.artifacts[0])["a"]["digest"] == md5(b"1")


def test_what_was_taken_over_from_another_artifact_keeps_its_digest(tmp_path: Path) -> None:
    told: list[str] = []

    def server(request: httpx.Request) -> httpx.Response:
        body = request.read().decode()
        told.extend([body] if "wandb-storage-policy" in body else [])
        manifest = {"artifactManifest": {"id": "m", "file": {"uploadUrl": "http://store/manifest"}}}
        answers = {
            "createArtifactManifest": manifest,
            "commitArtifact": {"artifact": {"id": "a"}},
            "createArtifact": {"artifact": {"id": "a", "state": "PENDING"}},
        }
        data = next(({name: data} for name, data in answers.items() if f"{name}(" in body), {})
        return httpx.Response(200, json={"data": data})

    taken = ManifestEntry("a", quick(b"1"), 1, birth_artifact_id="earlier", extra=ALGORITHM)
    remote_over(httpx.MockTransport(server)).log_artifact(ServerRun("", "e", "p", "r"), quick_artifact(taken), silent)
    assert quick(b"1") in told[0]
    assert "XXH128" in told[0]


@pytest.mark.parametrize("features", [(), (DIGESTS,)])
@pytest.mark.parametrize("size", [1, 3 << 20])
def test_bytes_that_are_not_what_the_log_says_are_not_sent(
    features: tuple[str, ...], size: int, tmp_path: Path
) -> None:
    wrong = quick_entry("wrong", tmp_path, bytes(size), digest=quick(b"other"))
    with met(*features, xxhash_entities=[DEFAULT_ENTITY]) as both:
        with pytest.raises(RemoteConflict, match="do not have the digest"):
            both.remote.log_artifact(both.run(), quick_artifact(wrong), silent)
        assert not any(held.committed or held.files for held in both.server.artifacts)


def test_files_that_cannot_be_had_are_named_before_anything_is_announced(tmp_path: Path) -> None:
    lost = ManifestEntry("lost", quick(b"1"), 1, extra=ALGORITHM)
    gone = quick_entry("gone", tmp_path, b"1", source=tmp_path / "gone")
    other = quick_entry("other", tmp_path, b"123", size=4)
    os.remove(tmp_path / "gone")
    with met() as both:
        run = both.run()
        for one, why in ((lost, "lost: its bytes can't be had"), (gone, "gone: .*can't be read"), (other, "3 bytes")):
            with pytest.raises(RemoteConflict, match=f"artifact digits: .*{why}.* not committed"):
                both.remote.log_artifact(run, quick_artifact(one), silent)
        assert both.server.artifacts == []


def test_large_files_with_such_digests_go_in_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wandb_parts, "PARTS_FROM_BYTES", 1 << 20)
    monkeypatch.setattr(wandb_parts, "PART_BYTES", 1 << 20)
    content = os.urandom((3 << 20) + 5)
    for features in ((), (DIGESTS,)):
        with met(*features, xxhash_entities=[DEFAULT_ENTITY]) as both:
            held = delivered(both, quick_artifact(quick_entry("large", tmp_path, content)))
            assert hashlib.md5(held.files["large"]).digest() == hashlib.md5(content).digest()
            assert sum(asked.startswith("part") for asked in both.asked()) == 4


def test_who_stops_a_delivery_stops_the_reading_too(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(size: int) -> None:
        raise Stopped

    with met() as both:
        with pytest.raises(Stopped):
            both.remote.log_artifact(both.run(), quick_artifact(quick_entry("a", tmp_path, b"1")), stop)
        assert both.server.artifacts == []


def test_digest_of_no_kind_that_anybody_knows_is_refused(tmp_path: Path) -> None:
    with met() as both:
        odd = entry("a", tmp_path, b"1", extra={"alg": "SHA1"})
        with pytest.raises(RemoteConflict, match="nobody knows digests by 'SHA1'"):
            both.remote.log_artifact(both.run(), artifact(odd), silent)


def test_digests_are_made_anew_where_nothing_installed_can_check_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = quick_artifact(quick_entry("a", tmp_path, b"1"))
    monkeypatch.setitem(sys.modules, "xxhash", None)
    with met() as both:
        held = delivered(both, one)
        assert contents(held)["a"]["digest"] == md5(b"1")

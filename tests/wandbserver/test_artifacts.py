"""An artifact is committed when all its bytes are there and make what was announced, and not before."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
import xxhash

from tests.wandbserver.artifact_checks import content_digest
from tests.wandbserver.client import Client, md5_of
from tests.wandbserver.holdings import DIGESTS
from tests.wandbserver.recorded import JsonObject
from tests.wandbserver.server import RecordingServer
from tests.wandbserver.state import state_of

CREATE = """mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state artifactSequence { latestArtifact { id } } } }
}"""
MANIFEST = """mutation CreateArtifactManifest($input: CreateArtifactManifestInput!, $includeUpload: Boolean!) {
  createArtifactManifest(input: $input) { artifactManifest {
    id file { id uploadUrl @include(if: $includeUpload) uploadHeaders @include(if: $includeUpload) }
  } }
}"""
FILES = """mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) { files { edges { node {
    storagePath uploadUrl uploadHeaders uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } }
  } } } }
}"""
COMPLETE = """mutation CompleteMultipartUploadArtifact($input: CompleteMultipartUploadArtifactInput!) {
  completeMultipartUploadArtifact(input: $input) { digest }
}"""
COMMIT = (
    "mutation CommitArtifact($input: CommitArtifactInput!) { commitArtifact(input: $input) { artifact { state } } }"
)
ALGORITHM = """query FetchArtifactDigestAlgorithm($name: String!) { project(name: "equipment") {
  artifactType(name: "model") { artifactCollection(name: $name) { ... on ArtifactSequence { digestAlgorithm } } }
} }"""
ENTITY = 'query XXHashDigestsEnabled { entity(name: "tester") { xxhashDigestsEnabled } }'

CONTENT = {"a.txt": b"some bytes", "folder/b c": b""}


def announced(content: dict[str, bytes], **more: Any) -> JsonObject:
    digest = content_digest({path: md5_of(each) for path, each in content.items()})
    aliases = [{"artifactCollectionName": "weights", "alias": alias} for alias in ("best", "latest")]
    named = {"artifactTypeName": "model", "artifactCollectionName": "weights", "aliases": aliases}
    what = {"digest": digest, "digestAlgorithm": "MANIFEST_MD5", "enableDigestDeduplication": True}
    return {"entityName": "", "projectName": "equipment", "runName": "k3v9q2"} | named | what | more


def manifest_of(content: dict[str, bytes]) -> bytes:
    contents = {path: {"digest": md5_of(each), "size": len(each)} for path, each in content.items()}
    policy = {"storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {"storageLayout": "V2"}}
    return json.dumps({"version": 1, **policy, "contents": contents}).encode()


def begin(client: Client, content: dict[str, bytes], **more: Any) -> str:
    """Announce an artifact of a run that is made for it; return its id."""
    client.upsert()
    return str(client.tell(CREATE, **announced(content, **more))["artifact"]["id"])


def ask_manifest(client: Client, artifact_id: str, digest: str) -> JsonObject:
    given = {"artifactID": artifact_id, "name": "wandb_manifest.json", "digest": digest, **client.place}
    return client.ask(MANIFEST, input=given, includeUpload=bool(digest))


def put_manifest(client: Client, artifact_id: str, manifest: bytes) -> int:
    answer = ask_manifest(client, artifact_id, md5_of(manifest))
    file = answer["data"]["createArtifactManifest"]["artifactManifest"]["file"]
    return client.put(file["uploadUrl"], manifest, file["uploadHeaders"]).status_code


def put_files(client: Client, artifact_id: str, content: dict[str, bytes]) -> None:
    specs = [{"artifactID": artifact_id, "name": path, "md5": md5_of(each)} for path, each in content.items()]
    edges = client.tell(FILES, artifactFiles=specs, storageLayout="V2")["files"]["edges"]
    for edge, each in zip(edges, content.values(), strict=True):
        assert client.put(edge["node"]["uploadUrl"], each, edge["node"]["uploadHeaders"]).status_code == 200


def test_artifact_of_which_all_is_there_is_committed(server: RecordingServer, client: Client) -> None:
    artifact_id = begin(client, CONTENT, metadata='{"k": 1}')
    put_files(client, artifact_id, CONTENT)
    assert put_manifest(client, artifact_id, manifest_of(CONTENT)) == 200
    assert client.tell(COMMIT, artifactID=artifact_id)["artifact"]["state"] == "COMMITTED"
    (held,) = state_of(server, "k3v9q2")["artifacts"].values()
    assert (held["committed"], held["aliases"], held["metadata"]) == (True, ["best", "latest"], {"k": 1})
    assert held["files"] == {path: hashlib.sha256(each).hexdigest() for path, each in CONTENT.items()}
    assert set(held["entries"]) == set(CONTENT)


def test_same_content_is_there_already_and_takes_the_aliases(server: RecordingServer, client: Client) -> None:
    other = {"a.txt": b"other bytes"}
    for content in (CONTENT, other):
        artifact_id = begin(client, content)
        put_files(client, artifact_id, content)
        put_manifest(client, artifact_id, manifest_of(content))
        client.tell(COMMIT, artifactID=artifact_id)
    assert [one.aliases for one in server.artifacts] == [set(), {"best", "latest"}]
    again = client.tell(CREATE, **announced(CONTENT))["artifact"]
    assert again["state"] == "COMMITTED"
    assert again["artifactSequence"]["latestArtifact"]["id"] == artifact_id
    assert [one.aliases for one in server.artifacts] == [{"best", "latest"}, set()]


@pytest.mark.parametrize(
    ("put", "listed", "reason"),
    [
        ({}, CONTENT, "no bytes of 'a.txt' have arrived"),
        (CONTENT, {"a.txt": b"some bytes"}, "announced digest"),
        ({"a.txt": b"other bytes", "folder/b c": b""}, CONTENT, "its manifest says"),
        (CONTENT, None, "commit without a manifest"),
    ],
)
def test_artifact_that_is_not_what_was_announced_is_not_committed(
    server: RecordingServer, client: Client, put: dict[str, bytes], listed: dict[str, bytes] | None, reason: str
) -> None:
    artifact_id = begin(client, CONTENT)
    put_files(client, artifact_id, put)
    if listed is not None:
        put_manifest(client, artifact_id, manifest_of(listed))
    assert reason in client.complaint(COMMIT, artifactID=artifact_id)
    assert not server.artifacts[0].committed


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"digest": "7d2e"}, "no MD5 in hex"),
        ({"digestAlgorithm": "SHA256"}, "ArtifactDigestAlgorithm"),
        ({"artifactCollectionName": None}, "belongs to one collection"),
        ({"artifactCollectionNames": ["a", "b"]}, "belongs to one collection"),
        ({"artifactTypeName": ""}, "no type"),
        ({"aliases": [{"artifactCollectionName": "other", "alias": "best"}]}, "alias"),
        ({"metadata": "[]"}, "metadata"),
        ({"runName": "nobody"}, "not found"),
    ],
)
def test_unfit_announcement_makes_no_artifact(
    server: RecordingServer, client: Client, more: dict[str, Any], reason: str
) -> None:
    client.upsert()
    assert reason in client.complaint(CREATE, **announced(CONTENT, **more))
    assert server.artifacts == []


@pytest.mark.parametrize(
    "manifest",
    [
        b"{",
        b"[]",
        b"{}",
        manifest_of(CONTENT).replace(b"V2", b"V1"),
        manifest_of(CONTENT).replace(b'"digest"', b'"md5"'),
        manifest_of(CONTENT).replace(b'"size"', b'"length"'),
    ],
)
def test_what_is_no_manifest_is_not_taken(server: RecordingServer, client: Client, manifest: bytes) -> None:
    artifact_id = begin(client, CONTENT)
    assert put_manifest(client, artifact_id, manifest) == 400
    assert server.artifacts[0].manifest is None


def test_manifest_and_files_must_have_the_announced_digest(client: Client) -> None:
    artifact_id = begin(client, CONTENT)
    file = ask_manifest(client, artifact_id, md5_of(b"other"))["data"]["createArtifactManifest"]["artifactManifest"]
    manifest = manifest_of(CONTENT)
    assert client.put(file["file"]["uploadUrl"], manifest, file["file"]["uploadHeaders"]).status_code == 400
    assert "no MD5 in base64" in ask_manifest(client, artifact_id, "abc")["errors"][0]["message"]
    specs = [{"artifactID": artifact_id, "name": "a.txt", "md5": md5_of(b"some bytes")}]
    node = client.tell(FILES, artifactFiles=specs, storageLayout="V2")["files"]["edges"][0]["node"]
    assert client.put(node["uploadUrl"], b"other bytes", node["uploadHeaders"]).status_code == 400


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"artifactID": "artifact-0"}, "no artifact has the id"),
        ({"md5": "d41d8cd98f00b204e9800998ecf8427e"}, "no MD5 in base64"),
        ({"name": "../a"}, "no relative path"),
        ({"artifactManifestID": "manifest-0"}, "no manifest of this artifact"),
        ({"uploadPartsInput": [{"partNumber": 2, "hexMD5": "0" * 32}]}, "parts are numbered"),
        ({"uploadPartsInput": [{"partNumber": 1, "hexMD5": "x"}]}, "no MD5 in hex"),
    ],
)
def test_unfit_file_gets_no_address(client: Client, more: dict[str, Any], reason: str) -> None:
    spec = {"artifactID": begin(client, CONTENT), "name": "a.txt", "md5": md5_of(b"some bytes")} | more
    assert reason in client.complaint(FILES, artifactFiles=[spec], storageLayout="V2")


def test_committed_artifacts_are_not_changed_and_may_be_committed_again(client: Client) -> None:
    artifact_id = begin(client, {})
    put_manifest(client, artifact_id, manifest_of({}))
    for _ in range(2):
        assert client.tell(COMMIT, artifactID=artifact_id)["artifact"]["state"] == "COMMITTED"
    assert "are not changed" in ask_manifest(client, artifact_id, "")["errors"][0]["message"]


def test_stored_files_need_not_be_put_again_where_the_server_says_so() -> None:
    with RecordingServer(skips_known_files=True) as server, Client(server.url) as client:
        put_files(client, begin(client, CONTENT), CONTENT)
        content = {"renamed.txt": b"some bytes"}
        artifact_id = begin(client, content)
        spec = {"artifactID": artifact_id, "name": "renamed.txt", "md5": md5_of(b"some bytes")}
        node = client.tell(FILES, artifactFiles=[spec], storageLayout="V2")["files"]["edges"][0]["node"]
        assert node["uploadUrl"] is None
        put_manifest(client, artifact_id, manifest_of(content))
        assert client.tell(COMMIT, artifactID=artifact_id)["artifact"]["state"] == "COMMITTED"
        assert server.artifacts[1].files == content


def test_large_file_arrives_in_parts(server: RecordingServer, client: Client) -> None:
    parts = [b"a" * 1000, b"b" * 1000, b"c"]
    content = {"big": b"".join(parts)}
    artifact_id = begin(client, content)
    told = [{"partNumber": i, "hexMD5": hashlib.md5(part).hexdigest()} for i, part in enumerate(parts, 1)]
    spec = {"artifactID": artifact_id, "name": "big", "md5": md5_of(content["big"]), "uploadPartsInput": told}
    node = client.tell(FILES, artifactFiles=[spec], storageLayout="V2")["files"]["edges"][0]["node"]
    done = {"artifactID": artifact_id, "storagePath": node["storagePath"], "completeMultipartAction": "Complete"}
    done |= {"uploadID": node["uploadMultipartUrls"]["uploadID"], "completedParts": told}
    assert "parts held are {}" in client.complaint(COMPLETE, **done)
    addresses = [part["uploadUrl"] for part in node["uploadMultipartUrls"]["uploadUrlParts"]]
    assert client.put(addresses[0], parts[1], [f"Content-MD5:{md5_of(parts[1])}"]).status_code == 403
    for url, part in zip(addresses, parts, strict=True):
        answer = client.put(url, part, [f"Content-MD5:{md5_of(part)}"])
        assert answer.headers["ETag"] == f'"{hashlib.md5(part).hexdigest()}"'
    assert "is not where it is stored" in client.complaint(COMPLETE, **done | {"storagePath": "big"})
    assert client.tell(COMPLETE, **done) == {"digest": md5_of(content["big"])}
    assert server.artifacts[0].files == content
    assert [one.name for one in server.requests if one.kind == "part"] == ["big#1", "big#1", "big#2", "big#3"]


def quick(content: bytes) -> str:
    """Return a digest by XXH128 as artifacts have it, in base64."""
    return base64.b64encode(xxhash.xxh128(content).digest()).decode()


def begun_with_others(client: Client, name: str = "weights") -> str:
    """Announce an artifact with such digests, of one file; return its id."""
    digest = content_digest({"a.txt": quick(b"some bytes")}, "MANIFEST_XXH128")
    said = {"artifactCollectionName": name, "aliases": [], "digest": digest, "digestAlgorithm": "MANIFEST_XXH128"}
    return begin(client, {}, **said)


def others_in(said: dict[str, str]) -> JsonObject:
    """Return what is asked about one file with such a digest, but for what is said here."""
    spec = {"artifactID": "", "name": "a.txt", "md5": md5_of(b"some bytes"), "digest": quick(b"some bytes")}
    return spec | said


def test_other_digests_are_taken_from_those_who_may_give_them() -> None:
    with RecordingServer(features=[DIGESTS], xxhash_entities=["tester"]) as server, Client(server.url) as client:
        artifact_id = begun_with_others(client)
        spec = others_in({"artifactID": artifact_id})
        wanted = {"artifactFiles": [spec], "storageLayout": "V2", "digestAlgorithm": "MANIFEST_XXH128"}
        node = client.tell(FILES, **wanted)["files"]["edges"][0]["node"]
        client.put(node["uploadUrl"], b"some bytes", node["uploadHeaders"])
        manifest = json.loads(manifest_of({"a.txt": b"some bytes"}))
        put_manifest(client, artifact_id, json.dumps(manifest).encode())
        assert "in an artifact with digests by MANIFEST_XXH128" in client.complaint(COMMIT, artifactID=artifact_id)
        manifest["contents"]["a.txt"] |= {"digest": quick(b"some bytes"), "extra": {"alg": "XXH128"}}
        put_manifest(client, artifact_id, json.dumps(manifest).encode())
        assert client.tell(COMMIT, artifactID=artifact_id)["artifact"]["state"] == "COMMITTED"


@pytest.mark.parametrize(("features", "entities"), [([], ["tester"]), ([DIGESTS], []), ([DIGESTS], ["others"])])
def test_other_digests_are_taken_from_nobody_else(features: list[str], entities: list[str]) -> None:
    with RecordingServer(features=features, xxhash_entities=entities) as server, Client(server.url) as client:
        client.upsert()
        wanted = announced(CONTENT, digestAlgorithm="MANIFEST_XXH128")
        assert "has no artifacts with digests by" in client.complaint(CREATE, **wanted)
        specs = [others_in({"artifactID": begin(client, CONTENT)})]
        wanted = {"artifactFiles": specs, "storageLayout": "V2", "digestAlgorithm": "MANIFEST_XXH128"}
        assert "digest" in client.complaint(FILES, **wanted)


def test_collection_keeps_to_its_md5s_and_says_so() -> None:
    with RecordingServer(features=[DIGESTS], xxhash_entities=["tester"]) as server, Client(server.url) as client:
        begin(client, CONTENT)
        wanted = announced(CONTENT, digestAlgorithm="MANIFEST_XXH128")
        assert "has digests by MANIFEST_MD5" in client.complaint(CREATE, **wanted)
        begun_with_others(client, "quick")
        said = {name: client.ask(ALGORITHM, name=name)["data"]["project"] for name in ("weights", "quick", "new")}
        found = {name: project["artifactType"]["artifactCollection"] for name, project in said.items()}
        of_md5, of_others = ({"digestAlgorithm": f"MANIFEST_{kind}"} for kind in ("MD5", "XXH128"))
        assert found == {"weights": of_md5, "quick": of_others, "new": None}
        assert client.ask(ENTITY)["data"] == {"entity": {"xxhashDigestsEnabled": True}}


@pytest.mark.parametrize(
    ("kind", "said", "reason"),
    [
        ("MANIFEST_XXH128", {}, "in an artifact with digests by MANIFEST_MD5"),
        ("MANIFEST_MD5", {}, "is not the MD5"),
        ("MANIFEST_MD5", {"digest": ""}, "no MD5"),
        (None, {}, "is of no kind"),
    ],
)
def test_file_must_have_the_digest_that_its_artifact_needs(kind: str | None, said: dict[str, str], reason: str) -> None:
    with RecordingServer(features=[DIGESTS], xxhash_entities=["tester"]) as server, Client(server.url) as client:
        spec = others_in({"artifactID": begin(client, CONTENT), **said})
        wanted = {"artifactFiles": [spec], "storageLayout": "V2", "digestAlgorithm": kind}
        assert reason in client.complaint(FILES, **wanted)

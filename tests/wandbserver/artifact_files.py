"""Answers about the files of artifacts: where they may be put, whole or in parts: resolvers of the schema."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from tests.wandbserver import artifact_checks
from tests.wandbserver.holdings import DIGESTS, Holdings, opaque_id
from tests.wandbserver.recorded import JsonObject, RecordedArtifact
from tests.wandbserver.refusals import Refused
from tests.wandbserver.run_operations import Operation, check_path
from tests.wandbserver.uploads import Upload

_HEX_DIGEST = re.compile(r"[0-9a-f]{32}")


def _create_files(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    # As many edges as were asked for, in the same order: clients pair them by position.
    wanted = arguments["input"]
    if wanted["storageLayout"] != "V2":
        raise Refused(f"storage layout is {wanted['storageLayout']}, not V2")
    algorithm = wanted.get("digestAlgorithm")
    if algorithm is not None and DIGESTS not in holdings.features:
        raise Refused(f"nobody knows of digests by {algorithm}")
    return {"files": {"edges": [{"node": _file(holdings, file, algorithm)} for file in wanted["artifactFiles"]]}}


def _file(holdings: Holdings, wanted: JsonObject, algorithm: str | None) -> JsonObject:
    artifact, path, md5 = holdings.pending_artifact(wanted["artifactID"]), wanted["name"], wanted["md5"]
    check_path(path)
    artifact_checks.check_md5(md5, path)
    _check_digest(wanted, artifact, algorithm)
    if wanted.get("artifactManifestID") and wanted["artifactManifestID"] not in artifact.manifests:
        raise Refused(f"{path}: {wanted['artifactManifestID']!r} is no manifest of this artifact")
    headers = [f"Content-MD5:{md5}"]
    if wanted.get("mimetype"):
        headers.append(f"Content-Type:{wanted['mimetype']}")
    file_id = opaque_id("File", artifact.artifact_id, path)
    described = {"id": file_id, "name": path, "displayName": path, "storagePath": f"store/{file_id}"}
    addresses = _addresses(holdings, artifact, wanted, headers)
    return described | addresses | {"uploadHeaders": headers, "artifact": {"id": artifact.artifact_id}}


def _check_digest(wanted: JsonObject, artifact: RecordedArtifact, algorithm: str | None) -> None:
    """Return if a file has the digest that its artifact needs, and none where nobody knows of any. Raises Refused."""
    path, digest = wanted["name"], wanted.get("digest")
    needed = artifact.announced["digestAlgorithm"]
    if (algorithm or "MANIFEST_MD5") != needed:
        raise Refused(f"{path}: a digest by {algorithm} in an artifact with digests by {needed}")
    if algorithm is None and digest is not None:
        raise Refused(f"{path}: the digest {digest!r} is of no kind")
    if algorithm is not None:
        artifact_checks.check_md5(digest or "", path)
    if algorithm == "MANIFEST_MD5" and digest != wanted["md5"]:
        raise Refused(f"{path}: {digest!r} is not the MD5 {wanted['md5']!r}")


def _addresses(holdings: Holdings, artifact: RecordedArtifact, wanted: JsonObject, headers: list[str]) -> JsonObject:
    """Return where a file may be put, as a whole and in parts; nowhere if it is stored already and that is enough."""
    path, md5 = wanted["name"], wanted["md5"]

    def take(content: bytes) -> None:
        artifact.files[path] = holdings.stored[md5] = content

    if holdings.skips_known_files and md5 in holdings.stored:
        take(holdings.stored[md5])
        return {"uploadUrl": None, "uploadMultipartUrls": None}
    whole = holdings.uploads.offer(Upload("artifact", path, take, headers, md5))
    return {"uploadUrl": whole, "uploadMultipartUrls": _part_addresses(holdings, artifact, wanted)}


def _part_addresses(holdings: Holdings, artifact: RecordedArtifact, wanted: JsonObject) -> JsonObject | None:
    announced = {int(part["partNumber"]): part["hexMD5"] for part in wanted.get("uploadPartsInput") or []}
    if not announced:
        return None
    if sorted(announced) != list(range(1, len(announced) + 1)):
        raise Refused(f"{wanted['name']}: parts are numbered {sorted(announced)}")
    parts: dict[int, bytes] = {}
    upload_id = opaque_id("Parts", artifact.artifact_id, wanted["name"])
    artifact.parts[upload_id] = (wanted["name"], wanted["md5"], parts)
    addresses = []
    for number, hex_md5 in sorted(announced.items()):
        if not _HEX_DIGEST.fullmatch(hex_md5):
            raise Refused(f"{wanted['name']}, part {number}: {hex_md5!r} is no MD5 in hex")
        md5 = base64.b64encode(bytes.fromhex(hex_md5)).decode()
        upload = Upload("part", f"{wanted['name']}#{number}", _putter(parts, number), [f"Content-MD5:{md5}"], md5)
        addresses.append({"partNumber": number, "uploadUrl": holdings.uploads.offer(upload)})
    return {"uploadID": upload_id, "uploadUrlParts": addresses}


def _putter(parts: dict[int, bytes], number: int) -> Callable[[bytes], None]:
    def take(content: bytes) -> None:
        parts[number] = content

    return take


def _complete_parts(holdings: Holdings, arguments: JsonObject) -> JsonObject:
    wanted = arguments["input"]
    artifact = holdings.pending_artifact(wanted["artifactID"])
    if wanted["uploadID"] not in artifact.parts:
        raise Refused(f"no upload has the id {wanted['uploadID']!r}")
    path, md5, parts = artifact.parts[wanted["uploadID"]]
    if wanted["storagePath"] != f"store/{opaque_id('File', artifact.artifact_id, path)}":
        raise Refused(f"{path}: {wanted['storagePath']!r} is not where it is stored")
    said = {int(part["partNumber"]): part["hexMD5"].strip('"') for part in wanted["completedParts"]}
    artifact.files[path] = holdings.stored[md5] = artifact_checks.joined(path, md5, parts, said)
    return {"digest": md5}


OPERATIONS: dict[str, Operation] = {
    "createArtifactFiles": _create_files,
    "completeMultipartUploadArtifact": _complete_parts,
}
"""By field of the schema's Mutation."""

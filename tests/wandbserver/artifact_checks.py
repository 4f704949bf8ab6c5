"""What an artifact must be to be announced and committed: digests are computed here anew, from what has arrived."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Mapping
from typing import Any

import xxhash

from tests.wandbserver.recorded import JsonObject, RecordedArtifact, parse_object
from tests.wandbserver.refusals import Refused

_HEX_DIGEST = re.compile(r"[0-9a-f]{32}")
_ENTRY_MEMBERS = {"digest", "size", "ref", "local_path", "birthArtifactID", "extra", "skip_cache"}


def check_announced(wanted: JsonObject) -> None:
    """Return if the input of a CreateArtifact says what it must. Raises Refused."""
    names = wanted.get("artifactCollectionNames") or [wanted.get("artifactCollectionName")]
    if len(names) != 1 or not names[0]:
        raise Refused(f"an artifact belongs to one collection, not to {names}")
    if not wanted["artifactTypeName"]:
        raise Refused(f"{names[0]}: no type")
    if not _HEX_DIGEST.fullmatch(wanted["digest"]):
        raise Refused(f"{names[0]}: {wanted['digest']!r} is no MD5 in hex")
    for alias in wanted.get("aliases") or []:
        if alias["artifactCollectionName"] != names[0] or not alias["alias"]:
            raise Refused(f"{names[0]}: alias {alias}")
    if wanted.get("metadata"):
        try:
            parse_object(wanted["metadata"])
        except ValueError as error:
            raise Refused(f"{names[0]}: metadata: {error}") from None


def check_md5(digest: str, name: str) -> None:
    """Return if a digest is one that a file may have; `name` is for the complaint. Raises Refused."""
    try:
        is_md5 = len(base64.b64decode(digest, validate=True)) == 16
    except binascii.Error:
        is_md5 = False
    if not is_md5:
        raise Refused(f"{name}: {digest!r} is no MD5 in base64")


def checked_manifest(content: bytes) -> JsonObject:
    """Return the manifest in a file's bytes. Raises Refused where it isn't one."""
    try:
        manifest = parse_object(content.decode())
    except ValueError as error:
        raise Refused(f"manifest: {error}") from None
    layout = manifest.get("storagePolicyConfig", {}).get("storageLayout")
    told = (manifest.get("version"), manifest.get("storagePolicy"), layout)
    if told != (1, "wandb-storage-policy-v1", "V2"):
        raise Refused(f"manifest: version, policy and layout are {told}")
    if not isinstance(manifest.get("contents"), dict):
        raise Refused("manifest: no contents")
    for path, entry in manifest["contents"].items():
        if "digest" not in entry or not entry.keys() <= _ENTRY_MEMBERS:
            raise Refused(f"manifest: {path!r} is {entry}")
    return manifest


def check_complete(artifact: RecordedArtifact, committed: Collection[str]) -> None:
    """Return if all bytes of an artifact are there, and what was announced is what they make. Raises Refused.

    `committed` are the ids of artifacts whose files may be referred to.
    """
    if artifact.manifest is None:
        raise Refused(f"{artifact.name}: commit without a manifest")
    for path, entry in artifact.manifest["contents"].items():
        if "ref" not in entry and entry.get("birthArtifactID") not in committed:
            _check_file(artifact, path, entry)
    kinds = {manifest.type for manifest in artifact.manifests.values()}
    if kinds == {"FULL"}:
        digests = {path: entry["digest"] for path, entry in artifact.manifest["contents"].items()}
        made = content_digest(digests, artifact.announced["digestAlgorithm"])
        if made != artifact.announced["digest"]:
            raise Refused(f"{artifact.name}: announced digest {artifact.announced['digest']}, but it is {made}")


def _check_file(artifact: RecordedArtifact, path: str, entry: JsonObject) -> None:
    if path not in artifact.files:
        raise Refused(f"{artifact.name}: no bytes of {path!r} have arrived")
    content = artifact.files[path]
    algorithm = artifact.announced["digestAlgorithm"]
    if entry.get("extra", {}).get("alg", "MD5") != algorithm.removeprefix("MANIFEST_"):
        raise Refused(f"{artifact.name}: {path!r} is {entry} in an artifact with digests by {algorithm}")
    found = (base64.b64encode(_hasher(algorithm, content).digest()).decode(), len(content))
    if found != (entry["digest"], entry.get("size", 0)):
        raise Refused(f"{artifact.name}: {path!r} has digest and size {found}, its manifest says {entry}")


def content_digest(digests: Mapping[str, str], algorithm: str = "MANIFEST_MD5") -> str:
    """Return the digest of an artifact from those of its files by path."""
    made = _hasher(algorithm, b"wandb-artifact-manifest-v1\n")
    for path, digest in sorted(digests.items()):
        made.update(f"{path}:{digest}\n".encode())
    return str(made.hexdigest())


def joined(path: str, md5: str, parts: Mapping[int, bytes], said: Mapping[int, str]) -> bytes:
    """Return the bytes of a file from its parts, which must be those that the client says. Raises Refused."""
    held = {number: hashlib.md5(content).hexdigest() for number, content in parts.items()}
    if held != dict(said):
        raise Refused(f"{path}: parts held are {held}, the client says {dict(said)}")
    content = b"".join(parts[number] for number in sorted(parts))
    if _base64_md5(content) != md5:
        raise Refused(f"{path}: its parts make {_base64_md5(content)}, announced was {md5}")
    return content


def _hasher(algorithm: str, content: bytes) -> Any:
    return xxhash.xxh128(content) if algorithm == "MANIFEST_XXH128" else hashlib.md5(content)


def _base64_md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()

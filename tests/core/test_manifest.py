"""Manifests: the digests that W&B's servers compare, and which paths an artifact takes.

The digests here were computed by wandb 0.31.0.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore.core.manifest import XXH128, Manifest, ManifestEntry, entry_path, hasher, hex_of, text_of
from runstore.errors import UsageError, WrongArtifact


def digest_of(data: bytes, algorithm: str = "MD5") -> str:
    digest = hasher(algorithm)
    digest.update(data)
    return text_of(digest.digest())


def entry(path: str, data: bytes = b"") -> ManifestEntry:
    return ManifestEntry(path, digest_of(data), size=len(data))


def test_the_digest_of_a_file_is_that_of_stock() -> None:
    assert digest_of(b"f.bin") == "Zn6zgm+S0oBz3Ed1G7SiRA=="
    assert hex_of(digest_of(b"f.bin"))[:20] == "667eb3826f92d28073dc"


def test_the_digest_of_an_artifact_is_that_of_stock() -> None:
    manifest = Manifest()
    assert manifest.digest() == "64e7c61456b10382e2f3b571ac24b659"
    manifest.add_entry(entry("f.bin", b"changed"))
    assert manifest.digest() == "6ec30a982fcfe15601c54a0c8d0b5e0b"


def test_the_quicker_digest_is_that_of_stock() -> None:
    manifest = Manifest(XXH128)
    manifest.add_entry(ManifestEntry("dup.txt", digest_of(b"f.bin", XXH128), size=5))
    assert manifest.entries["dup.txt"].digest == "nmPe+Owpf6wFTRD6UjsIgg=="
    assert manifest.entries["dup.txt"].extra == {"alg": XXH128}
    assert manifest.digest() == "7cc71a7e0f708fc0c2c4f62404d85767"


def test_an_unknown_digest_is_refused() -> None:
    with pytest.raises(UsageError, match="SHA1"):
        Manifest("SHA1")


def test_the_digest_does_not_depend_on_the_order_of_adding() -> None:
    one, other = Manifest(), Manifest()
    for path in ("b", "a/c", "a.txt"):
        one.add_entry(entry(path))
    for path in ("a.txt", "b", "a/c"):
        other.add_entry(entry(path))
    assert one.digest() == other.digest()


def test_the_same_content_may_be_added_again_and_other_content_only_to_replace() -> None:
    manifest = Manifest()
    manifest.add_entry(entry("a", b"1"))
    manifest.add_entry(entry("a", b"1"))
    with pytest.raises(WrongArtifact, match="'a'"):
        manifest.add_entry(entry("a", b"2"))
    manifest.add_entry(entry("a", b"22"), overwrite=True)
    assert [found.size for found in manifest] == [2]
    assert manifest.size() == 2


def test_entries_are_found_and_removed_by_path() -> None:
    manifest = Manifest()
    for path in ("a/b", "a/c/d", "ab"):
        manifest.add_entry(entry(path))
    assert [found.path for found in manifest.get_entries_in_directory("a")] == ["a/b", "a/c/d"]
    found = manifest.get_entry_by_path("ab")
    assert found is not None
    manifest.remove_entry(found)
    assert len(manifest) == 2
    with pytest.raises(FileNotFoundError, match="ab"):
        manifest.remove_entry(found)


def test_what_is_uploaded_says_nothing_of_this_machine() -> None:
    manifest = Manifest(storage_region="here")
    manifest.add_entry(ManifestEntry("a", "digest", size=1, local_path="/somewhere", skip_cache=True))
    manifest.add_entry(ManifestEntry("b", "s3://x/y", ref="s3://x/y"))
    assert manifest.to_manifest_json() == {
        "version": 1,
        "storagePolicy": "wandb-storage-policy-v1",
        "storagePolicyConfig": {"storageLayout": "V2", "storageRegion": "here"},
        "contents": {"a": {"digest": "digest", "size": 1}, "b": {"digest": "s3://x/y", "ref": "s3://x/y"}},
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [("./p//q", "p/q"), (Path("a/b"), "a/b"), ("a\nb", "a\nb"), ("a/.b", "a/.b"), ("ü", "ü"), ("\udcff", "?")],
)
def test_a_path_has_one_spelling(given: object, kept: str) -> None:
    assert entry_path(given) == kept


@pytest.mark.parametrize("path", ["/x", "../x", "a/../../x", ".", "", "C:/x", "a\\..\\b", "//server/share"])
def test_a_path_that_leads_out_of_the_artifact_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no path inside an artifact"):
        entry_path(path)


def test_only_references_have_a_target() -> None:
    assert ManifestEntry("a", "x", ref="file:///x").ref_target() == "file:///x"
    with pytest.raises(ValueError, match="not a reference"):
        entry("a").ref_target()

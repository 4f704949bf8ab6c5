"""References: what is kept elsewhere is named with its digest, and not copied."""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.core.manifest import ManifestEntry
from runstore.errors import ArtifactNotLoggedError, CommError, UsageError
from runstore.sdk.artifacts.artifact import Artifact
from runstore.sdk.media.table import Table
from tests.sdk.artifactlogs import logged
from tests.sdk.reading import begin
from tests.sdk.webserver import web_server


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """Yield the address of a web server."""
    with web_server() as address:
        yield address


def referred(uri: str, name: str | None = None) -> ManifestEntry:
    (entry,) = Artifact("a", "t").add_reference(uri, name=name)
    return entry


def test_references_to_files_are_digested_and_not_copied(source: Path) -> None:
    artifact = Artifact("a", "t")
    one, two = artifact.add_reference(f"file://{source}", name="data")
    assert (one.path, one.ref, one.size) == ("data/a.txt", f"file://{source}/a.txt", 1)
    assert one.digest == base64.b64encode(hashlib.md5(b"a").digest()).decode()
    assert two.path == "data/sub/b.txt"
    (unchecked,) = artifact.add_reference(f"file://{source}/a.txt", name="x", checksum=False)
    address = (source / "a.txt").resolve().as_uri().encode()
    assert unchecked.digest == base64.b64encode(hashlib.md5(address).digest()).decode()
    assert all(entry.local_path is None for entry in artifact.manifest)
    with pytest.raises(ValueError, match="max_objects"):
        artifact.add_reference(f"file://{source}", max_objects=1)


@pytest.mark.parametrize(
    ("uri", "name", "path"),
    [
        ("s3://bucket/k/e", None, "k/e"),
        ("s3://bucket", None, "bucket"),
        ("gs://bucket/e?v=1", "given", "given"),
        ("http://host/k/e.txt", None, "e.txt"),
        ("nfs://host/x", "given", "given"),
    ],
)
def test_references_to_the_network_are_kept_as_they_are(uri: str, name: str | None, path: str) -> None:
    artifact = Artifact("a", "t")
    (entry,) = artifact.add_reference(uri, name=name, checksum=False)
    assert (entry.path, entry.size, entry.local_path) == (path, None, None)
    assert entry.digest == entry.ref


def test_references_that_can_not_be(source: Path) -> None:
    artifact = Artifact("a", "t")
    with pytest.raises(ValueError, match="file://"):
        artifact.add_reference("/a/path")
    with pytest.raises(ValueError, match="neither"):
        artifact.add_reference("file:///nowhere")
    with pytest.raises(ValueError, match="name"):
        artifact.add_reference("nfs://host/x")
    with pytest.raises(UsageError, match="checksum=False"):
        artifact.add_reference("gs://bucket/key")


def test_media_of_a_logged_artifact_become_references(folder: Path) -> None:
    run = begin()
    first, second = Artifact("first", "t"), Artifact("second", "t")
    table = Table(columns=["x"], data=[[1]])
    first.add(table, "t")
    run.log_artifact(first)
    second.add(table, "u")
    run.log_artifact(second)
    (entry,) = logged(folder)[1].manifest.contents
    assert entry.ref == f"wandb-client-artifact://{first.client_id}/t.table.json"
    assert entry.digest == first.get_entry("t").digest


def test_what_a_web_server_has_is_known_by_its_etag(web: str) -> None:
    entry = referred(f"{web}/tagged.txt")
    assert (entry.path, entry.digest, entry.ref, entry.size) == ("tagged.txt", "abc", f"{web}/tagged.txt", 5)
    assert (entry.extra, entry.local_path) == ({"etag": '"abc"'}, None)
    assert referred(f"{web}/tagged.txt", "n/m").path == "n/m"


def test_a_reference_names_what_an_address_led_to(web: str) -> None:
    entry = referred(f"{web}/moved")
    assert (entry.path, entry.digest, entry.ref) == ("moved", "abc", f"{web}/tagged.txt")


def test_where_a_server_tells_no_etag_the_address_is_the_digest(web: str) -> None:
    entry = referred(f"{web}/untold")
    assert (entry.digest, entry.size, entry.extra) == (f"{web}/untold", 5, {})


def test_what_a_server_does_not_have_or_no_server_is_refused(web: str) -> None:
    with pytest.raises(CommError, match="404"):
        referred(f"{web}/missing")
    with pytest.raises(OSError, match="checksum=False"):
        referred("http://127.0.0.1:1/nobody")


def test_s3_without_boto3_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(UsageError, match="pip install boto3"):
        referred("s3://bucket/key")


def test_an_entry_of_a_logged_artifact_is_referred_to(folder: Path, source: Path) -> None:
    run = begin()
    first, second = Artifact("first", "t"), Artifact("second", "t")
    first.add_dir(source)
    with pytest.raises(ArtifactNotLoggedError, match="log its artifact first"):
        second.add_reference(first.get_entry("a.txt"))
    run.log_artifact(first)
    second.add_reference(first.get_entry("sub/b.txt"))
    second.add_reference(first.get_entry("a.txt"), name="other/name.txt")
    run.log_artifact(second)
    near, far = logged(folder)[1].manifest.contents
    assert (near.path, near.digest) == ("other/name.txt", first.get_entry("a.txt").digest)
    assert (far.path, far.ref) == ("sub/b.txt", f"wandb-client-artifact://{first.client_id}/sub/b.txt")

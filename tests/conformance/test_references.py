"""References to web servers and to S3: the same entries as with stock, asked of real servers; stock runs apart."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import runstore
from tests.conformance import stock
from tests.conformance.objectstore import client, object_store
from tests.sdk.webserver import web_server
from tests.timing import HANGS_SECONDS

# Prints, for each call, the entries, or the names of the classes of what was raised.
PROGRAM = """
import json
import sys
import wandb

found = []
for uri, arguments in json.load(open("calls.json")):
    try:
        entries = wandb.Artifact("a", "t").add_reference(uri, **arguments)
        found.append([[str(e.path), e.digest, e.ref, e.size, e.extra] for e in entries])
    except Exception as error:
        found.append([each.__name__ for each in type(error).__mro__])
json.dump(found, open("entries.json", "w"))
"""

Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Bucket:
    """Where the objects are, and the version of one that was overwritten."""

    environment: dict[str, str]
    first_version: str


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """Yield a store with a bucket `data`, and one that keeps versions."""
    with object_store(tmp_path_factory.mktemp("objects")) as environment:
        s3 = client(environment)
        s3.create_bucket(Bucket="data")
        for key, content in (("folder/a.txt", b"a"), ("folder/sub/b.bin", b"bb"), ("folder/none", b""), ("top", b"t")):
            s3.put_object(Bucket="data", Key=key, Body=content)
        s3.create_bucket(Bucket="versions")
        s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
        first = s3.put_object(Bucket="versions", Key="k.txt", Body=b"1")["VersionId"]
        s3.put_object(Bucket="versions", Key="k.txt", Body=b"22")
        yield Bucket(environment, first)


def ours(folder: Path, environment: dict[str, str], *calls: Call) -> list[Any]:
    """Return what our library makes of these calls of add_reference."""
    folder.mkdir()
    (folder / "calls.json").write_text(json.dumps(calls))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("import wandb\n", "import runstore as wandb\n")],
        cwd=folder,
        env={"PYTHONPATH": str(Path(runstore.__file__).parent.parent), "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads((folder / "entries.json").read_text())
    return found


def stocks(folder: Path, environment: dict[str, str], *calls: Call) -> list[Any]:
    """Return what stock makes of them."""
    folder.mkdir()
    (folder / "calls.json").write_text(json.dumps(calls))
    done = stock.run_script(stock.STOCK_VERSIONS[0], PROGRAM, folder, environment)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads((folder / "entries.json").read_text())
    return found


def test_objects_folders_and_buckets_give_the_same_entries_as_with_stock(bucket: Bucket, tmp_path: Path) -> None:
    calls: list[Call] = [
        ("s3://data/top", {}),
        ("s3://data/top", {"name": "n/m"}),
        ("s3://data/folder", {}),
        ("s3://data/folder/", {}),
        ("s3://data/folder", {"name": "n"}),
        ("s3://data", {"name": "all"}),
        ("s3://data/folder", {"max_objects": 1}),
        ("s3://data/folder/none", {}),
        ("s3://data/top", {"checksum": False}),
        ("s3://versions/k.txt", {}),
        ("s3://versions", {}),
    ]
    found = ours(tmp_path / "ours", bucket.environment, *calls)
    assert found == stocks(tmp_path / "stock", bucket.environment, *calls)
    assert [len(entries) for entries in found] == [1, 1, 2, 2, 2, 3, 1, 0, 1, 1, 1]


def test_the_version_that_was_asked_for_is_the_one_referred_to(bucket: Bucket, tmp_path: Path) -> None:
    # Stock names the newest, whichever was asked for.
    uri = f"s3://versions/k.txt?versionId={bucket.first_version}"
    ((entry,),) = ours(tmp_path / "ours", bucket.environment, (uri, {}))
    assert (entry[3], entry[4]["versionID"]) == (1, bucket.first_version)


def test_what_s3_does_not_have_is_an_error(bucket: Bucket, tmp_path: Path) -> None:
    calls: list[Call] = [("s3://data/nothing", {}), ("s3://nowhere/x", {}), ("s3://versions/k.txt?versionId=none", {})]
    nothing, nowhere, version = ours(tmp_path / "ours", bucket.environment, *calls)
    assert "ValueError" in nothing  # where stock adds nothing and says nothing
    assert "CommError" in nowhere
    assert "CommError" in version


def test_what_web_servers_have_gives_the_same_entries_as_with_stock(tmp_path: Path) -> None:
    with web_server() as web:
        paths = ("tagged.txt", "weak.txt", "untold", "moved", "tagged.txt?x=1", "tagged%20a b.txt")
        calls: list[Call] = [(f"{web}/{path}", {}) for path in paths]
        calls += [(f"{web}/tagged", {"name": "n/m"}), (f"{web}/tagged", {"checksum": False})]
        refused = f"{web}/missing"
        found = ours(tmp_path / "ours", {}, *calls, (refused, {}))
        theirs = stocks(tmp_path / "stock", {}, *calls, (refused, {}))
    assert found[:-1] == theirs[:-1]
    assert "OSError" in found[-1]
    assert "OSError" in theirs[-1]

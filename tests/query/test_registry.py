"""What names of artifacts mean, and which numbers are claimed, from the logs that this machine knows."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from runstore.core.artifactname import parse_artifact_name
from runstore.core.manifest import content_digest
from runstore.core.moves import CollectionPath
from runstore.errors import ArtifactNotFound, CommError, IndexUnusable, WrongArtifact
from runstore.index.indexer import Indexer
from runstore.query.artifacts.registry import Registry, Version
from runstore.runlog import codec
from runstore.runlog.record_pb2 import Record, UseArtifactRecord
from tests.index.facts import artifact, move
from tests.index.writing import plain_rows, write_log
from tests.timing import PATIENCE_SECONDS, PROMPT_SECONDS

MODEL = CollectionPath("", "p", "model")


def logged(
    name: str, client_id: str, at: int, version: int | None, aliases: Sequence[str] = ("latest",)
) -> list[bytes]:
    said = move(name, client_id, at, version=version, aliases=tuple(aliases))
    return [said, artifact(name, client_id=client_id, digest=f"digest of {client_id}")]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    return tmp_path / "home" / "index.db"


@pytest.fixture
def registry(index: Path, tmp_path: Path) -> Iterator[Registry]:
    """Four versions of a model, of which one was removed, and a dataset."""
    index.parent.mkdir()
    bodies = [body for k in range(4) for body in logged("model", f"c{k}", k + 1, k, ("latest", *["best"][k - 1 : k]))]
    bodies += [move("model", "c2", 10, removed=True), *logged("data", "d0", 11, 0, ("latest", "raw"))]
    write_log(tmp_path, bodies)
    with closing(Registry.open(index)) as opened:
        yield opened


def find(registry: Registry, name: str, entity: str = "", project: str = "p", type: str | None = None) -> Version:  # noqa: A002
    return registry.find(parse_artifact_name(name), entity=entity, project=project, type=type)


@pytest.mark.parametrize(
    ("name", "number"), [("model", 3), ("model:latest", 3), ("model:v0", 0), ("model:best", 1), ("p/model:v1", 1)]
)
def test_a_name_means_a_version(registry: Registry, name: str, number: int) -> None:
    found = find(registry, name)
    assert (found.number, found.collection, found.client_id) == (number, MODEL, f"c{number}")
    assert (found.run.run_id, found.type, found.name) == ("r1", "dataset", f"model:v{number}")
    assert registry.by_client_id(f"c{number}") == found


def test_a_collection_without_entity_serves_whoever_asks_with_one(registry: Registry) -> None:
    assert find(registry, "model", entity="team").number == 3
    assert find(registry, "team/p/model", project="other").number == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model:bets", "'model' has no alias 'bets'; there is 'best'"),
        ("model:v9", "no version v9; the nearest are v0, v1, v3"),
        ("data:v3", "no version v3; there is v0"),
        ("modle", "no artifact of this name is in 'p'; there is p/model"),
        ("far/model", "in 'far'; there is p/model"),
        ("model:v2", "no version v2"),
        ("nothing-like-it", "`runstore artifact list` shows"),
    ],
)
def test_what_is_not_there_is_said_with_the_nearest(registry: Registry, name: str, said: str) -> None:
    with pytest.raises(ArtifactNotFound) as raised:
        find(registry, name)
    assert said in str(raised.value)
    assert isinstance(raised.value, CommError)


def test_one_of_another_type_is_refused(registry: Registry) -> None:
    with pytest.raises(ValueError, match="is of type 'dataset', not 'model'") as raised:
        find(registry, "model", type="model")
    assert isinstance(raised.value, WrongArtifact)


def test_collections_types_and_versions_are_listed(registry: Registry) -> None:
    assert [path.name for path in registry.collections("", "p")] == ["data", "model"]
    assert registry.collections("", "p", "model") == []
    assert registry.types("", "p") == ["dataset"]
    versions = registry.versions(MODEL)
    assert [(version.number, version.aliases) for version in versions] == [(3, ("latest",)), (1, ("best",)), (0, ())]
    assert registry.versions(MODEL._replace(name="x")) == []


def test_runs_that_used_a_version_are_known(registry: Registry, tmp_path: Path, index: Path) -> None:
    use = Record(use_artifact=UseArtifactRecord(id="c1", type="dataset", name="p/model:v1"))
    write_log(tmp_path, [codec.encode(use)], "user", "user")
    registry.catch_up()
    version = find(registry, "model:v1")
    assert [run.run_id for run in registry.used_by(version)] == ["user"]
    assert version.run.run_id == "r1"


def test_entries_are_those_of_the_version_and_of_the_one_below_it(tmp_path: Path, index: Path) -> None:
    index.parent.mkdir()
    more = Record()
    more.artifact.name, more.artifact.client_id, more.artifact.digest = "model", "more", "own"
    more.artifact.incremental_beta1 = True
    for path in ("b.bin", "new"):
        entry = more.artifact.manifest.contents.add(path=path, digest=f"changed {path}", size=1)
        entry.extra.add(key="etag", value_json='"e"')
    bodies = [*logged("model", "c0", 1, 0), move("model", "more", 2, version=1, base="c0"), codec.encode(more)]
    bodies.append(move("best-models", "more", 3, version=0, linked=True))
    log = write_log(tmp_path, bodies)
    with closing(Registry.open(index)) as registry:
        for name in ("model:v1", "best-models:v0"):
            entries = registry.entries(find(registry, name))
            digests = {entry.path: entry.digest for entry in entries}
            assert digests == {"a/a.txt": "md5-a/a.txt", "b.bin": "changed b.bin", "far": "", "new": "changed new"}
            assert (entries[1].extra, entries[1].log) == ({"etag": "e"}, log)
        with registry.claiming(MODEL, "", own={"b.bin": "changed b.bin", "new": "changed new"}) as claim:
            assert claim.same_as is not None
            assert claim.same_as.number == 1
        with registry.claiming(MODEL, "", own={"newer": "x"}) as claim:
            assert (claim.number, claim.same_as) == (2, None)
        assert content_digest(digests) == find(registry, "model:v1").digest


def test_a_claim_is_above_all_that_is_known_and_equal_content_keeps_its_number(registry: Registry) -> None:
    with registry.claiming(MODEL, "digest of c9") as claim:
        assert (claim.number, claim.same_as) == (4, None)
        assert claim.latest is not None
        assert claim.latest.number == 3
        assert claim.made_ns > 10
    with registry.claiming(MODEL, "digest of c1") as claim:
        assert claim.same_as is not None
        assert (claim.number, claim.same_as.number) == (1, 1)
    with registry.claiming(MODEL, "digest of c2") as claim:  # that was removed
        assert (claim.number, claim.same_as) == (4, None)
    with registry.claiming(MODEL._replace(name="new"), "x") as claim:
        assert (claim.number, claim.same_as, claim.latest) == (0, None, None)


def test_a_claim_is_above_times_that_lie_ahead(registry: Registry, tmp_path: Path) -> None:
    ahead = time.time_ns() + 10**12
    write_log(tmp_path, logged("model", "ahead", ahead, 4), "ahead", "ahead")
    with registry.claiming(MODEL, "x") as claim:
        assert (claim.number, claim.made_ns) == (5, ahead + 1)


def test_what_was_written_in_a_claim_is_seen_by_the_next_also_outside_of_all_roots(
    registry: Registry, tmp_path: Path, index: Path
) -> None:
    begun = list(plain_rows(range(2)))
    log = write_log(tmp_path / "far", begun, "far", "far")
    with closing(Registry.open(index)) as other, other.claiming(MODEL, "digest of c8", log=log) as claim:
        said = [*begun, *logged("model", "c8", claim.made_ns, claim.number)]
        log.write_bytes(write_log(tmp_path / "elsewhere", said, "far", "far").read_bytes())
        shutil.rmtree(tmp_path / "elsewhere")
    with registry.claiming(MODEL, "digest of c9") as claim:
        assert claim.number == 5


def test_who_claims_second_waits_for_the_first(registry: Registry, index: Path) -> None:
    order = list[str]()

    def second() -> None:
        with closing(Registry.open(index)) as other, other.claiming(MODEL, "y"):
            order.append("second")

    with registry.claiming(MODEL, "x"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_claim_gives_up_when_time_is_up(registry: Registry, index: Path) -> None:
    with closing(Registry.open(index, within_seconds=PATIENCE_SECONDS)) as other, registry.claiming(MODEL, "x"):
        assert other.connection.until is not None
        other.connection.until -= PATIENCE_SECONDS  # opening it took as long as it may
        with pytest.raises(IndexUnusable, match="another process is claiming numbers"), other.claiming(MODEL, "y"):
            pass


def test_an_index_that_is_locked_is_given_up_when_time_is_up(registry: Registry, index: Path, tmp_path: Path) -> None:
    write_log(tmp_path, logged("model", "c9", 50, 4), "news", "news")
    with closing(sqlite3.connect(index, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(IndexUnusable, match="in time"):
            Registry.open(index, within_seconds=0.3)
        assert time.monotonic() - began < PROMPT_SECONDS
        writer.execute("ROLLBACK")
    with closing(Registry.open(index, within_seconds=PATIENCE_SECONDS)) as other:
        assert find(other, "model").number == 4


def test_more_than_can_be_read_in_time_is_left_and_what_was_read_stays(tmp_path: Path, index: Path) -> None:
    index.parent.mkdir()
    for k in range(5):
        write_log(tmp_path, logged("model", f"c{k}", k + 1, k), f"n{k}", f"n{k}")
    with pytest.raises(IndexUnusable, match="`runstore runs list`"):
        Registry.open(index, within_seconds=-1)
    with closing(Registry.open(index)) as opened:
        assert find(opened, "model").number == 4


def test_from_a_read_only_index_nothing_is_claimed(registry: Registry, index: Path) -> None:
    with closing(Indexer(index)) as indexer:
        indexer.connection.read_only = True
        opened = Registry(indexer)
        assert find(opened, "model").number == 3
        with pytest.raises(IndexUnusable, match="can't be written"), opened.claiming(MODEL, "x"):
            pass


def test_a_child_that_was_forked_during_a_claim_does_not_keep_it(registry: Registry, index: Path) -> None:
    with registry.claiming(MODEL, "x"):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.read(reading, 1)  # lives, with the lock's file open, until it is told
            os._exit(0)
    with open(index.with_name("index.db.claims"), "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(writing, b"x")
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)

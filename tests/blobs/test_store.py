"""The store of artifacts' bytes: whole files under the digest of what they hold, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import io
import os
import random
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runstore.blobs import store as blobs
from runstore.blobs.store import BlobStore, SourceChanged
from runstore.blobs.writing import write_all
from tests.timing import HANGS_SECONDS


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def names(store: BlobStore) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir())


def test_bytes_files_and_streams_are_kept_under_their_digest(store: BlobStore, tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    digest = hashlib.sha256(data).hexdigest()
    (tmp_path / "source").write_bytes(data)
    blobs = [store.put(data), store.put_file(tmp_path / "source"), store.put_stream(io.BytesIO(data))]
    assert {(blob.sha256, blob.size, blob.path) for blob in blobs} == {(digest, len(data), store.folder / digest)}
    assert blobs[0].path.read_bytes() == data
    assert names(store) == [digest]
    assert digest in store
    assert "0" * 64 not in store


def test_other_digests_come_from_the_same_pass(store: BlobStore) -> None:
    md5, sha1 = hashlib.md5(), hashlib.sha1()
    store.put(b"some bytes", md5, sha1)
    assert md5.digest() == hashlib.md5(b"some bytes").digest()
    assert sha1.digest() == hashlib.sha1(b"some bytes").digest()


def test_a_stream_is_kept_from_where_it_is(store: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"before and after")
    with open(tmp_path / "source", "rb") as source:
        source.seek(len(b"before and "))
        assert store.put_stream(source).path.read_bytes() == b"after"


def test_nothing_can_be_written_to_a_blob(store: BlobStore) -> None:
    blob = store.put(b"kept")
    assert blob.path.stat().st_mode & 0o222 == 0


def test_the_original_may_change_afterwards(store: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"as it was")
    blob = store.put_file(source)
    source.write_bytes(b"as it is!")
    assert blob.path.read_bytes() == b"as it was"


def test_nothing_stays_of_a_source_that_fails(store: BlobStore) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError("the disk is gone")
            return super().read(4)

    with pytest.raises(OSError, match="the disk is gone"):
        store.put_stream(Failing(b"more than four"))
    assert names(store) == []


def test_nothing_stays_where_the_disk_is_full(store: BlobStore) -> None:
    source = f"""
import resource
from pathlib import Path
from runstore.blobs.store import BlobStore

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    BlobStore(Path({str(store.folder)!r})).put(bytes(3 << 20))
except OSError as error:
    print(type(error).__name__)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=HANGS_SECONDS)
    assert (done.stdout, done.stderr) == ("OSError\n", "")
    assert names(store) == []


def test_equal_bytes_put_at_once_become_one_blob(store: BlobStore) -> None:
    data = os.urandom(1 << 20)
    threads = [threading.Thread(target=store.put, args=(data,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(store) == [hashlib.sha256(data).hexdigest()]


def test_a_large_file_takes_no_memory(store: BlobStore, tmp_path: Path) -> None:
    with open(tmp_path / "large", "wb") as file:
        file.truncate(200 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert store.put_file(tmp_path / "large").size == 200 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10  # kilobytes


def test_a_blob_of_another_store_is_linked_not_copied(store: BlobStore, tmp_path: Path) -> None:
    other = BlobStore(tmp_path / "other")
    blob = other.put(b"shared")
    adopted = store.adopt(blob.path)
    assert adopted == store.folder / blob.sha256
    assert adopted.samefile(blob.path)
    assert store.adopt(blob.path) == adopted


def test_a_blob_is_copied_where_links_are_refused(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    blob = BlobStore(tmp_path / "other").put(b"shared")
    monkeypatch.setattr(os, "link", refuse)
    adopted = store.adopt(blob.path)
    assert adopted.read_bytes() == b"shared"
    assert not adopted.samefile(blob.path)


def test_a_kill_in_the_middle_leaves_nothing_under_a_final_name(store: BlobStore) -> None:
    source = f"""
import os, signal
from pathlib import Path
from runstore.blobs.store import BlobStore

class Source:
    def __init__(self): self.blocks = 3
    def tell(self): return 0
    def fileno(self): raise OSError
    def read(self, size):
        self.blocks -= 1
        if self.blocks == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return bytes(size)

BlobStore(Path({str(store.folder)!r})).put_stream(Source())
"""
    done = subprocess.run([sys.executable, "-c", source], timeout=HANGS_SECONDS)
    assert done.returncode == -9
    assert all(name.startswith(".partial-") for name in names(store))


@pytest.mark.parametrize("size", [0, 10, 3 << 20])
def test_a_file_that_equals_a_blob_elsewhere_is_linked_and_not_written(
    store: BlobStore, tmp_path: Path, size: int
) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(size))
    elsewhere = BlobStore(tmp_path / "other").put_file(source)
    blob = store.put_linked(source, elsewhere.path)
    assert blob is not None
    assert (blob.sha256, blob.size) == (elsewhere.sha256, size)
    assert blob.path.samefile(elsewhere.path)
    assert store.put_linked(source, elsewhere.path) == blob


def test_a_file_that_only_looks_like_a_blob_elsewhere_is_not_linked(store: BlobStore, tmp_path: Path) -> None:
    data = bytearray(os.urandom(3 << 20))
    elsewhere = BlobStore(tmp_path / "other").put(bytes(data))
    for changed in range(0, len(data), 300_001):
        data[changed] ^= 1
        (tmp_path / "source").write_bytes(data)
        assert store.put_linked(tmp_path / "source", elsewhere.path) is None
    assert store.put_linked(tmp_path / "source", tmp_path / "gone") is None
    assert not store.folder.exists()


def test_a_copy_becomes_a_link_to_its_twin(store: BlobStore, tmp_path: Path) -> None:
    other = BlobStore(tmp_path / "other")
    mine, twin, strange = store.put(b"same"), other.put(b"same"), other.put(b"another")
    damaged = other.put(b"half")
    kept = store.put(b"half")
    damaged.path.unlink()
    damaged.path.write_bytes(b"ha")
    for blob in (twin, strange, damaged):
        store.share(blob.path)
    assert mine.path.samefile(twin.path)
    assert not kept.path.samefile(damaged.path)
    assert names(store) == sorted((mine.sha256, kept.sha256))


def test_one_changed_byte_anywhere_keeps_a_twin_from_taking_the_place_of_what_is_whole(
    store: BlobStore, tmp_path: Path
) -> None:
    content = random.Random(0).randbytes(900_000)
    mine, twin = store.put(content), BlobStore(tmp_path / "other").put(content)
    twin.path.chmod(0o644)
    with open(twin.path, "r+b") as file:
        file.seek(100_001)  # none of those that are looked at first
        file.write(bytes([content[100_001] ^ 1]))
    store.share(twin.path)
    assert mine.path.read_bytes() == content


def test_a_file_that_is_written_to_while_it_is_read_is_not_stored(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(3 << 20))

    def writing(target: io.FileIO, data: bytes) -> None:
        with open(source, "ab") as file:
            file.write(b"more")
        write_all(target, data)

    monkeypatch.setattr(blobs, "write_all", writing)
    with pytest.raises(SourceChanged, match="changed while it was read"):
        store.put_file(source)
    assert names(store) == []


def test_files_of_the_kernel_whose_size_is_not_known_are_read_to_their_end(store: BlobStore) -> None:
    assert store.put_file("/proc/self/status").size > 100


def test_hashes_do_without_threads_where_none_can_be_had(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    md5, data = hashlib.md5(), os.urandom(3 << 20)
    assert store.put_stream(io.BytesIO(data), md5).sha256 == hashlib.sha256(data).hexdigest()
    assert md5.digest() == hashlib.md5(data).digest()

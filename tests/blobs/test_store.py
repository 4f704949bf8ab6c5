"""The store of artifacts' bytes: whole files under the digest of what they hold, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runstore.blobs.store import BlobStore


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
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=30)
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
    done = subprocess.run([sys.executable, "-c", source], timeout=30)
    assert done.returncode == -9
    assert all(name.startswith(".partial-") for name in names(store))

"""Bundles that want our memory, disk or time: refused with a sentence, within bounds that are measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
import zstandard

from runstore.errors import StorageError
from runstore.syncd.bundles.manifest import MOST_MANIFEST_BYTES
from tests.syncd.bundles.forging import Part, archived, entry, frame, joined
from tests.syncd.bundles.sites import Inside, Outside, contents, finished_run

# What the import alone takes is 60 MB; a manifest is held twice, as it comes in and as a whole.
MOST_KB = (2 * MOST_MANIFEST_BYTES >> 10) + 200_000
SMALL_KB = 150_000

IMPORT = """
import json, sys
from pathlib import Path
from runstore.syncd.bundles.importing import Import
from runstore.syncd.bundles.opening import Trust

with Import(Path(sys.argv[1]), Trust()) as importing:
    importing.take([Path(sys.argv[2])])
    said = [*importing.errors.values(), *(why for one in importing.bundles.values() for why in one.refused.values())]
# Not ru_maxrss, which a process inherits from the one that started it.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps([said, int(peak.split()[1])]))
"""


@pytest.fixture
def part(inside: Inside) -> Part:
    finished_run(inside.runs, files={"files/a.txt": b"a" * 1000})
    return Part.of(inside.bundle().parts[0])


def refused(path: Path, outside: Outside, most_kb: int) -> str:
    """Import a part in a process of its own; return the sentence, its memory having been bounded."""
    command = [sys.executable, "-c", IMPORT, str(outside.runs), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."})
    assert done.returncode == 0, done.stderr
    (said,), kilobytes = json.loads(done.stdout)
    assert kilobytes < most_kb
    assert not contents(outside.runs)
    assert not outside.staged()
    return str(said)


def compressed(pieces: Iterator[bytes]) -> bytes:
    packing = zstandard.ZstdCompressor(level=1).compressobj()
    return b"".join(packing.compress(piece) for piece in pieces) + packing.flush()


def zeros(count: int) -> Iterator[bytes]:
    for _ in range(count >> 20):
        yield bytes(1 << 20)


def test_a_manifest_frame_that_inflates(outside: Outside, tmp_path: Path) -> None:
    def inflating() -> Iterator[bytes]:
        yield _header(MOST_MANIFEST_BYTES)
        yield from zeros(MOST_MANIFEST_BYTES)

    path = tmp_path / "bomb.tar.zst"
    path.write_bytes(joined(frame(b""), compressed(inflating())))
    refused(path, outside, MOST_KB)
    path.write_bytes(joined(frame(b""), frame(_header(7 << 30))))
    assert "has 7,516,192,768 bytes" in refused(path, outside, SMALL_KB)


def _header(size: int) -> bytes:
    info, _ = entry("manifest.json")
    info.size = size
    return info.tobuf()


def test_a_member_that_inflates(part: Part, outside: Outside, tmp_path: Path) -> None:
    """The archive goes on for a gigabyte where the manifest ends it after 1,000 bytes."""
    manifest = archived([entry("manifest.json", orjson.dumps(part.manifest, option=orjson.OPT_SORT_KEYS))])
    info, _ = part.entries[0]
    info.size = 1 << 30

    def inflating() -> Iterator[bytes]:
        yield info.tobuf()
        yield from zeros(1 << 30)

    path = tmp_path / "bomb.tar.zst"
    path.write_bytes(joined(compressed(inflating()), frame(manifest + bytes(1024))))
    assert "another entry lies where" in refused(path, outside, SMALL_KB)
    path.write_bytes(joined(compressed(zeros(1 << 30)), frame(manifest + bytes(1024))))
    assert "another entry lies where" in refused(path, outside, SMALL_KB)


def test_frames_that_want_much_memory_to_be_read(part: Part, outside: Outside, tmp_path: Path) -> None:
    far = zstandard.ZstdCompressionParameters.from_level(3, window_log=30)
    content = zstandard.ZstdCompressor(compression_params=far).compressobj()
    data = archived(part.entries)
    packed = content.compress(data) + content.flush()
    manifest = archived([entry("manifest.json", orjson.dumps(part.manifest, option=orjson.OPT_SORT_KEYS))])
    (tmp_path / "far.tar.zst").write_bytes(joined(packed, frame(manifest + bytes(1024))))
    assert "is damaged" in refused(tmp_path / "far.tar.zst", outside, SMALL_KB)


def ten_million_files(part: Part) -> Iterator[bytes]:
    yield b'{"content":{"files":['
    for _ in range(10_000):
        yield b'{"folder":"files","path":"a","sha256":"","size":1},' * 1000


def ten_million_lists(part: Part) -> Iterator[bytes]:
    yield b"["
    for _ in range(100):
        yield b"[],[],[],[],[],[],[],[],[],[]," * 10_000


def a_deep_list(part: Part) -> Iterator[bytes]:
    yield b"[" * 10_000_000


@pytest.mark.parametrize("made", [ten_million_files, ten_million_lists, a_deep_list])
def test_ten_million_entries(
    made: Callable[[Part], Iterator[bytes]], part: Part, outside: Outside, tmp_path: Path
) -> None:
    size = sum(map(len, made(part)))

    def manifest() -> Iterator[bytes]:
        yield _header(size)
        yield from made(part)
        yield bytes(-size % 512 + 1024)

    path = tmp_path / "many.tar.zst"
    path.write_bytes(joined(frame(b""), compressed(manifest())))
    refused(path, outside, MOST_KB)


def test_ten_million_entries_of_the_archive(part: Part, outside: Outside, tmp_path: Path) -> None:
    def entries() -> Iterator[bytes]:
        yield archived(part.entries)
        empty = archived([entry(f"logs/{'0' * 64}/0-0")]) * 1000
        for _ in range(10_000):
            yield empty

    manifest = archived([entry("manifest.json", orjson.dumps(part.manifest, option=orjson.OPT_SORT_KEYS))])
    path = tmp_path / "many.tar.zst"
    path.write_bytes(joined(compressed(entries()), frame(manifest + bytes(1024))))
    command = [sys.executable, "-c", IMPORT, str(outside.runs), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."})
    said, kilobytes = json.loads(done.stdout)
    assert "there is more in it than the manifest says" in said[0]
    assert kilobytes < SMALL_KB


def test_a_manifest_that_promises_more_than_there_is_room_for(part: Part, outside: Outside, tmp_path: Path) -> None:
    digest = "f" * 64
    part.log["files"] = [{"folder": "files", "path": "a", "size": 1 << 60, "sha256": digest}]
    ends = [(n << 30, (n + 1) << 30) for n in range(5000)]
    names = [f"blobs/{digest}/{start}-{end}" for start, end in ends]
    part.manifest["members"] = [{"name": name, "sha256": "0" * 64} for name in sorted(names, key=_place)]
    part.entries.clear()
    with pytest.raises(StorageError, match="bytes come, and .* are free"):
        outside.take([part.write(tmp_path / "lies.tar.zst")])
    assert not contents(outside.runs)


def _place(name: str) -> int:
    return int(name.rpartition("/")[2].partition("-")[0])


def test_a_manifest_that_promises_less_than_comes(part: Part, outside: Outside, tmp_path: Path) -> None:
    part.log["files"][0]["size"] = 10
    part.manifest["members"][0]["name"] = part.manifest["members"][0]["name"].replace("-1000", "-10")
    outside.refusal(part.write(tmp_path / "lies.tar.zst"))
    assert not contents(outside.runs)

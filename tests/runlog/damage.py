"""Logs, and everything that may happen to them: written by code, so that each damage is exactly what its name says."""

from __future__ import annotations

import functools
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from runstore.runlog.framing import BLOCK_BYTES, frame
from tests.index.writing import config, exit_record, header, mixed_bodies, output, run, write

Damage = Callable[[bytes, random.Random], bytes]


@functools.cache
def whole_log(seed: int = 1, records: int = 700) -> bytes:
    """Return a log of all kinds of records, some of which span blocks."""
    source = random.Random(seed)
    bodies = [header(started=1000.0 + seed), run("r1"), config({"a": 1})]
    for body in mixed_bodies(seed, records):
        bodies.append(body)
        if source.random() < 0.03:
            bodies.append(output("long " * source.choice((100, 2_000, 9_000, 20_000)) + "\n"))
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder) / "run-r1.wandb", [*bodies, exit_record()]).read_bytes()


def torn(data: bytes, source: random.Random) -> bytes:
    return data[: source.randrange(1, max(2, len(data)))]


def zero_filled(data: bytes, source: random.Random) -> bytes:
    start = source.randrange(len(data))
    size = min(source.choice((1, 7, 100, 4_096, 50_000)), len(data) - start)
    return data[:start] + bytes(size) + data[start + size :]


def pages_zeroed(data: bytes, source: random.Random) -> bytes:
    """What a file system leaves that had sizes written but not contents."""
    changed = bytearray(data)
    for page in range(0, len(data), 4096):
        if source.random() < 0.2:
            changed[page : page + 4096] = bytes(len(changed[page : page + 4096]))
    return bytes(changed)


def flipped(data: bytes, source: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(source.choice((1, 1, 3, 30))):
        changed[source.randrange(len(data))] ^= 1 << source.randrange(8)
    return bytes(changed)


def _blocks(data: bytes) -> list[bytes]:
    return [data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES)]


def block_repeated(data: bytes, source: random.Random) -> bytes:
    blocks = _blocks(data)
    place = source.randrange(len(blocks) - 1)
    return b"".join(blocks[: place + 1] + blocks[place:])


def blocks_reordered(data: bytes, source: random.Random) -> bytes:
    first, *others, last = _blocks(data)
    source.shuffle(others)
    return b"".join([first, *others, last])


def block_cut_out(data: bytes, source: random.Random) -> bytes:
    blocks = _blocks(data)
    del blocks[source.randrange(len(blocks))]
    return b"".join(blocks)


def bytes_cut_out(data: bytes, source: random.Random) -> bytes:
    start = source.randrange(len(data))
    return data[:start] + data[start + source.randrange(1, 5_000) :]


def garbage_appended(data: bytes, source: random.Random) -> bytes:
    return data + source.randbytes(source.choice((1, 6, 7, 8, 300, 100_000)))


def garbage_then_records(data: bytes, source: random.Random) -> bytes:
    """What somebody makes who goes on behind a torn tail."""
    grown = torn(data, source)
    for number in range(300):
        grown += frame(b"\x08" + bytes([number % 100]) + b"\x42" + bytes([100]) + bytes(100), len(grown))
    return grown


def two_writers(data: bytes, source: random.Random) -> bytes:
    """Two processes that append to one file, each by what it knows of its end."""
    other = whole_log(2, 300)
    mixed, places = bytearray(), [0, 0]
    both = (data, other)
    while places[0] < len(data) or places[1] < len(other):
        which = source.randrange(2) if places[0] < len(data) and places[1] < len(other) else int(places[0] >= len(data))
        size = source.randrange(1, 3_000)
        mixed += both[which][places[which] : places[which] + size]
        places[which] += size
    return bytes(mixed)


def huge_lengths(data: bytes, source: random.Random) -> bytes:
    changed = bytearray(data)
    for at in range(7, len(data) - 7, source.choice((5_000, 40_000))):
        changed[at + 4 : at + 6] = b"\xff\xff"
    return bytes(changed)


def beginning_lost(data: bytes, source: random.Random) -> bytes:
    size = source.choice((7, 8, 30, 4_096, 32_768, 40_000))
    return bytes(size) + data[size:]


def sizes_beyond_the_content(data: bytes, source: random.Random) -> bytes:
    """What a crash leaves where the size of the file was written first."""
    return torn(data, source) + bytes(source.choice((1, 100, 40_000)))


DAMAGES: list[Damage] = [
    torn, zero_filled, pages_zeroed, flipped, block_repeated, blocks_reordered, block_cut_out, bytes_cut_out,
    garbage_appended, garbage_then_records, two_writers, huge_lengths, beginning_lost, sizes_beyond_the_content,
]  # fmt: skip

"""Make parts of bundles that no runstore would, with other tools than ours: tarfile, zstandard and JSON."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import zstandard

Entry = tuple[tarfile.TarInfo, bytes]


def entry(name: str, data: bytes = b"", **more: Any) -> Entry:
    """Return an entry of a tar archive as ours are, but for `more`."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    for field_name, value in more.items():
        setattr(info, field_name, value)
    return info, data


@dataclass
class Part:
    """A part, taken apart: its manifest, and the entries of its archive before that."""

    manifest: dict[str, Any]
    entries: list[Entry] = field(default_factory=list)
    signature: bytes | None = None

    @classmethod
    def of(cls, path: Path) -> Part:
        """Take a part of ours apart."""
        with tarfile.open(fileobj=io.BytesIO(_all(path))) as archive:
            entries = [(info, archive.extractfile(info).read()) for info in archive]  # type: ignore[union-attr]
        named = {info.name: data for info, data in entries}
        manifest = orjson.loads(named.pop("manifest.json"))
        signature = named.pop("manifest.sig", None)
        return cls(manifest, [entry(name, data) for name, data in named.items()], signature)

    @property
    def log(self) -> dict[str, Any]:
        """What the manifest says of the first log."""
        found: dict[str, Any] = self.manifest["content"]["runs"][0]["logs"][0]
        return found

    def write(self, path: Path, *, is_renamed: bool = True, encoded: bytes | None = None) -> Path:
        """Write it whole; `is_renamed` gives the bundle the id of its content."""
        if is_renamed:
            content = orjson.dumps(self.manifest["content"], option=orjson.OPT_SORT_KEYS)
            self.manifest["bundle"] = hashlib.sha256(content).hexdigest()
        if encoded is None:
            encoded = orjson.dumps(self.manifest, option=orjson.OPT_SORT_KEYS)
        last = [entry("manifest.json", encoded)]
        if self.signature is not None:
            last.append(entry("manifest.sig", self.signature))
        path.write_bytes(joined(frame(archived(self.entries)), frame(archived(last) + bytes(1024))))
        return path


def archived(entries: Iterable[Entry]) -> bytes:
    """Return the entries as tar has them, without its end."""
    found = b""
    for info, data in entries:
        found += info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)
    return found


def frame(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def joined(content: bytes, manifest: bytes) -> bytes:
    """Return a part of these two frames, with its end."""
    return content + manifest + struct.pack("<II8sQQ", 0x184D2A5B, 24, b"rsbundle", len(content), len(manifest))


def _all(path: Path) -> bytes:
    with path.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()

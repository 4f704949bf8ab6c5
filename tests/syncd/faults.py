"""A layer over the operating system's calls that fails as a broken disk, or a file server, would; and small disks."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Fault = Callable[[bytes, int], bytes]  # what is read, and where in the file, becomes what the program sees


class FaultyDisk:
    """Stands between the program and some files, as long as a test lasts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = 0  # files that were opened
        self.looked = 0  # files of which the status was asked
        self._names: dict[int, str] = {}
        self._reads: dict[str, Fault] = {}
        self._stats: dict[str, int] = {}
        self._opens: dict[str, int] = {}
        self._real = os.open, os.pread, os.stat, os.close
        for name in ("open", "pread", "stat", "close"):
            monkeypatch.setattr(os, name, getattr(self, f"_{name}"))
        if sys.version_info < (3, 11):  # whose paths have kept what os.stat was
            monkeypatch.setattr("pathlib._NormalAccessor.stat", staticmethod(self._stat))

    def fail_to_read(self, path: Path, number: int, behind: int = 0) -> None:
        """Let reads that begin at offset `behind`, or after it, fail with this errno."""

        def fault(data: bytes, offset: int) -> bytes:
            if offset >= behind:
                raise OSError(number, os.strerror(number))
            return data[: behind - offset]

        self._reads[str(path)] = fault

    def change_reads(self, path: Path, fault: Fault) -> None:
        """Let the program see what `fault` makes of the content."""
        self._reads[str(path)] = fault

    def fail_to_stat(self, path: Path, number: int) -> None:
        """Let nobody look at a file's status."""
        self._stats[str(path)] = number

    def fail_to_open(self, path: Path, number: int) -> None:
        """Let nobody open a file."""
        self._opens[str(path)] = number

    def heal(self) -> None:
        """Work as any disk does, from now on."""
        for faults in (self._reads, self._stats, self._opens):
            faults.clear()

    def _open(self, path: Any, *more: Any, **named: Any) -> int:
        name = os.fsdecode(path)
        if name in self._opens:
            raise OSError(self._opens[name], os.strerror(self._opens[name]), name)
        file = self._real[0](path, *more, **named)
        self._names[file] = name
        self.opened += 1
        return file

    def _pread(self, file: int, size: int, offset: int) -> bytes:
        data = self._real[1](file, size, offset)
        fault = self._reads.get(self._names.get(file, ""))
        return fault(data, offset) if fault else data

    def _stat(self, path: Any, *more: Any, **named: Any) -> os.stat_result:
        if not isinstance(path, int):
            self.looked += 1
            name = os.fsdecode(path)
            if name in self._stats:
                raise OSError(self._stats[name], os.strerror(self._stats[name]), name)
        return self._real[2](path, *more, **named)

    def _close(self, file: int) -> None:
        self._names.pop(file, None)
        self._real[3](file)

    @property
    def now_open(self) -> int:
        """How many files were opened by `os.open`, and not closed."""
        return len(self._names)


def short_reads(most: int) -> Fault:
    """Return what lets each read give no more than so many bytes."""
    return lambda data, offset: data[:most]


def zeros_from(where: int, to: int = 1 << 62) -> Fault:
    """Return what shows zeros in a part of a file, as if its content were still on its way."""

    def fault(data: bytes, offset: int) -> bytes:
        begin = min(max(where - offset, 0), len(data))
        end = min(max(to - offset, begin), len(data))
        return data[:begin] + bytes(end - begin) + data[end:]

    return fault


class SmallDisk:
    """A file system of its own, of so many KiB, at `place`."""

    def __init__(self, place: Path, kib: int) -> None:
        self.place = place
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(place)]
        if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("only root may mount the small file system that this test needs")

    def remount(self, option: str) -> None:
        """Change how it is mounted: "ro", "rw" or "size=..."."""
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.place)], check=True)

    def unmount(self) -> None:
        """Take it away, whoever still uses it."""
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)


def is_error_of(sentence: str, number: int) -> bool:
    """Return whether a sentence names this error of the system."""
    return os.strerror(number) in sentence


EIO, ESTALE, EACCES = errno.EIO, errno.ESTALE, errno.EACCES

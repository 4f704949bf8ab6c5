"""A file system that tells of nothing: a folder seen through FUSE, in the few hundred lines that the kernel asks for.

    python passthrough.py BACKING MOUNT_POINT [SECONDS]

Like a client of a network file system, the kernel remembers how files and folders are for so many SECONDS, and asks
again when one is opened. Changes below, in the backing folder, are made as if by another machine. Needs the right to
mount; prints "ready" when it is mounted, and serves until its standard input ends. The protocol is that of
include/uapi/linux/fuse.h, version 7.31.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

_HEAD = struct.Struct("<IIQQIIII")
_ANSWER = struct.Struct("<IiQ")
_ATTRIBUTES = struct.Struct("<QQQQQQIIIIIIIIII")
_MAX_WRITE = 1 << 17
_INVALID_INODE = 2  # of what the kernel is told by itself: forget the attributes
_DETACH = 2


class Passthrough:
    """Serves one mount from a backing folder."""

    def __init__(self, backing: str, mount_point: str, remembered: int) -> None:
        self.remembered = remembered
        self._paths = {1: os.path.abspath(backing)}
        self._nodes = {self._paths[1]: 1}
        self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self._mount_point = mount_point
        options = f"fd={self._device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"passthrough", mount_point.encode(), b"fuse.passthrough", 0, options.encode()):
            raise OSError(ctypes.get_errno(), "mount")
        self._libc = libc

    def unmount(self) -> None:
        self._libc.umount2(self._mount_point.encode(), _DETACH)

    def serve(self) -> None:
        """Answer until the mount is gone."""
        while True:
            try:
                asked = os.read(self._device, _MAX_WRITE + 4096)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                raise
            _, operation, unique, node, *_ = _HEAD.unpack_from(asked)
            answer = _OPERATIONS.get(operation)
            if operation in (2, 42):  # forget, which nobody waits for; nodes are kept
                continue
            try:
                if answer is None:
                    raise OSError(errno.ENOSYS, "")
                self._send(unique, 0, answer(self, node, asked[_HEAD.size :]))
            except OSError as error:
                self._send(unique, -(error.errno or errno.EIO), b"")

    def _send(self, unique: int, code: int, body: bytes) -> None:
        try:
            os.write(self._device, _ANSWER.pack(_ANSWER.size + len(body), code, unique) + body)
        except OSError as error:
            if error.errno != errno.ENOENT:  # whoever asked was interrupted, or nothing is remembered
                raise

    def path(self, node: int, name: bytes = b"") -> str:
        folder = self._paths[node]
        return os.path.join(folder, os.fsdecode(name)) if name else folder

    def entry(self, path: str) -> bytes:
        status = os.lstat(path)
        node = self._nodes.setdefault(path, len(self._nodes) + 1)
        self._paths[node] = path
        return struct.pack("<QQQQII", node, 0, self.remembered, self.remembered, 0, 0) + _attributes(status)

    def moved(self, old: str, new: str) -> None:
        for node, path in list(self._paths.items()):
            if path == old or path.startswith(old + "/"):
                self._paths[node] = new + path[len(old) :]
                self._nodes.pop(path, None)
                self._nodes[self._paths[node]] = node

    def asks_again(self, node: int) -> None:
        """Let the kernel forget how a file was, as clients of network file systems do when one is opened."""
        self._send(0, _INVALID_INODE, struct.pack("<Qqq", node, -1, 0))


def _attributes(status: os.stat_result) -> bytes:
    times = [status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns]
    return _ATTRIBUTES.pack(
        status.st_ino,
        status.st_size,
        status.st_blocks,
        *(time // 10**9 for time in times),
        *(time % 10**9 for time in times),
        status.st_mode,
        status.st_nlink,
        status.st_uid,
        status.st_gid,
        0,
        4096,
        0,
    )


def _name(body: bytes) -> bytes:
    return body.split(b"\0", 1)[0]


def _init(fuse: Passthrough, node: int, body: bytes) -> bytes:
    return struct.pack("<IIIIHHIIHHI7I", 7, 31, 1 << 17, 0, 12, 9, _MAX_WRITE, 1, 0, 0, 0, *([0] * 7))


def _lookup(fuse: Passthrough, node: int, body: bytes) -> bytes:
    return fuse.entry(fuse.path(node, _name(body)))


def _get_attributes(fuse: Passthrough, node: int, body: bytes) -> bytes:
    return struct.pack("<QII", fuse.remembered, 0, 0) + _attributes(os.lstat(fuse.path(node)))


def _set_attributes(fuse: Passthrough, node: int, body: bytes) -> bytes:
    valid, _, _, size = struct.unpack_from("<IIQQ", body)
    if valid & 8:
        os.truncate(fuse.path(node), size)
    return _get_attributes(fuse, node, b"")


def _open(fuse: Passthrough, node: int, body: bytes) -> bytes:
    (flags,) = struct.unpack_from("<I", body)
    file = os.open(fuse.path(node), flags & ~(os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW) | os.O_CLOEXEC)
    fuse.asks_again(node)
    return struct.pack("<QIi", file, 0, 0)


def _read(fuse: Passthrough, node: int, body: bytes) -> bytes:
    file, offset, size = struct.unpack_from("<QQI", body)
    return os.pread(file, size, offset)


def _write(fuse: Passthrough, node: int, body: bytes) -> bytes:
    file, offset, size = struct.unpack_from("<QQI", body)
    return struct.pack("<II", os.pwrite(file, body[40 : 40 + size], offset), 0)


def _release(fuse: Passthrough, node: int, body: bytes) -> bytes:
    os.close(struct.unpack_from("<Q", body)[0])
    return b""


def _open_folder(fuse: Passthrough, node: int, body: bytes) -> bytes:
    os.listdir(fuse.path(node))
    fuse.asks_again(node)
    return struct.pack("<QIi", 0, 0, 0)


def _read_folder(fuse: Passthrough, node: int, body: bytes) -> bytes:
    _, offset, size = struct.unpack_from("<QQI", body)
    folder = fuse.path(node)
    found = b""
    for number, name in list(enumerate(sorted(os.listdir(folder)), 1))[offset:]:
        try:
            status = os.lstat(os.path.join(folder, name))
        except FileNotFoundError:
            continue
        raw = os.fsencode(name)
        entry = struct.pack("<QQII", status.st_ino, number, len(raw), stat.S_IFMT(status.st_mode) >> 12) + raw
        entry += b"\0" * (-len(entry) % 8)
        if len(found) + len(entry) > size:
            break
        found += entry
    return found


def _make_folder(fuse: Passthrough, node: int, body: bytes) -> bytes:
    path = fuse.path(node, _name(body[8:]))
    os.mkdir(path)
    return fuse.entry(path)


def _create(fuse: Passthrough, node: int, body: bytes) -> bytes:
    flags, mode = struct.unpack_from("<II", body)
    path = fuse.path(node, _name(body[16:]))
    file = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, mode)
    return fuse.entry(path) + struct.pack("<QIi", file, 0, 0)


def _unlink(fuse: Passthrough, node: int, body: bytes) -> bytes:
    os.unlink(fuse.path(node, _name(body)))
    return b""


def _remove_folder(fuse: Passthrough, node: int, body: bytes) -> bytes:
    os.rmdir(fuse.path(node, _name(body)))
    return b""


def _renaming(head: int) -> Callable[[Passthrough, int, bytes], bytes]:
    def rename(fuse: Passthrough, node: int, body: bytes) -> bytes:
        old, new = body[head:].split(b"\0")[:2]
        before, after = fuse.path(node, old), fuse.path(struct.unpack_from("<Q", body)[0], new)
        os.rename(before, after)
        fuse.moved(before, after)
        return b""

    return rename


def _nothing(fuse: Passthrough, node: int, body: bytes) -> bytes:
    return b""


def _room(fuse: Passthrough, node: int, body: bytes) -> bytes:
    return struct.pack("<5Q4I6I", 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 4096, 255, 4096, 0, *([0] * 6))


_OPERATIONS: dict[int, Callable[[Passthrough, int, bytes], bytes]] = {
    1: _lookup,
    3: _get_attributes,
    4: _set_attributes,
    9: _make_folder,
    10: _unlink,
    11: _remove_folder,
    12: _renaming(8),
    14: _open,
    15: _read,
    16: _write,
    17: _room,
    18: _release,
    20: _nothing,  # fsync
    25: _nothing,  # flush
    26: _init,
    27: _open_folder,
    28: _read_folder,
    29: _nothing,
    34: _nothing,  # access
    35: _create,
    45: _renaming(16),
}


def main() -> None:
    backing, mount_point, *remembered = sys.argv[1:]
    Path(mount_point).mkdir(exist_ok=True)
    fuse = Passthrough(backing, mount_point, int(remembered[0]) if remembered else 0)
    threading.Thread(target=fuse.serve, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    fuse.unmount()


if __name__ == "__main__":
    main()

"""Whether a file system tells of what changes on it: by its type, and by trying it out."""

from __future__ import annotations

import errno
import os
import secrets
import threading
from pathlib import Path

from runstore.paths import NETWORK_FILE_SYSTEMS, file_system_type
from runstore.syncd.watching.events import Changes, open_listener

# What other machines, or a process below the mount, change on these goes unnoticed, though our own writes don't: a
# trial would mislead. fuseblk is a disk of this machine.
_SILENT = NETWORK_FILE_SYSTEMS | {"fuse", "virtiofs", "vboxsf", "prl_fs", "drvfs", "hgfs", "vmhgfs", "acfs", "ncpfs"}
# These tell of all that changes: where a trial finds that they don't, the machine was busy, as a rule.
_TELLING = frozenset(("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "tmpfs", "overlay", "apfs"))
_PROBE_SECONDS = 3.0
_NOTHING_CAME = "it tells of no changes"


def is_silent(kind: str) -> bool:
    """Return whether file systems of this type hide what others change on them."""
    return kind in _SILENT or kind.startswith("fuse.")


def why_silent(folder: Path) -> str:
    """Return why no events are to be expected from `folder`, as the end of a sentence; "" if they come.

    Writes a hidden file into the folder, listens for it and takes it away again, if the type leaves it open.
    """
    kind = file_system_type(folder)
    if is_silent(kind):
        return f"{kind} does not tell of changes"
    told = threading.Event()
    name = f".runstore-probe-{os.getpid()}-{secrets.token_hex(4)}"

    def changed(changes: Changes) -> None:
        if any(changed_name == name for _, changed_name in changes):
            told.set()

    try:
        listener = open_listener(changed, told.set)
    except OSError as error:
        return why_refused(error)
    try:
        listener.watch(str(folder), busy=True)
        # Where we may not write, the type has to do.
        return "" if not _written(folder / name) or told.wait(_PROBE_SECONDS) else _NOTHING_CAME
    except OSError as error:
        return why_refused(error)
    finally:
        listener.close()


def may_pass_soon(folder: Path, why: str) -> bool:
    """Return whether `why_silent` said this of a folder that should tell of changes, and may well do so next time."""
    return why == _NOTHING_CAME and file_system_type(folder) in _TELLING


def why_refused(error: OSError) -> str:
    """Return what the refusal of a watch means, as the end of a sentence."""
    if error.errno == errno.ENOSPC:
        return "the limit on watches is reached (sysctl fs.inotify.max_user_watches)"
    if error.errno == errno.EMFILE:
        return "the limit on queues of events is reached (sysctl fs.inotify.max_user_instances)"
    return f"no events can be had ({error.strerror or error})"


def _written(path: Path) -> bool:
    """Make a file and take it away again; return whether that could be done."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        os.unlink(path)
    except OSError:
        return False
    return True

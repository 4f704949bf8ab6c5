"""Where things lie: run directories, the user's config folder, and the home of the index and the daemon.

The home must be on a local file system, because SQLite's locks don't work on NFS, Lustre or GPFS; the config
folder may be anywhere, since it is read whole and replaced whole.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from runstore.errors import StorageError

LOG_SUFFIX = ".wandb"
EDIT_LOG_SUFFIX = ".rslog"  # which stock tools don't take for a log: they would deliver it as a run
RUN_DIRECTORY_PREFIXES = ("offline-run-", "run-")

# File systems whose locks or change events can't be trusted: the names as /proc/self/mounts shows them.
NETWORK_FILE_SYSTEMS = frozenset(
    (
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "lustre",
        "gpfs",
        "beegfs",
        "ceph",
        "afs",
        "9p",
        "glusterfs",
        "pvfs2",
        "orangefs",
    )
)


# Blanks, tabs, line ends and backslashes of mount points are written so.
_MOUNT_ESCAPE = re.compile(r"\\(\d{3})")


def file_system_type(path: str | os.PathLike[str]) -> str:
    """Return the type of the file system that holds `path`, such as "ext4" or "nfs4"; "" where that is unknown.

    Reads /proc/self/mounts; on systems without it the answer is always "".
    """
    where = os.path.realpath(path)
    best, kind = "", ""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                _, mount_point, this_kind, *_ = line.split(" ")
                mount_point = _MOUNT_ESCAPE.sub(lambda found: chr(int(found[1], 8)), mount_point)
                inside = where == mount_point or where.startswith(mount_point.rstrip("/") + "/")
                if inside and len(mount_point) >= len(best):
                    best, kind = mount_point, this_kind
    except OSError:
        return ""
    return kind


def is_local(path: str | os.PathLike[str]) -> bool:
    """Return whether `path` is on a file system of this machine alone; FUSE counts as remote."""
    kind = file_system_type(path)
    return not (kind in NETWORK_FILE_SYSTEMS or kind.startswith("fuse."))


def config_folder() -> Path:
    """Return the folder of small durable settings: RUNSTORE_HOME where that is set, else the user's config folder."""
    home = os.environ.get("RUNSTORE_HOME")
    if home:
        return Path(home).expanduser()
    if os.uname().sysname == "Linux":  # what platformdirs would say; every run asks, and should not pay for its import
        return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "runstore"
    import platformdirs

    return Path(platformdirs.user_config_dir("runstore", appauthor=False))


def home_folder() -> Path:
    """Return the folder of the index, the daemon's lock, socket and log; it is made, with mode 0700, if it is missing.

    RUNSTORE_HOME where that is set; else the user's data folder where that is on a local file system; else
    /var/tmp/runstore-<uid>. Raises StorageError where it can't be made or belongs to somebody else.
    """
    chosen = os.environ.get("RUNSTORE_HOME")
    if chosen:
        return _private_folder(Path(chosen).expanduser())
    import platformdirs

    data = Path(platformdirs.user_data_dir("runstore", appauthor=False))
    if is_local(_nearest_existing(data)):
        return _private_folder(data)
    return local_folder()


def local_folder(name: str = "") -> Path:
    """Return a folder on this machine's own disk, where the home is on none; it is made as the home is."""
    folder = _private_folder(Path("/var/tmp") / f"runstore-{os.getuid()}")
    return _private_folder(folder / name) if name else folder


def _nearest_existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _private_folder(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = path.stat()
    except OSError as error:
        raise StorageError(
            f"{path}: can't be used for the index ({error.strerror}); set RUNSTORE_HOME to a folder that you can write"
        ) from error
    if not stat.S_ISDIR(owner.st_mode) or owner.st_uid != os.getuid():
        raise StorageError(f"{path}: is not a folder of yours; set RUNSTORE_HOME to one that is")
    return path


def find_logs(path: Path, skips: Callable[[str], bool] | None = None) -> Iterator[Path]:
    """Yield the run logs at or below `path`, in order of name: a log, a run directory, or any folder above those.

    Looks into every folder but hidden ones, a run directory's own `files`, `blobs`, `logs` and `tmp`, and those that
    `skips` names; never follows a link to a folder, so that loops can't catch it.
    """
    if path.is_file():
        yield path
        return
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if not name.startswith(".") and not is_inside_run(folder, name))
        if skips is not None:
            names[:] = [name for name in names if not skips(os.path.join(folder, name))]
        for name in sorted(files):
            if is_log_name(name):
                yield Path(folder, name)


_INSIDE_A_RUN = frozenset(("files", "blobs", "logs", "tmp"))


def is_inside_run(folder: str, name: str) -> bool:
    """Return whether `name` in `folder` is one of the folders of a run directory's own, which hold no run log."""
    return name in _INSIDE_A_RUN and os.path.basename(folder).startswith(RUN_DIRECTORY_PREFIXES)


def is_log_name(name: str) -> bool:
    """Return whether a file of this name is a run log, or a log of edits: `run-<id>.wandb`, `run-<id>.edits.rslog`."""
    return name.startswith("run-") and name.endswith((LOG_SUFFIX, EDIT_LOG_SUFFIX))


def is_text(path: Path | str) -> bool:
    """Return whether a path is UTF-8, as everything that is stored about it has to be; file names are any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def is_edit_log_name(name: str) -> bool:
    """Return whether a file of this name is a log of edits, which says nothing but what was changed of a run."""
    return name.startswith("run-") and name.endswith(EDIT_LOG_SUFFIX)


def edit_log_path(log: Path, number: int = 1) -> Path:
    """Return where the edits of the run of `log` go, beside it; the second file of them, and so on, by `number`."""
    again = f"-{number}" if number > 1 else ""
    return log.with_name(f"{log.name.removesuffix(LOG_SUFFIX)}.edits{again}{EDIT_LOG_SUFFIX}")


def run_id_of(log: Path) -> str:
    """Return the run id that a log's file name gives."""
    name = log.name.removeprefix("run-")
    return name.rpartition(".edits")[0] if is_edit_log_name(log.name) else name.removesuffix(LOG_SUFFIX)


def receipts_path(log: Path) -> Path:
    """Return where the receipts of `log` lie: beside it, so that they survive the loss of the index."""
    return Path(receipts_name(str(log)))


def receipts_name(log: str) -> str:
    """Return the same as text, for who asks it of 10,000 logs."""
    return f"{log.removesuffix(LOG_SUFFIX).removesuffix(EDIT_LOG_SUFFIX)}.runstore.json"


def default_root() -> Path:
    """Return the folder in which this directory's runs are: WANDB_DIR or the current one, and `wandb` in it."""
    return Path(os.environ.get("WANDB_DIR") or ".") / "wandb"

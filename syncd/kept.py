"""Small files of settings: JSON that only its owner may read, read whole and replaced whole.

So they may lie on a network file system, and a reader never sees half of one. Changes take turns under a lock; where
a file system has none, the later of two that happen at once wins.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runstore.errors import SettingsError, StorageError


def read(path: Path) -> dict[str, Any]:
    """Return what is kept at `path`, `{}` where there is nothing yet; raises SettingsError for anything else."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path}: can't be read ({error.strerror}); it must belong to you") from error
    except ValueError as error:
        raise SettingsError(f"{path}: is damaged ({error}); mend it, or delete it and set it up again") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: is damaged (no JSON object); delete it and set it up again")
    return content


def replace(path: Path, content: dict[str, Any]) -> None:
    """Keep `content` at `path`, in place of what was there; raises StorageError."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new.unlink(missing_ok=True)
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as out:
            out.write(json.dumps(content, indent=2) + "\n")
            out.flush()
            os.fsync(out.fileno())
        new.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink()
        raise StorageError(
            f"{path}: can't be written ({error.strerror}); set RUNSTORE_HOME to another folder"
        ) from error


@contextlib.contextmanager
def taking_turns(path: Path) -> Iterator[None]:
    """Let no one else who asks change `path` meanwhile."""
    with contextlib.ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            held.callback(os.close, file)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # writing will say why, if that matters
            pass
        yield

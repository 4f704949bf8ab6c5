"""`resume="auto"`: a folder remembers its run until that ends well, in the file that W&B's tools use as well."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

FILE = "wandb-resume.json"


def remembered(root_dir: str) -> str:
    """Return the id of the folder's run that has not ended well, or ""."""
    try:
        content = json.loads(_path(root_dir).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # there is none, or a kill tore it: then the run begins anew
        return ""
    run_id = content.get("run_id") if isinstance(content, dict) else None
    return run_id if isinstance(run_id, str) else ""


def remember(root_dir: str, run_id: str) -> None:
    """Remember the run; where the disk refuses, the next start begins a new run."""
    partial = _path(root_dir).with_suffix(".partial")
    with contextlib.suppress(OSError):
        partial.write_text(json.dumps({"run_id": run_id}), encoding="utf-8")
        partial.replace(_path(root_dir))


def forget(root_dir: str, run_id: str) -> None:
    """Forget the run, which has ended well, if it is still the one that is remembered."""
    if remembered(root_dir) == run_id:
        with contextlib.suppress(OSError):
            _path(root_dir).unlink()


def _path(root_dir: str) -> Path:
    return Path(root_dir) / "wandb" / FILE

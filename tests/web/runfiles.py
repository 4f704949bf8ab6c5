"""Runs with files that lie in their run directories, as programs and hostile hands put them there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import runstore


def run_with_files(files: Mapping[str, bytes], blobs: Mapping[str, bytes] | None = None) -> Path:
    """Record a run `demo/one`, put files and blobs into its run directory, and return that."""
    with runstore.init(project="demo", id="one") as run:
        folder = Path(run.dir).parent
    for below, contents in (("files", files), ("blobs", blobs or {})):
        for name, data in contents.items():
            path = folder / below / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return folder

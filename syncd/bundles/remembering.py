"""What is to be remembered of a bundle that was written, and of how all stood that could be in it."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence

from runstore.syncd import receipts
from runstore.syncd.bundles.creating import Created
from runstore.syncd.bundles.gathering import Gathered
from runstore.syncd.bundles.ledger import Written
from runstore.syncd.delivery import Ready
from runstore.syncd.outgoing import FOLDERS, lies_beside
from runstore.syncd.receipts import FileStamp, Receipt
from runstore.syncd.remotes.base import BLOBS, FILES
from runstore.syncd.stamps import regular_files


def all_of_it(ready: Sequence[Ready]) -> str:
    """Return a digest of how logs and the files beside them stand; reads none of them, but looks at each."""
    digest = hashlib.sha256()
    for what in sorted(ready, key=lambda one: str(one.log)):
        digest.update(f"{what.log}\0{what.log_id}\0{what.end}\0{what.entity}/{what.project}/{what.run}\n".encode())
        for folder in FOLDERS if lies_beside(what.log, what.end) else ():
            for path in sorted(regular_files(what.log.parent, folder, [])):
                with contextlib.suppress(OSError):  # deleted since it was listed
                    now = (what.log.parent / folder / path).stat()
                    digest.update(f"{folder}/{path}\0{now.st_size}\0{now.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()


def written_now(gathered: Gathered, created: Created, now: float, ready: Sequence[Ready]) -> Written:
    """Return what is to be remembered of a bundle."""
    paths = {what.log_id: what.log for what in ready}
    logs: dict[str, Receipt] = {}
    for log in (log for run in gathered.runs for log in run.logs):
        stamps: dict[str, dict[str, FileStamp]] = {FILES: {}, BLOBS: {}}
        for file in log.files:
            place = paths[log.log_id].parent / file.folder / file.path
            source = gathered.sources["blobs", file.sha256]
            is_itself = source.path == place and source.stamp is not None
            mtime = source.stamp.mtime_ns if is_itself and source.stamp else 0
            stamps[file.folder][file.path] = FileStamp(file.size, mtime, file.sha256)
        logs[log.log_id] = Receipt(
            remote="",
            size=log.mark.size,
            chain=log.mark.chain,
            records=log.records,
            verified_at=receipts.now(),
            files=stamps[FILES],
            blobs=stamps[BLOBS],
            progress={"bundle": created.bundle},
        )
    names = tuple(path.name for path in created.parts)
    return Written(created.bundle, now, names, logs, {log_id: str(paths[log_id].resolve()) for log_id in logs})

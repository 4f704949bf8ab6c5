"""What is kept of a run's delivery: the receipts of its logs, with where each log's lines stand."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from runstore.core.segments import SegmentDigest, open_length
from runstore.syncd import receipts
from runstore.syncd.outgoing import FilesDelivered
from runstore.syncd.receipts import Receipt
from runstore.syncd.remotes.base import BLOBS, FILES
from runstore.syncd.remotes.runs import RunRemote
from runstore.syncd.runwise.progress import LogProgress

_PIECE_BYTES = 1 << 20
# Two lanes deliver one run, and keep what is theirs: that of what lies beside the logs, and all else.
_OF_BESIDE = frozenset(("artifacts_done", "ended"))
_OF_ALERTS = frozenset(("alerts_sent",))
_OF_ROWS = frozenset(one.name for one in fields(LogProgress)) - _OF_BESIDE


class Books:
    """The receipts of one target. What is kept is read anew each time: others write there, too.

    Every method that keeps something raises StorageError where it can't be kept.
    """

    def __init__(self, remote: RunRemote) -> None:
        self._remote = remote
        self.identity = remote.identity()

    def receipt(self, log: Path, log_id: str) -> Receipt | None:
        """Return what is kept of a log; None where that is nothing."""
        return receipts.load(log, log_id).get(self.identity)

    def progress(self, log: Path, log_id: str) -> LogProgress:
        """Return where a log's lines stand."""
        receipt = self.receipt(log, log_id)
        return LogProgress.of(receipt.progress) if receipt else LogProgress()

    def keep_rows(self, log: Path, log_id: str, progress: LogProgress, *, is_durable: bool = False) -> None:
        """Keep how far the rows of a log are; what is lost of that the server is asked for."""
        self._keep(log, log_id, progress, _OF_ROWS, is_durable)

    def keep_alerts(self, log: Path, log_id: str, progress: LogProgress) -> None:
        """Keep how many alerts of a log were sent: nobody can be asked for that."""
        self._keep(log, log_id, progress, _OF_ALERTS, is_durable=True)

    def keep_artifacts(self, log: Path, log_id: str, progress: LogProgress) -> None:
        """Keep which artifacts of a log were made known; one that was is made known again without harm."""
        self._keep(log, log_id, progress, _OF_BESIDE, is_durable=False)

    def keep_beside(self, log: Path, log_id: str, progress: LogProgress, done: FilesDelivered) -> Receipt:
        """Keep what the target has taken of what lies beside a log, unless the receipt says so already."""
        before = self.receipt(log, log_id)

        def changed(kept: Receipt | None) -> Receipt:
            known = self._with(kept, progress, _OF_BESIDE)
            known = replace(known, files=done.held[FILES], blobs=done.held[BLOBS], files_left=done.left)
            return known if done.left else replace(known, error="", failed_at="")

        if before is not None and changed(before) == before:
            return before
        return receipts.change(log, log_id, self.identity, changed)

    def forget(self, log: Path, log_id: str, progress: LogProgress) -> None:
        """Keep that the target has nothing of a log any more."""

        def changed(kept: Receipt | None) -> Receipt:
            return replace(self._nothing(), progress=progress.as_json())

        receipts.change(log, log_id, self.identity, changed)

    def prove(self, log: Path, log_id: str, end: int, records: int, progress: LogProgress | None) -> Receipt:
        """Keep that the target has taken all that a log says up to `end`, and how far its rows are, if it has any.

        What lies beside the log comes next, and is kept durably: if this is lost before, the server is asked.
        """
        kept, remote = self.receipt(log, log_id), self._remote
        chain = _chain(log, end, kept)

        def changed(kept: Receipt | None) -> Receipt:
            known = kept or self._nothing() if progress is None else self._with(kept, progress, _OF_ROWS)
            known = replace(known, remote=remote.name, url=remote.address, size=end, chain=chain, records=records)
            return replace(known, held=0, error="", failed_at="")

        if kept is not None and changed(kept) == kept:
            return kept
        is_durable = progress is None  # beside an edit log lies nothing
        return receipts.change(
            log,
            log_id,
            self.identity,
            lambda kept: replace(changed(kept), verified_at=receipts.now()),
            is_durable=is_durable,
        )

    def _keep(self, log: Path, log_id: str, progress: LogProgress, names: frozenset[str], is_durable: bool) -> None:
        def changed(kept: Receipt | None) -> Receipt:
            return self._with(kept, progress, names)

        receipts.change(log, log_id, self.identity, changed, is_durable=is_durable)

    def _with(self, kept: Receipt | None, progress: LogProgress, names: frozenset[str]) -> Receipt:
        """Return a receipt that says of these fields what `progress` does."""
        base, known = kept or self._nothing(), progress.as_json()
        others = {name: value for name, value in base.progress.items() if name not in names}
        mine: dict[str, Any] = {name: value for name, value in known.items() if name in names}
        return replace(base, progress={**others, **mine})

    def _nothing(self) -> Receipt:
        return Receipt(self._remote.name, 0, "", 0, "", url=self._remote.address)


def _chain(log: Path, end: int, kept: Receipt | None) -> str:
    """Return the digest over the first `end` bytes of a log; reads those behind what the receipt has, if it has any."""
    if kept is not None and kept.chain and kept.size == end:
        return kept.chain
    digest = SegmentDigest()
    with log.open("rb", buffering=0) as file:
        if kept is not None and kept.chain and kept.size < end:
            length = open_length(kept.size)
            digest = SegmentDigest.resume(kept.size, kept.chain, os.pread(file.fileno(), length, kept.size - length))
        file.seek(digest.size)
        while digest.size < end and (piece := file.read(min(_PIECE_BYTES, end - digest.size))):
            digest.update(piece)
    return digest.chain

"""Keep a folder supplied with bundles, and look in it for receipts: what the daemon, and `runstore sync`, do there.

A bundle goes on from the one before, also where no receipt of that has come yet: what was written is not written again
for as long as one is waited for. A receipt marks what is proven, beside the logs, and the parts that hold nothing else
are removed. Where nothing ever comes back, each bundle holds all runs, and the last two stay.

No thread here and no clock of its own; one process at a time works on one folder.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from runstore.errors import RunstoreError, StorageError
from runstore.syncd import kept, receipts
from runstore.syncd.bandwidth import Interrupted
from runstore.syncd.bundles import receipt as arrived
from runstore.syncd.bundles.creating import Created, How, create
from runstore.syncd.bundles.gathering import Gathered, gather
from runstore.syncd.bundles.keys import public_keys, secret_key
from runstore.syncd.bundles.ledger import ledger_file, load_ledger, proven_by_hand, save_ledger
from runstore.syncd.bundles.remembering import all_of_it, written_now
from runstore.syncd.delivery import Ready
from runstore.syncd.receipts import CARRIED, Receipt
from runstore.syncd.remotes.bundle import BundleOptions

_KEPT_ONE_WAY = 2

logger = logging.getLogger("runstore.bundles")


@dataclass
class Round:
    """What one look at the folder did: the bundle that was written, the logs that are proven now, what is wrong."""

    created: Created | None = None
    gathered: Gathered | None = None
    proven: list[tuple[Ready, str, Receipt]] = field(default_factory=list)  # with the identity of who imported
    notes: list[str] = field(default_factory=list)


class Outbox:
    """The folder of the target `name`; `ready` are always all logs that go there."""

    def __init__(self, name: str, folder: Path, options: BundleOptions) -> None:
        self.name, self._folder, self._options = name, folder, options
        self._file = ledger_file(name, str(folder))
        self._ledger = load_ledger(self._file)
        self._seen = _stamp(self._file)
        self._proven: dict[str, Receipt | None] = {}  # by log id; what was looked up lately
        self._amount = (-1, 0)  # of logs, and of their bytes, when it was last looked whether something is due

    def work(
        self,
        ready: Sequence[Ready],
        now: float,
        *,
        is_asked: bool = False,
        progress: Callable[[int], None] = lambda size: None,
        pace: Callable[[int], None] = lambda size: None,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> Round:
        """Take receipts in, and write a bundle if one is due, or where `is_asked`, if there is anything new.

        `progress` gets the bytes that are bundled, `pace` those that are written to the folder, and may wait. Where it
        may not go on, nothing of what is being written is left.

        Raises StorageError where the folder can't be read or written, NotFound and UsageError for keys.
        """
        if not self._folder.is_dir():
            raise StorageError(f"{self._folder}: is not there; mount it, or make it, and it goes on")

        done = Round()
        with kept.taking_turns(self._file):
            if _stamp(self._file) != self._seen:
                self._ledger = load_ledger(self._file)
            before = self._ledger.copy()
            if is_asked or self._is_time(now):
                self._proven.clear()  # others may have taken a receipt in
            if not self._options.one_way:
                self._take_receipts(ready, done)
            amount = len(ready), sum(what.end for what in ready)
            if is_asked or self._is_time(now) or done.proven or amount != self._amount:
                self._settle(ready, now)
                if ready and (is_asked or self.is_due(ready, now)):
                    self._write(ready, now, done, _until(may_go_on, progress), pace)
                self._clean(ready)
                self._amount = amount
            if self._ledger != before:
                save_ledger(self._file, self._ledger)
            self._seen = _stamp(self._file)
        return done

    def is_due(self, ready: Sequence[Ready], now: float) -> bool:
        """Return whether a bundle is to be written: by the time, or by how much is new."""
        if self._is_time(now):
            return True
        if self._options.one_way:
            return False
        return sum(max(0, what.end - self.awaited(what)) for what in ready) >= self._options.size

    def awaited(self, what: Ready) -> int:
        """Return how many bytes of a log are written, or proven."""
        found = self._known(what)
        return found.size if found is not None else 0

    def proven(self, what: Ready) -> Receipt | None:
        """Return what is proven of a log."""
        if what.log_id not in self._proven:
            self._proven[what.log_id] = proven_by_hand(what.log, what.log_id)
        return self._proven[what.log_id]

    def _known(self, what: Ready) -> Receipt | None:
        return self._ledger.awaited(what.log_id, self.proven(what))

    def _is_time(self, now: float) -> bool:
        return now - self._ledger.last_at >= self._options.every_seconds

    def _take_receipts(self, ready: Sequence[Ready], done: Round) -> None:
        """Take in the receipts that are new in the folder. One that can't be is told, and looked at when it changes."""
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.name.endswith(arrived.SUFFIX))
        except OSError as error:
            raise StorageError(f"{self._folder}: can't be read ({error.strerror}); is its disk still there?") from error
        fresh = {path: _stamp(path) for path in paths}
        new = [path for path, stamp in fresh.items() if stamp and self._ledger.taken.get(path.name) != stamp]
        by_id: dict[str, list[Ready]] = {}
        for what in ready if new else ():
            by_id.setdefault(what.log_id, []).append(what)
        keys = [key for path in self._options.trust for key in public_keys(Path(path))] if new else []
        for path in new:
            try:
                receipt, _ = arrived.read(path, keys)
                if any(log.log_id in by_id for run in receipt.content.runs for log in run.logs):
                    self._mark(receipt, by_id, done)
            except RunstoreError as error:
                done.notes.append(str(error))
        self._ledger.taken = {path.name: stamp for path, stamp in fresh.items() if stamp}

    def _mark(self, receipt: arrived.ImportReceipt, by_id: dict[str, list[Ready]], done: Round) -> None:
        """Believe a receipt as far as our own bytes bear it out, under the name that the target has here."""
        ours = [
            replace(run, logs=tuple(log for log in run.logs if log.log_id in by_id)) for run in receipt.content.runs
        ]
        receipt = replace(receipt, content=replace(receipt.content, runs=tuple(run for run in ours if run.logs)))
        marked = arrived.mark(receipt, lambda log_id: [what.log for what in by_id.get(log_id, ())])
        done.notes += marked.notes
        identity, places = CARRIED + receipt.importer, set(marked.paths)

        def named(before: Receipt | None) -> Receipt:
            return replace(before or Receipt(self.name, 0, "", 0, ""), remote=self.name, url=str(self._folder))

        for what in (what for some in by_id.values() for what in some if what.log in places):
            self._proven.pop(what.log_id, None)
            done.proven.append((what, identity, receipts.change(what.log, what.log_id, identity, named)))

    def _settle(self, ready: Sequence[Ready], now: float) -> None:
        """Forget what is proven, and remove the parts that hold nothing else; what is given up will be due."""
        if self._ledger.written and not self._options.one_way:
            proven = {what.log_id: self.proven(what) for what in ready}
            for one in self._ledger.settle(proven, now, self._options.patience_seconds):
                self._remove(one.parts)

    def _clean(self, ready: Sequence[Ready]) -> None:
        """Remove the parts that were given up, once all that is in them is proven, or written anew."""
        if self._ledger.given_up:
            for one in self._ledger.replaced({what.log_id: self.proven(what) for what in ready}):
                self._remove(one.parts)

    def _write(
        self,
        ready: Sequence[Ready],
        now: float,
        done: Round,
        progress: Callable[[int], None],
        pace: Callable[[int], None],
    ) -> None:
        options = self._options
        standing = all_of_it(ready) if options.one_way else ""
        if standing and standing == self._ledger.all_of_it and self._is_there():
            self._ledger.last_at = now  # nothing has changed, and nothing need be read to know that
            return
        with closing(self._gathered(ready, progress)) as gathered:
            done.notes += gathered.notes
            if not gathered.runs or (options.one_way and self._is_there(gathered.content.id)):
                self._ledger.last_at, self._ledger.all_of_it = now, standing
                return
            how = How(
                options.size,
                secret_key(Path(options.sign)) if options.sign else None,
                [key for path in options.recipients for key in public_keys(Path(path))],
                pace,
            )
            done.gathered, done.created = gathered, create(gathered, self._folder, how, progress)
            self._ledger.written.append(written_now(gathered, done.created, now, ready))
        # Only then: what fails is tried again before its time.
        self._ledger.last_at, self._ledger.all_of_it = now, standing
        if options.one_way:
            old = self._ledger.written[:-_KEPT_ONE_WAY]
            del self._ledger.written[:-_KEPT_ONE_WAY]
            for one in old:
                self._remove(one.parts)

    def _gathered(self, ready: Sequence[Ready], progress: Callable[[int], None]) -> Gathered:
        if self._options.one_way:
            return gather(ready, progress=progress)
        return gather(
            ready,
            progress=progress,
            known=self._known,
        )

    def _is_there(self, bundle: str = "") -> bool:
        """Return whether the last bundle, or the last one if it is this, was not taken from the folder yet."""
        last = (one for one in self._ledger.written[-1:] if bundle in ("", one.bundle))
        return any(all((self._folder / name).exists() for name in one.parts) for one in last)

    def _remove(self, parts: Sequence[str]) -> None:
        """Remove parts, but for those that were written again: the same content has the same name."""
        staying = {name for one in self._ledger.written for name in one.parts}
        for name in (name for name in parts if name not in staying):
            with contextlib.suppress(OSError):  # whoever carries it has taken it away
                (self._folder / Path(name).name).unlink()


def _until(may_go_on: Callable[[], bool], progress: Callable[[int], None]) -> Callable[[int], None]:
    """Return `progress`, which raises Interrupted where what is under way is to end."""

    def told(size: int) -> None:
        if not may_go_on():
            raise Interrupted
        progress(size)

    return told


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_size, now.st_mtime_ns

"""The files and blobs beside a log, delivered by content: what the target has already is never sent again.

Digests are kept in the receipt with the file's size and modification time, so that an unchanged file is not even read.
The bytes of artifacts are called by their digests, and are read once, as they are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runstore.errors import RemoteConflict, RemoteError, StorageError
from runstore.paths import is_edit_log_name
from runstore.syncd import receipts
from runstore.syncd.bandwidth import Interrupted
from runstore.syncd.receipts import FileStamp, Receipt
from runstore.syncd.remotes.base import BLOBS, FILES, FileEntry, Remote
from runstore.syncd.stamps import names_its_digest, regular_files, stamps_of

FOLDERS = (FILES, BLOBS)
Stamps = Mapping[str, Mapping[str, FileStamp]]  # by folder and path

# A file that is being written can change between its digest and its sending: once is tried again, more is left to the
# next delivery, which will come after the writer is done.
_ATTEMPTS = 2


def lies_beside(log: Path, end: int) -> bool:
    """Return whether a log of which `end` bytes are to be delivered has files of its own, and they a place there.

    A target knows a log by its first bytes. What lies beside a log of edits belongs to the run log.
    """
    return end > 0 and not is_edit_log_name(log.name)


@dataclass
class FilesDelivered:
    """What became of the files: `held` are those that the target proved to hold, by folder and path.

    `left` counts those that are not delivered, and `notes` say why.
    """

    held: dict[str, dict[str, FileStamp]] = field(default_factory=lambda: {folder: {} for folder in FOLDERS})
    sent: int = 0
    bytes_sent: int = 0
    left: int = 0
    notes: list[str] = field(default_factory=list)
    receipt: Receipt | None = None  # as it is kept now


def ship_beside(
    log: Path, log_id: str, remote: Remote, *, progress: Callable[[int], None] | None = None, trusting: bool = False
) -> FilesDelivered:
    """Deliver the files and blobs beside a log that the target knows, and keep in the receipt what it holds of them.

    Sends only what the target lacks. Where `trusting`, it is not even asked for what the receipt says that it holds.
    `progress` gets the number of bytes as they are sent. Raises RemoteUnreachable, RemoteRefused and RemoteError as
    the target does; what arrived before is not sent again.
    """
    identity = remote.identity()
    receipt = receipts.load(log, log_id).get(identity)
    known = {FILES: dict(receipt.files), BLOBS: dict(receipt.blobs)} if receipt else {FILES: {}, BLOBS: {}}
    outgoing = Outgoing(log.parent, log_id, remote, progress or _ignore)
    held = outgoing.done.held
    try:
        outgoing.deliver(known, trusting)
    except (RemoteError, Interrupted):
        for folder, stamps in known.items():  # of what was not come to, the receipt still says the truth
            held[folder] = {**stamps, **held[folder]}
        outgoing.done.left = receipts.NOT_LOOKED_AT
        raise
    finally:
        outgoing.done.receipt = receipt
        if receipt is not None:
            keep(log, log_id, identity, receipt, outgoing.done)
    return outgoing.done


def keep(log: Path, log_id: str, identity: str, before: Receipt, done: FilesDelivered) -> None:
    """Keep in the receipt, which is `before` now, what the target holds beside a log, unless it says so already."""
    is_said = done.held == {FILES: before.files, BLOBS: before.blobs} and done.left == before.files_left
    if is_said and (done.left or not before.error):
        return

    def changed(kept: Receipt | None) -> Receipt:
        known = replace(kept or before, files=done.held[FILES], blobs=done.held[BLOBS], files_left=done.left)
        return known if done.left else replace(known, error="", failed_at="")

    try:
        done.receipt = receipts.change(log, log_id, identity, changed)
    except StorageError as error:
        done.notes.append(str(error))  # the delivery is none the worse


def _ignore(sent: int) -> None: ...


class Outgoing:
    """What lies beside one log, on its way to one target."""

    def __init__(self, run: Path, log_id: str, remote: Remote, progress: Callable[[int], None]) -> None:
        """`run` is the run directory; `progress` gets the number of bytes as they are sent."""
        self._run, self._log_id, self._remote, self._progress = run, log_id, remote, progress
        self.done = FilesDelivered()

    def deliver(self, known: Stamps, trusting: bool = False) -> None:
        """Bring every regular file below `files` and `blobs` to the target, and note in `done` what it holds by then.

        `known` are the stamps of an earlier delivery; where `trusting`, the target is not asked again for files that
        are as they were then. Files that can't be read, broken links and files that keep changing are noted, and do not
        keep others back.
        """
        for folder in FOLDERS:
            notes: list[str] = []
            waiting = list(regular_files(self._run, folder, notes))
            refused = self._remote.refuses_blobs() if waiting and folder == BLOBS else ""
            if refused:
                self.done.left += len(waiting)
                self.done.notes.append(f"{len(waiting)} blobs of artifacts stay here: {refused}")
                continue
            self._deliver_folder(folder, waiting, known.get(folder, {}), trusting, notes)
            self.done.left += len(notes)
            self.done.notes += notes

    def _deliver_folder(
        self, folder: str, waiting: list[str], known: Mapping[str, FileStamp], trusting: bool, notes: list[str]
    ) -> None:
        proven = known if trusting else {}
        for _ in range(_ATTEMPTS):
            stamps = stamps_of(self._run, folder, waiting, known, notes)
            self.done.held[folder].update((path, stamp) for path, stamp in stamps.items() if proven.get(path) == stamp)
            stamps = {path: stamp for path, stamp in stamps.items() if proven.get(path) != stamp}
            waiting = self._send(folder, stamps, notes)
            if not waiting:
                return
            known = proven = {}
        notes += [f"{folder}/{path} changed while it was sent; the next delivery tries again" for path in waiting]

    def _send(self, folder: str, stamps: Mapping[str, FileStamp], notes: list[str]) -> list[str]:
        """Send the manifest and what is missing of it; return the paths whose bytes were others by then."""
        entries = [FileEntry(path, stamp.size, stamp.sha256, folder) for path, stamp in stamps.items()]
        missing = self._remote.missing_files(self._log_id, entries) if entries else set()
        held = self.done.held[folder]
        # What the target holds goes first into the books: sending the rest may break off at any file.
        held.update((path, stamp) for path, stamp in stamps.items() if stamp.sha256 not in missing)
        changed = []
        for path, stamp in stamps.items():
            if stamp.sha256 in missing:  # of two files with the same bytes the first brings both
                try:
                    self._put(self._run / folder / path, stamp)
                except (RemoteConflict, OSError) as error:  # OSError: the file is gone, or can't be read any more
                    if isinstance(error, RemoteConflict) and names_its_digest(folder, path):
                        notes.append(f"{folder}/{path} is damaged: its bytes are not those that its name says")
                    else:
                        changed.append(path)
                    continue
                missing.discard(stamp.sha256)
            held[path] = stamp
        return changed

    def _put(self, path: Path, stamp: FileStamp) -> None:
        self.done.bytes_sent += self._remote.put_file(stamp.sha256, path, self._progress)
        self.done.sent += 1

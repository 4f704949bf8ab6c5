"""Ship the few small files that lie beside each of many logs, in few requests: every run leaves some.

As with the logs themselves (together.py), only what goes as expected is done here; every other log is left to
`ship_beside`, which knows about large files, damage and files that change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runstore.syncd import receipts
from runstore.syncd.delivery import Ready
from runstore.syncd.outgoing import FOLDERS, FilesDelivered, keep, lies_beside
from runstore.syncd.receipts import FileStamp, Receipt
from runstore.syncd.remotes.base import FileEntry, Remote
from runstore.syncd.stamps import regular_files, stamps_of
from runstore.syncd.together import SMALL_BYTES, TOGETHER_BYTES, grouped

# Beside one log, and of all in one request.
_FILES_MAX = 100
_ENTRIES_MAX = 10_000


@dataclass
class _Parcel:
    """What lies beside a log: stamps by folder and path, of what the target has proven to hold, and of the rest."""

    what: Ready
    receipt: Receipt
    held: dict[str, dict[str, FileStamp]]
    new: dict[str, dict[str, FileStamp]]
    missing: set[str] = field(default_factory=set)  # digests

    @property
    def entries(self) -> list[FileEntry]:
        return [
            FileEntry(path, stamp.size, stamp.sha256, folder)
            for folder, stamps in self.new.items()
            for path, stamp in stamps.items()
        ]

    def places(self) -> Iterator[tuple[Path, FileStamp]]:
        """Yield the files that are missing, each digest once."""
        seen: set[str] = set()
        for folder, stamps in self.new.items():
            for path, stamp in stamps.items():
                if stamp.sha256 in self.missing and stamp.sha256 not in seen:
                    seen.add(stamp.sha256)
                    yield self.what.log.parent / folder / path, stamp


def ship_files_together(
    logs: Sequence[Ready], remote: Remote, progress: Callable[[int], None], is_trusting: Callable[[Path], bool]
) -> dict[Path, FilesDelivered]:
    """Deliver what lies beside logs that the target knows; return what became of those whose files it holds all now.

    Of logs for which `is_trusting`, the target is not asked for what the receipt says that it holds. Raises
    RemoteUnreachable, RemoteRefused and RemoteError as the target does.
    """
    if not remote.takes_batches() or remote.refuses_blobs():
        return {}
    identity = remote.identity()
    parcels = [parcel for what in logs if (parcel := _packed(what, identity, is_trusting(what.log))) is not None]
    asked = _asked(parcels, remote)
    sent = _sent(asked, remote, progress)
    done = {}
    for parcel in asked:
        if parcel.missing <= sent.keys():
            done[parcel.what.log] = _kept(parcel, identity, sent)
    return done


def _packed(what: Ready, identity: str, is_trusting: bool) -> _Parcel | None:
    """Return what is to be told of the files beside a log; None where there are too many, too large or strange ones."""
    receipt = receipts.load(what.log, what.log_id).get(identity)
    if receipt is None or not lies_beside(what.log, what.end):
        return None
    parcel = _Parcel(what, receipt, {}, {})
    notes: list[str] = []
    for folder, known in zip(FOLDERS, (receipt.files, receipt.blobs), strict=True):
        paths = list(regular_files(what.log.parent, folder, notes))
        if notes or len(paths) > _FILES_MAX:
            return None
        stamps = stamps_of(what.log.parent, folder, paths, known, notes)
        proven = known if is_trusting else {}
        parcel.held[folder] = {path: stamp for path, stamp in stamps.items() if proven.get(path) == stamp}
        parcel.new[folder] = {path: stamp for path, stamp in stamps.items() if proven.get(path) != stamp}
        if notes or any(stamp.size > SMALL_BYTES for stamp in parcel.new[folder].values()):
            return None
    return parcel


def _asked(parcels: Sequence[_Parcel], remote: Remote) -> list[_Parcel]:
    """Tell the target which files there are, and return those parcels of which it said what is missing."""
    answered = [parcel for parcel in parcels if not parcel.entries]
    asking = [parcel for parcel in parcels if parcel.entries]
    for some in grouped(asking, lambda parcel: len(parcel.entries), _ENTRIES_MAX):
        answers = remote.missing_files_of_all([(parcel.what.log_id, parcel.entries) for parcel in some])
        for parcel, missing in zip(some, answers, strict=True):
            if missing is not None:
                parcel.missing = missing
                answered.append(parcel)
    return answered


def _sent(parcels: Sequence[_Parcel], remote: Remote, progress: Callable[[int], None]) -> dict[str, Path]:
    """Send what is missing, each digest once; return from which file each came that the target holds now."""
    sent: dict[str, Path] = {}
    waiting: dict[str, tuple[Path, FileStamp]] = {}
    for parcel in parcels:
        for place, stamp in parcel.places():
            waiting.setdefault(stamp.sha256, (place, stamp))
    for some in grouped(waiting.values(), lambda one: one[1].size, TOGETHER_BYTES):
        blobs = [(stamp.sha256, data) for place, stamp in some if (data := _read(place)) is not None]
        for (digest, _), is_held in zip(blobs, remote.put_all(blobs), strict=True):
            if is_held:
                sent[digest] = waiting[digest][0]
        progress(sum(len(data) for _, data in blobs))
    return sent


def _read(place: Path) -> bytes | None:
    """Return a file's bytes, whatever they are by now: the target compares them with the digest."""
    try:
        return place.read_bytes()
    except OSError:
        return None


def _kept(parcel: _Parcel, identity: str, sent: dict[str, Path]) -> FilesDelivered:
    """Keep the receipt of what is proven, unless it says so already; return what this log brought."""
    what, receipt = parcel.what, parcel.receipt
    held = {folder: {**parcel.held[folder], **parcel.new[folder]} for folder in FOLDERS}
    brought = [stamp for place, stamp in parcel.places() if sent[stamp.sha256] == place]
    done = FilesDelivered(held, len(brought), sum(stamp.size for stamp in brought), receipt=receipt)
    keep(what.log, what.log_id, identity, receipt, done)
    return done

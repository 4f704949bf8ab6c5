"""The receipt of an import: what the other side holds, to be carried back to where the runs were recorded.

Canonical JSON: {"format", "kind": "runstore receipt", "bundle", "importer", "content": as in the manifest,
"signature"}. What is proven is what the importer digested: the mark of each log, and each file's SHA-256. Here the same
bytes are digested again before anything is believed: a receipt for other bytes marks nothing as delivered.
"""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from runstore.core.segments import SegmentDigest
from runstore.errors import NotFound, StorageError, UsageError
from runstore.paths import is_edit_log_name
from runstore.syncd import receipts
from runstore.syncd.bundles import keys
from runstore.syncd.bundles.manifest import MOST_MANIFEST_BYTES, BundledLog, BundledRun, Content, WrongBundle, canonical
from runstore.syncd.bundles.parsing import content_of, parse_json
from runstore.syncd.bundles.regular import open_regular
from runstore.syncd.bundles.staging import importer_of
from runstore.syncd.receipts import CARRIED, FileStamp, Receipt
from runstore.syncd.remotes.base import BLOBS, FILES
from runstore.syncd.stamps import regular_files, stamp_of
from runstore.syncd.untrusted import check_digest

FORMAT, KIND = 1, "runstore receipt"
SUFFIX = ".receipt.json"
_READ_BYTES = 1 << 20
_SYNCED_ONE_BY_ONE = 200


@dataclass(frozen=True)
class ImportReceipt:
    """What `importer` holds of the bundle `bundle`: `content` has only runs that it holds whole."""

    bundle: str
    importer: str
    content: Content

    def encoded(self, key: keys.SecretKey | None = None) -> bytes:
        """Return the receipt as a file has it."""
        body: dict[str, Any] = {
            "format": FORMAT,
            "kind": KIND,
            "bundle": self.bundle,
            "importer": self.importer,
            "content": self.content.as_json(),
        }
        if key is not None:
            body["signature"] = keys.sign(canonical(body), key).decode()
        return canonical(body) + b"\n"


def receipt_name(receipt: ImportReceipt) -> str:
    """Return what the file of a receipt is called: of one bundle there may be those of several importers."""
    return f"runstore-{receipt.bundle[:12]}-{receipt.importer[:8]}{SUFFIX}"


def target_name(importer: str) -> str:
    """Return what is said of runs that are carried to an importer by hand, where a remote would have its name."""
    return f"bundle:{importer[:8]}"


@dataclass
class Marked:
    """What became of a receipt: the runs that are proven to have arrived, and why others are not."""

    receipt: ImportReceipt
    signed_by: str = ""
    paths: list[Path] = field(default_factory=list)  # of the logs that are marked
    delivered: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    _importers: dict[Path, str] = field(default_factory=dict)

    def is_of_itself(self, log: Path) -> bool:
        """Return whether it is into the folder of this very log that was imported: then there is no other copy."""
        for folder in log.parents:
            if folder not in self._importers:
                self._importers[folder] = importer_of(folder)
        return self.receipt.importer in map(self._importers.get, log.parents)

    @cached_property
    def is_large(self) -> bool:
        """Whether it is quicker to have everything that is to be written brought to the disks, than log by log."""
        return sum(len(run.logs) for run in self.receipt.content.runs) > _SYNCED_ONE_BY_ONE


def read(path: Path, trusted: Sequence[keys.PublicKey] = ()) -> tuple[ImportReceipt, str]:
    """Return a receipt and who signed it, "" where nobody did. Raises NotFound, and WrongBundle for anything else."""
    try:
        with open_regular(path) as file:
            body = parse_json(file.read(MOST_MANIFEST_BYTES + 1))
        return _receipt(body, trusted)
    except FileNotFoundError:
        raise NotFound(f"{path}: there is no such file") from None
    except OSError as error:
        raise StorageError(f"{path}: can't be read ({error.strerror})") from error
    except (WrongBundle, UsageError) as error:
        raise WrongBundle(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WrongBundle(f"{path}: is no receipt of an import, or damaged ({error!r:.100})") from error


def _receipt(body: Any, trusted: Sequence[keys.PublicKey]) -> tuple[ImportReceipt, str]:
    if body["kind"] != KIND:
        raise WrongBundle("it is no receipt of an import")
    if body["format"] != FORMAT:
        raise WrongBundle(f"it is of format {body['format']!r:.20}; install a newer runstore")
    signature = body.pop("signature", None)
    by = None
    if signature is not None or trusted:
        by = keys.check_trusted(canonical(body), signature and signature.encode(), list(trusted))
    importer = str(uuid.UUID(body["importer"]))
    receipt = ImportReceipt(check_digest(body["bundle"]), importer, content_of(body["content"]))
    return receipt, by.name if by else ""


def mark(
    receipt: ImportReceipt, log_at: Callable[[str], list[Path]], progress: Callable[[int], None] = lambda size: None
) -> Marked:
    """Keep in the receipts beside the logs what came back as proven; return what was, and what could not be.

    `log_at` returns where the logs with an id lie. A bundle from which something was left out delivers nothing.
    """
    marked = Marked(receipt)
    if receipt.content.partial:
        marked.notes.append(
            f"the bundle was partial ({receipt.content.partial}): what arrived is no proof of the runs themselves"
        )
        return marked
    for run in receipt.content.runs:
        outcomes = [_mark_log(run, log, receipt, log_at, marked, progress) for log in run.logs]
        if outcomes and all(outcomes):
            marked.delivered.add(run.path)
    if marked.is_large:
        os.sync()
    return marked


def _mark_log(
    run: BundledRun,
    log: BundledLog,
    receipt: ImportReceipt,
    log_at: Callable[[str], list[Path]],
    marked: Marked,
    progress: Callable[[int], None],
) -> bool:
    paths = log_at(log.log_id)
    if not paths:
        marked.notes.append(
            f"{log.folder}/{log.name}: is not on this machine, or not indexed: `runstore runs list PATH`"
        )
    done = False
    for path in paths:
        if marked.is_of_itself(path):
            marked.notes.append(f"{path}: lies in the folder that the receipt is of, and is no proof of another copy")
            continue
        try:
            same = _proven(path, log, progress)
        except OSError as error:
            marked.notes.append(f"{path}: can't be read ({error.strerror})")
            continue
        if not same:
            marked.notes.append(f"{path}: has other bytes than those that arrived; it is not marked as delivered")
            continue
        changed = _changed(path, log, receipt)
        receipts.change(path, log.log_id, CARRIED + receipt.importer, changed, is_durable=not marked.is_large)
        marked.paths.append(path)
        done = True
    return done


def _proven(path: Path, log: BundledLog, progress: Callable[[int], None]) -> bool:
    """Return whether our own bytes digest to what the importer says that it has."""
    digest = SegmentDigest()
    with path.open("rb", buffering=0) as file:
        while digest.size < log.mark.size and (some := file.read(min(_READ_BYTES, log.mark.size - digest.size))):
            digest.update(some)
            progress(len(some))
    return digest.mark() == log.mark


def _changed(path: Path, log: BundledLog, receipt: ImportReceipt) -> Callable[[Receipt | None], Receipt]:
    """Return what makes the receipt that is kept into one that says this as well; one for more bytes stays."""
    arrived: dict[str, dict[str, FileStamp]] = {FILES: {}, BLOBS: {}}
    for file in log.files:
        place = path.parent / file.folder / file.path
        try:
            now = place.stat()
            if not stat.S_ISREG(now.st_mode) or now.st_size != file.size:
                continue
            stamp = stamp_of(place, now.st_mtime_ns)
        except OSError:
            continue
        if stamp.sha256 == file.sha256:
            arrived[file.folder][file.path] = stamp

    def changed(kept: Receipt | None) -> Receipt:
        kept = kept or Receipt(target_name(receipt.importer), 0, "", 0, "")
        is_known = arrived[FILES].items() <= kept.files.items() and arrived[BLOBS].items() <= kept.blobs.items()
        if log.mark.size < kept.size or (log.mark.size == kept.size and is_known):
            # An older one: it may add files, but none that a later one has in another state.
            files, blobs = {**arrived[FILES], **kept.files}, {**arrived[BLOBS], **kept.blobs}
            return replace(kept, files=files, blobs=blobs, files_left=_left(path, files, blobs))
        files, blobs = {**kept.files, **arrived[FILES]}, {**kept.blobs, **arrived[BLOBS]}
        return replace(
            kept,
            size=log.mark.size,
            chain=log.mark.chain,
            records=log.records,
            url="",
            verified_at=receipts.now(),
            files=files,
            blobs=blobs,
            files_left=_left(path, files, blobs),
            error="",
            failed_at="",
            progress={"bundle": receipt.bundle},
        )

    return changed


def _left(log: Path, files: Mapping[str, FileStamp], blobs: Mapping[str, FileStamp]) -> int:
    """Return how many files beside a log are not among those that arrived as they are now."""
    notes: list[str] = []
    left = 0
    for folder, arrived in ((FILES, files), (BLOBS, blobs)) if not is_edit_log_name(log.name) else ():
        for name in regular_files(log.parent, folder, notes):
            left += name not in arrived or not _is_stamped(log.parent / folder / name, arrived[name])
    return left + len(notes)


def _is_stamped(path: Path, stamp: FileStamp) -> bool:
    try:
        now = path.stat()
    except OSError:
        return False
    return (now.st_size, now.st_mtime_ns) == (stamp.size, stamp.mtime_ns)

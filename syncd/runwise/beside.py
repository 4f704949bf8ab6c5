"""Bring to a server what lies beside a log of a run: files, and artifacts.

What is refused keeps nothing else back, and is said; with it, what the server did not take of the log itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runstore.errors import RemoteConflict
from runstore.syncd.outgoing import FilesDelivered
from runstore.syncd.receipts import NOT_LOOKED_AT, Receipt
from runstore.syncd.remotes.base import BLOBS, FILES
from runstore.syncd.remotes.runs import RunFile, RunRemote, ServerRun
from runstore.syncd.runwise.books import Books
from runstore.syncd.runwise.content.artifacts import artifact_at
from runstore.syncd.runwise.content.snapshot import LogPart
from runstore.syncd.runwise.runfiles import Found, files_of
from runstore.syncd.stamps import regular_files, stamps_of

# So many files are given at once: what was taken of them is noted then.
_FILES_AT_ONCE = 500


class Beside:
    """What lies beside one log of a run, on its way to one server. `keep` is to be called whatever happens.

    `uploaded` are the files that were taken and that the server was not told of yet. `covered` are the paths of files
    that went out beside the run's earlier logs: of several of one name, the latest log's is to stay.
    """

    def __init__(
        self,
        part: LogPart,
        server: ServerRun,
        remote: RunRemote,
        books: Books,
        told: Callable[[int], None],
        covered: set[str],
    ) -> None:
        self._covered = covered
        self._part, self._server, self._remote, self._books, self._told = part, server, remote, books, told
        receipt = books.receipt(part.log, part.log_id)
        self._before = receipt or Receipt(remote.name, 0, "", 0, "")
        self._is_whole = False
        self.progress = books.progress(part.log, part.log_id)
        self.done = FilesDelivered(receipt=receipt)
        self.uploaded: list[str] = []
        self.artifacts = 0

    def deliver(self, made: Sequence[RunFile] = ()) -> None:
        """Send what is new, and files that were made here. Raises RemoteError, and what `told` raises."""
        self._log_artifacts()
        self._send_files(made)
        self._hold_blobs()
        self.done.notes += self.progress.left
        self.done.left = len(self.done.notes)
        self._is_whole = True

    def keep(self) -> None:
        """Keep in the receipt what was taken."""
        done, before = self.done, self._before
        if not self._is_whole:  # of what was not come to, the receipt still says the truth
            done.held[FILES] = {**before.files, **done.held[FILES]}
            done.held[BLOBS] = {**before.blobs, **done.held[BLOBS]}
            done.left = NOT_LOOKED_AT
        done.receipt = self._books.keep_beside(self._part.log, self._part.log_id, self.progress, done)

    def _send_files(self, made: Sequence[RunFile]) -> None:
        known, held, notes = self._before.files, self.done.held[FILES], self.done.notes
        new: list[Found] = []
        for found in files_of(self._part.log.parent, known, notes):
            if known.get(found.path) == found.stamp and found.path not in self._covered:
                held[found.path] = found.stamp
            else:
                new.append(found)
        for at in range(0, len(new) - _FILES_AT_ONCE, _FILES_AT_ONCE):
            self._send(new[at : at + _FILES_AT_ONCE])
            self._remote.push(self._server, {}, uploaded=self.uploaded)
            self.uploaded.clear()
            self.keep()
        at = max(0, (len(new) - 1) // _FILES_AT_ONCE * _FILES_AT_ONCE)
        self._send(new[at:], made)

    def _send(self, some: Sequence[Found], made: Sequence[RunFile] = ()) -> None:
        """Send files of the run directory, and such that were made here, which go before."""
        names = {file.path for file in made}
        files = [*(RunFile(one.path, one.source) for one in some if one.path not in names), *made]
        refused = self._remote.put_files(self._server, files, self._told) if files else {}
        done = self.done
        done.held[FILES].update((one.path, one.stamp) for one in some if one.path not in refused)
        done.notes += [f"{path}: {why}" for path, why in refused.items()]
        done.bytes_sent += sum(one.stamp.size for one in some if one.path not in refused)
        taken = [file.path for file in files if file.path not in refused]
        done.sent += len(taken)
        self.uploaded += taken
        self._covered.update(taken)

    def _log_artifacts(self) -> None:
        one = self.progress
        for offset in one.artifacts:
            if offset in one.artifacts_done:
                continue
            try:
                self._remote.log_artifact(self._server, artifact_at(self._part, offset), self._told)
            except RemoteConflict as error:  # of this one alone
                self.done.notes.append(str(error))
                continue
            one.artifacts_done.append(offset)
            self.artifacts += 1
            self._books.keep_artifacts(self._part.log, self._part.log_id, one)

    def _hold_blobs(self) -> None:
        """Note the bytes of artifacts as held, if all artifacts are."""
        if set(self.progress.artifacts) <= set(self.progress.artifacts_done):
            folder, notes = self._part.log.parent, self.done.notes
            paths = list(regular_files(folder, BLOBS, notes))
            self.done.held[BLOBS] = stamps_of(folder, BLOBS, paths, self._before.blobs, notes)

"""What a delivery would send: from the index and the receipts beside the logs. No target is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from runstore.errors import NotFound
from runstore.index.indexer import Indexer
from runstore.syncd import receipts
from runstore.syncd.delivery import Ready, ready
from runstore.syncd.receipts import Receipt
from runstore.syncd.remotes.base import BLOBS, FILES
from runstore.syncd.remotes.configured import HUB, ConfiguredRemote, RunOptions, find_remote, refuse_options
from runstore.syncd.runwise.plan import Planned, files_to_send, planned, run_of


@dataclass(frozen=True)
class Foretold:
    """What would be sent to `remote`, of which kind it is, and the logs that can't be, each with a sentence."""

    remote: str
    kind: str
    runs: list[Planned] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> Planned:
        """All runs together."""
        return reduce(Planned.plus, self.runs, Planned(""))

    def as_json(self) -> dict[str, Any]:
        """Return what `runstore sync --dry-run --json` prints."""
        runs = [run.as_json() for run in self.runs]
        return {"remote": self.remote, "kind": self.kind, "runs": runs, "errors": self.errors}


def foretold(indexer: Indexer, logs: Iterable[Path], name: str, options: RunOptions | None = None) -> Foretold:
    """Return what would be sent of these logs, which are brought up to date in the index, to a remote or URL.

    Raises NotFound and UsageError, as for a delivery; needs no key or token.
    """
    logs, remote = list(logs), find_remote(name)
    if remote.kind == HUB:
        refuse_options(name, options)
    failed = indexer.catch_up_all(logs)
    gone = {path for path, error in failed.items() if isinstance(error, NotFound)}
    errors = {str(path): str(error) for path, error in failed.items() if path not in gone}
    there = [log for log in logs if log.resolve() not in failed]
    runs = _for_hub(indexer, there, name, remote) if remote.kind == HUB else planned(indexer, there, name, options)
    return Foretold(name, remote.kind, runs, errors)


def _for_hub(indexer: Indexer, logs: Iterable[Path], name: str, remote: ConfiguredRemote) -> list[Planned]:
    runs: dict[str, Planned] = {}
    for log in logs:
        what = ready(indexer, log)
        if what is not None:
            run, plan = run_of(what), _of_log(what, name, remote)
            runs[run] = runs[run].plus(plan) if run in runs else plan
    return list(runs.values())


def _of_log(what: Ready, name: str, remote: ConfiguredRemote) -> Planned:
    receipt = _receipt(what, name, remote)
    files, file_bytes = files_to_send(what.log, FILES, receipt.files)
    blobs, blob_bytes = files_to_send(what.log, BLOBS, receipt.blobs)
    return Planned(
        run_of(what),
        (what.log,),
        is_new=not receipt.verified_at,
        log_bytes=max(0, what.end - receipt.size),
        records=max(0, what.records - receipt.records),
        files=files + blobs,
        file_bytes=file_bytes + blob_bytes,
    )


def _receipt(what: Ready, name: str, remote: ConfiguredRemote) -> Receipt:
    """Return the latest receipt of a hub, which is known by its address, or, where that is not kept, by its name."""
    kept = receipts.load(what.log, what.log_id).values()
    of_it = [one for one in kept if (one.url.rstrip("/") == remote.url.rstrip("/") if one.url else one.remote == name)]
    return max(of_it, key=lambda one: one.verified_at, default=Receipt(name, 0, "", 0, ""))

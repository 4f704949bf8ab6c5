"""What a delivery would send: from the index and the receipts beside the logs. No target is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
from runstore.syncd.remotes.bundle import BUNDLE
from runstore.syncd.remotes.configured import ConfiguredRemote, RunOptions, find_remote, refuse_options
from runstore.syncd.remotes.servers import WANDB
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
    if remote.kind != WANDB:
        refuse_options(name, options)
    failed = indexer.catch_up_all(logs)
    gone = {path for path, error in failed.items() if isinstance(error, NotFound)}
    errors = {str(path): str(error) for path, error in failed.items() if path not in gone}
    there = [log for log in logs if log.resolve() not in failed]
    runs = _for_hub(indexer, there, name, remote) if remote.kind != WANDB else planned(indexer, there, name, options)
    return Foretold(name, remote.kind, runs, errors)


def _for_hub(indexer: Indexer, logs: Iterable[Path], name: str, remote: ConfiguredRemote) -> list[Planned]:
    runs: dict[str, Planned] = {}
    known = _known_to(name, remote)
    for log in logs:
        what = ready(indexer, log)
        if what is not None:
            run, plan = run_of(what), _of_log(what, known(what) or Receipt(name, 0, "", 0, ""))
            runs[run] = runs[run].plus(plan) if run in runs else plan
    return list(runs.values())


def _of_log(what: Ready, receipt: Receipt) -> Planned:
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


def _known_to(name: str, remote: ConfiguredRemote) -> Callable[[Ready], Receipt | None]:
    """Return what tells which receipt there is of a log.

    Of a hub it is the latest: it is known by its address, or, where that is not kept, by its name. What was written to
    a folder for bundles is not written again either; where nothing comes back from there, each bundle has all.
    """
    if remote.kind != BUNDLE:
        return lambda what: _of_hub(what, name, remote)
    if remote.bundles.one_way:
        return lambda what: None
    from runstore.syncd.bundles.ledger import ledger_file, load_ledger, proven_by_hand

    ledger = load_ledger(ledger_file(name, remote.url))
    return lambda what: ledger.awaited(what.log_id, proven_by_hand(what.log, what.log_id))


def _of_hub(what: Ready, name: str, remote: ConfiguredRemote) -> Receipt | None:
    kept = receipts.load(what.log, what.log_id).values()
    of_it = [one for one in kept if (one.url.rstrip("/") == remote.url.rstrip("/") if one.url else one.remote == name)]
    return max(of_it, key=lambda one: one.verified_at, default=None)

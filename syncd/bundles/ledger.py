"""What was written to a folder of bundles and has no receipt yet: JSON under RUNSTORE_HOME, for each such target.

It is a memory of what need not be written again, and proves nothing: without it, what no receipt covers is written once
more. What a log lacks of a receipt after `patience` is forgotten here, and so written again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runstore.errors import SettingsError
from runstore.paths import home_folder
from runstore.syncd import kept
from runstore.syncd.receipts import CARRIED, FileStamp, Receipt, load

_FOLDER = "bundles"


@dataclass(frozen=True)
class Written:
    """A bundle that was written: when (seconds since the epoch), its parts' names, what it has of each log by id.

    The latter are receipts as they will be once one comes, with the time of writing; `paths` say which logs these are.
    """

    bundle: str
    at: float
    parts: tuple[str, ...]
    logs: Mapping[str, Receipt] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Ledger:
    """Of one target: what is written, which receipts were taken in (name, size, time), and when one was due last.

    `given_up` are bundles whose receipts are waited for no longer: what is in them is to be written anew. `all_of_it`
    is the digest of how all logs and files stood when a bundle of them all was made, "" for none.
    """

    written: list[Written] = field(default_factory=list)
    taken: dict[str, tuple[int, int]] = field(default_factory=dict)
    last_at: float = 0.0
    given_up: list[Written] = field(default_factory=list)
    all_of_it: str = ""

    def copy(self) -> Ledger:
        """Return what it says now."""
        return Ledger(list(self.written), dict(self.taken), self.last_at, list(self.given_up), self.all_of_it)

    def awaited(self, log_id: str, proven: Receipt | None) -> Receipt | None:
        """Return what was written of a log together with what is proven; None where there is neither."""
        found = proven
        for one in self.written:
            more = one.logs.get(log_id)
            if more is not None:
                found = more if found is None else _together(found, more)
        return found

    def settle(self, proven: Mapping[str, Receipt | None], now: float, patience: float) -> list[Written]:
        """Forget bundles of which all is proven, and return them; give all others up, where one waits for too long.

        One that is lost keeps those that go on from it from being of any use.
        """
        done = [one for one in self.written if _is_covered(one, proven)]
        left = [one for one in self.written if one not in done]
        is_over = any(now - one.at >= patience for one in left)
        self.written, self.given_up = ([], self.given_up + left) if is_over else (left, self.given_up)
        return done

    def replaced(self, proven: Mapping[str, Receipt | None]) -> list[Written]:
        """Forget bundles that were given up and of which all is proven, or written anew, and return them."""
        known = {log_id: self.awaited(log_id, receipt) for log_id, receipt in proven.items()}
        done = [one for one in self.given_up if _is_covered(one, known)]
        self.given_up = [one for one in self.given_up if one not in done]
        return done


def proven_by_hand(log: Path, log_id: str) -> Receipt | None:
    """Return what importers have proven to hold of a log: the most of any."""
    carried = [one for identity, one in load(log, log_id).items() if identity.startswith(CARRIED)]
    return max(carried, key=lambda one: (one.size, one.verified_at), default=None)


def ledger_file(name: str, folder: str) -> Path:
    """Return where the ledger of a target is kept: its name, at another folder, is another target."""
    digest = hashlib.sha256(f"{name}\n{folder}".encode()).hexdigest()[:16]
    return home_folder() / _FOLDER / f"{digest}.json"


def load_ledger(path: Path) -> Ledger:
    """Return what is kept; nothing where it can't be understood."""
    try:
        body = kept.read(path)
        return Ledger(
            [_written_of(one) for one in body.get("written", ())],
            {name: (int(size), int(at)) for name, (size, at) in body.get("taken", {}).items()},
            float(body.get("last_at", 0.0)),
            [_written_of(one) for one in body.get("given_up", ())],
            str(body.get("all_of_it", "")),
        )
    except (SettingsError, KeyError, TypeError, ValueError, AttributeError):
        return Ledger()


def save_ledger(path: Path, ledger: Ledger) -> None:
    """Keep it; raises StorageError."""
    kept.replace(
        path,
        {
            "written": [_as_json(one) for one in ledger.written],
            "taken": {name: list(known) for name, known in ledger.taken.items()},
            "last_at": ledger.last_at,
            "given_up": [_as_json(one) for one in ledger.given_up],
            "all_of_it": ledger.all_of_it,
        },
    )


def written_logs(name: str, folder: str) -> dict[str, tuple[int, str]]:
    """Return, by the paths of logs, up to where they were written for a target, and in which bundle that is."""
    found: dict[str, tuple[int, str]] = {}
    for one in load_ledger(ledger_file(name, folder)).written:
        for log_id, path in one.paths.items():
            found[path] = max(found.get(path, (0, "")), (one.logs[log_id].size, one.bundle), key=lambda each: each[0])
    return found


def _together(first: Receipt, second: Receipt) -> Receipt:
    further = max(second, first, key=lambda one: one.size)
    files, blobs = {**first.files, **second.files}, {**first.blobs, **second.blobs}
    return replace(further, files=files, blobs=blobs)


def _is_covered(one: Written, proven: Mapping[str, Receipt | None]) -> bool:
    for log_id, written in one.logs.items():
        held = proven.get(log_id)
        if held is None or held.size < written.size:
            return False
        for names, there in ((written.files, held.files), (written.blobs, held.blobs)):
            if any(path not in there for path in names):
                return False
    return True


def _as_json(one: Written) -> dict[str, Any]:
    return {
        "bundle": one.bundle,
        "at": one.at,
        "parts": list(one.parts),
        "paths": dict(one.paths),
        "logs": {
            log_id: {
                "size": log.size,
                "chain": log.chain,
                "records": log.records,
                "written_at": log.verified_at,
                "files": _stamps(log.files),
                "blobs": _stamps(log.blobs),
            }
            for log_id, log in one.logs.items()
        },
    }


def _stamps(stamps: Mapping[str, FileStamp]) -> dict[str, list[Any]]:
    return {path: [stamp.size, stamp.mtime_ns, stamp.sha256] for path, stamp in stamps.items()}


def _written_of(body: Mapping[str, Any]) -> Written:
    logs = {
        log_id: Receipt(
            "", int(log["size"]), str(log["chain"]), int(log["records"]), str(log["written_at"]),
            files={path: FileStamp(*stamp) for path, stamp in log["files"].items()},
            blobs={path: FileStamp(*stamp) for path, stamp in log["blobs"].items()},
            progress={"bundle": str(body["bundle"])},
        )
        for log_id, log in body["logs"].items()
    }  # fmt: skip
    return Written(str(body["bundle"]), float(body["at"]), tuple(body["parts"]), logs, dict(body["paths"]))

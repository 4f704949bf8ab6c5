"""What came from a mirrored folder, kept across restarts: JSON under RUNSTORE_HOME, for each folder and where it goes.

Which parts were taken, as they were then; what became of the latest bundles; what was wrong with parts that lie there.
It is a memory, and `status` reads it: without it, parts that have no receipt are only read once more.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runstore.errors import RunstoreError, SettingsError
from runstore.paths import home_folder
from runstore.syncd import kept
from runstore.syncd.bundles.relays import relay_folder
from runstore.syncd.mirrored import MirroredFolder

Stamp = tuple[int, int]  # of a file: its size, and when it was changed

_FOLDER = "mirrors"
_MOST_BUNDLES, _MOST_TAKEN = 100, 20_000


@dataclass
class Arrival:
    """What became of a bundle: of how many `runs` how many are `done`, and why others are not, by their paths.

    `at` is in seconds since the epoch, `parts` are names of those that were read, `receipt` is a path, "" for none.
    """

    at: float
    runs: int
    done: int
    waiting: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    new_bytes: int = 0
    new_files: int = 0
    parts: list[str] = field(default_factory=list)
    receipt: str = ""


@dataclass
class Arrivals:
    """All of it; `taken` and `errors` are by the names of parts, `bundles` by the ids of bundles, the latest last.

    `importer` is the stamp of what says who imports: another one has taken nothing yet.
    """

    taken: dict[str, Stamp] = field(default_factory=dict)
    bundles: dict[str, Arrival] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    importer: Stamp | None = None

    def note(self, bundle: str, arrival: Arrival) -> None:
        """Take note of what became of a bundle, by now."""
        before = self.bundles.pop(bundle, None)
        if before is not None:
            arrival.parts = sorted({*before.parts, *arrival.parts})
            arrival.receipt = arrival.receipt or before.receipt
            arrival.new_bytes += before.new_bytes
            arrival.new_files += before.new_files
        self.bundles[bundle] = arrival
        for old in list(self.bundles)[:-_MOST_BUNDLES]:
            del self.bundles[old]
        for name in list(self.taken)[:-_MOST_TAKEN]:
            del self.taken[name]

    def forget_gone(self, there: Mapping[str, Stamp]) -> None:
        """Forget what was wrong with parts that do not lie there any more, and what was refused of them."""
        self.errors = {name: sentence for name, sentence in self.errors.items() if name in there}
        for arrival in self.bundles.values():
            if arrival.refused and not any(name in there for name in arrival.parts):
                arrival.refused = {}

    def try_again(self) -> None:
        """Let parts be taken again of which something was wrong: who asks has mended it."""
        refused = {name for arrival in self.bundles.values() if arrival.refused for name in arrival.parts}
        self.taken = {name: stamp for name, stamp in self.taken.items() if name not in {*self.errors, *refused}}

    def facts(self) -> dict[str, Any]:
        """Return what `status` shows: sums of the latest bundles, and what waits, or was refused, and why."""
        arrivals = list(self.bundles.values())
        return {
            "bundles": sum(one.done == one.runs for one in arrivals),
            "new_bytes": sum(one.new_bytes for one in arrivals),
            "new_files": sum(one.new_files for one in arrivals),
            "last_at": arrivals[-1].at if arrivals else None,
            "waiting": {run: why for one in arrivals for run, why in one.waiting.items()},
            "refused": {**{run: why for one in arrivals for run, why in one.refused.items()}, **self.errors},
        }

    def as_json(self) -> dict[str, Any]:
        """Return what is kept."""
        return {
            "taken": {name: list(stamp) for name, stamp in self.taken.items()},
            "bundles": {bundle: asdict(arrival) for bundle, arrival in self.bundles.items()},
            "errors": self.errors,
            "importer": self.importer and list(self.importer),
        }


def facts_of(mirror: MirroredFolder) -> dict[str, Any]:
    """Return what `status` shows of a mirrored folder; nothing came of one that leads to an unknown hub."""
    with contextlib.suppress(RunstoreError):
        return load_arrivals(arrivals_file(mirror.folder, into_of(mirror))).facts()
    return Arrivals().facts()


def into_of(mirror: MirroredFolder) -> Path:
    """Return the folder of runs into which is imported. Raises NotFound and UsageError for what is no hub."""
    if mirror.into:
        return Path(mirror.into)
    return relay_folder(mirror.hub)


def arrivals_file(folder: Path, into: Path) -> Path:
    """Return where it is kept what came from a folder to a folder of runs."""
    digest = hashlib.sha256(f"{folder.absolute()}\n{into.absolute()}".encode()).hexdigest()[:16]
    return home_folder() / _FOLDER / f"{digest}.json"


def load_arrivals(path: Path) -> Arrivals:
    """Return what is kept; nothing where it can't be understood."""
    try:
        body = kept.read(path)
        return Arrivals(
            {name: _stamp(stamp) for name, stamp in body.get("taken", {}).items()},
            {bundle: Arrival(**arrival) for bundle, arrival in body.get("bundles", {}).items()},
            {str(name): str(sentence) for name, sentence in body.get("errors", {}).items()},
            _stamp(body["importer"]) if body.get("importer") else None,
        )
    except (SettingsError, KeyError, TypeError, ValueError, AttributeError):
        return Arrivals()


def save_arrivals(path: Path, arrivals: Arrivals) -> None:
    """Keep it; raises StorageError."""
    kept.replace(path, arrivals.as_json())


def _stamp(value: Any) -> Stamp:
    size, changed_at = value
    return int(size), int(changed_at)

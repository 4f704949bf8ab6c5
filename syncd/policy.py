"""What one target gets, and how fast: filters, limits and quiet hours, kept with the remote in `remotes.json`.

Pure: no clock, no file. A pattern is a glob in which `*` stands for any characters, slashes too. One that begins with
`!` excludes; where there are only such, everything else is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from runstore.errors import UsageError
from runstore.syncd.hours import QuietHours

# Each transfer has a connection and a thread of its own; more than this serve no hub.
MOST_AT_ONCE = 64

_UNITS = {"": 1.0, "b": 1.0, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9}
_UNITS |= {"kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "kbit": 1e3 / 8, "mbit": 1e6 / 8, "gbit": 1e9 / 8}
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*?)(?:/s)?", re.IGNORECASE)


@dataclass(frozen=True)
class Policy:
    """What a target gets; as it is made, everything, without a limit.

    A run is wanted where each of `projects`, `tags` and `paths` is empty or has a pattern that fits.
    `bytes_per_second` is for all transfers to the target together, 0 for as fast as it goes.
    """

    projects: tuple[str, ...] = ()  # `project`, or `entity/project`
    tags: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()  # of the log, of its run directory, or of any folder above
    bytes_per_second: int = 0
    at_once: int = 4
    quiet: QuietHours | None = None
    marks_synced: bool = True  # whether runs that are delivered may be marked so for stock tools, as marker.py says

    def wants(self, log: Path, project: str, entity: str, tags: Iterable[str]) -> bool:
        """Return whether the target is to get this log; what belongs to it (files, edits) goes the same way.

        A log of which the run is not known yet, whose project is "", waits where that matters: it may turn out to be
        one that the target must not have.
        """
        if not project and (self.projects or self.tags):
            return False
        return (
            _fits(self.projects, (project, f"{entity}/{project}"))
            and _fits(self.tags, tuple(tags))
            and (not self.paths or _fits(self.paths, (str(log), *map(str, log.parents))))
        )

    def as_json(self) -> dict[str, Any]:
        """Return what is kept: only what differs from a policy as it is made."""
        kept = {
            "projects": list(self.projects),
            "tags": list(self.tags),
            "paths": list(self.paths),
            "bytes_per_second": self.bytes_per_second,
            "quiet_hours": self.quiet.text if self.quiet else "",
        }
        at_once = {"at_once": self.at_once} if self.at_once != Policy.at_once else {}
        unmarked = {} if self.marks_synced else {"marks_synced": False}
        return {name: value for name, value in kept.items() if value} | at_once | unmarked

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Policy:
        """Return the policy that was kept. Raises UsageError for a value that can't be meant, TypeError for others."""
        quiet = kept.get("quiet_hours", "")
        return cls(
            projects=_texts(kept.get("projects", ())),
            tags=_texts(kept.get("tags", ())),
            paths=_texts(kept.get("paths", ())),
            bytes_per_second=_count(kept.get("bytes_per_second", 0)),
            at_once=checked_at_once(_count(kept.get("at_once", cls.at_once))),
            quiet=QuietHours.parse(quiet) if quiet else None,
            marks_synced=kept.get("marks_synced", True) is not False,
        )


def parse_rate(text: str) -> int:
    """Return the bytes a second that `text` names: `5MB/s`, `500 kB`, `20Mbit/s`; `0` and `none` mean no limit.

    A kB is 1,000 bytes, a KiB 1,024. Raises UsageError where it can't be read or is below a byte a second.
    """
    if text.strip().lower() in ("0", "none", "off", "unlimited"):
        return 0
    found = _RATE.fullmatch(text.strip())
    if found is None or found[2].lower() not in _UNITS:
        raise UsageError(f"{text!r} can't be read as a rate; they look like 5MB/s, 500kB/s, 20Mbit/s or none")
    rate = int(float(found[1]) * _UNITS[found[2].lower()])
    if rate < 1:
        raise UsageError(f"{text!r} is less than a byte a second; runstore daemon pause holds deliveries back")
    return rate


def checked_at_once(number: int) -> int:
    """Return how many transfers may run at a time, as given; raises UsageError where that is not 1 to 64."""
    if not 1 <= number <= MOST_AT_ONCE:
        raise UsageError(f"{number} transfers at once can't be; give 1 to {MOST_AT_ONCE}")
    return number


def _fits(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    if any(fnmatchcase(name, pattern) for pattern in unwanted for name in names):
        return False
    return not wanted or any(fnmatchcase(name, pattern) for pattern in wanted for name in names)


def _texts(values: Any) -> tuple[str, ...]:
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{values!r} is no list of texts")
    return tuple(values)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is no count")
    return value

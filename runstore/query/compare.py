"""What tells runs apart: config, summary, packages, git, and the changes that were not committed."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from runstore.query.filtering.fields import Fields, flat
from runstore.query.media.keys import without_media
from runstore.query.stored.run import StoredRun

# Returns a file of a run as text, by its name below `files`; "" where there is none.
TextOf: TypeAlias = Callable[[StoredRun, str], str]

SECTIONS = ("run", "git", "config", "summary", "packages", "diff")
_OF_RUN = ("name", "state", "project", "group", "job_type", "tags", "program", "host", "runtime", "last_step")
# What the tools add to a summary differs between any two runs.
_OF_TOOLS = ("_wandb", "_runtime", "_timestamp", "_step")
_MOST_PATCH_LINES = 20_000  # compared within 2 s; twice as many take four times as long, where lines recur
_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*) *(?:==| @ )(.+)")


@dataclass(frozen=True)
class Difference:
    """One value of each run, in the order of the runs; None where a run has none."""

    section: str
    key: str
    values: tuple[Any, ...]

    @property
    def is_one(self) -> bool:
        """Whether not all runs have the same there. NaN is the same as NaN."""
        first = self.values[0]
        return any(not _same(first, value) for value in self.values[1:])


def lying_text(run: StoredRun, name: str) -> str:
    """Return a file of a run as text, of the last of its logs that has one; "" where none has."""
    for log in reversed(run.logs):
        try:
            return (Path(log).parent / "files" / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
    return ""


def compare(runs: Sequence[StoredRun], *, all_values: bool = False, text_of: TextOf = lying_text) -> list[Difference]:
    """Return in what the runs differ, section by section; with `all_values` also in what they agree.

    Sections are run, git, config, summary (without its media, which differ wherever they were logged), packages (of
    files/requirements.txt) and diff (of files/diff.patch), which `text_of` reads.
    """
    sides = [_sides(run, text_of) for run in runs]
    rows: list[Difference] = []
    for section in SECTIONS:
        parts = [side[section] for side in sides]
        keys = dict.fromkeys(key for part in parts for key in part)
        ordered = keys if section == "run" else sorted(keys)
        rows += [Difference(section, key, tuple(part.get(key) for part in parts)) for key in ordered]
    return [row for row in rows if all_values or row.is_one]


def patch_difference(runs: Sequence[StoredRun], text_of: TextOf = lying_text) -> list[str]:
    """Return how the uncommitted changes of the second run differ from those of the first, as lines of a diff."""
    before, after = (text_of(run, "diff.patch").splitlines()[:_MOST_PATCH_LINES] for run in runs[:2])
    here, there = ("/".join(run.path) for run in runs[:2])
    return list(difflib.unified_diff(before, after, here, there, lineterm="", n=2))


def packages(requirements: str) -> dict[str, str]:
    """Return name -> version of what `pip freeze` lists; names in lower case with dashes, as pip compares them."""
    found = (_PACKAGE.fullmatch(line.strip()) for line in requirements.splitlines())
    return {re.sub(r"[-_.]+", "-", match[1]).lower(): match[2] for match in found if match}


def _sides(run: StoredRun, text_of: TextOf) -> dict[str, Mapping[str, Any]]:
    fields: Fields = run.fields
    patch = text_of(run, "diff.patch")
    digest = hashlib.sha256(patch.encode()).hexdigest()[:12]
    changed = {
        line.split(" b/", 1)[1] for line in patch.splitlines() if line.startswith("diff --git ") and " b/" in line
    }
    return {
        "run": {field: fields.value(field) for field in _OF_RUN},
        "git": {name: fields.value(f"git_{name}") for name in ("commit", "remote")},
        "config": flat({key: value for key, value in run.config.items() if not key.startswith("_")}),
        "summary": flat(without_media({key: one for key, one in dict(run.summary).items() if key not in _OF_TOOLS})),
        "packages": packages(text_of(run, "requirements.txt")),
        "diff": {"sha256": digest, "files": sorted(changed)} if patch else {},
    }


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, bool) is not isinstance(b, bool):
        return False
    return bool(a == b or (a != a and b != b))

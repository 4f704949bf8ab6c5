"""A run that is here in one form is not taken in another one beside it: its records would be there twice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from runstore.errors import LogError, NotFound
from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from runstore.syncd.bundles.manifest import BundledLog, WrongBundle


def refuse_other_form(log: BundledLog, partial: str, others: Iterable[Path]) -> None:
    """Raise WrongBundle where one of the `others`, logs of a run of that id, is of another form than a bundle's log.

    `partial` is what the bundle says that was left out of it. Derived logs keep the name of their original's directory:
    two of one name are of the same log.
    """
    for path in others:
        is_derived = _is_derived(path)
        if is_derived is None:
            continue
        if is_derived != bool(partial) or (is_derived and path.parent.name == log.folder):
            raise WrongBundle(
                f"{path} is another form of this run, with other things left out, and both together would hold its"
                " records twice; import the bundle into a folder of its own (--into DIR)"
            )


def _is_derived(path: Path) -> bool | None:
    """Return whether a log was derived from another one; None where there is no log."""
    try:
        for framed in LogReader(path):
            record = codec.decode(framed.payload)
            return record is not None and record.header.HasField("derived")
    except (LogError, NotFound, OSError):
        return None
    return None

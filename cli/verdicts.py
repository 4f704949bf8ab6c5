"""What is intact of a run log, in words and in JSON's types."""

from __future__ import annotations

from typing import Any

from runstore.runlog.verify import Hole, Neighbour, Verdict


def facts_of(verdict: Verdict) -> dict[str, Any]:
    """Return the figures of a verdict, in JSON's types."""
    return {
        "size": verdict.size,
        "records": verdict.records,
        "undecodable": verdict.undecodable,
        "missing": verdict.missing,
        "missing_numbers": [[gap.first, gap.last] for gap in verdict.missing_numbers],
        "repeated": verdict.repeated,
        "late": verdict.late,
        "damaged_bytes": verdict.damaged_bytes,
        "torn_bytes": verdict.torn_bytes,
        "finished": verdict.has_exit,
        "lost": [_hole(hole) for hole in verdict.holes],
    }


def lines_of_lost(verdict: Verdict) -> list[str]:
    """Return a line for each byte range that holds no whole record, and one for each gap in the records' numbers."""
    lines = []
    for hole in verdict.holes:
        lost = hole.lost
        around = ", ".join(filter(None, (_beside("behind", hole.before), _beside("before", hole.behind))))
        lines.append(
            f"{lost.why.value}: bytes {lost.start:,} to {lost.end:,} ({lost.size:,}){around and f'; {around}'}"
        )
    for gap in verdict.missing_numbers:
        which = f"record {gap.first:,}" if gap.count == 1 else f"records {gap.first:,} to {gap.last:,} ({gap.count:,})"
        lines.append(f"missing: {which}")
    return lines


def _hole(hole: Hole) -> dict[str, Any]:
    lost = hole.lost
    return {
        "start": lost.start,
        "end": lost.end,
        "why": lost.why.value,
        "before": hole.before and {"record": hole.before.num, "step": hole.before.step},
        "behind": hole.behind and {"record": hole.behind.num, "step": hole.behind.step},
    }


def _beside(where: str, record: Neighbour | None) -> str:
    """Return where a hole lies, in words: behind or before a record."""
    if record is None:
        return ""
    return f"{where} record {record.num:,}{f' (step {record.step:,})' if record.step >= 0 else ''}"


def sentence_of(verdict: Verdict) -> str:
    """Return in a sentence what is intact and what is not."""
    whole = f"{verdict.records:,} records intact"
    if not (verdict.records or verdict.damaged_bytes or verdict.undecodable):
        return "no records yet"
    parts = []
    if verdict.damaged_bytes:
        damaged = [x for x in verdict.lost if x.why.value != "torn"]
        parts.append(f"{verdict.damaged_bytes:,} bytes damaged in {len(damaged)} places, first at {damaged[0].start:,}")
    if verdict.undecodable:
        parts.append(f"{verdict.undecodable:,} records can't be understood")
    if verdict.missing:
        parts.append(f"{verdict.missing:,} records are missing by their numbers")
    if verdict.repeated:
        parts.append(f"{verdict.repeated:,} records bear a number that another one has")
    if verdict.late:
        parts.append(f"{verdict.late:,} records stand behind later ones")
    if verdict.torn_bytes:
        parts.append(f"the last record is not finished ({verdict.torn_bytes:,} bytes)")
    return "; ".join([whole, *parts])

"""What `runstore sync` did, or would do, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runstore.cli.output import size
from runstore.cli.table import aligned

if TYPE_CHECKING:
    from runstore.syncd.delivery import Report
    from runstore.syncd.foretelling import Foretold
    from runstore.syncd.runwise.plan import Planned

_MOST_RUNS = 20


def progress(sent: Report, kind: str, done: int, total: int) -> str:
    """Return how far a delivery is: `1.2 MB of 4.0 MB, 1,203 rows, 4 files`; bytes are those of what is here."""
    lines = _many(sent.records, "record") if kind == "hub" else _many(sent.rows, "row")
    return f"{size(min(done, total))} of {size(total)}, {lines}, {_many(sent.files_sent, 'file')}"


def summary(report: Report, kind: str) -> str:
    """Return what was delivered to a target of this kind, in a sentence."""
    lines = f"{report.records:,} records" if kind == "hub" else _many(report.rows, "row")
    others = ((report.events, "sample"), (report.console_lines, "line of the console"))
    said = [", ".join([lines, *_some(others)]) + f" in {size(report.bytes_sent)}"]
    said.append(f"{report.files_sent} files in {size(report.file_bytes_sent)}")
    said += _some(((report.artifacts, "artifact"), (report.alerts, "alert")))
    proven = "delivered and verified" if kind == "hub" else "delivered"
    return (
        f"{report.verified} of {report.logs} logs of {len(report.runs)} runs are {proven}; sent now: {', '.join(said)}"
    )


def failures(report: Report) -> Iterator[str]:
    """Yield why logs could not be delivered, each sentence with the run that it is about."""
    for log, sentence in report.errors.items():
        directory = Path(log).parent.name
        yield sentence if directory in sentence else f"{directory}: {sentence}"


def plan(foretold: Foretold) -> str:
    """Return what would be sent: a line for each run that waits, of the first twenty, and one for all."""
    waiting = [run for run in foretold.runs if not run.is_empty]
    cells = _for_server if foretold.kind == "wandb" else _for_hub
    headers, *rows = cells(waiting[:_MOST_RUNS])
    lines = [aligned(rows, headers)] if rows else []
    if len(waiting) > _MOST_RUNS:
        lines.append(f"and {len(waiting) - _MOST_RUNS:,} more (--json lists every run)")
    total = foretold.total
    lines.append(
        f"{len(waiting):,} of {_many(len(foretold.runs), 'run')} would be sent to {foretold.remote}: "
        f"{size(total.log_bytes)} of logs, {_many(total.files, 'file')} in {size(total.file_bytes)}; nothing was sent"
    )
    return "\n".join(lines)


def _for_hub(runs: list[Planned]) -> list[tuple[str, ...]]:
    rows = [(run.run, _standing(run), f"{run.records:,}", size(run.log_bytes), *_files(run)) for run in runs]
    return [("RUN", "THERE", "RECORDS", "SIZE", "FILES", "THEIR SIZE"), *rows]


def _for_server(runs: list[Planned]) -> list[tuple[str, ...]]:
    rows = []
    for run in runs:
        counts = (run.rows, run.events, run.console_lines, run.artifacts, run.alerts)
        rows.append((run.run, _standing(run), *(f"{count:,}" for count in counts), *_files(run)))
    return [("RUN", "THERE", "ROWS", "SAMPLES", "CONSOLE", "ARTIFACTS", "ALERTS", "FILES", "THEIR SIZE"), *rows]


def _standing(run: Planned) -> str:
    return "no" if run.is_new else "in part"


def _files(run: Planned) -> tuple[str, str]:
    return f"{run.files:,}", size(run.file_bytes)


def _some(counts: Iterable[tuple[int, str]]) -> list[str]:
    return [_many(count, what) for count, what in counts if count]


def _many(count: int, what: str) -> str:
    first, *rest = what.split(" ", 1)  # "line of the console"
    return " ".join([f"{count:,}", first if count == 1 else f"{first}s", *rest])

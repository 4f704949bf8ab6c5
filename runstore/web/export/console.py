"""What runs printed, as the page's own components ask a server for it: of long consoles the last lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runstore.index.onelog import STREAMS
from runstore.query.stored.console import ConsoleLog, Line, console_lines, console_logs
from runstore.query.stored.run import StoredRun

# Of all runs of a page together.
_MOST_LINES = 20_000
_MOST_CHARACTERS = 2 << 20
_LETTERS = 10_000  # of a line
_AT_ONCE = 100


def consoles(runs: Mapping[str, StoredRun], left_out: list[str]) -> dict[str, Any]:
    """Return what each run, by its reference, printed; runs that printed nothing are left out.

    Lines are columns, by the log that they are from: `times` in milliseconds, each since the one before, the first
    since the epoch. Sentences about what is not there are added to `left_out`.
    """
    found = {}
    cut = 0
    for ref, run in runs.items():
        one = _console(run, _MOST_LINES // len(runs), _MOST_CHARACTERS // len(runs))
        if one["logs"]:
            found[ref] = one
            cut += one["missing"] > 0
    if cut:
        left_out.append(f"all but the last lines of the {'console' if cut == 1 else f'consoles of {cut:,} runs'}")
    return found


def _console(run: StoredRun, room: int, letters: int) -> dict[str, Any]:
    every = [log for log in console_logs(run.connection, run.place) if log.count or log.open]
    kept: dict[int, list[Line]] = {}
    for log in reversed(every):
        kept[log.log] = _last_lines(run, log, room, letters)
        room -= len(kept[log.log])
        letters -= sum(len(line.text) for line in kept[log.log])
    logs = [{**vars(log), "count": len(kept[log.log]), "open": [_open(*line) for line in log.open]} for log in every]
    return {
        "logs": logs,
        "missing": sum(log.count - len(kept[log.log]) for log in every),
        "lines": {log: _columns(lines) for log, lines in kept.items()},
    }


def _open(stream: str, text: str) -> dict[str, str]:
    return {"stream": stream, "text": text[:_LETTERS]}


def _last_lines(run: StoredRun, log: ConsoleLog, room: int, letters: int) -> list[Line]:
    """Return the last lines that were ended, as many as there is room for."""
    found: list[Line] = []  # the last first
    end = log.count
    while end and len(found) < room:
        begin = max(0, end - _AT_ONCE)
        for line in reversed(_lines(run, log.log, begin, end)):
            letters -= min(len(line.text), _LETTERS)
            if letters < 0 or len(found) >= room:
                return found[::-1]
            found.append(line)
        end = begin
    return found[::-1]


def _lines(run: StoredRun, log: int, begin: int, end: int) -> list[Line]:
    lines: list[Line] = []
    while begin + len(lines) < end:  # of long lines fewer come at a time
        some = console_lines(run.connection, run.place, log, begin + len(lines), end - begin - len(lines))
        if not some:
            break
        lines += [
            line._replace(text=f"{line.text[:_LETTERS]}…") if len(line.text) > _LETTERS else line for line in some
        ]
    return lines


def _columns(lines: Sequence[Line]) -> dict[str, Any]:
    times = [round(line.time * 1000) for line in lines]
    return {
        "streams": "".join(str(STREAMS.index(line.stream)) for line in lines),
        "times": [time - before for time, before in zip(times, [0, *times], strict=False)],
        "texts": [line.text for line in lines],
    }

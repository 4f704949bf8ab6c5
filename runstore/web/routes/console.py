"""What a run printed, by ranges of lines. A page asks for those that are in view, and follows by asking for more."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.routing import BaseRoute

from runstore.errors import UsageError
from runstore.index.onelog import STREAMS
from runstore.query.api import Api
from runstore.query.stored.console import console_lines, console_logs, find_in_console
from runstore.web.asking import Asked
from runstore.web.reading import run_of
from runstore.web.site import Site

_MOST_LINES = 5_000
_MOST_PLACES = 10_000
_MOST_LINE = 1 << 40


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    return [
        site.get("/api/console", standing),
        site.get("/api/console/lines", lines),
        site.get("/api/console/find", find, is_endless=lambda asked: True),
    ]


def standing(api: Api, asked: Asked) -> object:
    """Answer with how many lines each log of a run has, and with the lines that are not ended yet."""
    run = run_of(api, asked.text("ref"))
    return [
        {**vars(log), "open": [line._asdict() for line in log.open]} for log in console_logs(run.connection, run.place)
    ]


def lines(api: Api, asked: Asked) -> object:
    """Answer with lines of one log, by columns; fewer than asked for where they are long.

    A stream is the digit of its place among stdout, stderr and logger.
    """
    run = run_of(api, asked.text("ref"))
    log, first = asked.number("log", 0, _MOST_LINE), asked.number("from", 0, _MOST_LINE)
    found = console_lines(run.connection, run.place, log, first, asked.number("count", 500, _MOST_LINES))
    return {
        "from": first,
        "streams": "".join(str(STREAMS.index(line.stream)) for line in found),
        "times": [round(line.time, 3) for line in found],
        "texts": [line.text for line in found],
    }


def find(api: Api, asked: Asked) -> object:
    """Answer with the lines in which `text` is found; with `regex=1` it is an expression, with `case=1` case counts."""
    run = run_of(api, asked.text("ref"))
    text = asked.text("text")
    if not text:
        return {"logs": [], "lines": [], "total": 0}
    flags = {name: asked.text(name, "") == "1" for name in ("regex", "case")}
    try:
        found = find_in_console(run.connection, run.place, text, most=_MOST_PLACES, **flags)
    except re.error as error:
        raise UsageError(f"{text!r:.80} is no regular expression: {error}") from None
    return {"logs": [log for log, _ in found.places], "lines": [line for _, line in found.places], "total": found.total}

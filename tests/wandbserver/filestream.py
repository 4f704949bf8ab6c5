"""What a file_stream request may say, checked before anything of it is applied."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container
from typing import Any

import orjson

from tests.wandbserver.recorded import CONSOLE, EVENTS, HISTORY, SUMMARY, JsonObject, RecordedRun
from tests.wandbserver.refusals import Refused

# The last two come from clients that deliver from Python, 0.24 and older.
_MEMBERS = {"files", "uploaded", "preempting", "complete", "exitcode", "dropped", "failed"}
_FLAGS = ("preempting", "complete", "failed")

_CONSOLE_LINE = re.compile(r"(?:ERROR )?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z? ")
_CONSOLE_MEMBERS = {"level", "ts", "content", "label"}


def check_push(
    run: RecordedRun, body: JsonObject, arrived: Container[str], *, has_structured_console: bool = False
) -> None:
    """Return if the body of a push is in order, given what the run has so far. Raises Refused, naming the place.

    `arrived` are the paths of all files whose bytes were put, those of artifacts included.
    """
    if unknown := body.keys() - _MEMBERS:
        raise Refused(f"unknown members {sorted(unknown)}")
    for flag in _FLAGS:
        _require(isinstance(body.get(flag, False), bool), f"{flag} is no boolean")
    _require(_is_count(body.get("dropped", 0)), "dropped is no count")
    _check_end(body)
    _check_uploaded(arrived, body.get("uploaded", []))
    files = body.get("files", {})
    _require(isinstance(files, dict), "files is no object")
    line_checks = _LINE_CHECKS | ({CONSOLE: _check_structured} if has_structured_console else {})
    for name, chunk in files.items():
        _require(name in line_checks, f"no stream is called {name!r}")
        _check_chunk(run, name, chunk, line_checks[name])


def _require(is_met: bool, reason: str) -> None:
    if not is_met:
        raise Refused(reason)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _check_end(body: JsonObject) -> None:
    if body.get("complete"):
        _require(type(body.get("exitcode")) is int, "complete without an exitcode that is an integer")
    else:
        _require("exitcode" not in body, "exitcode of a run that is not complete")


def _check_uploaded(arrived: Container[str], uploaded: Any) -> None:
    _require(isinstance(uploaded, list), "uploaded is no list")
    for path in uploaded:
        _require(isinstance(path, str) and path in arrived, f"uploaded names {path!r}, of which no bytes have arrived")


def _check_chunk(run: RecordedRun, name: str, chunk: Any, check_line: Callable[[str], None]) -> None:
    _require(isinstance(chunk, dict) and chunk.keys() == {"offset", "content"}, f"{name}: not offset and content")
    offset, content = chunk["offset"], chunk["content"]
    _require(_is_count(offset), f"{name}: offset {offset!r} is no line number")
    _require(isinstance(content, list), f"{name}: content is no list")
    held = len(run.lines.get(name, []))
    _require(offset <= held, f"{name}: offset {offset} is beyond the end, {held} lines are held")
    if name == SUMMARY:
        _require((offset, len(content)) == (0, 1), f"{name}: not its one line, but {len(content)} at {offset}")
    for number, line in enumerate(content, offset):
        try:
            check_line(line)
        except (Refused, ValueError, TypeError) as error:
            raise Refused(f"{name}, line {number}: {error}: {line!r:.200}") from None


def _check_object(line: str) -> None:
    _parsed(line)


def _check_row(line: str) -> None:
    step = _parsed(line).get("_step")
    _require(_is_count(step), f"_step is {step!r}")


def _check_console(line: str) -> None:
    _require(_CONSOLE_LINE.match(line) is not None, "neither time nor ERROR and time before the text")
    _require("\n" not in line.removesuffix("\n"), "more than one line")


def _check_structured(line: str) -> None:
    said = _parsed(line)
    _require({"ts", "content"} <= said.keys() <= _CONSOLE_MEMBERS, f"members are {sorted(said)}")
    _require(all(isinstance(value, str) for value in said.values()), "not all are texts")


def _parsed(line: str) -> JsonObject:
    try:
        value = orjson.loads(line)
    except ValueError:
        value = json.loads(line)  # takes bare NaN and Infinity, and is slower
    if not isinstance(value, dict):
        raise Refused("no JSON object")
    return value


_LINE_CHECKS: dict[str, Callable[[str], None]] = {
    HISTORY: _check_row,
    EVENTS: _check_object,
    SUMMARY: _check_object,
    CONSOLE: _check_console,
}

"""What a W&B-compatible server has been told about one run or one artifact.

Lines of a file stream are kept as they came, and parsed when asked for: a test that fails can then show
the bytes. Nothing here merges, dedupes or repairs; whoever sends a row twice finds it here twice.

Rules of this file: no I/O, no threads. The server that calls `apply_push` holds the lock.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

HISTORY = "wandb-history.jsonl"
EVENTS = "wandb-events.jsonl"
SUMMARY = "wandb-summary.json"
CONSOLE = "output.log"

# "ERROR " marks stderr; the time has no zone, and is the time of the upload rather than of the print.
_CONSOLE_LINE = re.compile(r"^(?:ERROR )?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z? ?(?P<text>.*)$", re.DOTALL)


# Fields of a run by the name that an UpsertBucket's input has for them.
_DESCRIPTION = {
    "display_name": "displayName", "notes": "notes", "group": "groupName", "job_type": "jobType", "host": "host",
    "program": "jobProgram", "commit": "commit", "repo": "jobRepo", "sweep": "sweep",
}  # fmt: skip


def parse_object(text: str) -> JsonObject:
    """Return the JSON object in `text`; bare NaN, Infinity and -Infinity count as numbers.

    Raises ValueError if `text` is not JSON, or not an object.
    """
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, got {type(value).__name__}: {text[:80]!r}")
    return value


def parse_objects(lines: list[str]) -> list[JsonObject]:
    """Return the objects of a JSONL file's lines; the blank lines of a gap are left out."""
    return [parse_object(line) for line in lines if line]


def console_text(line: str) -> str:
    """Return the text of one console line, without its ERROR mark, its time and the newline of older clients."""
    line = line.removesuffix("\n")
    matched = _CONSOLE_LINE.match(line)
    return matched["text"] if matched else line


def framed_line(line: str) -> str:
    """Return a console line in the older form, `[ERROR ]TIME text`, where it came as a JSON object."""
    if not line.startswith("{"):
        return line
    told = parse_object(line)
    mark = "ERROR " if told.get("level") == "error" else ""
    return f"{mark}{told['ts']} {told['content']}"


@dataclass
class RecordedManifest:
    """One manifest of an artifact; `content` is None until it was put."""

    manifest_id: str
    name: str
    type: str
    content: JsonObject | None = None


@dataclass
class RecordedArtifact:
    """One artifact: what it was announced as, and the bytes that arrived for it."""

    artifact_id: str
    announced: JsonObject
    """The input of CreateArtifact, unchanged."""
    committed: bool = False
    manifest: JsonObject | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    """Bytes by path inside the artifact."""
    used_by: list[str] = field(default_factory=list)
    """The ids of runs that were said to use it, each time that it was said."""
    run_ids: list[str] = field(default_factory=list)
    """The ids of the runs that announced it, in that order."""
    aliases: set[str] = field(default_factory=set)
    """The aliases that point to it now."""
    wanted_aliases: set[str] = field(default_factory=set)
    """The aliases that it was announced with."""
    manifests: dict[str, RecordedManifest] = field(default_factory=dict)
    """By the server's id; `manifest` is what was put last."""
    parts: dict[str, tuple[str, str, dict[int, bytes]]] = field(default_factory=dict)
    """Uploads in parts by their id: path, MD5 in base64, bytes by part number."""

    @property
    def type(self) -> str:
        """The name of its type."""
        return str(self.announced["artifactTypeName"])

    @property
    def name(self) -> str:
        """The name of its collection, without version or alias."""
        names = self.announced.get("artifactCollectionNames") or [self.announced["artifactCollectionName"]]
        return str(names[0])


@dataclass
class RecordedRun:
    """One run, as far as the server has been told about it."""

    entity: str
    project: str
    run_id: str
    config: JsonObject = field(default_factory=dict)
    """The user's config, plain values."""
    wandb_config: JsonObject = field(default_factory=dict)
    """The config's `_wandb` key: telemetry, metric definitions, environment."""
    lines: dict[str, list[str]] = field(default_factory=dict)
    """File streams by file name, as they came."""
    pushes: list[JsonObject] = field(default_factory=list)
    """Bodies of all file_stream requests, in order of arrival."""
    overwritten: list[tuple[str, int]] = field(default_factory=list)
    """(file, line number) of every stream line that was sent again, the summary's one line excepted."""
    changed: list[tuple[str, int]] = field(default_factory=list)
    """Those of the `overwritten` that were not sent as they were before."""
    after_complete: list[int] = field(default_factory=list)
    """Numbers of the pushes that came with lines when the run was complete already."""
    gaps: list[tuple[str, int]] = field(default_factory=list)
    """(file, offset) of every push that began beyond the end of what had come before."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Uploaded run files by path."""
    exit_code: int | None = None
    complete: bool = False
    preempting: bool = False
    display_name: str | None = None
    notes: str | None = None
    tags: list[str] = field(default_factory=list)
    group: str | None = None
    job_type: str | None = None
    host: str | None = None
    program: str | None = None
    commit: str | None = None
    repo: str | None = None
    sweep: str | None = None

    @property
    def history(self) -> list[JsonObject]:
        """Rows in order of line number."""
        return parse_objects(self.lines.get(HISTORY, []))

    @property
    def events(self) -> list[JsonObject]:
        """Samples of system metrics in order of line number."""
        return parse_objects(self.lines.get(EVENTS, []))

    @property
    def summary(self) -> JsonObject:
        """The last summary sent, empty if there was none."""
        lines = self.lines.get(SUMMARY, [])
        return parse_object(lines[0]) if lines else {}

    @property
    def console_raw(self) -> list[str]:
        """Console lines as they came, with time and ERROR mark."""
        return list(self.lines.get(CONSOLE, []))

    @property
    def console(self) -> list[str]:
        """Console lines, text only."""
        return [console_text(line) for line in self.console_raw]

    def console_of(self, stream: str) -> list[str]:
        """Return the texts of the lines of "stdout" or "stderr"; between the two, clients keep no order."""
        lines = [framed_line(line) for line in self.console_raw]
        return [console_text(line) for line in lines if line.startswith("ERROR ") == (stream == "stderr")]

    @property
    def state(self) -> str:
        """What the server calls the run's state."""
        if not self.complete:
            return "running"
        return "finished" if self.exit_code == 0 else "failed"

    def apply_upsert(self, wanted: JsonObject, config: JsonObject | None) -> None:
        """Take over the input of an UpsertBucket, and the config in it; a null leaves what was known."""
        if config is not None:
            self._take_config(config)
        for name, told_as in _DESCRIPTION.items():
            setattr(self, name, wanted.get(told_as) or getattr(self, name))
        if wanted.get("tags") is not None:
            self.tags = list(wanted["tags"])

    def set_back(self, metric: str, value: float) -> None:
        """Drop the rows behind the one where `metric` has this value."""
        self.lines[HISTORY] = [line for line in self.lines.get(HISTORY, []) if parse_object(line)[metric] <= value]

    def _take_config(self, wrapped: JsonObject) -> None:
        # Every top-level key is wrapped as {"value": ...}, and each upsert carries the whole config.
        plain = {key: entry["value"] for key, entry in wrapped.items()}
        self.wandb_config = plain.pop("_wandb", {})
        self.config = plain

    def apply_push(self, body: JsonObject) -> None:
        """Apply one file_stream request."""
        if self.complete and body.get("files"):
            self.after_complete.append(len(self.pushes))
        self.pushes.append(body)
        for name, chunk in body.get("files", {}).items():
            self._write_lines(name, chunk["offset"], chunk["content"])
        if body.get("preempting"):
            self.preempting = True
        if body.get("complete"):
            self.complete = True
            self.exit_code = body.get("exitcode")

    def _write_lines(self, name: str, offset: int, content: list[str]) -> None:
        lines = self.lines.setdefault(name, [])
        if offset > len(lines):
            self.gaps.append((name, offset))
            lines.extend([""] * (offset - len(lines)))
        if name != SUMMARY:
            again = list(enumerate(zip(lines[offset:], content, strict=False), offset))
            self.overwritten += [(name, number) for number, _ in again]
            self.changed += [(name, number) for number, (old, new) in again if old != new]
        # Content overwrites from its offset on; what lies behind it stays.
        lines[offset : offset + len(content)] = content

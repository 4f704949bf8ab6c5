"""The normal form of a run directory: all that two writers of one run must agree on, and nothing else.

A normal form is a dict of categories, each a dict of flat names and JSON values, so that two of them are compared
name by name. These differences of form mean nothing, and are gone from it:

- the order of records of different kinds, and of the items in a record; record numbers, `_info`, `control`;
- `key` or `nested_key`, and whether nested dicts are written as leaves or as one JSON value (but for the config's
  updates, where each top-level key is a value);
- how a number is spelled: 3.0 is 3, 1e3 is 1000; True is not 1;
- every point of time: `_timestamp`, `_runtime`, `_wandb.runtime`; that a row has the first two is kept;
- how often the summary is written: only what all summary records add up to counts, as for stock's `wandb sync`;
- writers and versions, telemetry, hosts, processes; below the config's `_wandb` everything but what the program asked
  for (NOT_OF_THE_PROGRAM names the rest);
- random ids: client ids of artifacts, and where the bytes of an artifact lie (that they are there and have the
  entry's digest counts);
- where the program ran: its folder is `<cwd>`;
- the addresses of modules in the graphs of models, and the digests of files that hold them;
- the values of system metrics: their names count;
- pieces of console output: the lines that a person saw at last count, those of the tools (`wandb: ...`) excepted;
- whether a wrong argument is refused with a TypeError, ValueError or a RunstoreError: that it is refused counts, and
  that a program which catches stock's errors (`wandb.Error` and what derives from it) catches ours;
- files that are made at delivery or hold what the machine is (MADE_LATER); of others the path, policy and digest count.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from runstore.core.keys import drop, flatten, path_of, put
from runstore.core.screen import Screen
from runstore.core.terminal import TerminalLine
from runstore.runlog import codec
from runstore.runlog.reader import LogReader
from runstore.runlog.record_pb2 import (
    ArtifactManifestEntry,
    ArtifactRecord,
    ConfigRecord,
    FilesItem,
    MetricRecord,
    OutputType,
    Record,
    SummaryRecord,
)

NormalForm: TypeAlias = dict[str, dict[str, Any]]

CATEGORIES = (
    "run",
    "config",
    "config updates",
    "wandb config",
    "history",
    "summary",
    "metrics",
    "files",
    "console",
    "alerts",
    "artifacts",
    "logger",
    "preempting",
    "exit",
    "stats",
    "program",
)
# Made when the run is delivered, or different on every machine; what the server gets of them is tested elsewhere.
MADE_LATER = frozenset(
    (
        "output.log",
        "config.yaml",
        "wandb-summary.json",
        "wandb-metadata.json",
        "requirements.txt",
        "conda-environment.yaml",
    )
)
NOT_OF_THE_PROGRAM = frozenset(
    ("t", "m", "e", "cli_version", "python_version", "is_jupyter_run", "is_kaggle_kernel", "start_time", "framework")
)
_TIMES = ("_timestamp", "_runtime")
_CLIENT_ID = re.compile(r"(?<=wandb-client-artifact://)[0-9a-zA-Z]+")
# The name of a table that grows holds the number of each piece (stock's first is "None", ours 0) and the time.
_INCREMENT = re.compile(r"\b(?:None|(\d+))-\d{13}(?=\.\S+\.table\.json)")
_GRAPH = re.compile(r"(?<=_summary_)[0-9a-f]{20}(?=\.graph\.json)")
_ADDRESS = re.compile(rb'"id": ?\d+')
_OF_THE_TOOLS = ("wandb:", "runstore:")


def normal_form(run_directory: Path, cwd: Path) -> NormalForm:
    """Return the normal form of the one log in `run_directory`; `cwd` is where its program ran.

    Raises AssertionError where the log is damaged or holds what is no record.
    """
    records = read_records(next(run_directory.glob("run-*.wandb")))
    form: NormalForm = {category: {} for category in CATEGORIES}
    for category, make in _CATEGORY.items():
        form[category] = make(records)
    form["artifacts"] = _artifacts(records, cwd)
    form["files"] |= dict(_files_on_disk(run_directory / "files"))
    for name in [name for name in form["summary"] if name.startswith("graph_") and name.endswith(" > sha256")]:
        form["summary"][name] = "<of addresses>"
    normal: NormalForm = spelled(form, str(cwd))
    return normal


def read_records(log: Path) -> list[Record]:
    """Return all records of a log that must be whole."""
    reader = LogReader(log)
    decoded = [codec.decode(framed.payload) for framed in reader]
    assert not reader.lost, f"{log}: {reader.lost}"
    assert None not in decoded, f"{log}: record {decoded.index(None)} is none"
    return [record for record in decoded if record is not None]


def _of_kind(records: list[Record], kind: str) -> Iterator[Any]:
    return (getattr(record, kind) for record in records if record.WhichOneof("record_type") == kind)


def _run(records: list[Record]) -> dict[str, Any]:
    """Return what the run is called and belongs to, as the last record that says so has it."""
    found: dict[str, Any] = {}
    for run in _of_kind(records, "run"):
        for name in ("run_id", "entity", "project", "run_group", "job_type", "display_name", "notes", "sweep_id"):
            found[name] = getattr(run, name) or found.get(name, "")
        found["tags"] = list(run.tags) or found.get("tags", [])
        found["starting_step"] = max(run.starting_step, found.get("starting_step", 0))
        found["resume"] = run.resume or found.get("resume", False)
        found["commit"] = run.git.commit or found.get("commit", "")
        found["remote"] = run.git.remote_url or found.get("remote", "")
        if run.HasField("branch_point"):
            point = run.branch_point
            found["branch"] = [point.run, point.value, point.metric]
    return found


def _config_tree(records: list[Record]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for record in records:
        kind = record.WhichOneof("record_type")
        change: ConfigRecord = record.run.config if kind == "run" else record.config
        for item in change.update:
            put(tree, codec.path_of(item) or ("",), codec.loads(item.value_json))
        for item in change.remove:
            drop(tree, codec.path_of(item) or ("",))
    return tree


def _config(records: list[Record]) -> dict[str, Any]:
    tree = _config_tree(records)
    tree.pop("_wandb", None)
    return leaves(tree)


def _wandb_config(records: list[Record]) -> dict[str, Any]:
    tree = _config_tree(records).get("_wandb") or {}
    return leaves({key: value for key, value in tree.items() if key not in NOT_OF_THE_PROGRAM})


def _config_updates(records: list[Record]) -> dict[str, Any]:
    """Return what each change of the config set or removed, in order; the first one comes with the run."""
    changes = []
    for record in records:
        kind = record.WhichOneof("record_type")
        change: ConfigRecord = record.run.config if kind == "run" else record.config
        updated = {
            " > ".join(codec.path_of(item)): codec.loads(item.value_json)
            for item in change.update
            if codec.path_of(item)[:1] != ("_wandb",)
        }
        removed = sorted(" > ".join(codec.path_of(item)) for item in change.remove)
        if updated or removed:
            changes.append({"set": updated, "removed": removed})
    return {str(number): change for number, change in enumerate(changes)}


def _history(records: list[Record]) -> dict[str, Any]:
    """Return each value by its step and key; of a step that has several rows, the second is step `3 again`."""
    found: dict[str, Any] = {}
    for history in _of_kind(records, "history"):
        row = codec.row_of(history)
        step = str(codec.step_of(history, row))
        while f"{step}: _step" in found:
            step += " again"
        for key, value in row.items():
            found[f"{step}: {' > '.join(path_of(key))}"] = _without_time(key, value)
    return found


def _without_time(key: Any, value: Any) -> Any:
    if key not in _TIMES or not isinstance(value, (int, float)):
        return value
    plausible = value > 1_700_000_000 if key == "_timestamp" else 0 <= value < 3600
    return "<time>" if plausible else value


def _summary(records: list[Record]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for summary in _of_kind(records, "summary"):
        _fold_summary(tree, summary)
    for key in (*_TIMES, "_wandb"):
        tree.pop(key, None)
    return leaves(tree)


def _fold_summary(tree: dict[str, Any], summary: SummaryRecord) -> None:
    for item in summary.update:
        put(tree, codec.path_of(item) or ("",), codec.loads(item.value_json))
    for item in summary.remove:
        drop(tree, codec.path_of(item) or ("",))


def leaves(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the leaves of nested dicts by their path, as text."""
    return {" > ".join(path_of(key)): value for key, value in flatten(tree).items()}


def _metrics(records: list[Record]) -> dict[str, Any]:
    """Return what was said of each metric, in order."""
    found: dict[str, Any] = {}
    for metric in _of_kind(records, "metric"):
        found.setdefault(metric.glob_name or metric.name, []).append(_metric(metric))
    return found


def _metric(metric: MetricRecord) -> dict[str, Any]:
    options = [field.name for field, _ in metric.options.ListFields()]
    summary = [field.name for field, _ in metric.summary.ListFields()]
    return {
        "glob": bool(metric.glob_name),
        "step_metric": metric.step_metric,
        "options": sorted(options),
        "summary": sorted(summary),
        "goal": metric.goal,
        "overwrite": metric.control.overwrite,
        "expanded_from_glob": metric.expanded_from_glob,
    }


def _announced_files(records: list[Record]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for files in _of_kind(records, "files"):
        for item in files.files:
            if item.path not in MADE_LATER:
                found[f"{item.path}: policy"] = FilesItem.PolicyType.Name(item.policy)
    return found


def _files_on_disk(files: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted(files.rglob("*")):
        name = path.relative_to(files).as_posix()
        if path.is_file() and name not in MADE_LATER:
            yield f"{name}: sha256", hashlib.sha256(_as_stocks_turn(path)).hexdigest()


def _as_stocks_turn(path: Path) -> bytes:
    """Return what a file holds, with stock's import for ours where it is a copy of the program that ran."""
    content = _ADDRESS.sub(b'"id":0', path.read_bytes()) if path.name.endswith(".graph.json") else path.read_bytes()
    return content.replace(b"import runstore as wandb\n", b"import wandb\n") if path.suffix == ".py" else content


def _console(records: list[Record]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind, stream in ((OutputType.STDOUT, "stdout"), (OutputType.STDERR, "stderr")):
        lines = _seen("".join(output.line for output in _of_kind(records, "output_raw") if output.output_type == kind))
        own = [line for line in lines if not line.startswith(_OF_THE_TOOLS)]
        found |= {f"{stream} {number}": line for number, line in enumerate(own)}
    return found


def _seen(text: str) -> list[str]:
    """Return the lines on a terminal when all of `text` was written to it."""
    screen, terminal = Screen(), TerminalLine()
    screen.feed(text)
    lines = terminal.feed(screen.redraw())
    return [*lines, terminal.text] if terminal.text else lines


def _alerts(records: list[Record]) -> dict[str, Any]:
    return {
        str(number): {"title": a.title, "text": a.text, "level": a.level, "wait_duration": a.wait_duration}
        for number, a in enumerate(_of_kind(records, "alert"))
    }


def _artifacts(records: list[Record], cwd: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for artifact in _of_kind(records, "artifact"):
        name = f"{artifact.type}/{artifact.name}"
        while f"{name}: digest" in found:
            name += " again"
        found |= {f"{name}: {key}": value for key, value in _artifact(artifact, cwd).items()}
    return found


def _artifact(artifact: ArtifactRecord, cwd: Path) -> dict[str, Any]:
    plain = ("digest", "description", "user_created", "use_after_commit", "distributed_id", "finalize", "base_id")
    manifest = artifact.manifest
    found = {name: getattr(artifact, name) for name in (*plain, "ttl_duration_seconds", "digest_algorithm")}
    found |= {"aliases": sorted(artifact.aliases), "tags": sorted(artifact.tags)}
    found["metadata"] = json.loads(artifact.metadata) if artifact.metadata else None
    found["manifest"] = [manifest.version, manifest.storage_policy]
    found["storage"] = {item.key: codec.loads(item.value_json) for item in manifest.storage_policy_config}
    found |= {f"entry {entry.path}": _entry(entry, cwd) for entry in manifest.contents}
    if artifact.type == "wandb-run-incremental-table":  # the names and references in it hold the time
        varying = {"digest": "<of times>", "size": "<of times>"}
        found["digest"] = "<of times>"
        found = {key: value | varying if key.startswith("entry") else value for key, value in found.items()}
    return found


def _entry(entry: ArtifactManifestEntry, cwd: Path) -> dict[str, Any]:
    """Return an entry of a manifest; `bytes` says whether they are where the entry says, and are those it names."""
    return {
        "digest": entry.digest,
        "size": entry.size,
        "ref": entry.ref,
        "skip_cache": entry.skip_cache,
        "extra": {item.key: codec.loads(item.value_json) for item in entry.extra},
        "bytes": _held(entry, cwd) if entry.local_path else None,
    }


def _held(entry: ArtifactManifestEntry, cwd: Path) -> str:
    path = cwd / entry.local_path
    if not path.is_file():
        return "gone"
    digest = base64.b64encode(hashlib.md5(path.read_bytes()).digest()).decode()
    return "there" if digest == entry.digest else "others"


def _logger(records: list[Record]) -> dict[str, Any]:
    return {str(number): line.line for number, line in enumerate(_of_kind(records, "output_logger"))}


def _preempting(records: list[Record]) -> dict[str, Any]:
    return {"times": sum(1 for _ in _of_kind(records, "preempting"))}


def _exit(records: list[Record]) -> dict[str, Any]:
    codes = [end.exit_code for end in _of_kind(records, "exit") if not end.not_complete]
    return {"codes": codes}


def _stats(records: list[Record]) -> dict[str, Any]:
    return {item.key: "sampled" for stats in _of_kind(records, "stats") for item in stats.item}


_CATEGORY: dict[str, Callable[[list[Record]], dict[str, Any]]] = {
    "run": _run,
    "config": _config,
    "config updates": _config_updates,
    "wandb config": _wandb_config,
    "history": _history,
    "summary": _summary,
    "metrics": _metrics,
    "files": _announced_files,
    "console": _console,
    "alerts": _alerts,
    "logger": _logger,
    "preempting": _preempting,
    "exit": _exit,
    "stats": _stats,
}


def spelled(value: Any, cwd: str) -> Any:
    """Return `value` with one spelling for each number, and neither the program's folder nor random ids in texts."""
    if isinstance(value, dict):
        return {spelled(key, cwd): spelled(item, cwd) for key, item in value.items()}
    if isinstance(value, list):
        return [spelled(item, cwd) for item in value]
    if isinstance(value, str):
        value = _CLIENT_ID.sub("<id>", value.replace(cwd, "<cwd>"))
        value = _INCREMENT.sub(lambda found: f"{found[1] or 0}-<time>", value)
        return _GRAPH.sub("<of addresses>", value)
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value

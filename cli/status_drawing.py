"""How far runs are, as a person reads it: from what `status --json` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runstore.cli.output import size
from runstore.cli.table import aligned, printable

_MOST_RUNS = 20
_MOST_ERRORS = 5
_DONE = ("delivered", "ahead")


def overview(facts: Mapping[str, Any], *, with_all: bool = False, rows: int = 0) -> str:
    """Return all runs on one screen: totals, targets, and the runs of which something waits, at most some 20.

    `rows` is how many lines there is room for, 0 for any number; `with_all` lists every run.
    """
    head = [*_about_daemon(facts["daemon"]), *_totals(facts["totals"]), "", *_targets(facts["targets"])]
    head += _mirrors(facts["mirrors"])
    head += [printable(f"! {sentence}") for sentence in list(facts["errors"].values())[:_MOST_ERRORS]]
    waiting = [run for run in facts["runs"] if with_all or not run["is_settled"]]
    room = max(1, rows - len(head) - 4) if rows else (len(waiting) if with_all else _MOST_RUNS)
    return "\n".join([*head, "", *_runs(waiting[:room], len(waiting), facts)])


def story(facts: Mapping[str, Any]) -> str:
    """Return all that there is to say of few runs: each log, at each target."""
    lines: list[str] = []
    for run in facts["runs"]:
        lines.append(f"run:      {printable(run['run'])}")
        for log in run["logs"]:
            lines += ["", f"log:      {printable(log['path'])}", f"durable:  {_amount(log, 'durable')}"]
            lines.append(f"indexed:  {_indexed(log)}")
            lines += [f"{target['name'] + ':':9} {_at_length(target)}" for target in log["targets"]]
            if not log["targets"]:
                lines.append("delivered: nowhere; it goes to no target (runstore remote add, runstore daemon start)")
            if log["error"]:
                lines.append(f"! {printable(log['error'])}")
        lines.append("")
    if facts["daemon"]["note"]:
        lines.append(printable(facts["daemon"]["note"]))
    return "\n".join(lines).rstrip("\n")


def _about_daemon(daemon: Mapping[str, Any]) -> Iterator[str]:
    if daemon["pid"] is None:
        yield f"daemon:   {printable(daemon['note'])}"
        return
    since = daemon["started_at"].replace("T", " ")[:19]
    watching = printable(", ".join(daemon["watching"])) or "nothing"
    yield f"daemon:   pid {daemon['pid']} since {since} UTC, watching {watching}"
    if daemon["note"]:
        yield f"          {printable(daemon['note'])}"


def _totals(totals: Mapping[str, Any]) -> Iterator[str]:
    yield f"durable:  {_amount(totals, 'durable')} in {_many(totals['logs'], 'log')} of {_many(totals['runs'], 'run')}"
    yield f"indexed:  {_indexed(totals)}"


def _targets(targets: list[Mapping[str, Any]]) -> list[str]:
    if not targets:
        return ["delivered: nowhere; say where to: runstore remote add NAME URL --token T"]
    rows = [
        (
            target["name"],
            target["state"] or "",
            f"{target['logs_delivered']:,} of {_many(target['logs'], 'log')}",
            f"{target['delivered_records']:,}",
            size(target["delivered_bytes"]),
            _files(target),
        )
        for target in targets
    ]
    lines = aligned(rows, ("TARGET", "STATE", "DELIVERED", "RECORDS", "SIZE", "FILES")).split("\n")
    for target in targets:
        if target["last_error"]:
            lines.append(printable(f"! {target['name']}: {target['last_error']}{_again(target['retry_in'])}"))
        if target["lost_bytes"]:
            lines.append(printable(f"! {target['name']} holds {_lost(target['lost_bytes'])}"))
    return lines


def _mirrors(mirrors: list[Mapping[str, Any]]) -> list[str]:
    """Return what came from folders of bundles, and what is wrong there."""
    if not mirrors:
        return []
    rows = [
        (
            mirror["folder"],
            mirror["into"],
            mirror["state"] or "",
            f"{mirror['bundles']:,}",
            size(mirror["new_bytes"]),
            f"{mirror['new_files']:,}",
            (mirror["last_at"] or "never").replace("T", " ")[:19],
        )
        for mirror in mirrors
    ]
    lines = ["", *aligned(rows, ("BUNDLES FROM", "INTO", "STATE", "CAME", "LOGS", "FILES", "LAST")).split("\n")]
    for mirror in mirrors:
        if mirror["last_error"]:
            lines.append(printable(f"! {mirror['last_error']}{_again(mirror['retry_in'])}"))
        said = [*mirror["refused"].items(), *((run, f"waits for {why}") for run, why in mirror["waiting"].items())]
        lines += [printable(f"! {what}: {why}" if what not in why else f"! {why}") for what, why in said[:_MOST_ERRORS]]
        if len(said) > _MOST_ERRORS:
            lines.append(f"! and {len(said) - _MOST_ERRORS:,} more; see runstore status --json")
    return lines


def _runs(shown: list[Mapping[str, Any]], waiting: int, facts: Mapping[str, Any]) -> list[str]:
    total = facts["totals"]["runs"]
    if not total:
        return ["there are no runs"]
    if not waiting:
        one_way = sum(target["logs_one_way"] for target in facts["targets"])
        unproven = f"; of {_many(one_way, 'log')}, written one way, nobody knows whether they arrived" * bool(one_way)
        return [f"nothing waits: {_many(total, 'run')}, indexed and delivered to where they go{unproven}"]
    names = list(dict.fromkeys(target["name"] for run in shown for target in run["targets"]))
    rows = []
    for run in shown:
        at = {target["name"]: _in_short(target, run) for target in run["targets"]}
        rows.append((run["run"], _amount(run, "durable"), _indexed(run), *(at.get(name, "-") for name in names)))
    lines = aligned(rows, ("RUN", "DURABLE", "INDEXED", *(name.upper() for name in names))).split("\n")
    more = waiting - len(shown)
    if more > 0:
        lines.append(f"and {more:,} more (--all lists every run)")
    if total > waiting:
        lines.append(f"{_many(total - waiting, 'more run')}, indexed and delivered to where they go")
    return lines


def _amount(what: Mapping[str, Any], kind: str) -> str:
    records = what[f"{kind}_records"]
    return f"{'more records' if records is None else _many(records, 'record')}, {size(what[f'{kind}_bytes'])}"


def _indexed(what: Mapping[str, Any]) -> str:
    if what["indexed_bytes"] == what["durable_bytes"]:
        return "all"
    return _amount(what, "indexed")


def _in_short(target: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    state = str(target["state"])
    if state in _DONE:
        return "delivered" if state == "delivered" else f"delivered; {_lost(target['lost_bytes'])}"
    if state == "files":
        left = target["files_left"]
        return f"records delivered, {_many(left, 'file')} left" if left > 0 else "records delivered, files to come"
    total = run["durable_records"]
    part = f", {_percent(target['delivered_records'], total)}" if total and target["delivered_records"] else ""
    return f"{state}{part}"


def _at_length(target: Mapping[str, Any]) -> str:
    since = f", proven {target['verified_at'].replace('T', ' ')[:19]} UTC" if target["verified_at"] else ""
    said = [
        f"{target['state']}: {_many(target['delivered_records'], 'record')}, {size(target['delivered_bytes'])}{since}"
    ]
    said.append(_files(target))
    if target["bundle"]:
        expected = ", no receipt is expected" if target["state"] == "written one way" else ""
        said.append(f"in bundle {target['bundle'][:12]}{expected}")
    if target["lost_bytes"]:
        said.append(_lost(target["lost_bytes"]))
    if target["error"]:
        said.append(target["error"])
    if target["retry_at"]:
        said.append(f"tried again {target['retry_at'].replace('T', ' ')[:19]} UTC")
    return printable("; ".join(filter(None, said)))


def _files(what: Mapping[str, Any]) -> str:
    left = what["files_left"]
    waiting = f", {left:,} left" if left > 0 else ", to be looked for" if left < 0 else ""
    return f"{_many(what['files_delivered'], 'file')}{waiting}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _lost(count: int) -> str:
    return f"{count:,} bytes of logs that are not here any more (the source lost them; they are safe there)"


def _again(seconds: float | None) -> str:
    return f" (tried again in {seconds:.0f} s)" if seconds else ""


def _percent(part: int, whole: int) -> str:
    return f"{min(99, 100 * part // whole)} %"

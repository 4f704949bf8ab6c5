"""The JSON that commands print is a contract: every field is in docs/cli.md, and every field there is printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import ONE_RUN, Bench

CLI = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
FREE = (
    "config",
    "summary",
    "errors",
    "files",
    "differing",
    "delivered_bytes",
    "delivered_records",
    "states",
    "retry_in",
)
"""Objects whose fields the user's own names make."""
WITH_EDITS = """
    import runstore
    run = runstore.Api().run("one")
    run.notes = "edited"
    run.update()
"""


def documented(*commands: str) -> set[str]:
    """Return the words in backticks of what the document says of some commands' JSON, each behind its name in bold."""
    _, *pieces = re.split(r"\*\*(`.+?)\*\*", CLI[CLI.index("## JSON") : CLI.index("## Damaged logs")])
    said = zip(pieces[::2], pieces[1::2], strict=True)
    parts = [text for title, text in said if any(f"`{command}" in title for command in commands)]
    assert parts, commands
    return {word for part in parts for word in re.findall(r"`(\w+)`", part)}


def fields(value: Any) -> Iterator[str]:
    """Yield the names of all fields in what a command printed, but for those that are the user's own."""
    if isinstance(value, list):
        for item in value:
            yield from fields(item)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            if name not in FREE:
                yield from fields(inner)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A folder with one run, whose log lost a row."""
    bench = Bench(tmp_path_factory.mktemp("documented"))
    for script in (ONE_RUN, WITH_EDITS):
        done = bench.train(script)
        assert done.returncode == 0, done.stderr
    log = next(bench.folder.glob("wandb/*/run-one.wandb"))
    whole = log.read_bytes()
    (bench.folder / "broken").mkdir()
    middle = len(whole) // 2
    broken = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    (bench.folder / "broken" / "run-one.wandb").write_bytes(broken)
    return bench


def test_runs_have_the_documented_fields(bench: Bench) -> None:
    table = re.search(r"\*\*`runs list --json`\*\*.+?\n\n(\|.+?)\n\n", CLI, re.DOTALL)
    assert table is not None
    names = [name for line in table[1].splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    (listed,), shown = bench.json("runs", "list", "wandb"), bench.json("runs", "show", "one")
    assert listed.keys() <= shown.keys()
    assert sorted(shown) == sorted(names)
    for row in bench.json("runs", "history", "one"):
        assert {name for name in row if name.startswith("_")} <= documented("runs history") | {"_step"}


def test_a_sync_and_the_daemon_report_the_documented_fields(bench: Bench) -> None:
    bench.runstore("bundle", "mirror", "add", "bundles")
    with bench.hub():
        report = bench.json("sync")
        standing = bench.json("status", "wandb", code=0)
        bench.runstore("daemon", "start", "--watch", "wandb", "--remote", "lab")
        try:
            status = bench.json("daemon", "status")
            for _ in range(100):  # each takes as long as a process does
                if status["logs"]:
                    break
                status = bench.json("daemon", "status")
        finally:
            bench.runstore("daemon", "stop")
    assert set(fields(report)) == documented("sync --json")
    assert set(fields(status)) == documented("daemon status")
    assert set(fields(standing)) == documented("status") - {"null"}


def test_remotes_have_the_documented_fields(bench: Bench) -> None:
    bench.runstore("remote", "add", "documented", "http://hub.example")
    assert set(fields(bench.json("remote", "list"))) == documented("remote list")
    bench.runstore("remote", "remove", "documented")


def test_what_is_said_of_damaged_logs_is_documented(bench: Bench) -> None:
    (found,) = bench.json("verify", "broken", code=1)
    always = {"path", "intact", "size", "records", "missing", "damaged_bytes", "torn_bytes", "lost", "sentence"}
    assert always <= set(fields(found)) <= documented("verify")
    log = bench.folder / "broken" / "run-one.wandb"
    repaired = bench.json("repair", str(log), "--to", "new.wandb")
    assert set(repaired) <= documented("repair")
    assert set(fields(repaired["found"])) <= documented("verify")


@pytest.mark.parametrize(
    "command",
    [
        "runs compare one one --all",
        "runs tag one --add x",
        "runs note one text",
        "runs rename one first",
        "search hello",
        "export one out --to csv --force",
        "index info",
        "index check",
        "index rebuild",
        "offline",
        "disabled",
        "enabled",
    ],
)
def test_every_field_that_is_printed_is_documented(bench: Bench, command: str) -> None:
    words = command.split()
    name = " ".join(words[:2]) if words[0] in ("runs", "index") else words[0]
    printed = set(fields(bench.json(*words)))
    if name in ("runs note", "runs rename"):
        name = "runs tag"  # of which the document tells together
    assert printed - {"name", "notes", "tags"} <= documented(name)


def test_settings_and_remotes_are_documented(bench: Bench) -> None:
    for setting in bench.json("settings").values():
        assert set(setting) <= documented("settings")

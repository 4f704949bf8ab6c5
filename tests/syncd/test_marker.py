"""The mark of what is delivered: only where all of it is, everywhere, and only while that is so."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runstore.index.indexer import Indexer
from runstore.index.marks import mark_of
from runstore.paths import edit_log_path
from runstore.syncd import marker, receipts
from runstore.syncd.delivery import Ready, ready
from runstore.syncd.receipts import Receipt
from runstore.syncd.removal import RunDirectory
from runstore.syncd.stamps import stamp_of
from tests.index.writing import exit_record, plain_rows, write_log

Logs = dict[Path, Ready]
BOTH = ("lab", "far")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run directory of a run that has ended, with a file."""
    log = write_log(tmp_path / "wandb", [*plain_rows(range(20)), exit_record()])
    (log.parent / "files").mkdir(exist_ok=True)
    (log.parent / "files" / "config.yaml").write_text("a: 1")
    return log.parent


def known(folder: Path) -> Logs:
    """Return what an index says of the logs in a folder."""
    with closing(Indexer(folder.parent / "i.db")) as indexer:
        indexer.catch_up_below(folder)
        found = [ready(indexer, log) for log in sorted(folder.glob("run-*")) if log.suffix in (".wandb", ".rslog")]
    assert all(found)
    return {what.log: what for what in found if what is not None}


def prove(logs: Logs, *targets: str) -> None:
    """Let targets prove to hold all of it: logs and files."""
    for log, what in logs.items():
        files = {
            path.name: stamp_of(path, path.stat().st_mtime_ns) for path in sorted((log.parent / "files").iterdir())
        }
        for name in targets:
            receipt = Receipt(name, what.end, "00" * 32, what.records, "2025-01-02T03:04:05+00:00", files, {}, 0)
            receipts.save(log, what.log_id, f"hub:{name}", receipt)


def marks(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "synced" in path.name)


def the_log(folder: Path) -> Path:
    return next(folder.glob("run-*.wandb"))


def test_a_run_is_marked_when_every_target_has_proven_all_of_it(folder: Path) -> None:
    logs = known(folder)
    prove(logs, "lab")
    assert "is not delivered to far" in marker.put(folder, logs, BOTH)
    assert marks(folder) == []
    prove(logs, "far")
    assert marker.put(folder, logs, BOTH) == ""
    assert marks(folder) == [the_log(folder).name + ".synced"]
    assert marker.put(folder, logs, BOTH) == ""


def test_a_run_that_goes_nowhere_is_not_marked(folder: Path) -> None:
    logs = known(folder)
    prove(logs, "lab")
    assert "no target" in marker.put(folder, logs, ())


def test_a_run_without_an_end_is_not_marked(tmp_path: Path) -> None:
    log = write_log(tmp_path / "wandb", plain_rows(range(20)))
    (log.parent / "files").mkdir(exist_ok=True)
    logs = known(log.parent)
    prove(logs, "lab")
    assert "has not ended" in marker.put(log.parent, logs, ["lab"])


def add_blob(folder: Path) -> None:
    (folder / "blobs").mkdir()
    (folder / "blobs" / ("ab" * 32)).write_bytes(b"x")


SPOILED: dict[str, Callable[[Path], object]] = {
    "record": lambda folder: the_log(folder).write_bytes(the_log(folder).read_bytes() + b"half a rec"),
    "file": lambda folder: (folder / "files" / "new.txt").write_text("x"),
    "changed file": lambda folder: (folder / "files" / "config.yaml").write_text("a: 22"),
    "blob": add_blob,
    "log": lambda folder: shutil.copy(the_log(folder), folder / "run-another.wandb"),
    "edits": lambda folder: edit_log_path(the_log(folder)).write_bytes(the_log(folder).read_bytes()),
    "something else": lambda folder: (folder / "notes.txt").write_text("mine"),
    "link that leads nowhere": lambda folder: (folder / "files" / "link").symlink_to("/nowhere/at/all"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_directory_with_something_that_is_not_delivered_is_not_marked(folder: Path, what: str) -> None:
    logs = known(folder)
    prove(logs, "lab")
    SPOILED[what](folder)
    assert marker.put(folder, logs, ["lab"]) != ""
    assert marks(folder) == []


WRONG: list[dict[str, Any]] = [{"held": 10**6}, {"error": "a conflict"}, {"size": 5}, {"remote": "far"}]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_receipt_that_does_not_prove_all_is_no_proof(folder: Path, wrong: dict[str, Any]) -> None:
    logs = known(folder)
    prove(logs, "lab")
    ((log, what),) = logs.items()
    receipts.save(log, what.log_id, "hub:lab", replace(receipts.load(log, what.log_id)["hub:lab"], **wrong))
    assert marker.put(folder, logs, ["lab"]) != ""


def test_what_tools_write_for_themselves_needs_no_delivery(folder: Path) -> None:
    (folder / "logs").mkdir()
    (folder / "logs" / "debug.log").write_text("x")
    logs = known(folder)
    prove(logs, "lab")
    assert marker.put(folder, logs, ["lab"]) == ""


def test_a_log_that_grows_loses_its_mark(folder: Path) -> None:
    logs = known(folder)
    prove(logs, "lab")
    marker.put(folder, logs, ["lab"])
    assert not marker.take_back(folder, logs, 0.0)
    ((log, what),) = logs.items()
    assert marker.take_back(folder, {log: replace(what, end=what.end + 100)}, 0.0)
    assert marks(folder) == []


def test_a_new_log_or_a_changed_file_takes_the_mark_away(folder: Path) -> None:
    logs = known(folder)
    prove(logs, "lab")
    ((log, what),) = logs.items()
    edits = edit_log_path(log)
    marker.put(folder, logs, ["lab"])
    assert marker.take_back(folder, {**logs, edits: replace(what, log=edits)}, 0.0)
    marker.put(folder, logs, ["lab"])
    then = mark_of(log).stat().st_mtime
    assert not marker.take_back(folder, logs, then - 5)
    assert marker.take_back(folder, logs, then + 5)


def test_a_mark_of_stock_tools_is_never_taken_away_nor_changed(folder: Path) -> None:
    logs = known(folder)
    prove(logs, "lab")
    ((log, what),) = logs.items()
    mark_of(log).write_text("")
    assert marker.put(folder, logs, ["lab"]) == ""
    assert mark_of(log).read_text() == ""
    assert not marker.take_back(folder, {log: replace(what, end=1)}, 1e12)
    assert marker.is_put(log)


@pytest.mark.parametrize("content", [b"x", b"[]", b"{}", b'{"runstore": 3}', b"\xff", b'{"other": {"sizes": {}}}'])
def test_a_mark_with_other_content_is_not_ours(folder: Path, content: bytes) -> None:
    logs = known(folder)
    ((log, what),) = logs.items()
    mark_of(log).write_bytes(content)
    assert not marker.take_back(folder, {log: replace(what, end=1)}, 1e12)


def test_a_pipe_in_the_place_of_a_mark_is_not_waited_for(folder: Path) -> None:
    logs = known(folder)
    ((log, what),) = logs.items()
    os.mkfifo(mark_of(log))
    assert not marker.take_back(folder, {log: replace(what, end=1)}, 1e12)
    assert marker.is_put(log)


def test_a_directory_that_cannot_be_written_is_left_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = known(folder)
    prove(logs, "lab")

    def refuse(path: Path, data: bytes) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert "Read-only file system" in marker.put(folder, logs, ["lab"])
    assert marks(folder) == []


def test_where_there_are_no_links_the_mark_is_whole_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = known(folder)
    prove(logs, "lab")

    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert marker.put(folder, logs, ["lab"]) == ""
    assert len(marks(folder)) == 1


def test_a_mark_does_not_keep_a_delivered_run_from_being_removed(folder: Path) -> None:
    logs = known(folder)
    prove(logs, "lab")
    marker.put(folder, logs, ["lab"])
    assert "synced" not in RunDirectory(folder, tuple(logs)).undelivered()

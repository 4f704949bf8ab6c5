"""Receipts: beside the log where that can be, and never in the way."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from runstore.errors import StorageError
from runstore.paths import home_folder, receipts_path
from runstore.syncd import receipts
from runstore.syncd.receipts import FileStamp, Receipt
from tests.syncd.hubs import log_below, program
from tests.timing import HANGS_SECONDS

LOG_ID = "ab" * 32
FIRST = Receipt("hub", 1000, "00" * 32, 12, "2025-01-02T03:04:05+00:00", {"a/b.txt": FileStamp(3, 17, "cd" * 32)})
LATER = Receipt("hub", 2000, "11" * 32, 24, "2025-01-02T03:04:06+00:00")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return log_below(tmp_path, b"log")


def test_saved_receipts_come_back_for_every_target(log: Path) -> None:
    receipts.save(log, LOG_ID, "hub:1", FIRST)
    receipts.save(log, LOG_ID, "hub:2", LATER)
    assert receipts.load(log, LOG_ID) == {"hub:1": FIRST, "hub:2": LATER}
    assert sorted(os.listdir(log.parent)) == ["run-k3v9q2.runstore.json", "run-k3v9q2.wandb"]


def test_receipts_of_another_log_do_not_count(log: Path) -> None:
    receipts.save(log, LOG_ID, "hub:1", FIRST)
    assert receipts.load(log, "ef" * 32) == {}


DAMAGED = [
    {"version": 1},
    {"version": 99, "log_id": LOG_ID, "targets": {}},
    {"version": 1, "log_id": LOG_ID, "targets": [1]},
    {"version": 1, "log_id": LOG_ID, "targets": {"hub:1": {"size": "x"}}},
    {"version": 1, "log_id": LOG_ID, "targets": {"hub:1": {"files": {"a": {"mode": 7}}}}},
]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", *map(json.dumps, DAMAGED)])
def test_damaged_receipts_are_as_good_as_none(log: Path, content: str) -> None:
    receipts_path(log).write_text(content)
    assert receipts.load(log, LOG_ID) == {}
    receipts.save(log, LOG_ID, "hub:1", FIRST)
    assert receipts.load(log, LOG_ID) == {"hub:1": FIRST}


def unwritable(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    # Not by mode bits: tests may run as root, whom they don't stop.
    replace = os.replace

    def refuse(source: Path, target: Path) -> None:
        if target.parent in folders:
            raise PermissionError(13, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)


def test_receipts_of_an_unwritable_folder_lie_at_home(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    receipts.save(log, LOG_ID, "hub:1", FIRST)
    unwritable(monkeypatch, log.parent)
    receipts.save(log, LOG_ID, "hub:1", LATER)
    assert (home_folder() / "receipts" / f"{LOG_ID}.json").exists()
    assert receipts.load(log, LOG_ID) == {"hub:1": LATER}
    assert sorted(os.listdir(log.parent)) == ["run-k3v9q2.runstore.json", "run-k3v9q2.wandb"]


def test_nowhere_to_keep_a_receipt_is_said(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unwritable(monkeypatch, log.parent, home_folder() / "receipts")
    with pytest.raises(StorageError, match="proven again next time"):
        receipts.save(log, LOG_ID, "hub:1", LATER)


def test_processes_that_save_at_once_undo_nothing_of_each_other(log: Path) -> None:
    source = """
        import sys
        from pathlib import Path
        from tests.syncd.test_receipts import FIRST, LOG_ID
        from runstore.syncd import receipts
        from tests.timing import PATIENCE_SECONDS
        receipts._TURN_SECONDS = PATIENCE_SECONDS  # who has the turn may wait for the disk
        for n in range(10):
            receipts.save(Path(sys.argv[1]), LOG_ID, f"hub:{sys.argv[2]}-{n}", FIRST)
    """
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(program(textwrap.dedent(source), str(log), str(n))) for n in range(3)]
        assert [process.wait(HANGS_SECONDS) for process in processes] == [0, 0, 0]
    assert len(receipts.load(log, LOG_ID)) == 30


def test_where_nobody_can_take_turns_a_receipt_is_kept_all_the_same(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    receipts.save(log, LOG_ID, "hub:1", FIRST)
    assert receipts.load(log, LOG_ID) == {"hub:1": FIRST}


def test_a_lock_that_somebody_keeps_holds_up_nobody_for_long(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "_TURN_SECONDS", 0.05)
    holder = os.open(log.parent, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    receipts.save(log, LOG_ID, "hub:1", FIRST)
    os.close(holder)
    assert receipts.load(log, LOG_ID) == {"hub:1": FIRST}


def test_why_a_log_failed_is_kept_until_it_is_proven(log: Path) -> None:
    receipts.note_failure(log, LOG_ID, "hub:1", "lab", "holds other bytes")
    kept = receipts.load(log, LOG_ID)["hub:1"]
    assert (kept.remote, kept.size, kept.error) == ("lab", 0, "holds other bytes")
    assert kept.failed_at
    before = receipts_path(log).stat().st_mtime_ns
    receipts.note_failure(log, LOG_ID, "hub:1", "lab", "holds other bytes")
    assert receipts_path(log).stat().st_mtime_ns == before
    receipts.save(log, LOG_ID, "hub:1", FIRST)
    assert receipts.load(log, LOG_ID)["hub:1"].error == ""


def test_what_the_source_lost_is_kept_beside_what_is_proven(log: Path) -> None:
    receipts.save(log, LOG_ID, "hub:1", FIRST)
    receipts.note_loss(log, LOG_ID, "hub:1", "lab", 5000)
    assert receipts.load(log, LOG_ID)["hub:1"] == replace(FIRST, held=5000)


def test_receipts_of_before_are_read(log: Path) -> None:
    old = {
        "remote": "hub",
        "size": 1000,
        "chain": "00" * 32,
        "records": 12,
        "verified_at": FIRST.verified_at,
        "files": {},
    }
    receipts_path(log).write_text(json.dumps({"version": 1, "log_id": LOG_ID, "targets": {"hub:1": old}}))
    assert receipts.load(log, LOG_ID) == {"hub:1": replace(FIRST, files={}, files_left=receipts.NOT_LOOKED_AT)}

"""What is removed is proven to be elsewhere; what a link leads to, lies elsewhere or is still written stays."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from runstore.core.segments import SegmentDigest
from runstore.errors import RemovalRefused
from runstore.paths import edit_log_path
from runstore.runlog.codec import log_identity
from runstore.syncd import receipts
from runstore.syncd.receipts import FileStamp, Receipt
from runstore.syncd.removal import RunDirectory, check_delivered, remove, run_directories
from tests.index.writing import exit_record, header, plain_rows, row, run, write, write_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = write_log(tmp_path, [*plain_rows(range(50)), exit_record()])
    (log.parent / "files").mkdir()
    (log.parent / "files" / "requirements.txt").write_text("numpy==2\n")
    return log


def deliver(log: Path, target: str = "lab", size: int | None = None) -> None:
    """Keep the receipt that a delivery of the log and its files leaves."""
    identity = log_identity(log)
    assert identity is not None
    digest = SegmentDigest()
    digest.update(log.read_bytes()[:size])
    files = {}
    for path in sorted((log.parent / "files").rglob("*")):
        status = path.stat()
        files[path.relative_to(log.parent / "files").as_posix()] = FileStamp(status.st_size, status.st_mtime_ns, "ab")
    receipt = Receipt(target, digest.size, digest.chain, 1, "2026-01-01T00:00:00+00:00", files)
    receipts.save(log, identity.log_id, target, receipt)


def directory(log: Path) -> RunDirectory:
    (found,) = run_directories([str(log)], "r1")
    return found


def test_a_delivered_run_is_removed_whole(log: Path) -> None:
    deliver(log)
    (log.parent / "logs").mkdir()
    (log.parent / "logs" / "debug.log").write_text("of stock tools")
    other = write_log(log.parents[2], plain_rows(range(3)), name="b", run_id="r2")
    check_delivered([directory(log)])
    assert remove([directory(log)]) > log_size(other)
    assert os.listdir(other.parents[1]) == [other.parent.name]


def log_size(log: Path) -> int:
    return log.stat().st_size


def test_a_torn_tail_needs_no_delivery(log: Path) -> None:
    deliver(log)
    with log.open("ab") as file:
        file.write(b"\1\2\3\4\40\0\1part of a record")
    check_delivered([directory(log)])


@pytest.mark.parametrize("change", ["no receipt", "shorter", "record", "file", "new file", "link", "blob", "edits"])
def test_what_is_not_proven_to_be_elsewhere_stays(log: Path, change: str) -> None:
    size = log_size(log)
    if change != "no receipt":
        deliver(log, size=size - 100 if change == "shorter" else size)
    if change == "record":  # one more whole record than the target has
        write_longer(log)
    elif change == "file":
        (log.parent / "files" / "requirements.txt").write_text("numpy==3, changed\n")
    elif change == "new file":
        (log.parent / "files" / "model.pt").write_bytes(b"weights")
    elif change == "link":
        (log.parent / "files" / "gone").symlink_to("nowhere")
    elif change == "blob":
        (log.parent / "blobs").mkdir()
        (log.parent / "blobs" / "ab12").write_bytes(b"artifact")
    elif change == "edits":
        write(edit_log_path(log), [header(), run(), row(1, {"a": 1})])
    with pytest.raises(RemovalRefused, match="is not delivered"):
        check_delivered([directory(log)])


def write_longer(log: Path) -> None:
    """Replace the log by one with the same beginning and one more record."""
    log.unlink()
    write(log, [header(), run(), *plain_rows(range(50)), exit_record(), exit_record()])


def test_a_log_whose_sealed_bytes_are_others_now_stays(tmp_path: Path) -> None:
    log = write_log(tmp_path, plain_rows(range(20_000)))
    assert log_size(log) > 1 << 20
    deliver(log)
    check_delivered([directory(log)])
    data = bytearray(log.read_bytes())
    data[1 << 19] ^= 1
    log.write_bytes(data)
    with pytest.raises(RemovalRefused, match="is not delivered"):
        check_delivered([directory(log)])


def test_one_target_must_hold_all(log: Path) -> None:
    deliver(log, "one", size=log_size(log) - 100)
    deliver(log, "two")
    check_delivered([directory(log)])


def test_only_run_directories_in_a_wandb_folder_are_removed(log: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "important" / log.parent.name
    elsewhere.parent.mkdir()
    log.parent.rename(elsewhere)
    with pytest.raises(RemovalRefused, match="only such are removed"):
        run_directories([str(elsewhere / log.name)], "r1")
    other = tmp_path / "wandb" / "notes" / "run-r1.wandb"
    other.parent.mkdir()
    (elsewhere / log.name).rename(other)
    with pytest.raises(RemovalRefused, match="only such are removed"):
        run_directories([str(other)], "r1")


def test_a_directory_that_holds_another_run_too_stays(log: Path) -> None:
    log.with_name("run-r2.wandb").write_bytes(log.read_bytes())
    with pytest.raises(RemovalRefused, match="another run"):
        run_directories([str(log)], "r1")


def test_links_are_removed_and_not_followed(log: Path, tmp_path: Path) -> None:
    precious = tmp_path / "data"
    precious.mkdir()
    (precious / "file").write_text("precious")
    (log.parent / "files" / "data").symlink_to(precious)
    (log.parent / "files" / "file").symlink_to(precious / "file")
    remove([directory(log)])
    assert (precious / "file").read_text() == "precious"
    link = tmp_path / "wandb" / "run-link-r1"
    link.symlink_to(precious)
    (precious / "run-r1.wandb").write_text("")
    with pytest.raises(RemovalRefused, match="is a link"):
        run_directories([str(link / "run-r1.wandb")], "r1")


def test_nothing_is_removed_while_one_log_is_written(log: Path) -> None:
    other = write_log(log.parents[2], plain_rows(range(3)), name="b")
    with other.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(RemovalRefused, match="still writing"):
            remove(run_directories([str(log), str(other)], "r1"))
    assert log.exists()
    assert other.exists()


def test_what_a_killed_removal_left_is_removed_by_the_next(log: Path) -> None:
    left = log.parents[1] / ".removed-offline-run-x"
    left.mkdir()
    (left / "file").write_text("")
    remove([directory(log)])
    assert os.listdir(log.parents[1]) == []


def test_logs_that_are_gone_are_left_out(log: Path) -> None:
    assert [found.path for found in run_directories([str(log), "/nowhere/wandb/run-x/run-r1.wandb"], "r1")] == [
        log.parent
    ]

"""A disk that refuses: said once, training goes on, and nothing is lost that there is room for in the end."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.core.logfold import LogFold, Row
from runstore.errors import StorageError, TakeoverRefused
from runstore.runlog.reader import LogReader
from runstore.runlog.writer import LogWriter
from runstore.sdk import logfile
from runstore.sdk.run import Run
from tests.sdk.reading import begin, fold, kinds, logs, only_log, program, rows, succeeded

ROW = "x" * 1000


def values(folder: Path) -> list[int]:
    """Return what the rows of all logs hold under "n", in order."""
    return sorted(row["n"] for log in logs(folder) for _, row in rows_even_if_torn(log) if "n" in row)


def rows_even_if_torn(log: Path) -> list[tuple[int, Row]]:
    found: list[tuple[int, Row]] = []
    folded = LogFold(on_row=lambda step, row: found.append((step, row)))
    for framed in LogReader(log):
        folded.apply(framed.payload)
    return found


def said(text: str) -> list[str]:
    """Return our messages but for the ones that every run says."""
    ours = [line for line in text.splitlines() if line.startswith("runstore: ")]
    return [line for line in ours if ": recording run" not in line and "is recorded;" not in line]


def test_a_place_where_nothing_can_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as refused:
        begin(dir=tmp_path / "file" / "below")
    text = str(refused.value)
    assert text.startswith(f"{tmp_path}/file/below/wandb: no run directory can be made there (Not a directory)")
    assert "runstore.init(dir=...) or WANDB_DIR" in text
    assert "\n" not in text


def test_a_file_that_may_not_grow_is_said_once_and_the_run_goes_on_in_another(folder: Path) -> None:
    done = program(
        f"""
        import resource, runstore
        run = runstore.init()
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, old[1]))
        for n in range(100):
            run.log({{"n": n, "text": "{ROW}"}})
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        for n in range(100, 110):
            run.log({{"n": n}})
        """
    )
    succeeded(done)
    assert values(folder) == list(range(110))
    (message,) = said(done.stderr)
    assert "can't be written (File too large); free some space or quota" in message
    assert "Training goes on; up to 64 MiB wait in memory." in message
    assert kinds(folder)[:2] == ["start", "successor"]
    assert logs(folder)[0].stat().st_size == 20_000
    assert [fold(log).facts.missing_records for log in logs(folder)] == [0] * len(logs(folder))
    assert fold(logs(folder)[-1]).facts.exit_code == 0


class SmallDisk:
    """A file system of 256 KiB that can be filled and given room again."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._filler = place / "filler"

    def fill(self) -> None:
        with self._filler.open("ab", buffering=0) as file:
            for size in (65_536, 4096, 512, 64, 1):
                try:
                    while file.write(b"." * size):
                        pass
                except OSError as error:
                    assert error.errno == errno.ENOSPC

    def give_room(self) -> None:
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=64", "tmpfs", str(place)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("only root may mount the small file system that this test fills")
    yield SmallDisk(place)
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_is_said_once_and_training_goes_on(disk: SmallDisk, capfd: pytest.CaptureFixture[str]) -> None:
    run = begin(dir=disk.place)
    run.log({"n": 0})
    disk.fill()
    for n in range(1, 60):
        run.log({"n": n, "text": ROW})
    run.summary["by hand"] = 1
    assert run.summary["n"] == 59
    assert len(list((disk.place / "wandb").iterdir())) == 1  # no leftovers of what could not be begun
    disk.give_room()
    run.log({"n": 60})
    assert values(disk.place) == list(range(61))
    run.finish()
    assert rows(only_log(disk.place))[-1] == (60, {"n": 60})
    facts = fold(only_log(disk.place)).facts
    assert (facts.exit_code, facts.missing_records) == (0, 0)
    (message,) = said(capfd.readouterr().err)
    assert "No space left on device" in message


def test_a_run_that_ends_on_a_full_disk_says_how_much_is_lost(
    disk: SmallDisk, capfd: pytest.CaptureFixture[str]
) -> None:
    run = begin(dir=disk.place)
    disk.fill()
    for n in range(20):
        run.log({"n": n, "text": ROW})
    run.finish()
    kept = len(values(disk.place))
    _, lost = said(capfd.readouterr().err)
    # What could not be written: the rows, one of them torn, the summary, the exit and the end.
    assert lost == f"runstore: {20 - kept + 3} records of this run could not be written and are lost"


def test_what_found_no_room_in_memory_either_is_a_gap_in_the_log(
    disk: SmallDisk, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "MAX_BACKLOG_BYTES", 10_000)
    run = begin(dir=disk.place)
    disk.fill()
    for n in range(40):
        run.log({"n": n, "text": ROW})
    disk.give_room()
    run.log({"n": 40})
    run.log({"n": 41})
    kept = values(disk.place)
    lost = 42 - len(kept)
    assert lost > 20
    assert kept[-1] == 41
    run.finish()
    assert fold(only_log(disk.place)).facts.missing_records == lost
    assert f"{lost} records of this run could not be written" in said(capfd.readouterr().err)[-1]


def test_a_record_that_is_too_large_for_any_log_makes_few_logs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = begin()
    now = 1000.0
    monkeypatch.setattr("runstore.sdk.logfile.time.monotonic", lambda: now)
    real_write = os.write

    def refusing(file: int, data: bytes) -> int:
        if len(data) > 20_000:
            raise OSError(errno.EFBIG, "File too large")
        return real_write(file, data)

    monkeypatch.setattr(os, "write", refusing)
    run.log({"n": 0, "text": "x" * 30_000})
    for n in range(1, 3600):  # an hour of one row a second
        now += 1
        run.log({"n": n})
    assert len(list((folder / "wandb").iterdir())) < 100
    monkeypatch.setattr(os, "write", real_write)
    run.finish()
    assert values(folder) == list(range(3600))
    assert len(said(capfd.readouterr().err)) == 1


def failing_sync(file: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_after_a_failed_sync_the_run_goes_on_in_a_new_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNSTORE_FSYNC", "always")
    run = begin()
    run.log({"n": 0})
    with monkeypatch.context() as patch:
        patch.setattr("runstore.runlog.writer._fdatasync", failing_sync)
        run.log({"n": 1})
    run.log({"n": 2})
    run.log({"n": 3})
    run.finish()
    assert kinds(folder) == ["start", "successor"]
    first, second = logs(folder)
    assert rows(first) == [(0, {"n": 0}), (1, {"n": 1})]
    assert rows(second) == [(2, {"n": 2}), (3, {"n": 3})]
    assert fold(second).facts.exit_code == 0
    (message,) = said(capfd.readouterr().err)
    assert f"{first}: the disk failed to keep what was written; going on in {second}" in message


def test_a_run_whose_directory_is_deleted_goes_on_in_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNSTORE_FSYNC", "never")  # whoever syncs would look as well
    run = begin(id="r")
    run.log({"n": 0})
    shutil.rmtree(run.sync_dir)
    run.log({"n": 1})  # nobody looks after every row
    monkeypatch.setattr("runstore.sdk.recorder.DERIVED_SUMMARY_SECONDS", -1.0)
    run.log({"n": 2})
    run.log({"n": 3})
    run.finish()
    assert kinds(folder) == ["successor"]
    assert rows(only_log(folder)) == [(3, {"n": 3})]
    assert fold(only_log(folder)).facts.exit_code == 0
    (message,) = said(capfd.readouterr().err)
    assert f"a log of this run was deleted or moved away; it goes on in {only_log(folder)}" in message


def test_a_folder_that_is_gone_for_good_fails_no_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = begin(id="r")
    shutil.rmtree(folder)
    folder.touch()
    monkeypatch.setattr("runstore.sdk.recorder.DERIVED_SUMMARY_SECONDS", -1.0)
    for n in range(10):
        run.log({"n": n})
    run.finish()
    assert "no run directory can be made there (Not a directory)" in said(capfd.readouterr().err)[0]


def test_taking_a_log_over_keeps_the_sync_policy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[float] = []

    def take_over(path: Path, sync_seconds: float) -> None:
        taken.append(sync_seconds)
        raise TakeoverRefused("no")

    monkeypatch.setenv("RUNSTORE_FSYNC", "never")
    run = begin()
    assert isinstance(run, Run)
    run._recorder.forked()
    run._recorder._log._writer.abandon()
    monkeypatch.setattr(LogWriter, "take_over", take_over)
    run.log({"a": 1})
    assert taken == [float("inf")]

"""Bad surroundings: training goes on, the user is told once, and the log stays readable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest

import runstore
from runstore.errors import StorageError
from runstore.sdk.part import Part
from tests.sdk.oddvalues import RaisingAttributes, refuse
from tests.sdk.reading import begin, fold, logs, only_log, program, rows, succeeded
from tests.timing import eventually

NO_THREAD = """
    import threading
    def refuse(self):
        raise RuntimeError("can't start new thread")
"""


@pytest.mark.surroundings
@pytest.mark.parametrize("console", ["wrap", "redirect"])
def test_a_run_begins_and_ends_where_no_thread_can_be_started(folder: Path, console: str) -> None:
    done = program(
        NO_THREAD
        + """
    threading.Thread.start = refuse
    import runstore
    run = runstore.init()
    run.log({"a": 1})
    run.finish()
    """,
        WANDB_CONSOLE=console,
    )
    succeeded(done)
    assert rows(only_log(folder)) == [(0, {"a": 1})]


def test_saving_where_no_thread_can_be_started_does_not_stop_the_end(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_text("weights")
    done = program(
        NO_THREAD
        + f"""
    import runstore
    run = runstore.init()
    threading.Thread.start = refuse
    try:
        run.save({str(tmp_path / "model.bin")!r}, base_path={str(tmp_path)!r})
    finally:
        run.finish()
    """
    )
    succeeded(done)
    assert fold(only_log(folder)).facts.exit_code == 0


def test_a_part_that_cannot_be_ended_does_not_keep_the_run_from_ending(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class Stuck(Part):
        def stop(self) -> None:
            raise RuntimeError("no")

    run = begin()
    run._recorder.part(Stuck)
    run.finish()
    assert "Stuck could not be ended in good order (RuntimeError: no)" in capfd.readouterr().err
    assert fold(only_log(folder)).facts.exit_code == 0


def test_a_run_begun_after_the_end_of_all_runs_ends_with_the_program(folder: Path) -> None:
    done = program(
        """
        import atexit, runstore
        atexit.register(lambda: runstore.init().log({"a": 1}))  # called after what init() registers
        runstore.init().log({"a": 0})
        """
    )
    succeeded(done)
    assert [fold(log).facts.exit_code for log in logs(folder)] == [0, 0]


def test_an_error_after_the_log_was_begun_ends_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runstore.sdk.beginning.start_parts", refuse)
    with pytest.raises(ValueError, match="looked at"):
        begin()
    assert fold(only_log(folder)).facts.exit_code == 1
    assert runstore.run is None


@pytest.mark.surroundings
def test_init_without_file_descriptors_raises_one_sentence_or_begins(folder: Path) -> None:
    done = program(
        """
        import resource, runstore
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        for limit in range(3, 14):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            try:
                runstore.init().finish()
                said = "begun"
            except BaseException as error:
                said = type(error).__name__
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert runstore.run is None
            print(said)
        """
    )
    assert set(succeeded(done).split()) <= {"begun", "StorageError"}
    assert [fold(log).facts.exit_code for log in logs(folder)] == [0] * len(logs(folder))


STREAMS = {
    "closed": "sys.stdout.close(); sys.stderr.close()",
    "descriptors closed": "os.close(1); os.close(2)",
    "none": "sys.stdout = sys.stderr = None",
    "without methods": "sys.stdout = sys.stderr = object()",
    "a pipe without a reader": "r, w = os.pipe(); os.dup2(w, 1); os.dup2(w, 2); os.close(r); os.close(w)",
}


@pytest.mark.parametrize("console", ["wrap", "redirect"])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("how", STREAMS)
def test_a_program_without_a_terminal_is_recorded(folder: Path, how: str, before: bool, console: str) -> None:
    program(
        f"""
        import os, sys, runstore
        if {before}:
            {STREAMS[how]}
        run = runstore.init()
        run.log({{"n": 0}})
        if not {before}:
            {STREAMS[how]}
        run.log({{"n": 1}})
        run.log({{"n": 2}}, step=0)  # which is warned of
        run.finish()
        os._exit(0)
        """,
        WANDB_CONSOLE=console,
    )
    log = only_log(folder)
    assert rows(log) == [(0, {"n": 0}), (1, {"n": 1}), (0, {"n": 2})]
    assert fold(log).facts.exit_code == 0


def test_a_stream_that_raises_whatever_it_is_asked_does_not_stop_init(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", RaisingAttributes())
    run = begin()
    run.log({"a": 1})
    run.finish()
    assert rows(only_log(folder)) == [(0, {"a": 1})]


def test_a_file_in_the_way_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "wandb").touch()
    with pytest.raises(StorageError) as refused:
        begin(dir=tmp_path)
    assert str(refused.value).startswith(f"{tmp_path}/wandb: no run directory can be made there")
    assert runstore.run is None


def test_a_folder_that_is_gone_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.delenv("WANDB_DIR")
    monkeypatch.chdir(tmp_path / "gone")
    os.rmdir(tmp_path / "gone")
    with pytest.raises(StorageError, match="no run directory can be made there"):
        begin()


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[Path]:
    """The folder that the program works in, which a test may delete."""
    (tmp_path / "doomed").mkdir()
    before = Path.cwd()
    os.chdir(tmp_path / "doomed")
    yield tmp_path / "doomed"
    os.chdir(before)


def test_a_run_goes_on_where_its_programs_folder_is_deleted(folder: Path, doomed: Path) -> None:
    run = begin()
    doomed.rmdir()
    run.log({"t": runstore.Table(columns=["a"], data=[[1]])})
    run.log({"a": 1})
    run.finish()
    assert rows(only_log(folder))[-1] == (1, {"a": 1})


def test_saving_where_the_programs_folder_is_deleted_does_not_raise(folder: Path, doomed: Path) -> None:
    run = begin()
    doomed.rmdir()
    run.save("*.txt")
    run.log_code()
    run.log({"a": 1})
    run.finish()
    assert rows(only_log(folder))[-1] == (0, {"a": 1})


def test_a_picture_logged_after_the_run_directory_moved_lies_beside_the_log_that_names_it(
    folder: Path, tmp_path: Path
) -> None:
    run = begin()
    run.log({"a": 1})
    os.rename(run.sync_dir, tmp_path / "moved")
    run.log({"picture": runstore.Image(numpy.zeros((4, 4, 3), numpy.uint8))})
    run.finish()
    for place in (folder, tmp_path / "moved"):
        for log in logs(place):
            named = [row[("picture", "path")] for _, row in rows(log) if ("picture", "path") in row]
            assert all((log.parent / "files" / path).is_file() for path in named)
    assert not [place for place in folder.glob("wandb/*") if not list(place.glob("*.wandb"))]


def test_rows_after_the_run_directory_was_deleted_are_kept_or_counted(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = begin()
    run.log({"n": 0})
    for path in sorted(Path(run.sync_dir).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    Path(run.sync_dir).rmdir()
    for n in range(1, 10):
        run.log({"n": n})
    run.finish()
    assert "deleted or moved away" in capfd.readouterr().err
    log = only_log(folder)
    assert len(rows(log)) + fold(log).facts.missing_records >= 9


def test_a_deleted_log_is_noticed_within_a_second_and_followed_by_one_with_the_summary(
    folder: Path, tmp_path: Path
) -> None:
    run = begin(settings={"fsync": 0.01})
    run.log({"before": 1})
    run.log({"n": 0})
    os.rename(run.sync_dir, tmp_path / "moved")

    def is_noticed() -> bool:
        run.log({"n": 1})
        return bool(logs(folder))

    eventually(is_noticed, every=0.01)
    run.finish()
    log = only_log(folder)
    assert fold(log).summary.tree()["before"] == 1
    assert fold(log).facts.missing_records == 0  # they are in the log that was moved


@pytest.mark.parametrize(
    "home",
    [
        pytest.param({"HOME": "/proc/nowhere", "RUNSTORE_HOME": "/proc/nowhere"}, id="can't be written"),
        pytest.param({"HOME": "", "RUNSTORE_HOME": "", "WANDB_CONFIG_DIR": ""}, id="empty"),
    ],
)
def test_a_home_that_cannot_be_used_does_not_stop_a_run(folder: Path, home: dict[str, str]) -> None:
    done = program(
        """
        import runstore
        with runstore.init(resume="auto") as run:
            run.log({"a": 1})
        """,
        **home,  # type: ignore[arg-type]
    )
    succeeded(done)
    assert rows(only_log(folder)) == [(0, {"a": 1})]

"""Bad input and bad surroundings: training goes on, the user is told once, and the log stays readable."""

from __future__ import annotations

import dataclasses
import errno
import math
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest

import runstore
from runstore.errors import StorageError
from runstore.runlog.verify import verify
from runstore.sdk.part import Part
from runstore.sdk.run import Run
from tests.sdk.reading import begin, fold, logs, only_log, program, rows, same, succeeded


def refuse(*_: Any) -> Any:
    raise ValueError("this object does not like to be looked at")


class RaisingRepr:
    __repr__ = refuse


class RaisingLength:
    __len__ = refuse


class RaisingArray:
    __array__ = refuse


class RaisingAttributes:
    def __getattr__(self, name: str) -> Any:
        raise ValueError(name)


class RaisingList:
    tolist = refuse


class RaisingItem:
    ndim = 0
    item = refuse


class RaisingDimensions:
    ndim = property(refuse)


class RaisingClass:
    __class__ = property(refuse)


class RaisingText(str):
    __str__ = refuse


class RaisingMapping(Mapping[str, Any]):
    __getitem__ = refuse

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


class RaisingPath:
    __fspath__ = refuse


@dataclasses.dataclass
class RaisingField:
    x: int = 1

    def __getattribute__(self, name: str) -> Any:
        return refuse() if name == "x" else object.__getattribute__(self, name)


class EqualToNothing:
    def __eq__(self, other: object) -> Any:
        return numpy.array([True, False])

    __hash__ = None  # type: ignore[assignment]


class NeverEqual:
    __eq__ = refuse
    __hash__ = None  # type: ignore[assignment]


class EveryAttribute:
    """As a mock has it: whatever is asked for is there, and can be called."""

    def __getattr__(self, name: str) -> EveryAttribute:
        return EveryAttribute()

    def __call__(self, *_: Any) -> EveryAttribute:
        return EveryAttribute()


class BottomlessList:
    def tolist(self) -> BottomlessList:
        return BottomlessList()


class Referred:
    pass


HARMLESS: dict[str, Any] = {
    "raising repr": RaisingRepr(),
    "raising len": RaisingLength(),
    "raising array": RaisingArray(),
    "eq returns an array": EqualToNothing(),
    "every attribute": EveryAttribute(),
    "bottomless tolist": BottomlessList(),
    "generator": (number for number in range(3)),
    "lock": threading.Lock(),
    "module": math,
    "array of objects": numpy.array([object(), RaisingRepr()], dtype=object),
    "ten megabytes": "x" * 10_000_000,
    "not a time": numpy.datetime64("NaT", "s"),
    "memory view": memoryview(b"abc"),
    "int of 5000 digits": 10**5000,
}

RAISING: dict[str, Any] = {
    "raising getattr": RaisingAttributes(),
    "raising tolist": RaisingList(),
    "raising item": RaisingItem(),
    "raising ndim": RaisingDimensions(),
    "raising class": RaisingClass(),
    "raising str": RaisingText("a"),
    "raising mapping": RaisingMapping(),
    "raising fspath": RaisingPath(),
    "raising field": RaisingField(),
    "dead weak reference": weakref.proxy(Referred()),
}


@pytest.mark.parametrize(
    "value",
    [
        *(pytest.param(value, id=name) for name, value in HARMLESS.items()),
        *(pytest.param(value, id=name) for name, value in RAISING.items()),
    ],
)
def test_an_odd_value_stops_neither_the_training_nor_the_values_beside_it(folder: Path, value: Any) -> None:
    run = begin(project="p")
    for _ in range(2):  # a key seen before goes another way
        run.log({"loss": 1.0, "odd": value})
    run.log({"loss": 2.0, "nested": {"odd": [value]}})
    run.config.update({"odd": value, "list": [value], "lr": 0.1})
    run.config.update({"odd": value}, allow_val_change=True)
    run.summary.update({"by hand": value, "best": 3})
    run.finish()
    log = only_log(folder)
    assert [row["loss"] for _, row in rows(log)] == [1.0, 1.0, 2.0]
    assert fold(log).config["lr"] == 0.1
    assert fold(log).summary.tree()["best"] == 3
    assert verify(log).is_intact


def test_a_config_value_of_nan_can_be_set_again(folder: Path) -> None:
    run = begin(config={"lr": math.nan})
    run.config.update({"lr": math.nan})
    run.config.update(run.config)


def test_a_config_value_whose_comparison_is_odd_can_be_set_again(folder: Path) -> None:
    odd, raising = EqualToNothing(), NeverEqual()
    run = begin(config={"odd": odd, "raising": raising})
    run.config.update({"odd": odd, "raising": raising})


@pytest.mark.parametrize("what", [None, 5, "abc", [("a", 1)], {"a"}])
def test_what_is_no_mapping_is_refused_in_one_sentence(folder: Path, what: Any) -> None:
    run = begin()
    with pytest.raises(TypeError, match="takes a dict of names and values, not"):
        run.log(what)
    run.log({"a": 1})
    run.finish()
    assert rows(only_log(folder)) == [(0, {"a": 1})]


@pytest.mark.parametrize(
    "step",
    [2**64, math.nan, math.inf, "abc", [1]],
)
def test_a_step_that_is_no_number_is_refused_in_one_sentence(folder: Path, step: Any) -> None:
    run = begin()
    with pytest.raises(runstore.UsageError, match="step") as refused:
        run.log({"a": 1}, step=step)
    assert "\n" not in str(refused.value)


def test_a_hundred_thousand_keys_are_one_row(folder: Path) -> None:
    many = {f"k{number}": float(number) for number in range(100_000)}
    run = begin()
    run.log(many)
    run.log(many)
    run.log({"after": 1.0})
    run.finish()
    log = only_log(folder)
    assert rows(log) == [(0, many), (1, many), (2, {"after": 1.0})]
    assert verify(log).is_intact


def test_circles_in_config_and_summary_end_where_they_close(folder: Path) -> None:
    circle: dict[str, Any] = {"one": 1}
    circle["again"] = [circle]
    lists: list[Any] = [1]
    lists.append(lists)
    run = begin()
    run.config.update({"circle": circle, "lists": lists})
    run.summary.update({"circle": circle, "lists": lists})
    run.config["lists"].append(2)
    run.log({"a": 1})
    run.finish()
    folded = fold(only_log(folder))
    assert folded.config["circle"]["one"] == folded.summary.tree()["circle"]["one"] == 1
    assert folded.config["lists"] == [1, "[1, [...]]", 2]


# Threads and signals.


class Changing:
    """Stands for another thread that changes the dict just while it is being read."""

    def __init__(self, around: dict[str, Any]) -> None:
        self._around = around

    def __repr__(self) -> str:
        self._around[f"more {len(self._around)}"] = 1
        return "changing"


def test_values_that_another_thread_changes_can_be_logged(folder: Path) -> None:
    values: dict[str, Any] = {}
    values["first"] = Changing(values)
    run = begin()
    run.log({"values": values, "loss": 1.0})
    run.config.update({"values": values})
    run.finish()
    assert rows(only_log(folder))[0][1]["loss"] == 1.0


def test_a_config_that_another_thread_changes_does_not_stop_log(folder: Path) -> None:
    run = begin(config={"lent": {"a": 1}})
    lent = run.config["lent"]
    lent["first"] = Changing(lent)
    try:
        run.log({"loss": 1.0})
    finally:
        del lent["first"]
    run.finish()
    assert rows(only_log(folder)) == [(0, {"loss": 1.0})]


@pytest.mark.parametrize("nested", [False, True])
def test_a_handler_that_logs_in_the_middle_of_log_gets_a_row_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch, nested: bool
) -> None:
    run = begin()
    run.log({"a": -1.0})
    real_append = run._recorder.history._append
    interrupted = False

    def append(record: bytes) -> None:
        nonlocal interrupted
        real_append(record)
        if not interrupted:  # as a signal handler or a finalizer would
            interrupted = True
            run.log({"handler": {"n": 1}} if nested else {"handler": 1.0})

    monkeypatch.setattr(run._recorder.history, "_append", append)
    run.log({"a": {"b": 0.0}} if nested else {"a": 0.0})
    run.log({"a": 1.0})
    run.finish()
    found = rows(only_log(folder))
    assert [step for step, _ in found] == [0, 1, 2, 3]
    assert all(len(row) == 1 for _, row in found)


def test_every_row_that_log_took_before_the_end_is_there(folder: Path) -> None:
    run = begin()
    logged: Counter[str] = Counter()
    refused: list[Exception] = []

    def work(name: str) -> None:
        try:
            while True:
                run.log({name: 1.0})
                logged[name] += 1
        except Exception as error:
            refused.append(error)

    threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    while sum(logged.values()) < 500 and any(thread.is_alive() for thread in threads):
        time.sleep(0.001)
    run.finish()
    for thread in threads:
        thread.join(10)
    assert [type(error) for error in refused] == [runstore.UsageError] * 6
    assert Counter(key for _, row in rows(only_log(folder)) for key in row) == logged


def test_children_forked_while_threads_log_are_never_stuck(folder: Path) -> None:
    done = program(
        """
        import os, signal, threading, time, runstore
        run = runstore.init()
        ended = threading.Event()
        def work():
            while not ended.is_set():
                run.log({"thread": {"n": 1}})
        threads = [threading.Thread(target=work) for _ in range(3)]
        [thread.start() for thread in threads]
        children = []
        for number in range(10):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                run.log({"child": number})
                print("child", number)
                os._exit(0)
            children.append(child)
        print([os.waitpid(child, 0)[1] for child in children])
        ended.set()
        [thread.join() for thread in threads]
        """
    )
    assert str([0] * 10) in succeeded(done)
    found = [row["child"] for log in logs(folder) for _, row in rows(log) if "child" in row]
    assert sorted(found) == list(range(10))


# Surroundings.

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


def test_a_run_goes_on_where_its_programs_folder_is_deleted(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    before = Path.cwd()
    os.chdir(tmp_path / "gone")
    try:
        run = begin()
        os.rmdir(tmp_path / "gone")
        run.log({"t": runstore.Table(columns=["a"], data=[[1]])})
        run.log({"a": 1})
        run.finish()
    finally:
        os.chdir(before)
    assert rows(only_log(folder))[-1] == (1, {"a": 1})


def test_saving_where_the_programs_folder_is_deleted_does_not_raise(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    before = Path.cwd()
    os.chdir(tmp_path / "gone")
    try:
        run = begin()
        os.rmdir(tmp_path / "gone")
        run.save("*.txt")
        run.log_code()
    finally:
        os.chdir(before)


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
    waited = threading.Event()
    for n in range(1, 200):
        run.log({"n": n})
        if logs(folder):
            break
        waited.wait(0.01)
    assert logs(folder)
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


# Media.


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: runstore.Image(numpy.zeros((2, 2, 7))), r"shape \(2, 2, 7\)"),
        (lambda: runstore.Image(numpy.zeros((2, 2, 2, 2, 3))), r"shape \(2, 2, 2, 2, 3\)"),
        (lambda: runstore.Image(numpy.zeros((0, 4, 3))), r"shape \(0, 4, 3\)"),
        (lambda: runstore.Image(numpy.array([["a"]])), "ndarray of <U1"),
        (lambda: runstore.Table(columns=["a", "b"], data=[[1]]), "has 2 values"),
        (lambda: runstore.Table(columns=["a"], data=[[1], ["x"]]), "column 'a'"),
        (lambda: runstore.Audio(numpy.zeros((2, 2, 2)), sample_rate=1), r"\(2, 2, 2\)"),
        (lambda: runstore.Object3D(numpy.zeros((3, 2))), r"shape \(3, 2\)"),
        (lambda: runstore.Histogram([math.nan]), "finite"),
    ],
)
def test_media_of_a_wrong_shape_are_refused_in_one_sentence_and_the_run_goes_on(
    folder: Path, make: Any, said: str
) -> None:
    run = begin()
    with pytest.raises((ValueError, TypeError), match=said) as refused:
        run.log({"media": make()})
    assert "\n" not in str(refused.value)
    run.log({"a": 1})
    run.finish()
    assert rows(only_log(folder)) == [(0, {"a": 1})]


def test_an_artifact_whose_file_vanished_does_not_stop_the_run(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("w")
    run = begin()
    artifact = runstore.Artifact("model", "model")
    artifact.add_reference(f"file://{tmp_path}/weights")
    (tmp_path / "weights").unlink()
    run.log_artifact(artifact)
    with pytest.raises(ValueError, match="neither a file, nor a folder") as refused:
        run.log_artifact(str(tmp_path / "weights"), name="m", type="model")
    assert "\n" not in str(refused.value)
    run.log({"a": 1})
    run.finish()
    assert rows(only_log(folder)) == [(0, {"a": 1})]


@pytest.mark.parametrize("how", ["new_file", "add"])
def test_what_an_artifact_has_no_place_for_is_said_in_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    begin()
    artifact = runstore.Artifact("data", "dataset")
    monkeypatch.setattr("runstore.blobs.store.BlobStore.put", full)
    monkeypatch.setattr("runstore.blobs.store.BlobStore.put_file", full)

    def new_file() -> None:
        with artifact.new_file("a.txt") as file:
            file.write("a")

    table = runstore.Table(columns=["a"], data=[[1]])
    with pytest.raises(StorageError, match="can't be added: No space left on device; what was added before is safe"):
        new_file() if how == "new_file" else artifact.add(table, "t")


def test_code_that_the_disk_has_no_place_for_was_found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("")

    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = begin()
    monkeypatch.setattr("runstore.blobs.store.BlobStore.put_file", full)
    assert run.log_code(str(tmp_path / "code")) is None
    said = capfd.readouterr().err
    assert "a.py is not in the recorded code: No space left on device" in said
    assert "no code was found" not in said


def test_a_full_disk_in_the_middle_of_a_new_file_is_said_in_one_sentence(tmp_path: Path) -> None:
    def write(problem: OSError) -> None:
        with runstore.Artifact("data", "dataset").new_file("a.txt"):
            raise problem

    with pytest.raises(StorageError, match="^data: a.txt can't be written: No space left on device"):
        write(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(FileNotFoundError):  # of a file that the program reads
        write(FileNotFoundError("input.txt"))


# Smaller things.


def test_a_message_for_a_stream_that_is_none_of_the_usual_kind_is_dropped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", object())
    runstore.termwarn("not to be seen")


def test_what_init_raises_is_caught_as_an_error_of_this_module(tmp_path: Path) -> None:
    (tmp_path / "wandb").touch()
    with pytest.raises(runstore.Error):
        runstore.init(dir=tmp_path)


def test_a_summary_can_be_copied_and_sent_to_another_process(folder: Path) -> None:
    import copy
    import pickle

    run = begin()
    run.log({"a": 1})
    assert same(dict(pickle.loads(pickle.dumps(run.summary))), dict(run.summary))
    assert same(dict(copy.deepcopy(run.summary)), dict(run.summary))


def test_taking_a_name_away_does_not_call_the_run_none(folder: Path) -> None:
    run: Run = begin(name="first")
    run.name = None
    assert run.name is None

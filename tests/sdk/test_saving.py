"""Files that a run saves are copied into its directory at the call, and again as their policy says."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

import pytest

import runstore
from runstore.errors import NotFound, UsageError
from runstore.runlog.record_pb2 import FilesItem
from runstore.sdk.files import copying, saving
from runstore.sdk.files.saving import SavedFiles
from runstore.sdk.run import Run
from tests.sdk.reading import begin, logs, only_log, program, records, succeeded
from tests.timing import HANGS_SECONDS, eventually

LONG_AGO = 1_000_000_000.5


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which holds some files; nobody looks at them before the end of a run."""
    monkeypatch.setattr(saving, "LOOK_SECONDS", HANGS_SECONDS)
    folder = tmp_path / "work"
    (folder / "out" / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "b[1].txt").write_text("b")
    (folder / "out" / "c.txt").write_text("c")
    (folder / "out" / "deep" / "d.txt").write_text("d")
    monkeypatch.chdir(folder)
    return folder


def put(run: Run) -> dict[str, str]:
    """Return the files in the run directory that the tests put there, without copies that are being made."""
    files = Path(run.dir)
    found = {path.relative_to(files).as_posix(): path for path in files.rglob("*") if path.is_file()}
    return {
        name: path.read_text()
        for name, path in sorted(found.items())
        if name not in ("wandb-metadata.json", "requirements.txt", "diff.patch") and path.suffix != ".part"
    }


def named(log: Path) -> list[tuple[str, str]]:
    """Return the files that a log names, with their policies, without those of W&B's own type."""
    items = [item for record in records(log) for item in record.files.files if item.type == FilesItem.OTHER]
    return [(item.path, FilesItem.PolicyType.Name(item.policy)) for item in items]


# What is meant.


def test_a_file_is_copied_at_the_call_and_named(folder: Path, work: Path) -> None:
    run = begin()
    assert run.save("a.txt") == [str(Path(run.dir) / "a.txt")]
    assert put(run) == {"a.txt": "a"}
    assert not (Path(run.dir) / "a.txt").is_symlink()
    (work / "a.txt").unlink()
    run.finish()
    assert put(run) == {"a.txt": "a"}
    assert named(only_log(folder)) == [("a.txt", "LIVE")]


def test_folders_are_kept_below_the_base(folder: Path, work: Path) -> None:
    run = begin()
    files = Path(run.dir)
    assert run.save("out/*.txt") == [str(files / "out/c.txt")]
    assert run.save("out/deep/*", base_path="out", policy="now") == [str(files / "deep/d.txt")]
    assert run.save(work / "out" / "deep" / "d.txt", policy="end") == [str(files / "deep/d.txt")]
    assert run.save(work / "out" / "c.txt", base_path=work.parent, policy="now") == [str(files / "work/out/c.txt")]
    assert put(run) == {"deep/d.txt": "d", "out/c.txt": "c", "work/out/c.txt": "c"}
    assert named(only_log(folder)) == [
        ("out/c.txt", "LIVE"),
        ("deep/d.txt", "NOW"),
        ("deep/d.txt", "END"),
        ("work/out/c.txt", "NOW"),
    ]


def test_a_folder_is_copied_with_all_that_is_in_it(folder: Path, work: Path) -> None:
    run = begin()
    assert run.save("out") == [str(Path(run.dir) / "out")]
    assert put(run) == {"out/c.txt": "c", "out/deep/d.txt": "d"}
    assert sorted(named(only_log(folder))) == [("out/c.txt", "LIVE"), ("out/deep/d.txt", "LIVE")]


def test_run_directories_are_not_copied_into_themselves(monkeypatch: pytest.MonkeyPatch, work: Path) -> None:
    run = begin(dir=work / "out")
    run.save("out", policy="now")
    assert put(run) == {"out/c.txt": "c", "out/deep/d.txt": "d"}


def test_a_name_may_be_taken_literally(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = begin()
    assert run.save("b[1].txt") == []
    assert "glob=False" in capfd.readouterr().err
    assert run.save("b[1].txt", glob=False) == [str(Path(run.dir) / "b[1].txt")]
    assert run.save("b[2].txt", glob=False) == []
    assert "glob=True" in capfd.readouterr().err
    assert named(only_log(folder)) == [("b[1].txt", "LIVE")]


def test_brackets_in_the_name_of_a_folder_above_are_no_glob(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "run[1]").mkdir()
    (work / "run[1]" / "e.txt").write_text("e")
    monkeypatch.chdir(work / "run[1]")
    run = begin()
    assert run.save("e*.txt") == [str(Path(run.dir) / "e.txt")]


def test_a_file_in_the_run_directory_is_only_named(folder: Path) -> None:
    run = begin()
    own = Path(run.dir) / "own.txt"
    own.write_text("own")
    assert run.save(own, base_path=run.dir) == [str(own)]
    assert run.save("own.*") == [str(own)]
    assert put(run) == {"own.txt": "own"}
    assert named(only_log(folder)) == [("own.txt", "LIVE"), ("own.txt", "LIVE")]


def test_nothing_is_saved_where_nothing_matches(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = begin()
    assert run.save("missing*") == []
    assert run.save("s3://bucket/a.txt") == []
    assert "cloud storage" in capfd.readouterr().err
    assert named(only_log(folder)) == []


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"glob_str": "a.txt", "policy": "never"}, "policies now, end, live"),
        ({"glob_str": "../x"}, "not below"),
        ({"glob_str": "a.txt", "base_path": "out"}, "not below"),
        ({"glob_str": "a.txt", "base_path": "../wo"}, "not below"),
        ({"glob_str": "."}, "itself"),
        ({"glob_str": "out/*", "base_path": "out"}, "further up"),
    ],
)
def test_what_can_not_be_meant_is_refused(arguments: dict[str, str], what: str) -> None:
    run = begin()
    with pytest.raises(UsageError, match=what):
        run.save(**arguments)  # type: ignore[arg-type]


def test_what_can_not_be_read_is_said_and_the_rest_is_saved(
    folder: Path, work: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(work / "out" / "pipe")
    (work / "out" / "nowhere").symlink_to("missing")
    run = begin()
    run.save("out/*", policy="now")
    said = capfd.readouterr().err
    assert "out/pipe could not be saved (is no regular file)" in said
    assert "out/nowhere could not be saved" in said
    assert put(run) == {"out/c.txt": "c", "out/deep/d.txt": "d"}


def test_files_that_are_ignored_are_kept_and_not_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_IGNORE_GLOBS", "out/*")
    run = begin()
    run.save("out", policy="now")
    assert put(run) == {"out/c.txt": "c", "out/deep/d.txt": "d"}
    assert named(only_log(folder)) == [("out/deep/d.txt", "NOW")]


# Policies.


def test_a_live_file_is_copied_whenever_it_changes(folder: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "LOOK_SECONDS", 0.02)
    run = begin()
    run.save("a.txt")
    for content in ("changed", "again"):
        (work / "a.txt").write_text(content)
        eventually(lambda content=content: put(run) == {"a.txt": content})  # type: ignore[misc]
    run.finish()
    assert named(only_log(folder)) == [("a.txt", "LIVE")]


@pytest.mark.parametrize(("policy", "at_the_end"), [("live", "new"), ("end", "new"), ("now", "a")])
def test_at_the_end_a_file_is_copied_again_as_its_policy_says(policy: str, at_the_end: str, work: Path) -> None:
    run = begin()
    run.save("a.txt", policy=policy)
    (work / "a.txt").write_text("new")
    assert put(run) == {"a.txt": "a"}
    run.finish()
    assert put(run) == {"a.txt": at_the_end}


def test_the_last_policy_counts(work: Path) -> None:
    run = begin()
    run.save("a.txt", policy="end")
    run.save("a.txt", policy="now")
    (work / "a.txt").write_text("new")
    run.finish()
    assert put(run) == {"a.txt": "a"}


def test_a_change_that_leaves_size_and_time_is_seen_right_after_the_copy(work: Path) -> None:
    run = begin()
    status = (work / "a.txt").stat()
    run.save("a.txt", policy="end")
    (work / "a.txt").write_text("z")
    os.utime(work / "a.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    if time.time_ns() - status.st_mtime_ns > 40_000_000:
        pytest.skip("the machine was too slow for two writes in one tick of its clock")
    run.finish()
    assert put(run) == {"a.txt": "z"}


def test_a_file_that_has_not_changed_is_not_copied_again(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(work / "a.txt", (LONG_AGO, LONG_AGO))
    run = begin()
    run.save("a.txt")
    copied = (Path(run.dir) / "a.txt").stat().st_ino
    run.finish()
    assert (Path(run.dir) / "a.txt").stat().st_ino == copied


def test_a_file_that_vanished_leaves_its_last_copy(work: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = begin()
    os.utime(work / "a.txt", (LONG_AGO, LONG_AGO))
    run.save("a.txt")
    (work / "a.txt").unlink()
    run.finish()
    assert put(run) == {"a.txt": "a"}
    assert capfd.readouterr().err.count("a.txt is gone; the run directory keeps the copy made before") == 1


def test_after_the_log_has_moved_live_files_lie_beside_the_new_one(folder: Path, work: Path) -> None:
    run = begin()
    run.save("a.txt")
    run._recorder._log._writer.close()  # as after a failed disk: the next record begins another log
    run.log({"x": 1})
    run.finish()
    first, second = logs(folder)
    for log in (first, second):
        assert (log.parent / "files" / "a.txt").read_text() == "a"
        assert named(log) == [("a.txt", "LIVE")]


def test_a_full_disk_is_said_and_training_goes_on(
    work: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(target: object, source: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = begin()
    with monkeypatch.context() as context:
        context.setattr(copying, "_fill", full)
        assert run.save("a.txt") == []
    run.log({"x": 1})
    assert "a.txt could not be saved (No space left on device)" in capfd.readouterr().err
    assert list(Path(run.dir).glob(".*")) == []


def test_a_forked_child_saves_for_itself(folder: Path) -> None:
    script = """
    import os, runstore
    run = runstore.init(id="r")
    open("p.txt", "w").write("parent")
    run.save("p.txt")
    if os.fork() == 0:
        open("c.txt", "w").write("child")
        run.save("c.txt")
        run.finish()
        os._exit(0)
    assert os.wait()[1] == 0
    run.finish()
    """
    succeeded(program("import os; os.chdir(os.environ['HERE'])\n" + script.replace("\n    ", "\n"), HERE=os.getcwd()))
    parent, child = logs(folder)
    assert (named(parent), named(child)) == ([("p.txt", "LIVE")], [("c.txt", "LIVE")])
    assert (child.parent / "files" / "c.txt").read_text() == "child"


# Copies.


@pytest.mark.parametrize("without", [(), ("ioctl",), ("ioctl", "copy_file_range")])
def test_copies_are_equal_however_they_are_made(
    without: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "not here")

    for name in without:
        monkeypatch.setattr(fcntl if name == "ioctl" else os, name, refused)
    for content in (b"", b"x" * 3_000_001):
        (tmp_path / "source").write_bytes(content)
        copying.copy(tmp_path / "source", tmp_path / "new" / "target")
        assert (tmp_path / "new" / "target").read_bytes() == content
    copying.copy(Path("/proc/self/cmdline"), tmp_path / "target")  # a file that says it is empty
    assert (tmp_path / "target").read_bytes() != b""


def test_a_copy_that_is_not_wanted_any_more_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("new")
    (tmp_path / "target").write_text("old")
    copying.copy(tmp_path / "source", tmp_path / "target", lambda: False)
    assert [path.name for path in sorted(tmp_path.glob("*[!k]"))] == ["source", "target"]
    assert (tmp_path / "target").read_text() == "old"


def test_a_name_as_long_as_the_file_system_takes_can_be_saved(work: Path) -> None:
    (work / ("n" * 255)).write_text("long")
    run = begin()
    run.save("n" * 255)
    assert put(run) == {"n" * 255: "long"}


# Restoring.


def test_a_file_of_this_run_is_opened(work: Path) -> None:
    run = begin()
    run.save("out/c.txt", policy="now")
    with run.restore("out/c.txt") as file:  # type: ignore[union-attr]
        assert (file.read(), Path(file.name)) == ("c", Path(run.dir) / "out" / "c.txt")


def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(work: Path) -> None:
    run = begin()
    run.save("a.txt", policy="now")
    (work / "a.txt").write_text("mine")
    with run.restore("a.txt", root=str(work)) as file:  # type: ignore[union-attr]
        assert file.read() == "mine"
    with run.restore("a.txt", replace=True, root=str(work)) as file:  # type: ignore[union-attr]
        assert file.read() == "a"
    assert (work / "a.txt").read_text() == "a"


def earlier(content: str, run_id: str = "r", **arguments: str) -> None:
    Path("model.txt").write_text(content)
    run = begin(id=run_id, **arguments)
    run.save("model.txt")
    run.finish()


def test_a_resumed_run_finds_what_was_saved_last() -> None:
    earlier("first")
    earlier("second", resume="allow")
    run = begin(id="r", resume="allow")
    with run.restore("model.txt") as file:  # type: ignore[union-attr]
        assert file.read() == "second"
        assert Path(file.name).parent == Path(run.dir)


def test_another_run_is_found_by_its_path() -> None:
    earlier("of p", "one", project="p")
    earlier("of q", "one", project="q", entity="me")
    earlier("of none", "two")
    run = begin(project="p")

    def restored(path: str) -> str:
        with run.restore("model.txt", path, replace=True) as file:  # type: ignore[union-attr]
            return file.read()

    assert [restored(path) for path in ("one", "p/one", "q/one", "me/q/one", "me/q/runs/one")] == [
        "of p",
        "of p",
        "of q",
        "of q",
        "of q",
    ]
    assert restored("uncategorized/two") == "of none"
    for path in ("two", "other/one", "you/q/one", "three"):
        with pytest.raises(NotFound, match=r"model\.txt.* was not saved by run"):
            restored(path)


def test_a_file_of_some_other_run_is_not_taken_for_this_ones() -> None:
    earlier("other", "one")
    with pytest.raises(NotFound, match="not saved"):
        begin(id="two").restore("model.txt")


@pytest.mark.parametrize("name", ["/etc/hostname", "../a.txt", ""])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        begin().restore(name)


@pytest.mark.parametrize("path", ["a/b/c/d", "//"])
def test_a_path_that_names_no_run_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="names no run"):
        begin().restore("a.txt", path)


def test_the_part_that_saves_is_made_at_its_first_use() -> None:
    run = begin()
    assert SavedFiles not in run._recorder._parts
    run.save("a.txt")
    assert SavedFiles in run._recorder._parts
    runstore.finish()

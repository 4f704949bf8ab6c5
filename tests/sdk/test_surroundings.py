"""What is recorded of a run's surroundings, beside the training: packages, commit, changes, code, machine."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import runstore
from runstore.runlog.record_pb2 import FilesItem
from runstore.sdk.files.filelist import ignored
from runstore.sdk.run import Run
from runstore.sdk.surroundings import capture
from runstore.sdk.surroundings.capture import WAITED_SECONDS, Surroundings
from tests.sdk.reading import begin, fold, only_log, program, records, succeeded
from tests.sdk.repositories import committed, git, use_clean_git, write
from tests.timing import HANGS_SECONDS, PATIENCE_SECONDS, PROMPT_SECONDS, eventually

pytestmark = pytest.mark.surroundings


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most runs here end at once: they wait for all that is being captured, as long as a busy machine may take."""
    monkeypatch.setattr(capture, "WAITED_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr("runstore.sdk.surroundings.git.ASKED_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with an uncommitted change, the current folder; the program is its file train.py."""
    use_clean_git(monkeypatch)
    folder = committed(tmp_path / "repository", train__py="print(1)\n", __gitignore="/wandb\n")
    git(folder, "remote", "add", "origin", "https://person:secret@example.org/x.git")
    write(folder, train__py="print(2)\n", untracked__py="")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WANDB_PROGRAM", "train.py")
    return folder


def surrounded(**arguments: Any) -> Run:
    """Return a run whose surroundings are being captured."""
    run = begin(**arguments)
    run._recorder.part(Surroundings).start()
    return run


def recorded(folder: Path, **arguments: Any) -> dict[str, bytes]:
    """Return the files of a run that ends at once."""
    surrounded(**arguments).finish()
    files = only_log(folder).parent / "files"
    return {path.relative_to(files).as_posix(): path.read_bytes() for path in files.rglob("*") if path.is_file()}


def listed(folder: Path) -> list[str]:
    """Return the files that the log names, in order."""
    found = [item for record in records(only_log(folder)) for item in record.files.files]
    assert all(item.type == FilesItem.WANDB for item in found)
    return [item.path for item in found]


def metadata(files: dict[str, bytes]) -> dict[str, Any]:
    found = json.loads(files["wandb-metadata.json"])
    assert isinstance(found, dict)
    return found


def test_a_short_run_records_all_of_it(folder: Path, repository: Path) -> None:
    files = recorded(folder)
    facts = fold(only_log(folder)).facts
    assert f"runstore=={runstore.__version__}\n" in files["requirements.txt"].decode()
    assert b"+print(2)" in files["diff.patch"]
    commit = git(repository, "rev-parse", "HEAD")
    assert (facts.git_commit, facts.git_remote) == (commit, "https://example.org/x.git")
    known = metadata(files)
    assert known["git"] == {"commit": commit, "remote": "https://example.org/x.git"}
    assert (known["program"], known["codePath"], known["codePathLocal"]) == ("train.py", "train.py", "train.py")
    assert known["cpu_count"] >= 1
    assert known["cpu_count_logical"] >= known["cpu_count"]
    assert int(known["memory"]["total"]) > 0
    assert int(known["disk"]["/"]["total"]) > 0
    assert b"secret" not in b"".join(files.values())


def test_code_is_kept_where_it_is_asked_for(folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SAVE_CODE", "true")
    files = recorded(folder)
    assert files["code/train.py"] == b"print(2)\n"
    assert listed(folder) == ["wandb-metadata.json", "requirements.txt", "code/train.py", "diff.patch"]
    assert fold(only_log(folder)).config["_wandb"] == {"code_path": "code/train.py"}


def test_changes_stay_on_this_machine_unless_code_is_asked_for(folder: Path, repository: Path) -> None:
    files = recorded(folder)
    assert sorted(files) == ["diff.patch", "requirements.txt", "wandb-metadata.json"]
    assert listed(folder) == ["wandb-metadata.json", "requirements.txt"]
    assert fold(only_log(folder)).config["_wandb"] == {}


@pytest.mark.parametrize("name", ["WANDB_DISABLE_CODE", "WANDB_SAVE_CODE"])
def test_no_code_is_kept_where_that_is_refused(
    name: str, folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SAVE_CODE", "true")
    monkeypatch.setenv(name, "true" if name == "WANDB_DISABLE_CODE" else "false")
    assert sorted(recorded(folder)) == ["requirements.txt", "wandb-metadata.json"]


def test_git_is_not_asked_where_that_is_refused(
    folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DISABLE_GIT", "true")
    monkeypatch.setenv("GIT_PYTHON_GIT_EXECUTABLE", "/bin/false")
    files = recorded(folder)
    assert "diff.patch" not in files
    assert "git" not in metadata(files)
    assert metadata(files)["codePath"] == "train.py"


def test_what_the_settings_know_is_not_asked(folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_GIT_COMMIT", "abc")
    monkeypatch.setenv("WANDB_GIT_REMOTE_URL", "git@example.org:x")
    monkeypatch.setenv("WANDB_DOCKER", "image:1")
    monkeypatch.setenv("WANDB_USER_EMAIL", "me@example.org")
    known = metadata(recorded(folder))
    assert known["git"] == {"commit": "abc", "remote": "git@example.org:x"}
    assert (known["docker"], known["email"]) == ("image:1", "me@example.org")


def test_neither_packages_nor_machine_where_that_is_refused(
    folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_X_SAVE_REQUIREMENTS", "false")
    monkeypatch.setenv("WANDB_X_DISABLE_MACHINE_INFO", "true")
    files = recorded(folder)
    assert files == {}
    assert fold(only_log(folder)).facts.git_commit == ""


def test_without_a_description_commit_and_packages_are_still_recorded(
    folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_X_DISABLE_META", "true")
    assert sorted(recorded(folder)) == ["diff.patch", "requirements.txt"]
    assert fold(only_log(folder)).facts.git_commit == git(repository, "rev-parse", "HEAD")


def test_files_that_are_ignored_are_not_named(folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_IGNORE_GLOBS", "*.txt,code/*")
    monkeypatch.setenv("WANDB_SAVE_CODE", "true")
    assert "requirements.txt" in recorded(folder)
    assert listed(folder) == ["wandb-metadata.json", "diff.patch"]


@pytest.mark.parametrize(
    ("path", "globs", "is_ignored"),
    [
        ("a.txt", ["*.txt"], True),
        ("dir/a.txt", ["*.txt"], False),
        ("dir/a.txt", ["*.bin", "dir/*"], True),
        ("dir/deep/a.txt", ["dir/*"], False),
        ("dir/deep/a.txt", ["dir"], False),
        ("a.txt", ["./a.txt"], False),
        ("a1.txt", ["a[12].txt"], True),
        ("a.txt", [], False),
    ],
)
def test_globs_match_as_they_do_in_the_stock_client(path: str, globs: list[str], is_ignored: bool) -> None:
    assert ignored(path, globs) == is_ignored


def test_outside_of_a_repository_the_program_is_still_known(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_clean_git(monkeypatch)
    (tmp_path / "plain").mkdir()
    write(tmp_path / "plain", script__py="1\n")
    monkeypatch.chdir(tmp_path / "plain")
    monkeypatch.setenv("WANDB_PROGRAM", "script.py")
    monkeypatch.setenv("WANDB_SAVE_CODE", "true")
    files = recorded(folder)
    assert files["code/script.py"] == b"1\n"
    assert metadata(files)["codePath"] == "script.py"
    assert "git" not in metadata(files)


def test_a_program_that_goes_elsewhere_is_recorded_as_it_was_started(
    folder: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = surrounded()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["other.py", "--changed"])
    run.finish()
    known = json.loads((only_log(folder).parent / "files" / "wandb-metadata.json").read_text())
    assert "--changed" not in known.get("args", [])
    assert known["git"]["commit"]


def test_renaming_a_run_meanwhile_is_not_undone(folder: Path, repository: Path) -> None:
    run = surrounded(name="old", tags=["a"])
    run.name = "new"
    run.finish()
    facts = fold(only_log(folder)).facts
    assert (facts.name, list(facts.tags), bool(facts.git_commit)) == ("new", ["a"], True)


def test_the_slurm_job_is_recorded(folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    monkeypatch.setenv("SLURM_NODELIST", "n[1-4]")
    assert metadata(recorded(folder))["slurm"].items() >= {"job_id": "77", "nodelist": "n[1-4]"}.items()


def test_a_git_that_hangs_delays_the_end_for_a_bounded_time_and_is_named(
    folder: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    hanging = tmp_path / "hanging-git"
    hanging.write_text(f"#!/bin/sh\nexec sleep {HANGS_SECONDS}\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("GIT_PYTHON_GIT_EXECUTABLE", str(hanging))
    monkeypatch.setattr(capture, "WAITED_SECONDS", WAITED_SECONDS)
    monkeypatch.setattr("runstore.sdk.surroundings.git.ASKED_SECONDS", HANGS_SECONDS)
    run = surrounded()
    thread = run._recorder.part(Surroundings)._thread
    assert thread is not None
    eventually((Path(run.dir) / "requirements.txt").exists)
    run.log({"a": 1})
    assert thread.is_alive()  # nobody has waited for it yet
    began = time.monotonic()
    run.finish()
    assert time.monotonic() - began < PROMPT_SECONDS
    assert "the run ended before this was captured: the git commit" in capfd.readouterr().err
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_what_fails_is_said_once_and_the_rest_is_recorded(
    folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> str:
        raise RuntimeError("no packages today")

    monkeypatch.setattr("runstore.sdk.surroundings.packages.requirements", fail)
    files = recorded(folder)
    assert capfd.readouterr().err.count("the installed packages could not be captured (no packages today)") == 1
    assert "requirements.txt" not in files
    assert "diff.patch" in files


def test_a_full_disk_is_said_once(
    folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(target: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("runstore.sdk.files.filelist.write_whole", full)
    assert sorted(recorded(folder)) == ["wandb-metadata.json"]
    assert capfd.readouterr().err.count("not all recorded (No space left on device)") == 1
    assert fold(only_log(folder)).facts.git_commit == git(repository, "rev-parse", "HEAD")


def test_the_program_is_the_main_module(folder: Path, tmp_path: Path) -> None:
    script = """
    import sys, runstore
    from runstore.sdk.surroundings import capture
    from tests.timing import PATIENCE_SECONDS
    capture.WAITED_SECONDS = PATIENCE_SECONDS
    run = runstore.init()
    run._recorder.part(capture.Surroundings).start()
    """
    succeeded(program(script, WANDB_DISABLE_GIT="true"))
    found = json.loads((only_log(folder).parent / "files" / "wandb-metadata.json").read_text())
    assert found["program"] == "<python with no main file>"
    assert "codePath" not in found


def test_children_forked_while_it_is_captured_go_on(folder: Path, repository: Path) -> None:
    script = """
    import os, sys
    import runstore
    from runstore.sdk.surroundings import capture
    from tests.timing import PATIENCE_SECONDS
    capture.WAITED_SECONDS = PATIENCE_SECONDS
    run = runstore.init(id="r")
    run._recorder.part(capture.Surroundings).start()
    for attempt in range(20):
        pid = os.fork()
        if pid == 0:
            import subprocess, importlib.metadata, email, tempfile, json  # what the thread may be importing
            run.log({"child": attempt})
            run.finish()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    run.finish()
    """
    succeeded(program(script))
    (parent,) = (log for log in folder.rglob("*.wandb") if fold(log).facts.kind == "start")
    assert (parent.parent / "files" / "requirements.txt").exists()
    named = [item.path for record in records(parent) for item in record.files.files]
    assert named.count("requirements.txt") == 1


def test_a_program_that_ends_at_once_is_called_by_its_name(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "soon.py"
    script.write_text("import runstore\nrunstore.init()\n")
    folder.mkdir(exist_ok=True)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads((only_log(folder).parent / "files" / "wandb-metadata.json").read_text())
    assert found["program"] == str(script)


def test_starting_it_costs_the_program_next_to_nothing(
    folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, spent = Surroundings.start, []

    def timed(part: Surroundings) -> None:
        began = time.thread_time()
        start(part)
        spent.append(time.thread_time() - began)

    monkeypatch.setattr(Surroundings, "start", timed)
    begin()
    (seconds,) = spent
    assert seconds < 0.1  # it takes 0.2 ms on an idle machine
    assert os.getcwd() == str(repository)

"""What git says about a program's code: asked of real repositories, in every state that they may be in."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from runstore.sdk.surroundings.git import GitFailed, Repository, repository_of, run_bounded, without_password
from runstore.sdk.surroundings.program import is_below_git
from tests.sdk.repositories import committed, git, use_clean_git, write
from tests.timing import PATIENCE_SECONDS, PROMPT_SECONDS, eventually


@pytest.fixture(autouse=True)
def clean_git(monkeypatch: pytest.MonkeyPatch) -> None:
    use_clean_git(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def test_the_commit_is_the_one_that_is_checked_out(folder: Path) -> None:
    committed(folder, a__py="1")
    (folder / "deep" / "er").mkdir(parents=True)
    repository = Repository(str(folder / "deep" / "er"))
    assert repository.root == str(folder)
    assert repository.commit() == git(folder, "rev-parse", "HEAD")
    git(folder, "checkout", "--quiet", "--detach")
    assert repository.commit() == git(folder, "rev-parse", "HEAD")


def test_staged_and_unstaged_changes_make_one_patch_that_applies(folder: Path, tmp_path: Path) -> None:
    committed(folder, staged__py="a\n", changed__py="b\n", gone__py="c\n", ümlaut__py="d\n")
    git(tmp_path, "clone", "--quiet", str(folder), "clone")
    write(folder, staged__py="a\nmore\n", new__py="n\n", ümlaut__py="ü\n")
    git(folder, "add", "--all")
    write(folder, changed__py="b\nmore\n", untracked__py="u\n")
    (folder / "gone.py").unlink()
    patch = Repository(str(folder)).changes("HEAD")
    assert b"untracked" not in patch
    (tmp_path / "diff.patch").write_bytes(patch)
    git(tmp_path / "clone", "apply", str(tmp_path / "diff.patch"))
    for name in ("staged.py", "changed.py", "new.py", "ümlaut.py"):
        assert (tmp_path / "clone" / name).read_text() == (folder / name).read_text()
    assert not (tmp_path / "clone" / "gone.py").exists()


def test_a_clean_work_tree_has_no_changes(folder: Path) -> None:
    assert Repository(str(committed(folder, a__py="1"))).changes("HEAD") == b""


def test_a_persons_settings_do_not_change_the_patch(folder: Path) -> None:
    committed(folder, a__py="1\n")
    write(folder, a__py="2\n")
    before = Repository(str(folder)).changes("HEAD")
    for name, value in (("diff.noprefix", "true"), ("color.ui", "always"), ("diff.external", "/bin/false")):
        git(folder, "config", name, value)
    assert Repository(str(folder)).changes("HEAD") == before


def test_changes_inside_a_submodule_are_in_the_patch(folder: Path, tmp_path: Path) -> None:
    committed(tmp_path / "other", lib__py="1\n")
    committed(folder, a__py="1\n")
    git(folder, "submodule", "--quiet", "add", str(tmp_path / "other"), "sub")
    git(folder, "commit", "--quiet", "--message", "sub")
    write(folder / "sub", lib__py="2\n")
    assert b"+++ b/sub/lib.py" in Repository(str(folder)).changes("HEAD")


def test_of_a_binary_file_it_is_said_that_it_changed(folder: Path) -> None:
    committed(folder, weights=b"\0\1")
    write(folder, weights=b"\0\2")
    assert b"Binary files a/weights and b/weights differ" in Repository(str(folder)).changes("HEAD")


def test_before_the_first_commit_there_is_none(folder: Path) -> None:
    folder.mkdir()
    git(folder, "init", "--quiet")
    repository = Repository(str(folder))
    assert (repository.commit(), repository.remote_url("origin"), repository.upstream()) == ("", "", "")


def test_a_second_work_tree_is_a_repository_of_its_own(folder: Path, tmp_path: Path) -> None:
    committed(folder, a__py="1\n")
    git(folder, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    write(tmp_path / "side", a__py="side\n")
    repository = Repository(str(tmp_path / "side"))
    assert repository.root == str(tmp_path / "side")
    assert b"+side" in repository.changes("HEAD")
    assert Repository(str(folder)).changes("HEAD") == b""


def test_the_upstream_is_that_of_the_branch(folder: Path, tmp_path: Path) -> None:
    committed(folder, a__py="1\n")
    git(tmp_path, "clone", "--quiet", str(folder), "clone")
    clone = tmp_path / "clone"
    pushed = git(clone, "rev-parse", "HEAD")
    write(clone, a__py="2\n")
    git(clone, "commit", "--quiet", "--all", "--message", "two")
    repository = Repository(str(clone))
    assert repository.remote_url("origin") == str(folder)
    assert repository.upstream() == pushed != repository.commit()
    assert b"+2" in repository.changes(pushed)
    git(clone, "checkout", "--quiet", "--no-track", "-b", "side")
    assert repository.upstream() == ""
    assert repository.upstream(nearest=True) == pushed


def test_what_is_no_work_tree_has_no_repository(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    git(tmp_path, "init", "--quiet", "--bare", "bare")
    assert repository_of(["", str(folder), str(tmp_path / "bare"), str(tmp_path / "missing")]) is None


def test_git_is_asked_wherever_it_can_find_a_work_tree(folder: Path, tmp_path: Path) -> None:
    assert not any(map(is_below_git, ["", str(tmp_path), str(tmp_path / "missing")]))
    committed(folder, a__py="1")
    (folder / "deep" / "er").mkdir(parents=True)
    git(folder, "worktree", "add", "--quiet", str(tmp_path / "second"))
    (tmp_path / "link").symlink_to(folder / "deep")
    for inside in (folder, folder / "deep" / "er", tmp_path / "second", tmp_path / "link"):
        assert is_below_git(str(inside))
        assert repository_of([str(inside)]) is not None


def test_the_first_folder_that_is_in_one_counts(folder: Path, tmp_path: Path) -> None:
    committed(folder, a__py="1")
    found = repository_of([str(tmp_path), str(folder)])
    assert found is not None
    assert found.root == str(folder)


def test_where_git_is_missing_there_is_no_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(folder, a__py="1")
    monkeypatch.setenv("PATH", str(folder))
    assert repository_of([str(folder)]) is None


def test_a_repository_of_another_user_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(folder, a__py="1")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert repository_of([str(folder)]) is None


def test_variables_that_name_another_repository_are_ignored(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(folder, a__py="1")
    committed(tmp_path / "other", b__py="2")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    assert Repository(str(folder)).root == str(folder)


def test_looking_does_not_write_to_the_repository(folder: Path) -> None:
    committed(folder, a__py="1\n")
    later = time.time() + 5
    os.utime(folder / "a.py", (later, later))  # git would note in its index that the content is the same
    before = (folder / ".git" / "index").read_bytes()
    assert Repository(str(folder)).changes("HEAD") == b""
    assert (folder / ".git" / "index").read_bytes() == before


def test_an_answer_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="larger than 1 MiB"):
        run_bounded(["cat", "/dev/zero"], str(tmp_path), seconds=30, most_bytes=1 << 20)


def test_an_answer_that_takes_too_long_is_not_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(GitFailed, match="too long"):
        run_bounded(["sh", "-c", "sleep 60 | cat"], str(tmp_path), seconds=0.2, most_bytes=100)
    with pytest.raises(GitFailed, match="run ended"):
        run_bounded(["sleep", "60"], str(tmp_path), 60, 100, stopped=lambda: time.monotonic() > began + 0.5)
    assert time.monotonic() - began < PROMPT_SECONDS


def test_nothing_of_a_command_given_up_is_left(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def has_started() -> bool:
        return pid.exists() and pid.read_text().endswith("\n")

    command = ["sh", "-c", "sleep 600 & echo $! > pid; wait"]
    with pytest.raises(GitFailed):
        run_bounded(command, str(tmp_path), seconds=PATIENCE_SECONDS, most_bytes=100, stopped=has_started)
    child = pid.read_text().strip()

    def has_ended() -> bool:
        state = subprocess.run(["ps", "-o", "stat=", "-p", child], capture_output=True, text=True).stdout.strip()
        return state in ("", "Z", "Z+")

    eventually(has_ended)  # it was killed, and does not die in the same moment


@pytest.mark.parametrize(
    ("address", "recorded"),
    [
        ("https://person:secret@example.org/x/y.git", "https://example.org/x/y.git"),
        ("https://token@example.org:8443/x/y.git", "https://example.org:8443/x/y.git"),
        ("https://token:x-oauth-basic@example.org/x", "https://example.org/x"),
        ("https://a@b.org:se@cret@example.org/x", "https://example.org/x"),
        ("HTTP://u:p@example.org", "HTTP://example.org"),
        ("ssh://git:secret@example.org:22/x", "ssh://git@example.org:22/x"),
        ("ssh://git@example.org/x", "ssh://git@example.org/x"),
        ("git@example.org:x/y.git", "git@example.org:x/y.git"),
        ("/srv/git/y.git", "/srv/git/y.git"),
        ("https://example.org/@scope/y", "https://example.org/@scope/y"),
        ("", ""),
    ],
)
def test_an_address_is_recorded_without_what_gives_access(address: str, recorded: str) -> None:
    assert without_password(address) == recorded

"""Nothing but what lies in a run directory is read through a run, whoever made it, and whatever is in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from runstore.core.rescued import file_blob
from runstore.errors import NotFound
from runstore.query.stored.run import StoredRun
from runstore.web import places
from runstore.web.places import Kept, RunDirectories, open_inside, read_begin
from runstore.web.reading import run_of
from runstore.web.site import Site
from tests.web.asking import Asking
from tests.web.runfiles import run_with_files

SECRET = b"somebody's key"


@pytest.fixture
def secret(folder: Path) -> Path:
    """A file outside of all runs."""
    path = folder / "id_rsa"
    path.write_bytes(SECRET)
    return path


def content(folder: Path, path: str) -> bytes | None:
    opened = open_inside(folder, path)
    if opened is None:
        return None
    with opened:
        return opened.read()


def stored(site: Site, ref: str = "demo/one") -> StoredRun:
    site.watch.wait(1)
    with site.reader.api() as api:
        return run_of(api, ref)


def test_files_and_blobs_are_read(site: Site) -> None:
    run_with_files({"a.txt": b"a", "deep/er/b.txt": b"b"}, {"0123": b"blob"})
    run, here = stored(site), RunDirectories()
    for kind, path, expected in (
        ("files", "a.txt", b"a"),
        ("files", "deep/er/b.txt", b"b"),
        ("blobs", "0123", b"blob"),
    ):
        with here.open(run, kind, path) as file:
            assert file.read() == expected


@pytest.mark.parametrize(
    "path",
    [
        "files/../../id_rsa",
        "files/../run-one.wandb",  # the log itself is not asked for so
        "files/./a.txt",
        "files//a.txt",
        "files/",
        "files",
        "/etc/hostname",
        "files//etc/hostname",
        "",
        "files/a.txt\0.png",
        "files/deep",
    ],
)
def test_paths_that_lead_elsewhere_are_not_followed(folder: Path, secret: Path, path: str) -> None:
    run = run_with_files({"a.txt": b"a", "deep/b.txt": b"b"})
    assert (run / path.strip("/") if "\0" not in path else secret) is not None
    assert content(run, path) is None


@pytest.mark.parametrize("how", ["absolute", "relative", "twice", "folder"])
def test_links_that_leave_the_run_are_not_followed(folder: Path, secret: Path, how: str) -> None:
    run = run_with_files({"a.txt": b"a"})
    link, name = run / "files" / "link", "files/link"
    if how == "absolute":
        link.symlink_to(secret)
    elif how == "relative":
        link.symlink_to(os.path.relpath(secret, run / "files"))
    elif how == "twice":
        (run / "files" / "first").symlink_to(secret)
        link.symlink_to("first")
    else:
        link.symlink_to(secret.parent)
        name = f"files/link/{secret.name}"
    assert (run / name).read_bytes() == SECRET
    assert content(run, name) is None


def test_a_run_whose_folder_of_files_is_a_link_shows_nothing(folder: Path, secret: Path) -> None:
    run = run_with_files({})
    for name in ("files", "blobs"):
        (run / name).rename(run / f"{name}-before") if (run / name).exists() else None
        (run / name).symlink_to(secret.parent)
        assert content(run, f"{name}/{secret.name}") is None


def test_a_link_from_files_to_the_log_beside_them_leaves_files(folder: Path) -> None:
    run = run_with_files({})
    (run / "files" / "log").symlink_to(run / "run-one.wandb")
    assert content(run, "files/log") is None


def test_a_link_to_the_same_place_in_another_run_is_neither_followed_nor_taken_for_ours(folder: Path) -> None:
    run = run_with_files({"a.txt": b"ours"})
    other = run.with_name(f"{run.name[:-3]}two")
    (other / "files").mkdir(parents=True)
    (other / "files" / "a.txt").write_bytes(SECRET)
    (run / "files" / "link").symlink_to(other / "files" / "a.txt")
    assert content(run, "files/link") is None


def test_links_that_stay_inside_are_followed(folder: Path) -> None:
    run = run_with_files({"deep/a.txt": b"a"})
    (run / "files" / "latest").symlink_to("deep")
    (run / "files" / "b.txt").symlink_to(run / "files" / "deep" / "a.txt")
    assert content(run, "files/latest/a.txt") == b"a"
    assert content(run, "files/b.txt") == b"a"


def test_a_pipe_does_not_hang_and_a_device_is_not_read(folder: Path) -> None:
    run = run_with_files({})
    os.mkfifo(run / "files" / "pipe")
    (run / "files" / "zero").symlink_to("/dev/zero")
    assert content(run, "files/pipe") is None
    assert content(run, "files/zero") is None


@pytest.mark.parametrize("swapped", ["file", "folder"])
def test_what_becomes_a_link_after_it_was_looked_at_is_refused(
    folder: Path, secret: Path, swapped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever owns the run directory may try to be quicker than the check."""
    run = run_with_files({f"deep/{secret.name}": b"harmless"})
    look = os.path.realpath

    def look_and_swap(path: str | Path, *, strict: bool = False) -> str:
        found = look(path, strict=strict)
        deep = run / "files" / "deep"
        if str(path).endswith(secret.name) and not deep.is_symlink():
            (deep / secret.name).unlink()
            if swapped == "file":
                (deep / secret.name).symlink_to(secret)
            else:
                deep.rmdir()
                deep.symlink_to(secret.parent)
        return found

    monkeypatch.setattr(os.path, "realpath", look_and_swap)
    assert content(run, f"files/deep/{secret.name}") is None
    assert (run / "files" / "deep" / secret.name).read_bytes() == SECRET  # it was swapped


def test_what_stock_tools_linked_to_is_read_from_its_copy(site: Site, secret: Path) -> None:
    run_directory = run_with_files({}, {file_blob("model.pt"): b"weights"})
    (run_directory / "files" / "model.pt").symlink_to(secret)  # which was the model once
    with RunDirectories().open(stored(site), "files", "model.pt") as file:
        assert file.read() == b"weights"


def test_the_latest_of_several_directories_counts(site: Site) -> None:
    first = run_with_files({"a.txt": b"first", "only.txt": b"only"})
    second = run_with_files({"a.txt": b"second"})
    assert first != second
    here, run = RunDirectories(), stored(site)
    for path, expected in (("a.txt", b"second"), ("only.txt", b"only")):
        with here.open(run, "files", path) as file:
            assert file.read() == expected


def test_only_what_can_be_opened_is_listed(site: Site, secret: Path) -> None:
    run_directory = run_with_files({"b/a.txt": b"aa", ".x.part": b"half"})
    (run_directory / "files" / "key").symlink_to(secret)
    listed = RunDirectories().files(stored(site))
    assert [kept.path for kept in listed] == ["b/a.txt"]
    assert listed[0] == Kept("b/a.txt", 2, os.stat(run_directory / "files" / "b" / "a.txt").st_mtime)


def test_a_file_that_is_not_there_is_named(site: Site) -> None:
    run_with_files({})
    with pytest.raises(NotFound, match=r"run one has no blob 'x'"):
        RunDirectories().open(stored(site), "blobs", "x")


def test_a_folder_that_is_only_linked_from_the_run_directory_is_not_listed(site: Site, secret: Path) -> None:
    folder = run_with_files({})
    shutil.rmtree(folder / "files")
    (folder / "files").symlink_to(secret.parent, target_is_directory=True)
    assert RunDirectories().files(stored(site)) == []


def test_folders_deeper_than_a_path_reaches_are_listed_as_far_as_it_does(site: Site) -> None:
    folder = run_with_files({"a.txt": b"a", "one/two/b.txt": b"b"})
    at = os.open(folder / "files", os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    listed = [kept.path for kept in RunDirectories().files(stored(site))]
    subprocess.run(["rm", "-rf", str(folder / "files")], check=True)  # pytest's own way is recursive
    assert {"a.txt", "one/two/b.txt"} <= set(listed)


def test_of_a_folder_without_an_end_so_many_files_are_listed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    run_with_files({f"{number}.txt": b"" for number in range(50)})
    run = stored(site)
    monkeypatch.setattr(places, "MOST_ENTRIES", 20)
    assert len(RunDirectories().files(run)) <= 20


def test_names_that_are_no_utf8_are_listed_escaped(asking: Asking) -> None:
    run_with_files({os.fsdecode(b"bad\xff.txt"): b"x"})
    assert "bad\\xff.txt" in asking.get("/api/files", ref="demo/one")["found"]["names"]


def test_a_file_that_grows_is_read_as_far_as_it_went(folder: Path) -> None:
    with open(folder / "x", "wb+", buffering=0) as file:
        file.write(b"abc")
        file.seek(0)
        assert read_begin(file, 2) == b"ab"
        assert read_begin(file, 9) == b"c"

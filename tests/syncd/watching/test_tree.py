"""What a look at the folders where runs come and go finds."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from runstore.syncd.watching import tree as module
from runstore.syncd.watching.roots import Root
from runstore.syncd.watching.tree import Seen, Tree
from tests.syncd.watching.conftest import new_log, run_directory


def test_the_first_look_finds_all_places_and_runs(tmp_path: Path) -> None:
    log = new_log(tmp_path / "a" / "wandb")
    (tmp_path / "run-loose.wandb").write_bytes(b"x")
    tree = Tree(Root(tmp_path))
    seen = tree.look()
    assert seen.runs == [str(log.parent)] == tree.runs()
    assert seen.logs == [str(tmp_path / "run-loose.wandb")]
    assert sorted(seen.places) == [str(tmp_path / "a"), str(tmp_path / "a" / "wandb")]
    assert seen.gone == []


def test_a_later_look_finds_what_came_and_what_went(tmp_path: Path) -> None:
    old = new_log(tmp_path / "a" / "wandb").parent
    tree = Tree(Root(tmp_path))
    tree.look()
    assert tree.look() == Seen()
    new = run_directory(tmp_path / "b" / "wandb")
    (tmp_path / "a").rename(tmp_path / "c")
    seen = tree.look()
    moved = tmp_path / "c" / "wandb" / old.name
    assert sorted(seen.runs) == sorted([str(new), str(moved)])
    assert set(seen.gone) == {str(tmp_path / "a"), str(tmp_path / "a" / "wandb"), str(old)}
    assert sorted(tree.runs()) == sorted([str(new), str(moved)])


def test_one_place_alone_can_be_looked_at(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    tree = Tree(Root(tmp_path))
    tree.look()
    runs = [run_directory(tmp_path / name) for name in "ab"]
    assert tree.look([str(tmp_path / "a"), str(tmp_path / "unknown")]).runs == [str(runs[0])]
    assert tree.look().runs == [str(runs[1])]


def test_a_place_that_has_settled_is_not_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_log(tmp_path / "wandb")
    tree = Tree(Root(tmp_path))
    tree.look()
    listed: list[str] = []
    scandir = os.scandir

    def noting(path: Any) -> Any:
        listed.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noting)
    tree.look()
    assert sorted(listed) == [str(tmp_path), str(tmp_path / "wandb")]  # a clock may tick slowly
    monkeypatch.setattr(module, "SETTLED_NS", -(10**18))
    tree.look()
    listed.clear()
    tree.look()
    assert listed == []


def test_a_place_that_cannot_be_read_keeps_what_is_known_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_log(tmp_path / "a" / "wandb").parent
    tree = Tree(Root(tmp_path))
    tree.look()

    def broken(path: str, *, afresh: bool) -> None:
        raise OSError(errno.EIO, "Input/output error", path)

    with monkeypatch.context() as patch:
        patch.setattr(module, "look", broken)
        assert tree.look() == Seen()
    assert tree.runs() == [str(run)]
    assert set(tree.unreadable.values()) == {"Input/output error"}
    assert tree.look() == Seen()
    assert tree.unreadable == {}


def test_a_root_that_is_gone_is_left_to_whoever_watches_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    run = new_log(root / "wandb").parent
    tree = Tree(Root(root))
    tree.look()
    root.rename(tmp_path / "elsewhere")
    seen = tree.look([str(root)])
    assert seen == Seen()
    assert tree.runs() == [str(run)]


def test_what_lay_on_another_file_system_is_cut_off_while_that_is_away(tmp_path: Path) -> None:
    root = tmp_path / "root"
    log = new_log(root / "mnt" / "wandb")
    tree = Tree(Root(root))
    tree.look()
    assert not tree.is_cut_off(str(log))
    for place in (root / "mnt", root / "mnt" / "wandb"):
        tree.places[str(place)].device += 1  # as if it had been another one
    (root / "mnt" / "wandb").rename(tmp_path / "hidden")
    assert tree.is_cut_off(str(log))
    assert tree.look() == tree.look() == Seen()
    assert tree.away == {str(root / "mnt")}
    assert tree.is_away(str(log))
    (tmp_path / "hidden").rename(root / "mnt" / "wandb")
    tree.look()
    assert tree.away == set()
    assert tree.runs() == [str(log.parent)]


def test_names_of_any_bytes_are_taken(tmp_path: Path) -> None:
    hostile = tmp_path / os.fsdecode(b"a\n\xff b") / "offline-run-20240101_000000-x\ny"
    hostile.mkdir(parents=True)
    tree = Tree(Root(tmp_path))
    assert tree.look().runs == [str(hostile)]

"""Which root a path belongs to, and what is ignored below it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstore.syncd.watching.roots import Root, Roots


@pytest.mark.parametrize(
    ("pattern", "ignored", "kept"),
    [
        ("node_modules", ["node_modules", "a/node_modules", "a/node_modules/b/wandb"], ["node_modules2", "a/my"]),
        ("*.tmp", ["x.tmp", "a/x.tmp/wandb"], ["x.tmp2", "tmp"]),
        ("debug-?", ["debug-1", "a/debug-2/wandb"], ["debug-10", "debug-"]),
        ("old/", ["old", "a/old/wandb"], ["older"]),
        ("/old", ["old", "old/wandb"], ["a/old"]),
        ("a/old", ["a/old", "a/old/wandb/x"], ["b/a/old", "a/older", "a"]),
        ("a/*/old", ["a/b/old", "a/c/old/x"], ["a/old", "a/b/c/old"]),
        ("a/**/old", ["a/old", "a/b/old", "a/b/c/old/x"], ["b/old"]),
        ("**/old", ["old", "a/b/old"], ["olden"]),
        ("run-[ab]", ["run-a", "x/run-b/y"], ["run-c", "run-ab"]),
        ("run-[!ab]", ["run-c"], ["run-a"]),
        ("a.b", ["a.b"], ["aXb"]),
        ("we(ird+", ["we(ird+"], ["weird"]),
        ("[", ["["], ["x"]),
    ],
)
def test_patterns_mean_what_they_mean_in_gitignore(pattern: str, ignored: list[str], kept: list[str]) -> None:
    root = Root(Path("/r"), (pattern,))
    assert [path for path in ignored if not root.ignores(f"/r/{path}")] == []
    assert [path for path in kept if root.ignores(f"/r/{path}")] == []


def test_a_root_is_never_ignored_by_its_own_patterns() -> None:
    assert not Root(Path("/r/old"), ("old", "*")).ignores("/r/old")


def test_a_path_belongs_to_the_innermost_root() -> None:
    outer, inner = Root(Path("/r"), ("x",)), Root(Path("/r/x/in"))
    roots = Roots([outer, inner])
    assert roots.of("/r/x") == outer
    assert roots.of("/r/x/in") == roots.of("/r/x/in/wandb") == inner
    assert roots.of("/r2") is None
    assert (roots.cover("/r/x/a"), roots.cover("/r/x/in/a"), roots.cover("/elsewhere")) == (False, True, False)
    assert roots.inside(outer) == {"/r/x/in"}
    assert roots.inside(inner) == frozenset()


def test_the_root_of_the_whole_system_holds_everything() -> None:
    roots = Roots([Root(Path("/"))])
    assert roots.cover("/a/b")
    assert roots.of("/") == Root(Path("/"))


def test_of_a_root_that_is_given_twice_the_last_counts() -> None:
    last = Root(Path("/r"), ("b",))
    assert Roots([Root(Path("/r"), ("a",)), last]).all == [last]

"""Tokens: shown once, kept as hashes, useless when revoked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runstore.errors import NotFound, UsageError
from runstore.syncd.hub.auth import Tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Tokens]:
    opened = Tokens(tmp_path / "hub")
    yield opened
    opened.close()


def test_created_token_is_known_by_its_name(tokens: Tokens) -> None:
    laptop, cluster = tokens.create("laptop"), tokens.create("cluster")
    assert laptop.startswith("rs_")
    assert len(laptop) > 40
    assert (tokens.check(laptop), tokens.check(cluster)) == ("laptop", "cluster")
    assert [info.name for info in tokens.list()] == ["cluster", "laptop"]


@pytest.mark.parametrize("bearer", ["", "rs_", "laptop", "é", "\udc80"])
def test_anything_else_is_not_known(tokens: Tokens, bearer: str) -> None:
    tokens.create("laptop")
    assert tokens.check(bearer) is None


def test_no_token_lies_on_the_disk(tokens: Tokens, tmp_path: Path) -> None:
    token = tokens.create("laptop")
    for file in (tmp_path / "hub").iterdir():
        assert token.encode() not in file.read_bytes()


def test_name_that_is_taken_or_empty_is_refused(tokens: Tokens) -> None:
    token = tokens.create("laptop")
    with pytest.raises(UsageError, match="already"):
        tokens.create("laptop")
    with pytest.raises(UsageError, match="needs a name"):
        tokens.create(" ")
    assert tokens.check(token) == "laptop"


def test_revoked_token_is_not_known(tokens: Tokens) -> None:
    token = tokens.create("laptop")
    tokens.revoke("laptop")
    assert tokens.check(token) is None
    with pytest.raises(NotFound, match="there are: none"):
        tokens.revoke("laptop")


def test_token_made_beside_a_running_hub_is_known_to_it(tokens: Tokens, tmp_path: Path) -> None:
    other = Tokens(tmp_path / "hub")
    token = other.create("late")
    other.close()
    assert tokens.check(token) == "late"

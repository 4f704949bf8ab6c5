"""The hub remembers the digests of the logs that came last, and of no more than it has room for."""

from __future__ import annotations

import pytest

from runstore.core.segments import SegmentDigest
from runstore.syncd.hub import digests
from runstore.syncd.hub.digests import Digests


def digest_of(data: bytes) -> SegmentDigest:
    digest = SegmentDigest()
    digest.update(data)
    return digest


def test_the_log_that_was_used_the_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_KEPT", 2)
    kept, one, two, three = Digests(), digest_of(b"1"), digest_of(b"2"), digest_of(b"3")
    kept.keep("one", one)
    kept.keep("two", two)
    assert kept.get("one") is one
    kept.keep("three", three)
    assert (kept.get("one"), kept.get("two"), kept.get("three")) == (one, None, three)


def test_a_digest_is_replaced_by_a_later_one_and_forgotten_when_asked() -> None:
    kept, later = Digests(), digest_of(b"12")
    kept.keep("one", digest_of(b"1"))
    kept.keep("one", later)
    assert kept.get("one") is later
    kept.forget("one")
    kept.forget("never kept")
    assert kept.get("one") is None

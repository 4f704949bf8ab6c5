"""Segment digests: the same bytes give the same mark, however they are cut up."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstore.core.segments import EMPTY_MARK, SEGMENT_BYTES, Mark, SegmentDigest, open_length
from tests.syncd.hubs import mark_of, random_bytes

LONG = random_bytes(3 * SEGMENT_BYTES + 12_345)


def test_mark_of_nothing() -> None:
    assert Mark(0, "00" * 32, hashlib.sha256(b"").hexdigest()) == EMPTY_MARK


def test_mark_is_what_the_docstring_says() -> None:
    chain = bytes(32)
    for k in range(3):
        segment = hashlib.sha256(LONG[k * SEGMENT_BYTES : (k + 1) * SEGMENT_BYTES]).digest()
        chain = hashlib.sha256(chain + segment).digest()
    assert mark_of(LONG) == Mark(len(LONG), chain.hex(), hashlib.sha256(LONG[3 * SEGMENT_BYTES :]).hexdigest())


def test_full_segment_is_sealed_at_once() -> None:
    assert mark_of(LONG[:SEGMENT_BYTES]).open_digest == EMPTY_MARK.open_digest
    assert mark_of(LONG[:SEGMENT_BYTES]).chain != EMPTY_MARK.chain


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(LONG)), st.lists(st.integers(0, len(LONG)), max_size=8))
def test_any_split_gives_the_same_mark(size: int, cuts: list[int]) -> None:
    digest, at = SegmentDigest(), 0
    for cut in [*sorted(c for c in cuts if c <= size), size]:
        digest.update(LONG[at:cut])
        at = cut
    assert digest.mark() == mark_of(LONG[:size])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(LONG)), st.integers(0, len(LONG)))
def test_resumed_digest_goes_on_as_if_never_interrupted(one: int, other: int) -> None:
    stop, end = sorted((one, other))
    kept = mark_of(LONG[:stop])
    digest = SegmentDigest.resume(kept.size, kept.chain, LONG[stop - open_length(stop) : stop])
    assert digest.mark() == kept
    digest.update(LONG[stop:end])
    assert digest.mark() == mark_of(LONG[:end])


def test_any_changed_byte_changes_the_mark() -> None:
    for at in (0, SEGMENT_BYTES - 1, SEGMENT_BYTES, len(LONG) - 1):
        changed = bytearray(LONG)
        changed[at] ^= 1
        assert mark_of(bytes(changed)) != mark_of(LONG)


def test_copy_is_independent() -> None:
    digest = SegmentDigest()
    digest.update(b"abc")
    digest.copy().update(LONG)
    assert digest.mark() == mark_of(b"abc")


@pytest.mark.parametrize(
    ("size", "chain", "open_bytes"), [(3, "00" * 32, b"ab"), (3, "00", b"abc"), (0, "zz", b""), (-1, "00" * 32, b"")]
)
def test_state_that_does_not_fit_is_refused(size: int, chain: str, open_bytes: bytes) -> None:
    with pytest.raises(ValueError, match=r"no digest|non-hexadecimal"):
        SegmentDigest.resume(size, chain, open_bytes)

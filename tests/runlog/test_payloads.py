"""Payloads that were read together are told apart again, wherever they came from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runstore.runlog.framing import CHUNK_HEADER_BYTES, frame
from runstore.runlog.payloads import GAP_BYTES, SLACK, Payloads

some = st.lists(st.binary(max_size=40), max_size=6)


@given(some, some, some)
def test_payloads_added_singly_and_in_their_chunks_come_back(a: list[bytes], b: list[bytes], c: list[bytes]) -> None:
    payloads = Payloads.of(a)
    chunks = memoryview(b"".join(frame(payload, 7) for payload in b))
    payloads.add_chunks(chunks, [len(payload) for payload in b])
    for payload in c:
        payloads.add(payload)
    assert [*payloads] == [payloads[at] for at in range(len(payloads))] == a + b + c
    for at, payload in enumerate(payloads):
        assert payloads.text[payloads.begin(at) :].startswith(payload)
    assert payloads.text.endswith(SLACK)
    assert len(payloads.text) == sum(map(len, payloads)) + GAP_BYTES * len(payloads) + len(SLACK)


def test_the_gap_before_a_payload_is_the_header_of_its_chunk() -> None:
    assert GAP_BYTES == CHUNK_HEADER_BYTES

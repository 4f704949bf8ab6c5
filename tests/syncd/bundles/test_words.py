"""Words are found and replaced as an alternation of them would, whatever they are and however many."""

from __future__ import annotations

import random
import re

import pytest

from runstore.syncd.bundles.derived.searching import pattern_of
from runstore.syncd.bundles.derived.words import Words


@pytest.mark.parametrize("seed", range(20))
def test_a_pattern_matches_what_an_alternation_of_the_longest_first_does(seed: int) -> None:
    rng = random.Random(seed)
    letters = "ab.-/\\[é"
    words = {"".join(rng.choices(letters, k=rng.randrange(1, 14))) for _ in range(rng.choice((1, 2, 3, 40, 300)))}
    plain = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    for alone in ("", r"[^\W_]"):
        ends = (f"(?<!{alone})", f"(?!{alone})") if alone else ("", "")
        slow, fast = (re.compile(f"{ends[0]}(?:{one}){ends[1]}", re.IGNORECASE) for one in (plain, pattern_of(words)))
        for _ in range(50):
            text = "".join(rng.choices(letters + "AB é", k=60))
            assert fast.findall(text) == slow.findall(text)


def test_no_words_match_nothing() -> None:
    assert re.search(pattern_of([]), "anything") is None


def test_words_of_any_length_and_with_beginnings_of_each_other_make_a_pattern() -> None:
    words = ["a" * n for n in range(1, 3000)] + ["b" * 100_000]
    found = re.compile(pattern_of(words))
    assert found.fullmatch("a" * 2999)
    assert found.fullmatch("b" * 100_000)
    assert not found.fullmatch("b" * 99_999)


@pytest.mark.parametrize("others", [0, 500])
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("gpu17", b'"on GPU17"'),
        ("j\u00f6rg", '"J\u00d6RG"'.encode()),
        ("j\u00f6rg", b'"J\\u00f6rg"'),
        ("mallory", b'"m\\u0061llory"'),
        ("team/thing", b'"team\\/thing"'),
        ("SITE\\mallory", b'"as site\\\\mallory"'),
        ('a"b', b'"a\\"b"'),
    ],
)
def test_a_word_is_replaced_in_json_however_it_is_written(word: str, said: bytes, others: int) -> None:
    words = Words()
    words.add("user", word)
    for n in range(others):
        words.add("host", f"node{n:04}.example.org")
    assert words.may_be_in(said)
    assert "redacted-user" in words.replaced_json(said.decode())
    assert not words.may_be_in(b'"nothing of that kind"')


def test_many_words_are_each_replaced_by_what_stands_for_them() -> None:
    words = Words()
    for n in range(1000):
        words.add_host(f"node{n}.example.org")
    words.add("user", "node7b")
    assert words.replaced("node7, NODE77.example.org, node7b, node1000, xnode8") == (
        "redacted-host, redacted-host, redacted-user, node1000, xnode8"
    )
    assert words.count(b"node5 and node5 and node6x") == {"node5": 2}


def test_a_short_word_in_noise_is_there_by_chance_and_in_its_text_is_not() -> None:
    words = Words()
    for word in ("h9", "anna", "mallory"):
        words.add("user", word)
    noise = b"\0\x81h9\xfe\x02anna\0"
    assert words.count(noise) == {}
    assert words.count(noise + b"X\7mallory\0") == {"mallory": 1}
    assert words.count(b"h9 anna") == {"h9": 1, "anna": 1}
    assert words.count(noise + b"as anna said before\0") == {"anna": 1}

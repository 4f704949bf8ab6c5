"""The filter language: what it means, and where it says that something is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore.core.conditions import (
    EVERYTHING,
    Compare,
    Condition,
    Contains,
    Either,
    Every,
    Exists,
    Matches,
    Not,
    OneOf,
    Operator,
    Order,
    Value,
)
from runstore.core.filters import completions, parse_filter, parse_order, quoted_key, terms_of
from runstore.errors import WrongFilter

NOW = 1_000_000.0
A, B, C = Contains("a"), Contains("b"), Contains("c")
DAY = 1_769_817_600.0  # 2026-01-31


def bare(key: str, operator: Operator, value: Value) -> Condition:
    return Either((Compare(f"config.{key}", operator, value), Compare(f"summary.{key}", operator, value)))


MEANINGS = [
    ("", EVERYTHING),
    ("  ", EVERYTHING),
    ("lr<1e-3", bare("lr", "<", 0.001)),
    ("lr < -.5", bare("lr", "<", -0.5)),
    ("val/loss<=0.2", bare("val/loss", "<=", 0.2)),
    ("layers==3", bare("layers", "=", 3)),
    ("seed=9007199254740993", bare("seed", "=", 9007199254740993)),
    ("arch:vit", bare("arch", "=", "vit")),
    ("arch!=vit", Not(bare("arch", "=", "vit"))),
    ("amp=true", bare("amp", "=", True)),
    ('amp="true"', bare("amp", "=", "true")),
    ('seed="3"', bare("seed", "=", "3")),
    ('"my key">3', bare("my key", ">", 3)),
    ('config."a b".c=x', Compare("config.a b.c", "=", "x")),
    ("config.lr>=0.1", Compare("config.lr", ">=", 0.1)),
    ("summary.loss<inf", Compare("summary.loss", "<", float("inf"))),
    ("id:12345678", Compare("id", "=", "12345678")),
    ("tag:2024", Compare("tags", "=", "2024")),
    ("State:failed", Compare("state", "=", "failed")),
    ("commit:/^ab/", Matches("git_commit", "^ab")),
    ("name!=/A b/i", Not(Matches("name", "(?i)A b"))),
    ("name:'it\\'s'", Compare("name", "=", "it's")),
    ("runtime>90min", Compare("runtime", ">", 5400.0)),
    ("runtime>90", Compare("runtime", ">", 90)),
    ("created>7d", Compare("created_at", ">", NOW - 604800)),
    ("created:7d", Compare("created_at", ">=", NOW - 604800)),
    ("created>2026-01-31", Compare("created_at", ">=", DAY + 86400)),
    ("created<=2026-01-31", Compare("created_at", "<", DAY + 86400)),
    ("created<2026-01-31T12:30Z", Compare("created_at", "<", DAY + 45000)),
    ("created:2026-01-31", Every((Compare("created_at", ">=", DAY), Compare("created_at", "<", DAY + 86400)))),
    ("state in (failed, crashed)", OneOf("state", ("failed", "crashed"))),
    ('a.b not in (1,"2",x)', Not(Either((OneOf("config.a.b", (1, "2", "x")), OneOf("summary.a.b", (1, "2", "x")))))),
    ("has:notes", Exists("notes")),
    ("a b", Every((A, B))),
    ("a and b or c", Either((Every((A, B)), C))),
    ("a (b OR c)", Every((A, Either((B, C))))),
    ("-a", Not(A)),
    ("not not a", Not(Not(A))),
    ("-(a b)", Not(Every((A, B)))),
    ("not (a)b", Every((Not(A), B))),
    ('"a b" notes', Every((Contains("a b"), Contains("notes")))),
    ("/a\\/b|c d/", Matches(None, "a/b|c d")),
    ("android nothing orange", Every((Contains("android"), Contains("nothing"), Contains("orange")))),
]


@pytest.mark.parametrize(("text", "meaning"), MEANINGS)
def test_a_filter_means_this(text: str, meaning: Condition) -> None:
    assert parse_filter(text, NOW) == meaning


WRONG = [
    ("lr<", 3, "a value is missing after '<'"),
    ("(a or b", 0, "a ')' is missing"),
    ("a) b", 1, "closes nothing"),
    ("a or", 4, "a condition is missing"),
    ("a or or b", 5, "a condition is missing"),
    ("not", 3, "a condition is missing"),
    ("<3", 0, "a condition is missing"),
    ("x in (a b)", 8, "a ',' or a ')' is missing"),
    ("x in ()", 6, "a value is missing"),
    ('a "b', 2, "the quotation that begins here has no end"),
    ("a /b", 2, "no '/' at its end"),
    ("name:/(/", 5, "no regular expression"),
    ("state:runing", 6, "there are running, finished"),
    ("state in (failed, dead)", 18, "there is no state 'dead'"),
    ("created>yesterday", 8, "an age such as 7d"),
    ("created>2026-02-31", 8, "a date such as"),
    ("exit_code:bad", 10, "a whole number"),
    ("lr=>3", 3, "no value begins with '>'"),
    ("lr<1, seed=4", 4, "side by side"),
    ("lr<1 && seed=4", 5, "side by side"),
    ("state:failed,crashed", 12, "side by side"),
    ("!tag:old", 0, "write 'not' or '-'"),
    ("(" * 60, 50, "more than 50"),
]


@pytest.mark.parametrize(("text", "column", "sentence"), WRONG)
def test_a_wrong_filter_is_pointed_at(text: str, column: int, sentence: str) -> None:
    with pytest.raises(WrongFilter) as caught:
        parse_filter(text, NOW)
    assert caught.value.column == column
    assert sentence in caught.value.sentence
    said, shown, caret = str(caught.value).splitlines()
    assert said == caught.value.sentence
    assert shown[2:] == text
    assert caret.index("^") == column + 2


@given(st.text(alphabet="ab[] <>=!:()\"'/\\-,.17d\u00e9", max_size=30))
def test_any_text_is_a_filter_or_wrong_at_a_place_in_it(text: str) -> None:
    try:
        parse_filter(text, NOW)
    except WrongFilter as error:
        assert 0 <= error.column <= len(text)


@given(st.text(min_size=1))
def test_a_quoted_key_is_read_back(key: str) -> None:
    assert parse_filter(f"config.{quoted_key(key)}=1") == Compare(f"config.{key}", "=", 1)


def test_an_order_names_fields_and_their_way() -> None:
    orders = parse_order("-summary.loss, created,lr")
    wanted = [Order(("summary.loss",), True), Order(("created_at",)), Order(("config.lr", "summary.lr"))]
    assert orders == wanted


def test_the_last_word_of_a_filter_is_completed() -> None:
    assert completions("lr<3 -st", ["step", "lr"]) == ["lr<3 -state:", "lr<3 -step"]
    assert completions("(state:f") == ["(state:failed", "(state:finished"]
    assert completions("my", ["my key"]) == []
    assert completions('"my', ["my key"]) == ['"my key"']


def test_terms_that_all_must_hold_are_told_apart_as_they_were_typed() -> None:
    texts = [text for text, _ in terms_of(' lr<1e-3  arch : "a b" and -(tag:x or tag:y) not in /x y/ ')]
    assert texts == ["lr<1e-3", 'arch : "a b"', "-(tag:x or tag:y)", "not in", "/x y/"]
    assert [condition for _, condition in terms_of("lr<1 a")] == [parse_filter("lr<1"), parse_filter("a")]


def test_terms_with_or_between_them_are_one() -> None:
    assert [text for text, _ in terms_of(" a b or c ")] == ["a b or c"]
    assert terms_of("  ") == []

"""The filter language: `lr<1e-3 arch:vit -tag:old (state:running or created>7d)` as a condition on runs.

    filter := every ("or" every)*
    every  := term ("and"? term)*
    term   := ("not" | "-") term | "(" filter ")" | KEY operator VALUE | KEY "not"? "in" "(" VALUE, ... ")"
            | "has:" KEY | TEXT | /EXPRESSION/

docs/filters.md describes it for people. Nothing is looked up here:
query/filtering/select.py finds the runs that fulfil it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from runstore.core.conditions import EVERYTHING, Condition, Contains, Either, Every, Matches, Not, Operator, Order
from runstore.core.filter_fields import FIELDS, STATES, Typed, compared, fields_of, having, matching, one_of
from runstore.core.filter_words import Words, needs_quotes

_OPERATOR = re.compile(r"<=|>=|!=|==|[<>=:]")
_OPERATORS: dict[str, Operator] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "!=": "!="}  # all others mean equal
_IN = re.compile(r"(not\s+)?in\s*\(", re.IGNORECASE)
_FOREIGN = re.compile(r",|[&|]+$")  # as other languages join conditions: taken for a text, it would find nothing
_DEEPEST = 50  # parentheses and negations inside each other; far from what Python's stack holds


def parse_filter(text: str, now: float | None = None) -> Condition:
    """Return what a filter means; ages such as 7d count back from `now`, seconds since the epoch.

    Raises WrongFilter, which says what is wrong and where. An empty filter is true for every run.
    """
    return _Parser(Words(text), time.time() if now is None else now).whole()


def terms_of(text: str, now: float | None = None) -> list[tuple[str, Condition]]:
    """Return the terms of a filter that all have to hold, each as it was typed; the whole where "or" joins them.

    Raises WrongFilter.
    """
    whole = parse_filter(text, now)
    parser = _Parser(Words(text), time.time() if now is None else now)
    return parser.terms() or [(text.strip(), whole)] if text.strip() else []


def parse_order(text: str) -> list[Order]:
    """Return what `-summary.loss,created` means: fields by which runs are ordered, descending with a `-` before it."""
    names = [name.strip() for name in text.split(",")]
    return [Order(fields_of(name.lstrip("+-")), name.startswith("-")) for name in names if name.lstrip("+-")]


def completions(text: str, keys: Iterable[str] = ()) -> list[str]:
    """Return the filters that complete the last word of `text`: with a field, one of `keys`, or a state."""
    start = max(text.rfind(" "), text.rfind("(")) + 1
    start += text.startswith("-", start)
    front, word = text[:start], text[start:]
    known = {f"{name}:" for name in FIELDS} | {"has:"} | set(map(quoted_key, keys))
    if word.startswith("state:"):
        known = {f"state:{state}" for state in STATES}
    return [front + choice for choice in sorted(known) if choice.startswith(word)]


def quoted_key(key: str) -> str:
    """Return a key as it is written in a filter: in quotation marks where it needs them."""
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' if needs_quotes(key) else key


class _Parser:
    """One reading of a filter."""

    def __init__(self, words: Words, now: float) -> None:
        self._words = words
        self._now = now
        self._depth = 0

    def whole(self) -> Condition:
        """Return the condition that all of the filter means."""
        condition = EVERYTHING if self._words.at_end else self._filter()
        if not self._words.at_end:
            raise self._words.wrong("this ')' closes nothing")
        return condition

    def terms(self) -> list[tuple[str, Condition]]:
        """Return the terms of a filter that is right, with their texts; none where "or" joins them."""
        found = []
        while not self._words.at_end:
            start = self._words.at
            term = self._term()
            found.append((self._words.between(start), term))
            if self._words.is_word("or"):
                return []
            self._words.take_word("and")
        return found

    def _filter(self) -> Condition:
        parts = [self._every()]
        while self._words.take_word("or"):
            parts.append(self._every())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _every(self) -> Condition:
        parts = [self._term()]
        while not (self._words.at_end or self._words.begins(")") or self._words.is_word("or")):
            self._words.take_word("and")
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _term(self) -> Condition:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._words.wrong(f"there are more than {_DEEPEST} parentheses and negations inside each other")
        start = self._words.at
        if self._words.take_word("not") or self._words.take("-"):
            condition: Condition = Not(self._term())
        elif self._words.take("("):
            condition = self._group(start)
        else:
            pattern = self._words.expression()
            condition = self._named() if pattern is None else Matches(None, pattern)
        self._depth -= 1
        return condition

    def _group(self, start: int) -> Condition:
        condition = self._filter()
        if not self._words.take(")"):
            raise self._words.wrong("a ')' is missing for this '('", start)
        return condition

    def _named(self) -> Condition:
        """Read a term that begins with a key, which may turn out to be a text to look for."""
        if self._words.is_word("and") or self._words.is_word("or"):
            raise self._words.wrong("a condition is missing before this word")
        start = self._words.at
        key = self._words.key()
        if key is None:
            raise self._words.wrong("write 'not' or '-'" if self._words.begins("!") else "a condition is missing here")
        if not key.quoted and _FOREIGN.match(key.text):
            raise self._words.wrong("conditions stand side by side, or with 'and' or 'or' between them", start)
        if found := self._words.match(_IN):
            condition = one_of(key.text, self._values(key.text), self._now)
            return Not(condition) if found[1] else condition
        if found := self._words.match(_OPERATOR):
            if key == Typed("has") and found[0] == ":":
                return having(self._value("has:").text)
            return self._comparison(key.text, found[0])
        return Contains(key.text)

    def _comparison(self, key: str, sign: str) -> Condition:
        operator: Operator = _OPERATORS.get(sign, "=")
        if operator in ("=", "!="):
            pattern = self._words.expression()
            if pattern is not None:
                condition = matching(key, pattern)
                return condition if operator == "=" else Not(condition)
        start = self._words.at
        typed = self._value(sign)
        try:
            return compared(key, operator, typed, self._now)
        except ValueError as error:
            raise self._words.wrong(str(error), start) from error

    def _value(self, sign: str) -> Typed:
        start = self._words.at
        typed = self._words.value()
        if typed is None:
            raise self._words.wrong(f"a value is missing after '{sign}'")
        if not typed.quoted and typed.text[0] in "=<>!":
            raise self._words.wrong(f"no value begins with '{typed.text[0]}', unless it is quoted", start)
        return typed

    def _values(self, key: str) -> list[Typed]:
        """Read the values between the parentheses of `in`, each checked by itself so that errors point at it."""
        values: list[Typed] = []
        while not values or self._words.take(","):
            start = self._words.at
            values.append(self._value("in ("))
            try:
                one_of(key, values[-1:], self._now)
            except ValueError as error:
                raise self._words.wrong(str(error), start) from error
        if not self._words.take(")"):
            raise self._words.wrong("a ',' or a ')' is missing here")
        return values

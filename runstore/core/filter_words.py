"""Read a filter from left to right: its words, quotations, expressions and operators, and where each of them is."""

from __future__ import annotations

import re

from runstore.core.expressions import expression
from runstore.core.filter_fields import Typed
from runstore.errors import WrongFilter

_SPACE = re.compile(r"\s*")
_BARE_KEY = re.compile(r"[^\s()<>=!:\"']+")
_BARE_VALUE = re.compile(r"[^\s(),\"']+")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_EXPRESSION = re.compile(r"/((?:[^/\\]|\\.)+)/(i?)(?=[\s()]|$)")
_WORDS = {word: re.compile(rf"{word}(?=[\s()]|$)", re.IGNORECASE) for word in ("and", "or", "not")}


class Words:
    """The text of a filter, and how far it was read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0
        self._go_to(0)

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self._text)

    def between(self, start: int) -> str:
        """Return what was read from a place on."""
        return self._text[start : self.at].strip()

    def begins(self, text: str) -> bool:
        """Whether this comes next."""
        return self._text.startswith(text, self.at)

    def is_word(self, word: str) -> bool:
        """Whether `and`, `or` or `not` comes next."""
        return _WORDS[word].match(self._text, self.at) is not None

    def take_word(self, word: str) -> bool:
        """Read `and`, `or` or `not` if it comes next; return whether it did."""
        return self.take(self._text[self.at : self.at + len(word)]) if self.is_word(word) else False

    def take(self, text: str) -> bool:
        """Read this if it comes next; return whether it did."""
        if not self.begins(text):
            return False
        self._go_to(self.at + len(text))
        return True

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read what fits the pattern if that comes next, and return it."""
        found = pattern.match(self._text, self.at)
        if found is not None:
            self._go_to(found.end())
        return found

    def expression(self) -> str | None:
        """Read `/a regular expression/` or `/one/i` if it comes next, and return it; None where none begins here."""
        if not self.begins("/"):
            return None
        start = self.at
        found = self.match(_EXPRESSION)
        if found is None:
            raise self.wrong("the expression that begins here has no '/' at its end", start)
        pattern = ("(?i)" if found[2] else "") + found[1].replace("\\/", "/")
        try:
            expression(pattern)
        except re.error as error:
            raise self.wrong(f"this is no regular expression: {error.msg}", start) from error
        return pattern

    def key(self) -> Typed | None:
        """Read a key or a text: words and quotations without a space between them. None where neither comes next."""
        return self._read(_BARE_KEY)

    def value(self) -> Typed | None:
        """Read a value; None where none comes next."""
        return self._read(_BARE_VALUE)

    def wrong(self, sentence: str, at: int | None = None) -> WrongFilter:
        """Return the error that points at a place, by default at what comes next."""
        return WrongFilter(sentence, self._text, self.at if at is None else at)

    def _read(self, bare: re.Pattern[str]) -> Typed | None:
        parts, quoted, at = [], False, self.at
        while at < len(self._text):
            found = _QUOTED.match(self._text, at)
            if found is not None:
                quoted = True
                parts.append(re.sub(r"\\(.)", r"\1", found[0][1:-1]))
            elif self._text[at] in "\"'":
                raise self.wrong("the quotation that begins here has no end", at)
            else:
                found = bare.match(self._text, at)
                if found is None:
                    break
                parts.append(found[0])
            at = found.end()
        if not parts:
            return None
        self._go_to(at)
        return Typed("".join(parts), quoted)

    def _go_to(self, at: int) -> None:
        space = _SPACE.match(self._text, at)
        self.at = at if space is None else space.end()


def needs_quotes(key: str) -> bool:
    """Return whether a key has to be quoted to be read as one."""
    plain = (
        _BARE_KEY.fullmatch(key) and not key.startswith(("/", "-")) and not any(p.match(key) for p in _WORDS.values())
    )
    return not plain

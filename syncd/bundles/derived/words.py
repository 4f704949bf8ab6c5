"""The words that must not leave: found in the logs themselves, replaced wherever they stand, and looked for afterwards.

A word is replaced where it stands alone, upper case or lower: `node1` in `/scratch/node1/x` and `node1.site.org`, not
in `node12`. What can't be read as text (pictures, weights, compressed files) is not changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import Any

import orjson

from runstore.runlog import codec, wire
from runstore.syncd.bundles.derived.redaction import GIT, HOST, USER
from runstore.syncd.bundles.derived.searching import pattern_of

_LEAST_LETTERS = 2
_COMMON = ("localhost", "localhost.localdomain", "127.0.0.1", "root")  # every machine has them
_HOME = re.compile(rb"(?:/home/|/Users/|/users/|\\Users\\+)([^/\\\"'\s:;,<>\x00-\x1f]+)")
_NOT_ALONE = r"[^\W_]"
_SHORT = 4  # letters that stand together once in a gigabyte of noise
_STRETCH = 16  # letters in a row that noise has not
_REMOTE = re.compile(r"^(?:[a-z+]+://)?(?:[^@/]+@)?([^:/]+(?::\d+)?)[:/](.+?)(?:\.git)?/?$")


@dataclass
class Words:
    """Words, and what stands in the place of each."""

    stand_ins: dict[str, str] = field(default_factory=dict)  # by the word in lower case

    def add(self, kind: str, word: str) -> None:
        """Add a word of a kind; what is too short to mean anything is passed over."""
        word = word.strip()
        if len(word) >= _LEAST_LETTERS and word.lower() not in _COMMON:
            self.stand_ins.setdefault(word.lower(), f"redacted-{kind}")
            for made in ("_pattern", "_form", "_is_ascii"):
                self.__dict__.pop(made, None)

    def add_host(self, name: str) -> None:
        """Add a machine's name, and its first part where it has a domain."""
        self.add(HOST, name)
        if not name.replace(".", "").isdigit():
            self.add(HOST, name.partition(".")[0])

    def add_remote(self, url: str) -> None:
        """Add the address of a git remote, and what names the repository in it, however it is written."""
        self.add(GIT, url)
        found = _REMOTE.match(url)
        if found is not None:
            self.add(GIT, found[2])
            for separator in "/:":
                self.add(GIT, f"{found[1]}{separator}{found[2]}")

    def add_homes(self, data: bytes) -> None:
        """Add the names of users whose home folders are named in some bytes."""
        if b"/home/" in data or b"sers" in data:  # which is sooner looked for
            for name in _HOME.findall(data):
                self.add(USER, name.decode("utf-8", "ignore"))

    def may_be_in(self, data: bytes) -> bool:
        """Return whether a word may be in encoded text: also where JSON escapes its letters."""
        if not self.stand_ins:
            return False
        if b"\\u" in data or b"\\/" in data:  # what JSON may have in the place of a letter, and need not
            return True
        if not (self._is_ascii or data.isascii()):
            return True
        return self._stands_in(data)

    def replaced(self, text: str) -> str:
        """Return a text with all words replaced."""
        if not self.stand_ins or (text.isascii() and not self._stands_in(text.encode())):
            return text
        return self._pattern.sub(self._stand_in, text)

    def replaced_in(self, value: Any) -> Any:
        """Return a JSON value with all words replaced, in keys too."""
        if isinstance(value, str):
            return self.replaced(value)
        if isinstance(value, Mapping):
            return {self.replaced(str(name)): self.replaced_in(inner) for name, inner in value.items()}
        return [self.replaced_in(inner) for inner in value] if isinstance(value, list) else value

    def replaced_json(self, text: str) -> str:
        """Return JSON with all words replaced; what is none, as text."""
        if not self.may_be_in(text.encode("utf-8", "replace")):
            return text
        value = codec.loads(text)
        changed = self.replaced_in(value)
        try:
            return text if changed == value else wire.dumps(changed)
        except (TypeError, ValueError):
            return self.replaced(text)

    def replaced_bytes(self, data: bytes) -> bytes:
        """Return a file of text with all words replaced."""
        return self.replaced(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def count(self, data: bytes) -> Counter[str]:
        """Return how often which words stand in the bytes of a file.

        In one that is no text, a word of few letters is there by chance, unless there is text around it.
        """
        if not self.stand_ins or not self._stands_in(data):
            return Counter()
        text, is_text = data.decode("utf-8", "replace"), b"\0" not in data
        found = self._pattern.finditer(text)
        return Counter(one[0].lower() for one in found if is_text or len(one[0]) > _SHORT or _is_in_text(one))

    def _stands_in(self, data: bytes) -> bool:
        """Return whether a word is in some bytes, alone or not, outside ASCII in the usual cases of its letters."""
        return self._form.search(data.lower()) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(f"(?<!{_NOT_ALONE}){pattern_of(self.stand_ins)}(?!{_NOT_ALONE})", re.IGNORECASE)

    @cached_property
    def _is_ascii(self) -> bool:
        return all(map(str.isascii, self.stand_ins))

    @cached_property
    def _form(self) -> re.Pattern[bytes]:
        """What finds the words as they may stand in bytes whose ASCII is in lower case; in JSON as well."""
        said = {form for word in self.stand_ins for form in (word, word.upper(), word.title())}
        escaped = {orjson.dumps(form).decode()[1:-1] for form in said}
        # A letter for each byte: so the expression that is made of text fits bytes, too.
        forms = (form.encode().lower().decode("latin-1") for form in said | escaped)
        return re.compile(pattern_of(forms).encode("latin-1"))

    @property
    def _stand_in(self) -> Callable[[re.Match[str]], str]:
        return lambda found: self.stand_ins.get(found[0].lower(), "redacted")


def _is_in_text(found: re.Match[str]) -> bool:
    """Return whether what was found stands in a row of letters that is longer than what noise has."""
    before = found.string[max(0, found.start() - _STRETCH) : found.start()]
    behind = found.string[found.end() : found.end() + _STRETCH]
    letters = [takewhile(_is_printable, reversed(before)), takewhile(_is_printable, behind)]
    return len(found[0]) + sum(sum(1 for _ in each) for each in letters) >= _STRETCH


def _is_printable(letter: str) -> bool:
    return letter.isprintable() and letter != "\ufffd"

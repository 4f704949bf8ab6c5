"""What is to be left out of a transfer, as its patterns say. No I/O here.

config.GLOB   values of config keys whose dotted path fits, in records and edits; command line arguments as well
env           the machine and the installation: environment, settings, telemetry, wandb-metadata.json, requirements
host          host names, boot and process ids; wherever else the names stand, they are replaced
user          user names and e-mail addresses, from records and from /home/NAME and the like; replaced everywhere
git           remotes and commits, diff.patch; the addresses of remotes are replaced everywhere
code          saved code, diff.patch, artifacts of types `code` and `job`, paths of programs
console       what the program printed
text:WORD     this word is replaced everywhere, whatever it means
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from runstore.errors import UsageError

ENV, HOST, USER, GIT, CODE, CONSOLE = KINDS = ("env", "host", "user", "git", "code", "console")
_CONFIG, _TEXT = "config.", "text:"
REDACTED = "redacted"
CODE_TYPES = ("code", "job")  # of artifacts that hold code


@dataclass(frozen=True)
class Redaction:
    """What is left out. Patterns of `config` are globs of dotted paths, `texts` are words."""

    kinds: frozenset[str] = frozenset()
    config: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    without_media: bool = False

    @classmethod
    def of(cls, patterns: Iterable[str], *, without_media: bool = False) -> Redaction:
        """Return what patterns mean; raises UsageError for one that means nothing."""
        kinds, config, texts = set(), set(), set()
        for pattern in patterns:
            if pattern in KINDS:
                kinds.add(pattern)
            elif pattern.startswith(_CONFIG) and len(pattern) > len(_CONFIG):
                config.add(pattern.removeprefix(_CONFIG))
            elif pattern.startswith(_TEXT) and len(pattern) > len(_TEXT) + 1:
                texts.add(pattern.removeprefix(_TEXT))
            else:
                known = ", ".join(KINDS)
                raise UsageError(f"{pattern!r} can't be redacted; one is {known}, config.GLOB or text:WORD")
        return cls(frozenset(kinds), tuple(sorted(config)), tuple(sorted(texts)), without_media)

    def __bool__(self) -> bool:
        return self.rewrites or self.without_media

    @property
    def rewrites(self) -> bool:
        """Whether more than media is left out: then records are made anew."""
        return bool(self.kinds or self.config or self.texts)

    def any_of(self, *kinds: str) -> bool:
        """Return whether one of these kinds is left out."""
        return not self.kinds.isdisjoint(kinds)

    @property
    def names(self) -> list[str]:
        """What is left out, in an order of its own; of words only that there are some."""
        media = ["media"] if self.without_media else []
        words = ["text"] if self.texts else []
        return [*media, *sorted(self.kinds), *(f"{_CONFIG}{glob}" for glob in self.config), *words]

    def config_value(self, path: tuple[str, ...], value: Any) -> Any:
        """Return the value of a config key without what fits a pattern."""
        if self._fits(path):
            return REDACTED
        if isinstance(value, Mapping):
            return {name: self.config_value((*path, str(name)), inner) for name, inner in value.items()}
        return value

    def _fits(self, path: tuple[str, ...]) -> bool:
        name = ".".join(path)
        return any(fnmatchcase(name, glob) for glob in self.config)

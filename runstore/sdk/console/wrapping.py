"""Hear what is written to a stream object, without being seen.

`write` and `flush` of the object are wrapped, so that whoever holds it (logging's handlers, a tee of the program's)
is heard, and everything else about it stays as it is. Who wraps over us later stays: then ours lies idle below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Hear = Callable[["str | None"], None]
_NOTHING = object()


class Tap:
    """Call `hear(text)` after each write to `stream`, and `hear(None)` after each flush, until `close`."""

    def __init__(self, stream: Any, hear: Hear) -> None:
        """Begin to listen; raises AttributeError where the object takes no attributes."""
        self._stream = stream
        self._hear: Hear | None = hear
        self._wrapped: list[tuple[str, Any, Any]] = []  # name, wrapper, what the object itself had before
        self._wrap("write", self._writing(stream.write))
        flush = getattr(stream, "flush", None)
        if flush is not None:
            self._wrap("flush", self._flushing(flush))

    def close(self) -> None:
        """Listen no more, and take the wrapping off where nobody has wrapped over it since."""
        self._hear = None
        own = getattr(self._stream, "__dict__", {})
        for name, wrapper, before in self._wrapped:
            if own.get(name) is wrapper:
                del own[name]
                if before is not _NOTHING:
                    own[name] = before

    def _wrap(self, name: str, wrapper: Any) -> None:
        before = getattr(self._stream, "__dict__", {}).get(name, _NOTHING)
        setattr(self._stream, name, wrapper)
        self._wrapped.append((name, wrapper, before))

    def _writing(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def write(text: Any) -> Any:
            written = original(text)
            if self._hear is not None:
                self._hear(text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text))
            return written

        return write

    def _flushing(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def flush() -> Any:
            flushed = original()
            if self._hear is not None:
                self._hear(None)
            return flushed

        return flush

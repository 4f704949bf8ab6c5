"""What a person should know of the index: that it was set aside, is built anew, or lies elsewhere. One sentence each.

The library says it to the logger `runstore.index`, which is silent by default; the command line listens, and prints it.
"""

from __future__ import annotations

from collections.abc import Callable

_listeners: list[Callable[[str], None]] = []


def listen(listener: Callable[[str], None]) -> None:
    """Give every notice to `listener`, instead of to the logger."""
    _listeners.append(listener)


def tell(sentence: str) -> None:
    """Say something to whoever listens."""
    for listener in _listeners:
        listener(sentence)
    if not _listeners:
        import logging  # 5 ms, which only those pay who have something to hear

        logger = logging.getLogger("runstore.index")
        if logger.hasHandlers():  # else Python would print it to stderr, where a library has nothing to say
            logger.warning(sentence)

"""How much went over the wire, by kind of request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Traffic:
    """Requests of one kind, and their bytes; a body counts as it was sent, compressed or not."""

    requests: int = 0
    body_bytes: int = 0
    header_bytes: int = 0
    answer_bytes: int = 0
    """Bodies of the answers."""

"""How a request is turned down."""

from __future__ import annotations


class Refused(Exception):
    """The request breaks a rule of the protocol; `status` is what HTTP says, the text which rule."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status

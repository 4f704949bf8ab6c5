"""How the server fails when a test says so.

server.fail(answer(500), "graphql", "UpsertBucket")              the first UpsertBucket gets a 500
server.fail(answer(429, retry_after=0.2), "file_stream", times=3)
server.fail(answer(502, is_applied=True), "file_stream", skip=1)  the second is applied, then fails
server.fail(hang_up(), "file", "media/*")                        no answer: the connection is reset
server.faults.append(lambda request: cut_answer() if request.count % 2 else None)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from tests.wandbserver.requests import Request


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request: `status` answers instead; without one, the connection breaks at `cut`."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    is_applied: bool = False
    """Whether the request is carried out all the same, before it goes wrong."""
    cut: Literal["", "request", "answer"] = ""


FaultSource: TypeAlias = Callable[[Request], Fault | None]


def answer(status: int, retry_after: float | str | None = None, *, is_applied: bool = False) -> Fault:
    """Return the fault that answers with a status; `retry_after` in seconds, or as a date of HTTP."""
    headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
    return Fault(status, headers, is_applied)


def hang_up(*, is_applied: bool = False) -> Fault:
    """Return the fault that resets the connection instead of answering."""
    return Fault(is_applied=is_applied)


def cut_request() -> Fault:
    """Return the fault that resets the connection in the middle of the request's body, which is not applied."""
    return Fault(cut="request")


def cut_answer() -> Fault:
    """Return the fault that applies the request and breaks off in the middle of the answer's body."""
    return Fault(is_applied=True, cut="answer")


@dataclass
class Rule:
    """A fault for requests of a kind and name ("" is any, `*` and `?` mean what they do in file names).

    The first `skip` of them pass, the next `times` fail, None being all.
    """

    fault: Fault
    kind: str = ""
    name: str = ""
    skip: int = 0
    times: int | None = 1
    seen: int = field(default=0, init=False)

    def __call__(self, request: Request) -> Fault | None:
        """Return the fault if it is this request's turn."""
        if self.kind not in ("", request.kind) or not fnmatchcase(request.name, self.name or "*"):
            return None
        self.seen += 1
        is_due = self.seen > self.skip and (self.times is None or self.seen <= self.skip + self.times)
        return self.fault if is_due else None

"""A server of another age: its answers say more than this one's, or less, or it won't do what it is asked.

server.drift = Drift(has_more=True, without={"historyLineCount"}, null={"uploadHeaders"})
server.drift = Drift(refused={"CreateArtifact": "artifacts are switched off"})
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.wandbserver.recorded import JsonObject


@dataclass(frozen=True)
class Drift:
    """How answers differ from the usual; members are named wherever in an answer they are."""

    has_more: bool = False
    """Every object has members of which no client ever heard."""
    without: Collection[str] = ()
    """Members that are left out."""
    null: Collection[str] = ()
    """Members that are null."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """What the server says, by the operation that it doesn't carry out."""

    def refusal_of(self, operation: str) -> JsonObject | None:
        """Return the answer to an operation that is refused, None if it isn't."""
        if operation not in self.refused:
            return None
        return {"data": None, "errors": [{"message": self.refused[operation], "path": [operation]}]}

    def applied_to(self, answer: Any) -> Any:
        """Return an answer as this server says it."""
        if isinstance(answer, list):
            return [self.applied_to(item) for item in answer]
        if not isinstance(answer, dict):
            return answer
        kept = {name: value for name, value in answer.items() if name not in self.without}
        said = {name: None if name in self.null else self.applied_to(value) for name, value in kept.items()}
        return said | {"fromTheFuture": {"version": 99}, "__others": [1]} if self.has_more else said

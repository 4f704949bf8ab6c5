"""What the hub asks of the query layer, and nothing more: the server can be tested, and later moved, without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class RunReader(Protocol):
    """Answers about the runs in the hub's index. Called from several threads at once."""

    def runs(self) -> list[dict[str, Any]]:
        """Return one JSON object for every run."""
        ...

    def run(self, path: str) -> dict[str, Any]:
        """Return the run `entity/project/id`, or any shorter form that is unambiguous. Raises NotFound."""
        ...

    def history(self, path: str, keys: Sequence[str], samples: int | None) -> list[dict[str, Any]]:
        """Return rows in order of step; every metric where `keys` is empty, every row where `samples` is None.

        Raises NotFound for a run or a key that is not there.
        """
        ...

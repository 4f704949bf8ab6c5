"""A training process that logs by a plan and says after each call that it returned; it is there to be killed.

    python -m tests.crash.training SEED RUN_ID

The plan of a seed is the same wherever it is made, so that a test knows what each returned call had to say.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SMALLEST_BYTES, LARGEST_BYTES = 100, 4 << 20
KEYS = ("loss", "accuracy", "train/lr", "model/layer.0")


@dataclass(frozen=True)
class Call:
    """One call: `log` with its data, step and commit, or, where `by_hand`, `summary.update` with the data."""

    data: dict[str, Any]
    step: int | None = None
    commit: bool | None = None
    by_hand: bool = False


def plan(seed: int) -> Iterator[Call]:
    """Yield the calls of a seed, without end."""
    source = random.Random(seed)
    step = 0
    for number in range(10**9):
        data: dict[str, Any] = {key: source.random() for key in source.sample(KEYS, source.randint(1, 3))}
        data["n"] = number
        kind = source.random()
        if kind < 0.1:
            yield Call({"best": number, "text": _text(source)} if kind < 0.05 else {"loss": None}, by_hand=True)
        elif kind < 0.5:
            yield Call({**data, "text": _text(source)})
        elif kind < 0.7:
            step += source.choice((0, 0, 1, 3))  # behind the implicit steps at times
            yield Call({**data, "payload": _text(source)}, step=step)
        elif kind < 0.8:
            yield Call(data, commit=False)
        else:
            yield Call({**data, "nested": {"a": number, "b": {"c": source.random()}}})


def _text(source: random.Random) -> str:
    size = int(SMALLEST_BYTES * (LARGEST_BYTES / SMALLEST_BYTES) ** source.random())
    return chr(source.randrange(97, 123)) * size


def main(seed: int, run_id: str) -> None:
    """Make the calls of the plan, and write a byte to stdout behind each."""
    import runstore

    run = runstore.init(project="crash", id=run_id)
    for call in plan(seed):
        if call.by_hand:
            run.summary.update(call.data)
        else:
            run.log(call.data, step=call.step, commit=call.commit)
        os.write(1, b".")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])

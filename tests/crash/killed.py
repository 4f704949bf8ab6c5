"""Kill training processes at random moments, and say what each had been told was safe."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from tests.crash.training import Call, plan

ROOT = Path(__file__).parents[2]
KILLS = 50
KILLS_AFTER_THE_FIRST_ROW = 42  # the others come at any moment from the process's start on
AT_ONCE = 3


@dataclass(frozen=True)
class Killed:
    """A run whose process was killed after `returned` calls of its plan had returned."""

    run_id: str
    seed: int
    returned: int

    def expected(self) -> tuple[Expected, Expected]:
        """Return the two states that are right: with and without the call that was being made."""
        calls = list(islice(plan(self.seed), self.returned + 1))
        return Expected.after(calls[:-1]), Expected.after(calls)

    def sizes(self) -> list[int]:
        """Return the sizes in bytes of the long texts, one of which makes most of a call's record."""
        calls = islice(plan(self.seed), self.returned)
        return [len(value) for call in calls for value in call.data.values() if isinstance(value, str)]


@dataclass
class Expected:
    """What the calls of a run come to, by the rules of steps and summaries, told here a second time and plainly."""

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    next_step: int = 0
    _open: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def after(cls, calls: Iterable[Call]) -> Expected:
        """Return the state after these calls, an open row in it."""
        state = cls()
        for call in calls:
            if call.by_hand:
                state._set(call.data, but_none=False)
            else:
                state._log(call)
        if state._open:
            state._commit()
        return state

    @property
    def last_step(self) -> int:
        """The highest step of a row; -1 where there is none."""
        return max(self.rows, default=-1)

    def _log(self, call: Call) -> None:
        data = dict(_leaves(call.data))
        if call.step is not None and call.step < self.next_step:
            self.rows.setdefault(call.step, {}).update(data)
            self._set(data)
            return
        if call.step is not None and call.step > self.next_step:
            if self._open:
                self._commit()
            self.next_step = call.step
        self._open.update(data)
        if call.commit is None and call.step is None:
            self._commit()

    def _commit(self) -> None:
        self.rows.setdefault(self.next_step, {}).update(self._open)
        self._set(self._open)
        self._open = {}
        self.next_step += 1

    def _set(self, data: dict[str, Any], but_none: bool = True) -> None:
        self.summary.update((key, value) for key, value in data.items() if not (but_none and value is None))


def _leaves(tree: dict[str, Any], above: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield above + key, value


def killed_runs(folder: Path, count: int = KILLS) -> list[Killed]:
    """Run `count` training processes below `folder`, each killed at a random moment; return what they were told."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda number: _killed(folder, number), range(count)))


def _killed(folder: Path, number: int) -> Killed:
    source = random.Random(1000 + number)
    run_id = f"killed{number:02}"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.training", str(number), run_id],
        cwd=ROOT,
        env={**os.environ, "WANDB_DIR": str(folder), "WANDB_SILENT": "true"},
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdout is not None
    returned = 0
    if number < KILLS_AFTER_THE_FIRST_ROW:
        returned = len(process.stdout.read(1))
        time.sleep(source.uniform(0, 0.15))
    else:
        time.sleep(source.uniform(0.02, 0.3))
    process.send_signal(signal.SIGKILL)
    while said := process.stdout.read(1 << 16):
        returned += len(said)
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    return Killed(run_id, number, returned)

"""Rows and steps: W&B's rules, but that a step that lies behind is kept."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from runstore.errors import UsageError
from runstore.sdk.run import Run
from tests.sdk.reading import begin, fold, only_log, records, rows


@pytest.fixture
def run() -> Run:
    return begin(project="p")


def ended(run: Run) -> list[tuple[int, dict[str, object]]]:
    run.finish()
    return rows(Path(run.sync_dir, f"run-{run.id}.wandb"))


def test_each_call_without_a_step_is_the_next_row(run: Run) -> None:
    for n in range(3):
        assert run.step == n
        run.log({"a": n})
    assert ended(run) == [(0, {"a": 0}), (1, {"a": 1}), (2, {"a": 2})]


def test_calls_of_one_step_are_one_row_and_the_later_value_counts(run: Run) -> None:
    run.log({"a": 1, "b": 1}, step=5)
    run.log({"b": 2, "c": 2}, step=5)
    assert run.step == 5
    run.log({"a": 3}, step=6)
    assert ended(run) == [(5, {"a": 1, "b": 2, "c": 2}), (6, {"a": 3})]


def test_a_call_without_commit_goes_into_the_next_row(run: Run) -> None:
    run.log({"a": 1}, commit=False)
    run.log({"b": 2}, commit=False)
    run.log({"c": 3})
    run.log({"a": 4})
    assert ended(run) == [(0, {"a": 1, "b": 2, "c": 3}), (1, {"a": 4})]


def test_an_empty_call_commits_the_open_row(run: Run) -> None:
    run.log({"a": 1}, commit=False)
    run.log({})
    assert run.step == 1
    run.log({"a": 2})
    assert ended(run) == [(0, {"a": 1}), (1, {"a": 2})]


def test_an_empty_call_without_an_open_row_is_a_row_of_its_own(run: Run) -> None:
    run.log({})
    assert run.step == 1
    run.log({}, commit=False)
    assert run.step == 1
    assert ended(run) == [(0, {})]


def test_a_step_with_commit_is_finished_at_once(run: Run) -> None:
    run.log({"a": 1}, step=3, commit=True)
    assert run.step == 4
    run.log({"a": 2})
    assert ended(run) == [(3, {"a": 1}), (4, {"a": 2})]


def test_a_call_without_a_step_joins_and_commits_the_open_row(run: Run) -> None:
    run.log({"a": 1}, step=3)
    run.log({"b": 2})
    assert run.step == 4
    assert ended(run) == [(3, {"a": 1, "b": 2})]


def test_an_open_row_is_in_the_log_at_once(run: Run) -> None:
    run.log({"a": 1}, step=3)
    run.log({"b": 2}, step=3)
    log = Path(run.sync_dir, f"run-{run.id}.wandb")
    pending = fold(log).pending
    assert pending is not None
    assert pending[0] == 3
    assert {key: pending[1][key] for key in ("a", "b")} == {"a": 1, "b": 2}
    assert fold(log).last_step == 3
    assert rows(log) == []


def test_steps_behind_are_kept_and_said_once(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    run.log({"a": 1}, step=10)
    run.log({"a": 2}, step=4)
    run.log({"b": 3}, step=5)
    run.log({"b": 4}, step=10)
    assert run.step == 10
    assert ended(run) == [(4, {"a": 2}), (5, {"b": 3}), (10, {"a": 1, "b": 4})]
    said = [line for line in capfd.readouterr().err.splitlines() if "W&B would" in line]
    assert said == ["runstore: step 4 was logged after step 10; such rows are kept, W&B would drop them"]


def test_a_step_that_was_committed_lies_behind(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    run.log({"a": 1})
    run.log({"b": 2}, step=0)
    assert ended(run) == [(0, {"a": 1}), (0, {"b": 2})]
    assert "step 0 was logged after step 0" in capfd.readouterr().err


def test_negative_steps_are_kept(run: Run) -> None:
    run.log({"a": 1}, step=-3)
    run.log({"a": 2})
    assert ended(run) == [(-3, {"a": 1}), (0, {"a": 2})]


@pytest.mark.parametrize("step", [1 << 63, -(1 << 63) - 1])
def test_a_step_beyond_64_bits_is_refused_and_changes_nothing(run: Run, step: int) -> None:
    with pytest.raises(UsageError, match="64 bits"):
        run.log({"a": 1}, step=step)
    run.log({"a": 2})
    assert ended(run) == [(0, {"a": 2})]


def test_steps_of_other_integer_types_are_integers(run: Run) -> None:
    run.log({"a": 1}, step=numpy.int64(7))
    run.log({"a": 2}, step=8.0)  # type: ignore[arg-type]
    assert ended(run) == [(7, {"a": 1}), (8, {"a": 2})]


def test_a_row_holds_our_own_values_once_whatever_the_program_calls_its_own(run: Run) -> None:
    for n in range(3):
        run.log({"_step": 7, "a": n, "_runtime": -1.0})
    run.finish()
    histories = [r.history for r in records(only_log(Path(run.settings.root_dir))) if r.HasField("history")]
    names = [[item.nested_key[0] for item in history.item] for history in histories]
    assert [sorted(some) for some in names] == [["_runtime", "_step", "_timestamp", "a"]] * 3
    assert [history.step.num for history in histories] == [0, 1, 2]


def test_large_steps_are_exact(run: Run) -> None:
    for step in (127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 2**31, 2**53 + 1, 2**62):
        run.log({"a": step}, step=step)
    assert [step == row["a"] for step, row in ended(run)] == [True] * 9


def test_a_row_that_is_open_at_the_end_is_finished(run: Run) -> None:
    run.log({"a": 1}, step=2)
    assert ended(run) == [(2, {"a": 1})]
    assert fold(only_log(Path(run.settings.root_dir))).pending is None


def test_logging_to_a_finished_run_says_what_to_do(run: Run, folder: Path) -> None:
    run.finish()
    size = only_log(folder).stat().st_size
    with pytest.raises(UsageError, match=r"finished; begin another one with runstore.init"):
        run.log({"a": 1})
    with pytest.raises(UsageError, match="finished"):
        run.summary["a"] = 1
    with pytest.raises(UsageError, match="finished"):
        run.config["a"] = 1
    run.finish()
    assert only_log(folder).stat().st_size == size


def test_log_takes_nothing_but_a_mapping(run: Run) -> None:
    with pytest.raises(TypeError, match="dict of names and values, not list"):
        run.log([("a", 1)])  # type: ignore[arg-type]


def test_in_strict_mode_a_step_that_lies_behind_is_refused_and_the_run_goes_on(folder: Path) -> None:
    run = begin(project="p", settings={"strict": True})
    run.log({"a": 1}, step=5)
    with pytest.raises(UsageError, match="step 3 lies behind step 5"):
        run.log({"a": 2}, step=3)
    run.log({"a": 3}, step=6)
    assert ended(run) == [(5, {"a": 1}), (6, {"a": 3})]

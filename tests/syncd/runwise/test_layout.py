"""Where the lines of a run's logs stand, and which have to be sent again when logs come late, or rows don't count."""

from __future__ import annotations

from pathlib import Path

from runstore.syncd.remotes.runs import CONSOLE, HISTORY
from runstore.syncd.runwise.content.snapshot import LogPart
from runstore.syncd.runwise.layout import Layout
from runstore.syncd.runwise.progress import LogProgress


def part(place: int, kind: str = "start", after: int | None = None, below: int | None = None) -> LogPart:
    log = Path(f"run-{place}.wandb")
    return LogPart(log, f"log{place}", kind, place, float(place), end=100, records=10, after=after, below=below)


def sent(*lines: tuple[int, int], last_step: int = -1, after: int | None = None) -> LogProgress:
    return LogProgress(lines={HISTORY: [list(one) for one in lines]}, last_step=last_step, after=after)


def test_lines_come_behind_all_that_are_there() -> None:
    first, second = LogProgress(), LogProgress()
    layout = Layout([part(1), part(2, "resume")], {1: first, 2: second})
    assert layout.end(HISTORY) == 0
    first.add(HISTORY, layout.end(HISTORY), 3)
    second.add(HISTORY, layout.end(HISTORY), 2)
    assert (first.lines, second.lines) == ({HISTORY: [[0, 3]]}, {HISTORY: [[3, 2]]})
    assert (layout.end(HISTORY), layout.end(CONSOLE)) == (5, 0)


def test_lines_of_a_run_that_others_began_come_behind_theirs() -> None:
    one = LogProgress(base={HISTORY: 7, "step": 6})
    layout = Layout([part(1)], {1: one})
    assert layout.end(HISTORY) == 7
    assert layout.after(part(1)) == 6


def test_an_earlier_log_that_grows_has_the_later_ones_sent_again_behind_it() -> None:
    parts = [part(1), part(2, "resume"), part(3, "resume")]
    layout = Layout(parts, {1: sent((0, 3)), 2: sent((3, 2)), 3: LogProgress()})
    assert layout.in_the_way(parts[0]) == parts[1:]
    assert layout.in_the_way(parts[1]) == ()
    assert layout.in_the_way(parts[2]) == ()


def test_logs_of_processes_that_write_at_the_same_time_are_in_nobodys_way() -> None:
    parts = [part(1), part(2, "rank"), part(3, "successor")]
    progress = {1: sent((0, 3)), 2: sent((3, 2)), 3: sent((5, 1))}
    layout = Layout(parts, progress)
    assert [layout.in_the_way(one) for one in parts] == [(), (), ()]
    progress[1].add(HISTORY, layout.end(HISTORY), 4)
    assert progress[1].lines[HISTORY] == [[0, 3], [6, 4]]


def test_rows_that_were_sent_and_stand_elsewhere_now_are_sent_again_with_all_behind_them() -> None:
    parts = [part(1), part(2, "", after=9), part(3, "", after=19)]
    layout = Layout(parts, {1: sent((0, 5)), 2: sent((5, 5), after=4), 3: sent((10, 5), after=19)})
    assert layout.moved() == parts[1:]
    for one in parts:
        layout.settle(one)
    assert layout.moved() == ()


def test_a_run_is_cut_where_the_first_row_that_was_sent_does_not_count() -> None:
    parts = [part(1, below=3), part(2, "rewind", below=None)]
    assert Layout(parts, {1: sent((0, 5), last_step=4), 2: LogProgress()}).cut_at() == 3
    assert Layout(parts, {1: sent((0, 3), last_step=2), 2: LogProgress()}).cut_at() is None


def test_a_progress_survives_its_receipt() -> None:
    one = sent((0, 3), (5, 1), last_step=7, after=2)
    one.position, one.alerts_sent, one.artifacts = {"offset": 99}, 2, [7, 11]
    assert LogProgress.of(one.as_json()) == one
    assert LogProgress.of({"unknown": 1, **one.as_json()}) == one


def test_what_is_sent_again_keeps_what_was_made_known_once() -> None:
    one = sent((0, 3))
    one.alerts_sent, one.artifacts_done, one.storage_id = 2, [5], "x"
    one.begin_anew()
    assert (one.lines, one.alerts_sent, one.artifacts_done, one.storage_id) == ({}, 2, [5], "x")
    one.forget()
    assert one == LogProgress(alerts_sent=2)

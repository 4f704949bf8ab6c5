"""Which rows of which log count."""

from __future__ import annotations

import random
from typing import Any

from runstore.core.stitch import Fragment, Piece, cut, stitch


def fragment(log: int, kind: str = "start", last: int = 9, start: int = 0, **more: Any) -> Fragment:
    given: dict[str, Any] = {"path": f"/{log}", "started_at": float(log), "rows": last + 1, **more}
    return Fragment(log, kind=kind, starting_step=start, last_step=last, **given)


STOCK: dict[str, Any] = {"kind": ""}


def test_one_log_is_the_run() -> None:
    assert stitch([fragment(1)]) == [Piece(1, None, None, 9)]
    assert stitch([fragment(1, last=-1)]) == [Piece(1, None, None, -1)]


def test_a_resume_supersedes_from_its_starting_step_on() -> None:
    pieces = stitch([fragment(1), fragment(2, "resume", last=14, start=8)])
    assert pieces == [Piece(1, None, 8, 7), Piece(2, None, None, 14)]


def test_a_run_rewound_and_killed_at_once_ends_where_it_was_rewound_to() -> None:
    pieces = stitch([fragment(1), fragment(2, "rewind", last=-1, start=5)])
    assert max(piece.last_step for piece in pieces) == 4


def test_rewound_twice() -> None:
    further_back = stitch([fragment(1), fragment(2, "rewind", 7, 5), fragment(3, "rewind", 4, 3)])
    assert further_back == [Piece(1, None, 3, 2), Piece(2, None, 3, 2), Piece(3, None, None, 4)]
    less_far = stitch([fragment(1), fragment(2, "rewind", 7, 3), fragment(3, "rewind", 9, 6)])
    assert less_far == [Piece(1, None, 3, 2), Piece(2, None, 6, 5), Piece(3, None, None, 9)]


def test_ranks_and_successors_stand_beside() -> None:
    pieces = stitch([fragment(1), fragment(2, "rank", 20), fragment(3, "successor", 30, 10)])
    assert [(piece.after, piece.below) for piece in pieces] == [(None, None)] * 3


def test_a_resume_supersedes_the_ranks_before_it_and_none_after() -> None:
    pieces = stitch([fragment(1), fragment(2, "rank"), fragment(3, "resume", 20, 5), fragment(4, "rank", 20)])
    assert [piece.below for piece in pieces] == [5, 5, None, None]


def test_stock_logs_behind_the_first_are_lifted_behind_all_before() -> None:
    pieces = stitch([fragment(1, "", 9), fragment(2, last=4, **STOCK), fragment(3, last=0, **STOCK)])
    assert pieces == [Piece(1, None, None, 9), Piece(2, 9, None, 14), Piece(3, 14, None, 15)]


def test_a_stock_log_whose_steps_go_on_by_themselves_keeps_them() -> None:
    pieces = stitch([fragment(1, "", 4), fragment(2, last=20, rows=3, **STOCK)])
    assert pieces[1] == Piece(2, 4, None, 20)


def test_a_stock_log_alone_or_without_rows() -> None:
    assert stitch([fragment(1, last=4, **STOCK)]) == [Piece(1, None, None, 4)]
    pieces = stitch([fragment(1, "", 9), fragment(2, last=-1, **STOCK), fragment(3, last=2, **STOCK)])
    assert pieces == [Piece(1, None, None, 9), Piece(2, 9, None, -1), Piece(3, 9, None, 12)]


def test_a_stock_log_counts_on_from_what_a_rewind_left_and_is_cut_where_it_stands() -> None:
    pieces = stitch([fragment(1), fragment(2, "rewind", 6, 5), fragment(3, last=9, **STOCK)])
    assert pieces[2] == Piece(3, 6, None, 16)
    pieces = stitch([fragment(1, ""), fragment(2, last=9, **STOCK), fragment(3, "rewind", 15, 15)])
    assert pieces == [Piece(1, None, 15, 9), Piece(2, 9, 15, 14), Piece(3, None, None, 15)]


def test_a_fork_goes_on_from_the_step_of_the_fork() -> None:
    assert cut(stitch([fragment(1)]), 5) == [Piece(1, None, 5, 4)]
    assert cut(stitch([fragment(1), fragment(2, "rewind", 7, 3)]), 5) == [Piece(1, None, 3, 2), Piece(2, None, 5, 4)]
    assert cut(stitch([fragment(1, last=2)]), 5) == [Piece(1, None, 5, 2)]
    assert stitch([fragment(1, last=-1), fragment(2, last=3, **STOCK)], 4)[1] == Piece(2, 4, None, 8)


def test_the_order_in_which_logs_were_found_does_not_matter() -> None:
    source = random.Random(5)
    kinds = ["start", "resume", "rewind", "rank", "successor", ""]
    for _ in range(200):
        logs = [
            fragment(
                n,
                source.choice(kinds),
                source.randrange(-1, 20),
                source.randrange(20),
                started_at=float(source.randrange(3)),
            )
            for n in range(5)
        ]
        pieces = stitch(logs)
        assert stitch(source.sample(logs, 5)) == pieces

"""How far logs are, from the index and receipts alone, and with what a daemon adds to that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runstore.index.indexer import Indexer
from runstore.paths import edit_log_path
from runstore.syncd import receipts
from runstore.syncd.configuration import Configuration, WatchedRoot
from runstore.syncd.delivery import ready
from runstore.syncd.fanout import FanOut
from runstore.syncd.policy import Policy
from runstore.syncd.receipts import NOT_LOOKED_AT, Receipt
from runstore.syncd.standing import AtTarget, LogStanding, by_run, targets, together, totals
from runstore.syncd.standings import Standings, below
from tests.index.writing import exit_record, plain_rows, row, write, write_log


@pytest.fixture
def indexer(tmp_path: Path) -> Iterator[Indexer]:
    with closing(Indexer(tmp_path / "i.db")) as opened:
        yield opened


@pytest.fixture
def log(tmp_path: Path, indexer: Indexer) -> Path:
    log = write_log(tmp_path, [*plain_rows(range(20)), exit_record()])
    indexer.catch_up(log)
    return log


def fan_out(tmp_path: Path, urls: dict[str, str] | None = None, **policies: Policy) -> FanOut:
    """Everything below the folder goes to these remotes."""
    return FanOut.of(Configuration((WatchedRoot(tmp_path),)), policies, urls)


def prove(indexer: Indexer, log: Path, name: str = "lab", identity: str = "", **other: Any) -> Receipt:
    """Let a target prove to hold a log as it is indexed, or otherwise."""
    what = ready(indexer, log)
    assert what is not None
    whole = Receipt(name, what.end, "00" * 32, what.records, "2025-01-02T03:04:05+00:00", files_left=0)
    receipt = replace(whole, **other)
    receipts.save(log, what.log_id, identity or f"hub:{other.get('remote', name)}", receipt)
    indexer.enter_deliveries(log)
    return receipt


def the_standing(indexer: Indexer, going: FanOut, live: Any = None) -> LogStanding:
    (standing,) = Standings(indexer.connection, going, live).logs()
    return standing


def test_a_log_that_goes_nowhere_is_durable_and_indexed(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    standing = the_standing(indexer, FanOut())
    assert (standing.run, standing.path, standing.at) == ("p/r1", str(log), {})
    assert standing.durable_bytes == standing.indexed_bytes == log.stat().st_size
    assert standing.durable_records == standing.indexed_records == 23
    assert standing.is_settled


def test_a_log_waits_at_each_target_that_has_proven_nothing(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    standing = the_standing(indexer, fan_out(tmp_path, lab=Policy(), far=Policy(), other=Policy(projects=("x",))))
    assert standing.at == dict.fromkeys(("far", "lab"), AtTarget("waiting", files_left=NOT_LOOKED_AT))
    assert not standing.is_settled


def test_a_proof_of_everything_is_delivered(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    prove(indexer, log)
    standing = the_standing(indexer, fan_out(tmp_path, lab=Policy()))
    assert standing.at == {"lab": AtTarget("delivered", log.stat().st_size, 23, 1735787045.0)}
    assert standing.is_settled


STATES: list[tuple[dict[str, Any], str]] = [
    ({"size": 10}, "waiting"),
    ({"files_left": 2}, "files"),
    ({"files_left": NOT_LOOKED_AT}, "files"),
    ({"error": "holds other bytes"}, "failed"),
    ({"held": 10**6}, "ahead"),
    ({"size": 10**6}, "ahead"),
]


@pytest.mark.parametrize(("receipt", "state"), STATES)
def test_what_a_receipt_says_is_its_state(
    tmp_path: Path, indexer: Indexer, log: Path, receipt: dict[str, Any], state: str
) -> None:
    prove(indexer, log, **receipt)
    standing = the_standing(indexer, fan_out(tmp_path, lab=Policy()))
    assert standing.at["lab"].state == state
    assert standing.is_settled == (state == "ahead")


def test_bytes_that_the_source_lost_are_counted(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    prove(indexer, log, held=log.stat().st_size + 123)
    assert the_standing(indexer, fan_out(tmp_path, lab=Policy())).at["lab"].lost_bytes == 123


def test_a_log_cut_short_shows_what_the_target_has_beyond_it(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    before = prove(indexer, log).size
    whole = log.read_bytes()
    log.write_bytes(whole[: before // 2])
    indexer.catch_up(log)
    standing = the_standing(indexer, fan_out(tmp_path, lab=Policy()))
    assert standing.at["lab"].state == "ahead"
    assert standing.at["lab"].lost_bytes == before - standing.durable_bytes > 0


def test_records_that_are_not_indexed_yet_are_durable(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    prove(indexer, log)
    longer = write(tmp_path / "longer.wandb", [row(n, {"x": n}) for n in range(30)])
    with log.open("ab") as file:
        file.write(bytes(-log.stat().st_size % 32768) + longer.read_bytes()[7:] + b"torn")
    standing = the_standing(indexer, fan_out(tmp_path, lab=Policy()))
    assert (standing.durable_records, standing.indexed_records) == (53, 23)
    assert standing.durable_bytes == log.stat().st_size - 4 > standing.indexed_bytes
    assert standing.at["lab"].state == "waiting"
    assert not standing.is_settled


def test_a_torn_record_is_not_waited_for(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    with log.open("ab") as file:
        file.write(b"torn")
    indexer.catch_up(log)
    prove(indexer, log)
    standing = the_standing(indexer, fan_out(tmp_path, lab=Policy()))
    assert standing.durable_bytes == log.stat().st_size - 4
    assert standing.is_settled


@pytest.mark.parametrize("size", [0, 3, 7, 20])
def test_a_log_killed_before_its_first_record_goes_nowhere(tmp_path: Path, indexer: Indexer, size: int) -> None:
    log = write_log(tmp_path, plain_rows(range(2)))
    log.write_bytes(log.read_bytes()[:size])  # of 7 bytes is what is written at once
    indexer.catch_up(log)
    assert ready(indexer, log) is None
    standing = the_standing(indexer, fan_out(tmp_path, lab=Policy()))
    assert standing.at == {}
    assert standing.is_settled


def test_a_log_that_is_gone_says_so(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    log.unlink()
    standing = the_standing(indexer, FanOut())
    assert "is not there any more" in standing.error
    assert not standing.is_settled


def test_a_remote_that_was_removed_does_not_count(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    prove(indexer, log, "gone", size=5)
    assert the_standing(indexer, fan_out(tmp_path, lab=Policy())).at.keys() == {"lab"}


def test_what_is_below_no_watched_folder_waits_for_whoever_delivers_by_hand(
    tmp_path: Path, indexer: Indexer, log: Path
) -> None:
    unwatched = FanOut.of(Configuration(), {"lab": Policy(), "far": Policy(), "other": Policy(projects=("x",))})
    prove(indexer, log)
    states = {name: at.state for name, at in the_standing(indexer, unwatched).at.items()}
    assert states == {"lab": "delivered", "far": "unwatched"}
    prove(indexer, log, size=10)
    assert the_standing(indexer, unwatched).at["lab"].state == "unwatched"


def test_a_folder_whose_runs_go_nowhere_sends_them_nowhere(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    indexed_only = FanOut.of(Configuration((WatchedRoot(tmp_path, remotes=()),)), {"lab": Policy()})
    assert the_standing(indexer, indexed_only).is_settled


def test_what_is_passed_over_in_its_folder_waits_for_nothing(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    def standing(*ignore: str) -> LogStanding:
        root = WatchedRoot(tmp_path, ignore=ignore)
        return the_standing(indexer, FanOut.of(Configuration((root,)), {"lab": Policy()}))

    assert not standing("/elsewhere").is_settled
    assert (standing(log.name).at, standing(log.name).is_settled) == ({}, True)
    prove(indexer, log)
    assert standing(log.name).at["lab"].state == "delivered"


def test_a_target_has_its_configured_name_whatever_it_was_called_last(
    tmp_path: Path, indexer: Indexer, log: Path
) -> None:
    other = write_log(tmp_path, [*plain_rows(range(3)), exit_record()], "b", "r2", started=5.0)
    indexer.catch_up(other)
    for each, name in ((log, "lab"), (other, "http://127.0.0.1:9")):
        prove(indexer, each)
        what = ready(indexer, each)
        assert what is not None
        receipts.change(each, what.log_id, "hub:lab", lambda kept, name=name: replace(kept, remote=name))  # type: ignore[misc]
        indexer.enter_deliveries(each)
    standings = Standings(indexer.connection, fan_out(tmp_path, lab=Policy())).logs()
    assert [standing.at.keys() for standing in standings] == [{"lab"}, {"lab"}]


def test_what_another_target_of_that_name_proved_is_not_delivered(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    prove(indexer, log, identity="hub:old", url="http://old")
    assert the_standing(indexer, fan_out(tmp_path, {"lab": "http://old"}, lab=Policy())).is_settled
    going = fan_out(tmp_path, {"lab": "http://new"}, lab=Policy())
    assert the_standing(indexer, going).at == {"lab": AtTarget("waiting", files_left=NOT_LOOKED_AT)}
    prove(
        indexer, log, identity="hub:new", url="http://new", verified_at="2025-01-02T03:04:06+00:00", size=10, records=1
    )
    assert (the_standing(indexer, going).at["lab"].state, the_standing(indexer, going).at["lab"].bytes) == (
        "waiting",
        10,
    )


def test_a_target_at_another_address_is_the_same_when_it_has_proven_it(
    tmp_path: Path, indexer: Indexer, log: Path
) -> None:
    prove(indexer, log, url="http://old")
    prove(indexer, log, url="http://new")
    assert the_standing(indexer, fan_out(tmp_path, {"lab": "http://new"}, lab=Policy())).at["lab"].state == "delivered"
    assert the_standing(indexer, fan_out(tmp_path, {"far": "http://new"}, far=Policy())).at["far"].state == "delivered"


def test_a_target_that_was_made_anew_at_its_address_holds_what_it_has_proven_since(
    tmp_path: Path, indexer: Indexer, log: Path
) -> None:
    prove(indexer, log, identity="hub:old", url="http://lab")
    prove(
        indexer, log, identity="hub:new", url="http://lab", verified_at="2025-02-02T03:04:06+00:00", size=7, records=1
    )
    standing = the_standing(indexer, fan_out(tmp_path, {"lab": "http://lab"}, lab=Policy()))
    assert (standing.at["lab"].state, standing.at["lab"].bytes) == ("waiting", 7)


def test_edits_of_a_run_are_part_of_it_and_have_no_files(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    edits = write_log(tmp_path / "made", [*plain_rows(range(2))], started=3.0).rename(edit_log_path(log))
    indexer.catch_up(edits)
    for each in (log, edits):
        prove(indexer, each, files_left=NOT_LOOKED_AT if each == edits else 0)
    (run,) = by_run(Standings(indexer.connection, fan_out(tmp_path, lab=Policy())).logs(below([log.parent])))
    assert len(run.logs) == 2
    assert run.is_settled


def test_what_the_daemon_has_read_and_sent_counts(tmp_path: Path, indexer: Indexer, log: Path) -> None:
    size = log.stat().st_size
    prove(indexer, log, size=100, records=2)
    live = {
        str(log): {
            "indexed_bytes": size,
            "indexed_records": 23,
            "states": {"lab": "retrying"},
            "delivered_bytes": {"lab": 200},
            "delivered_records": {"lab": 4},
            "errors": {"lab": "no answer"},
            "retry_in": {"lab": 5.0},
        }
    }
    at = the_standing(indexer, fan_out(tmp_path, lab=Policy()), live).at["lab"]
    assert (at.state, at.bytes, at.records, at.error) == ("retrying", 200, 4, "no answer")
    assert at.retry_at > 0


def test_what_a_receipt_proves_is_not_taken_back_by_a_daemon_that_begins(
    tmp_path: Path, indexer: Indexer, log: Path
) -> None:
    prove(indexer, log)
    live = {str(log): {"states": {"lab": "queued"}, "delivered_bytes": {"lab": 0}, "delivered_records": {"lab": 0}}}
    assert the_standing(indexer, fan_out(tmp_path, lab=Policy()), live).at["lab"].state == "delivered"


def test_together_the_worst_state_counts_and_the_oldest_proof() -> None:
    parts = [AtTarget("delivered", 10, 1, 100.0, 2, 0), AtTarget("failed", 5, 1, 50.0, 1, 3, 0, "why")]
    assert together(parts) == AtTarget("failed", 15, 2, 50.0, 3, 3, 0, "why")


def test_runs_that_wait_come_first_and_then_the_newest() -> None:
    def log(run: str, changed_at: float, state: str) -> LogStanding:
        return LogStanding(run, f"/{run}", 10, 1, 10, 1, changed_at, at={"lab": AtTarget(state)})

    logs = [log("a", 1, "delivered"), log("b", 2, "delivered"), log("c", 0, "failed"), log("a", 5, "delivered")]
    assert [run.run for run in by_run(logs)] == ["c", "a", "b"]
    assert targets(logs)["lab"]["logs_delivered"] == 3
    sums = totals(logs)
    assert (sums["runs"], sums["logs"], sums["logs_settled"], sums["durable_bytes"]) == (3, 4, 3, 40)

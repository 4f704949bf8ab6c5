"""Two deliveries are compared by what the server has in the end, and each difference is named with its place."""

from __future__ import annotations

import pytest

from tests.wandbserver.client import ALERT, Client
from tests.wandbserver.server import RecordingServer
from tests.wandbserver.state import comparable, differences, state_of


def deliver(client: Client, *, at_once: bool, loss: str = "NaN") -> None:
    rows = ['{"_step": 0, "loss": 1}', f'{{"_step": 1, "loss": {loss}}}']
    client.upsert(config='{"lr": {"value": 0.1}, "_wandb": {"value": {"t": {"1": [2]}}}}', tags=["b", "a"])
    client.put_file("config.yaml", b"lr: 0.1")
    client.tell(ALERT, **client.place, title="T", text="t")
    for first, lines in [(0, rows)] if at_once else [(0, rows[:1]), (0, rows)]:
        client.lines("wandb-history.jsonl", first, *lines)
    client.lines("output.log", 0, "2026-11-21T01:42:28 out", "ERROR 2026-11-21T01:42:29 err", "2026-11-21T01:42:30 put")
    client.push(files={"wandb-summary.json": {"offset": 0, "content": ['{"loss": 1.0}']}}, complete=True, exitcode=3)


def test_state_has_all_of_a_run(server: RecordingServer, client: Client) -> None:
    deliver(client, at_once=True)
    state = state_of(server, "k3v9q2")
    assert state["run"]["tags"] == ["a", "b"]
    assert (state["config"], state["_wandb"]) == ({"lr": "0.1 (number)"}, {"t": {"1": [2]}})
    assert state["history"] == [{"_step": 0, "loss": 1}, {"_step": 1, "loss": "NaN"}]
    assert state["console"] == {"stdout": ["out", "put"], "stderr": ["err"]}
    assert state["summary"] == {"loss": "1.0 (number)"}
    assert list(state["files"]) == ["config.yaml"]
    assert [alert["severity"] for alert in state["alerts"]] == ["INFO"]
    assert state["end"] == {"exit_code": 3, "complete": True, "preempting": False}


def test_how_lines_were_sent_makes_no_difference(server: RecordingServer, client: Client) -> None:
    deliver(client, at_once=True)
    with RecordingServer() as other, Client(other.url) as to_other:
        deliver(to_other, at_once=False)
        assert state_of(server, "k3v9q2") == state_of(other, "k3v9q2")


def test_difference_is_named_with_its_place(server: RecordingServer, client: Client) -> None:
    deliver(client, at_once=True)
    with RecordingServer() as other, Client(other.url) as to_other:
        deliver(to_other, at_once=True, loss="2")
        found = differences(state_of(server, "k3v9q2"), state_of(other, "k3v9q2"))
    assert found == ["history[1].loss: 'NaN' | 2"]


def test_run_that_is_not_there_has_no_state(server: RecordingServer) -> None:
    with pytest.raises(LookupError, match="0 runs 'k3v9q2'"):
        state_of(server, "k3v9q2")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (float("nan"), float("nan"), True),
        (1, 1.0, False),
        (1, True, False),
        (float("inf"), float("-inf"), False),
        ({"a": [1, None]}, {"a": [1, None]}, True),
        ({"a": None}, {}, False),
    ],
)
def test_comparable_values_are_equal_as_json_is(one: object, other: object, is_same: bool) -> None:
    assert (comparable(one) == comparable(other)) is is_same

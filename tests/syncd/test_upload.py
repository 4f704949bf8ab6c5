"""The state machine of a delivery: whatever happens, in whatever order, nothing is forgotten and nothing is claimed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runstore.syncd.upload import (
    IN_FLIGHT,
    TRANSITIONS,
    WAITS_FOR_A_TIME,
    Cursor,
    Event,
    ImpossibleEvent,
    State,
    Upload,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "daemon.md"

REPORTS = {
    Event.CHANGED: lambda upload: upload.changed(Cursor(upload.goal.size + 10, upload.goal.records + 1), 5.0),
    Event.BEGUN: lambda upload: upload.begun(),
    Event.TAKEN: lambda upload: upload.taken(upload.goal.size),
    Event.FAILED: lambda upload: upload.failed("the disk refused", 7.0),
    Event.REFUSED: lambda upload: upload.refused("other bytes", 600.0),
    Event.INTERRUPTED: lambda upload: upload.interrupted(),
    Event.DUE: lambda upload: upload.due(),
    Event.VANISHED: lambda upload: upload.vanished(),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", REPORTS)
def test_every_event_is_in_the_table_or_refused_by_name(state: State, event: Event) -> None:
    upload = Upload(Cursor(100, 3), state)
    if (state, event) in TRANSITIONS:
        REPORTS[event](upload)
        assert upload.state is TRANSITIONS[state, event]
    else:
        with pytest.raises(ImpossibleEvent, match=f"'{event.value}' can't happen to what is {state.value}"):
            REPORTS[event](upload)
        assert upload.state is state


@pytest.mark.parametrize("state", State)
def test_what_is_proven_of_an_older_state_waits_for_the_newer_one(state: State) -> None:
    upload = Upload(Cursor(100, 3), state)
    if state is not State.ACKNOWLEDGED:
        if state is not State.GONE:
            with pytest.raises(ImpossibleEvent):
                upload.proven(Cursor(100, 3))
        return
    upload.changed(Cursor(200, 6), 0.0)
    upload.proven(Cursor(100, 3))
    assert (upload.state, upload.verified) == (State.QUEUED, Cursor(100, 3))


def test_every_state_is_left_again_but_for_the_last() -> None:
    for state in State:
        after = {new for (before, _), new in TRANSITIONS.items() if before is state}
        assert (after == {State.GONE}) is (state is State.GONE)


def test_every_state_leads_to_verified_or_is_the_end() -> None:
    reached = {State.VERIFIED}
    while more := {before for (before, _), after in TRANSITIONS.items() if after in reached} - reached:
        reached |= more
    assert reached == set(State) - {State.GONE}


def diagram() -> str:
    """Return the table as a state diagram in Mermaid's language."""
    return "\n".join(["stateDiagram-v2", f"    [*] --> {State.QUEUED.value}", *arrows()]) + "\n"


def arrows() -> Iterator[str]:
    """Yield an arrow for each pair of states that differ; what changes nothing would only hide the others."""
    for before in State:
        for after in State:
            events = [e.value for (state, e), new in TRANSITIONS.items() if (state, new) == (before, after)]
            if events and before is not after:
                yield f"    {before.value} --> {after.value}: {', '.join(events)}"
    yield f"    {State.GONE.value} --> [*]"


def test_the_diagram_in_the_documents_is_the_table() -> None:
    (shown,) = re.findall(r"```mermaid\n(stateDiagram-v2\n.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert shown == diagram()


@given(st.lists(st.sampled_from(list(REPORTS)), max_size=40))
def test_a_log_that_is_gone_stays_so(events: list[Event]) -> None:
    upload = Upload(Cursor(100, 3))
    upload.vanished()
    for event in events:
        if (State.GONE, event) in TRANSITIONS:
            REPORTS[event](upload)
    assert (upload.state, upload.verified, upload.acknowledged) == (State.GONE, Cursor(), 0)


class Deliveries(RuleBasedStateMachine):
    """A log that grows while a worker, whom anything may happen to, delivers it."""

    def __init__(self) -> None:
        super().__init__()
        self.upload = Upload(Cursor(100, 3))
        self.sent = Cursor()  # what the worker has been given
        self.proven = Cursor()

    @rule()
    def grows(self) -> None:
        goal = self.upload.goal
        self.upload.changed(Cursor(goal.size + 10, goal.records + 1), 1.0)

    @precondition(lambda self: self.upload.state is State.QUEUED)
    @rule()
    def begins(self) -> None:
        self.upload.begun()
        self.sent = self.upload.goal

    @precondition(lambda self: self.upload.state is State.SENDING)
    @rule(share=st.floats(0, 1))
    def progresses(self, share: float) -> None:
        self.upload.progressed(int(self.sent.size * share))

    @precondition(lambda self: self.upload.state is State.SENDING)
    @rule()
    def is_taken(self) -> None:
        self.upload.taken(self.sent.size)

    @precondition(lambda self: self.upload.state is State.ACKNOWLEDGED)
    @rule()
    def is_proven(self) -> None:
        self.upload.proven(self.sent)
        self.proven = self.sent

    @precondition(lambda self: self.upload.state in IN_FLIGHT)
    @rule(how=st.sampled_from([Event.FAILED, Event.REFUSED, Event.INTERRUPTED]))
    def breaks_off(self, how: Event) -> None:
        REPORTS[how](self.upload)

    @precondition(lambda self: self.upload.state in WAITS_FOR_A_TIME)
    @rule()
    def waited(self) -> None:
        self.upload.due()

    @invariant()
    def verified_is_what_was_proven(self) -> None:
        assert self.upload.verified == self.proven

    @invariant()
    def only_the_newest_counts_as_done(self) -> None:
        if self.upload.state is State.VERIFIED:
            assert self.upload.verified == self.upload.goal
            assert not self.upload.error

    @invariant()
    def who_waits_knows_why(self) -> None:
        if self.upload.state in WAITS_FOR_A_TIME:
            assert self.upload.error
            assert self.upload.failures

    def teardown(self) -> None:
        """Whatever has happened: a worker that nothing happens to brings it to its end."""
        upload = self.upload
        for _ in range(4):
            if upload.state in IN_FLIGHT:
                upload.interrupted()
            if upload.state in WAITS_FOR_A_TIME:
                upload.due()
            if upload.state is State.QUEUED:
                upload.begun()
                upload.taken(upload.goal.size)
                upload.proven(upload.goal)
        assert (upload.state, upload.verified) == (State.VERIFIED, upload.goal)


TestDeliveries = Deliveries.TestCase

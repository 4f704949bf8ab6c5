"""Which delivery is next: live ones, small ones, and in the end all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runstore.syncd.schedule import SECONDS_PER_DOUBLING, TURNS, Schedule


def taken(schedule: Schedule[str], now: float = 0.0) -> list[str]:
    found = []
    while (key := schedule.take(now)) is not None:
        found.append(key)
    return found


def test_live_logs_go_first_then_small_ones() -> None:
    schedule: Schedule[str] = Schedule()
    for name, size, is_live in (("large", 10**9, False), ("small", 10, False), ("live", 10**6, True)):
        schedule.put(name, size, 0.0, is_live=is_live)
    assert taken(schedule) == ["live", "small", "large"]


def test_nothing_is_handed_out_twice_until_it_is_back() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.put("a", 1, 0.0)
    assert taken(schedule) == ["a"]
    schedule.put("a", 2, 1.0)
    assert (taken(schedule, 1.0), len(schedule), schedule.next_at(1.0)) == ([], 1, None)
    schedule.done("a", 2.0)
    assert taken(schedule, 2.0) == ["a"]
    schedule.done("a", 2.0)
    assert taken(schedule, 9.0) == []


def test_what_is_put_again_keeps_its_place_and_what_is_discarded_has_none() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.put("a", 1, 0.0)
    schedule.put("b", 1, 1.0)
    schedule.put("a", 1, 2.0)
    schedule.put("c", 1, 3.0)
    schedule.discard("c")
    schedule.discard("unknown")
    assert taken(schedule, 3.0) == ["a", "b"]


def test_what_is_put_again_and_again_takes_no_more_room() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.put("first", 1, 0.0)
    for now in range(1, 1000):
        for name, not_before in (("growing", 0.0), ("failing", 5000.0)):
            schedule.put(name, 100 * now, float(now), is_live=True, not_before=not_before)
        assert schedule.next_at(float(now)) == now
    heaps = (schedule._later, schedule._live, schedule._others, schedule._oldest)
    assert sum(map(len, heaps)) < 60
    assert taken(schedule, 1000.0) == ["growing", "first"]
    assert taken(schedule, 5000.0) == ["failing"]


def test_what_is_not_due_waits_for_its_time() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.put("later", 1, 0.0, not_before=5.0)
    schedule.put("latest", 1, 0.0, not_before=8.0)
    assert (taken(schedule, 4.9), schedule.next_at(4.9)) == ([], 5.0)
    assert (taken(schedule, 5.0), schedule.next_at(5.0)) == (["later"], 8.0)
    schedule.put("latest", 1, 5.0)  # at once, after all
    assert taken(schedule, 5.0) == ["latest"]
    assert schedule.next_at(9.0) is None


def test_live_logs_that_never_end_do_not_starve_a_finished_one() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.put("finished", 10**9, 0.0)
    for turn in range(1, 3 * TURNS):
        for name in ("live-1", "live-2", "live-3"):
            schedule.put(name, 1, float(turn), is_live=True)
        key = schedule.take(float(turn))
        assert key is not None
        if key == "finished":
            return
        schedule.done(key, float(turn))
    raise AssertionError("it never had its turn")


def test_a_large_one_waits_a_bounded_time_for_small_ones() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.put("large", 2**30, 0.0)
    longest = 31 * SECONDS_PER_DOUBLING
    for second in range(1000):
        schedule.put(f"small-{second}", 1, float(second))
        key = schedule.take(float(second))
        assert key is not None
        if key == "large":
            assert second <= longest + 1
            return
    raise AssertionError("it never had its turn")


@given(st.lists(st.tuples(st.integers(0, 10**12), st.booleans(), st.floats(0, 100)), max_size=60))
def test_all_that_is_put_comes_out_once(logs: list[tuple[int, bool, float]]) -> None:
    schedule: Schedule[int] = Schedule()
    for key, (size, is_live, not_before) in enumerate(logs):
        schedule.put(key, size, 0.0, is_live=is_live, not_before=not_before)
    found = []
    now = 0.0
    while (at := schedule.next_at(now)) is not None:
        assert at >= now
        now = at
        taken = schedule.take(now)
        assert taken is not None
        found.append(taken)
        schedule.done(taken, now)
    assert sorted(found) == list(range(len(logs)))


class Queue(RuleBasedStateMachine):
    """The schedule beside the plainest model of it: who waits, since when he may, and who is out."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule: Schedule[int] = Schedule()
        self.waiting: dict[int, float] = {}
        self.out: set[int] = set()
        self.now = 0.0

    @rule(key=st.integers(0, 5), size=st.integers(0, 1 << 40), is_live=st.booleans(), wait=st.sampled_from([0, 3]))
    def put(self, key: int, size: int, is_live: bool, wait: int) -> None:
        self.schedule.put(key, size, self.now, is_live=is_live, not_before=self.now + wait)
        self.waiting[key] = self.now + wait

    @rule()
    def take(self) -> None:
        due = {key for key, at in self.waiting.items() if at <= self.now and key not in self.out}
        key = self.schedule.take(self.now)
        assert (key in due) if due else key is None
        if key is not None:
            del self.waiting[key]
            self.out.add(key)

    @precondition(lambda self: bool(self.out))
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.out)))
        self.schedule.done(key, self.now)
        self.out.discard(key)

    @rule(key=st.integers(0, 5))
    def discard(self, key: int) -> None:
        self.schedule.discard(key)
        self.waiting.pop(key, None)

    @rule(seconds=st.sampled_from([0.5, 4.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def knows_who_waits(self) -> None:
        assert len(self.schedule) == len(self.waiting)
        assert self.schedule.busy == self.out
        assert all(key in self.schedule for key in self.waiting)

    @invariant()
    def knows_when_the_next_one_is_due(self) -> None:
        times = [at for key, at in self.waiting.items() if key not in self.out]
        expected = max(self.now, min(times)) if times else None
        assert self.schedule.next_at(self.now) == expected


TestQueue = Queue.TestCase

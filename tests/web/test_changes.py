"""What polling tells: which runs changed, and next to nothing while none did."""

from __future__ import annotations

from typing import Any

import runstore
from runstore.query.api import Api
from runstore.query.changes import Changes
from tests.web.asking import Asking


class Clock:
    """Time that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def changes(asking: Asking, cursor: str = "") -> Any:
    """Return what changed since a cursor."""
    return asking.get("/api/changes", since=cursor)


def since(asking: Asking, cursor: str) -> Any:
    """Return what changed, as soon as anything has: looks are not made without a pause between them."""
    while True:
        answer = changes(asking, cursor)
        if answer["cursor"] != cursor:
            return answer


def test_an_idle_answer_is_small_and_names_nothing(asking: Asking) -> None:
    with runstore.init(project="demo"):
        pass
    cursor = changes(asking)["cursor"]
    answer = asking.request("GET", "/api/changes", params={"since": cursor})
    assert answer.json() == {"cursor": cursor, "runs": [], "listed": False, "everything": False, "live": 0}
    assert len(answer.content) < 200


def test_a_new_run_is_listed_and_its_points_and_end_are_changes(asking: Asking) -> None:
    cursor = changes(asking)["cursor"]
    run = runstore.init(project="demo", id="one")
    began = since(asking, cursor)
    assert (began["runs"], began["listed"], began["live"]) == (["demo/one"], True, 1)
    run.log({"loss": 1.0})
    run.log({"loss": 0.5})
    grew = since(asking, began["cursor"])
    assert (grew["runs"], grew["listed"]) == (["demo/one"], False)
    run.finish()
    ended = since(asking, grew["cursor"])
    assert (ended["runs"], ended["live"]) == (["demo/one"], 0)


def test_an_edit_is_a_change(asking: Asking) -> None:
    with runstore.init(project="demo", id="one"):
        pass
    cursor = changes(asking)["cursor"]
    stored = Api().run("one")
    stored.tags = ["best"]
    stored.update()
    assert since(asking, cursor)["runs"] == ["demo/one"]


def test_everything_has_changed_for_whom_the_server_does_not_know(asking: Asking) -> None:
    with runstore.init(project="demo"):
        pass
    for cursor in ("", "abc", "0.1", "deadbeef.99", "😀"):
        assert changes(asking, cursor)["everything"] is True


def test_more_changes_than_can_be_named_are_everything() -> None:
    followed, api = Changes(Clock()), Api()
    cursor = followed.since(api.connection, "").cursor
    for _ in range(201):
        with runstore.init(project="demo"):
            pass
    api.refresh()
    found = followed.since(api.connection, cursor)
    assert (found.everything, found.runs, found.listed) == (True, [], True)


def test_a_look_is_followed_by_a_rest_ten_times_as_long() -> None:
    clock, looks = Clock(), []

    class Slow(Changes):
        def _look(self, connection: Any) -> None:
            looks.append(clock.now)
            clock.now += 1.0
            super()._look(connection)

    followed, api = Slow(clock), Api()
    for clock.now in (0.0, 2.0, 9.0, 11.0):
        followed.since(api.connection, "")
    assert looks == [0.0, 11.0]


def test_a_run_that_goes_is_told_of(asking: Asking) -> None:
    followed, api = Changes(Clock()), Api()
    with runstore.init(project="demo", id="one"):
        pass
    api.refresh()
    cursor = followed.since(api.connection, "").cursor
    api.forget(api.run("one").logs)
    found = followed.since(api.connection, cursor)
    assert (found.listed, found.runs) == (True, [])

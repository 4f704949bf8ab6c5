"""A sync that is killed anywhere, and begun anew, leaves on the server what an undisturbed one does; each row once."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path

import pytest

from tests.runwise.place import Place, place_with
from tests.runwise.spawning import Spawner
from tests.runwise.written import FULL_ALERTS
from tests.wandbserver.recorded import JsonObject
from tests.wandbserver.requests import Moment, Request

_LOOK_SECONDS = 0.002
_FEWEST_REQUESTS = 25
# An artifact is one thing, of eight requests, and so are the files beside a log: with fewer none would come further.
_REQUESTS_UNTIL_KILLED = 12


@pytest.mark.parametrize("moment", ["arrived", "applied"])
@pytest.mark.parametrize("part", range(3))
def test_a_sync_that_is_killed_at_any_request_goes_on_as_if_it_had_not_been(
    full_run: Path, undisturbed: dict[str, JsonObject], tmp_path: Path, spawner: Spawner, moment: Moment, part: int
) -> None:
    """Arrived: the server never carries the request out; applied: the client never hears that it did."""
    for number in count(part, 3):
        folder = tmp_path / str(number)
        folder.mkdir()
        with place_with(full_run, folder) as place:
            killed_in = _killed(place, spawner, moment, number)
            if killed_in is None:
                assert number >= _FEWEST_REQUESTS
                return
            again = place.start(spawner)
            assert again.wait() == 0, again.said.read_text()
            place.assert_whole(undisturbed, killed_in.name == "NotifyScriptableRunAlert")


def test_a_sync_that_is_killed_again_and_again_comes_to_its_end(
    place: Place, undisturbed: dict[str, JsonObject], spawner: Spawner
) -> None:
    kills = 0
    while _killed(place, spawner, "applied", _REQUESTS_UNTIL_KILLED) is not None:
        kills += 1
        assert kills < 20
    assert kills > 1
    place.assert_whole(undisturbed, len(FULL_ALERTS))


def _killed(place: Place, spawner: Spawner, moment: Moment, number: int) -> Request | None:
    """Kill a sync at a moment of a request; return which that was, None where it came to its end before."""
    with place.server.hold(moment=moment, skip=number) as hold:
        doomed = place.start(spawner)
        while not hold.is_reached and doomed.is_going_on():
            time.sleep(_LOOK_SECONDS)
        if not hold.is_reached:
            assert doomed.wait() == 0, doomed.said.read_text()
            return None
        doomed.kill()
        hold.drop()
        return hold.wait()

"""A sync that is killed anywhere, and begun anew, leaves on the server what an undisturbed one does; each row once."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.runwise.comparable import without_alerts
from tests.runwise.place import Place, place_with
from tests.runwise.spawning import Spawner
from tests.runwise.written import FULL_ALERTS
from tests.wandbserver.recorded import JsonObject
from tests.wandbserver.requests import Moment, Request
from tests.wandbserver.state import differences


def _undisturbed(runs: Path, folder: Path, spawner: Spawner) -> tuple[dict[str, JsonObject], int]:
    """Return what a server has in the end, and after how many requests."""
    with place_with(runs, folder) as place:
        assert place.start(spawner).wait() == 0
        place.assert_in_order()
        return place.state(), len(place.server.requests)


@pytest.mark.parametrize("moment", ["arrived", "applied"])
@pytest.mark.parametrize("part", range(3))
def test_a_sync_that_is_killed_at_any_request_goes_on_as_if_it_had_not_been(
    full_run: Path, tmp_path: Path, spawner: Spawner, moment: Moment, part: int
) -> None:
    """Arrived: the server never carries the request out; applied: the client never hears that it did."""
    (tmp_path / "whole").mkdir()
    wanted, requests = _undisturbed(full_run, tmp_path / "whole", spawner)
    assert requests > 20
    for number in range(part, requests, 3):
        folder = tmp_path / str(number)
        folder.mkdir()
        with place_with(full_run, folder) as place:
            killed_in = _killed(place, spawner, moment, number)
            again = place.start(spawner)
            assert again.wait() == 0, again.said.read_text()
            _assert_whole(place, wanted, killed_in.name == "NotifyScriptableRunAlert")


def test_a_sync_that_is_killed_again_and_again_comes_to_its_end(
    full_run: Path, tmp_path: Path, spawner: Spawner
) -> None:
    (tmp_path / "whole").mkdir()
    wanted, _ = _undisturbed(full_run, tmp_path / "whole", spawner)
    (tmp_path / "killed").mkdir()
    with place_with(full_run, tmp_path / "killed") as place:
        for _ in range(20):
            # An artifact is one thing, of eight requests.
            with place.server.hold(moment="applied", skip=12) as hold:
                doomed = place.start(spawner)
                while not hold.is_reached and doomed.is_going_on():
                    time.sleep(0.005)
                if not hold.is_reached:
                    break
                doomed.kill()
                hold.drop()
        assert doomed.wait() == 0
        _assert_whole(place, wanted, len(FULL_ALERTS))


def _killed(place: Place, spawner: Spawner, moment: Moment, number: int) -> Request:
    """Kill a sync at a moment of a request; return which that was."""
    with place.server.hold(moment=moment, skip=number) as hold:
        doomed = place.start(spawner)
        request = hold.wait(20.0)
        doomed.kill()
        hold.drop()
    return request


def _assert_whole(place: Place, wanted: dict[str, JsonObject], alerts_more: int) -> None:
    """Check that the server has what it should, each row and artifact once, alerts at most so many times more."""
    assert differences(without_alerts(wanted), without_alerts(place.state())) == []
    alerts = Counter(alert["title"] for alert in place.server.alerts)
    assert set(alerts) == set(FULL_ALERTS)
    assert alerts.total() - len(FULL_ALERTS) <= alerts_more
    committed = Counter(one.announced["digest"] for one in place.server.artifacts if one.committed)
    assert set(committed.values()) == {1}
    place.assert_in_order()

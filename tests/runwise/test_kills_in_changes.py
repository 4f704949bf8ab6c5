"""A sync that is killed while it brings what has changed of a run, rows in other places above all, is made good."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests.conformance.shared import made_once
from tests.runwise.place import Place, place_with
from tests.runwise.spawning import Spawner
from tests.runwise.test_fragments import BEGIN, GO_ON, SET_BACK
from tests.runwise.written import written
from tests.wandbserver.recorded import JsonObject
from tests.wandbserver.state import differences

_LOOK_SECONDS = 0.002


@dataclass(frozen=True)
class Change:
    """The logs of a run, of which the one in place `later` is found once the others are delivered."""

    scripts: tuple[str, ...]
    later: int
    steps: tuple[int, ...]


CHANGES = {
    "goes on": Change((BEGIN, GO_ON), 1, tuple(range(15))),
    "began earlier": Change((BEGIN, GO_ON), 0, tuple(range(15))),
    "set back": Change((BEGIN, SET_BACK), 1, tuple(range(8))),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_sync_of_what_has_changed_may_be_killed_at_any_request(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, spawner: Spawner, name: str
) -> None:
    """Applied, and the client never hears that it was."""
    change = CHANGES[name]
    runs = made_once(tmp_path_factory, f"runwise-{name}", lambda folder: written(folder, *change.scripts))
    wanted: dict[str, JsonObject] = {}
    for number in count(-1):
        folder = tmp_path / str(number)
        folder.mkdir()
        with place_with(runs, folder) as place:
            was_killed = _killed_in_change(place, spawner, change, number)
            if not was_killed:
                assert place.steps("one") == list(change.steps)
                wanted = wanted or place.state()
                if number >= 0:
                    assert number > 3
                    return
                continue
            again = place.start(spawner)
            assert again.wait() == 0, again.said.read_text()
            assert place.steps("one") == list(change.steps), number
            assert differences(wanted, place.state()) == [], number
            assert place.server.errors == []


def _killed_in_change(place: Place, spawner: Spawner, change: Change, number: int) -> bool:
    """Deliver all logs but one, then that, killed at a request of it (-1: none); return whether that was reached."""
    later = sorted((place.folder / "wandb").glob("offline-run-*"))[change.later]
    shutil.move(later, place.folder / "later")
    assert place.start(spawner).wait() == 0
    shutil.move(place.folder / "later", later)
    if number < 0:
        assert place.start(spawner).wait() == 0
        return False
    with place.server.hold(moment="applied", skip=number) as hold:
        doomed = place.start(spawner)
        while not hold.is_reached and doomed.is_going_on():
            time.sleep(_LOOK_SECONDS)
        if hold.is_reached:
            doomed.kill()
            hold.drop()
            return True
        assert doomed.wait() == 0, doomed.said.read_text()
        return False

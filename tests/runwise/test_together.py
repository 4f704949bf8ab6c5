"""Several processes deliver the same runs at the same moment: each line, artifact and alert arrives once."""

from __future__ import annotations

from tests.runwise.place import Place
from tests.runwise.spawning import Spawner
from tests.wandbserver.recorded import JsonObject


def test_two_syncs_of_the_same_runs_both_end_well(
    place: Place, spawner: Spawner, undisturbed: dict[str, JsonObject]
) -> None:
    with place.server.hold("graphql", "UpsertBucket") as hold:  # the other one finds no run, and must not make it too
        one = place.start(spawner)
        hold.wait()
        other = place.start(spawner)
    assert (one.wait(), other.wait()) == (0, 0)
    place.assert_whole(undisturbed)

"""What whole deliveries share: runs that were written once, places to deliver them from, processes to do so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.shared import made_once
from tests.runwise.place import MOST_BYTES, Place, place_with
from tests.runwise.spawning import Spawner
from tests.runwise.written import FULL, killed_of_stock, written
from tests.wandbserver.recorded import JsonObject


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a place sets in the environment end with the test, and nobody wait between tries."""
    for name in ("WANDB_BASE_URL", "WANDB_API_KEY", "NETRC"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("runstore.syncd.remotes.wandb.remote.MOST_BYTES", MOST_BYTES)
    monkeypatch.setattr("runstore.syncd.remotes.wandb.pace.BETWEEN_TRIES_SECONDS", (0.001, 0.001))


@pytest.fixture(scope="session")
def full_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has something of everything."""
    return made_once(tmp_path_factory, "runwise-full", lambda folder: written(folder, FULL))


@pytest.fixture(scope="session")
def undisturbed(full_run: Path, spawner: Spawner, tmp_path_factory: pytest.TempPathFactory) -> dict[str, JsonObject]:
    """What a server has of that run when nothing went wrong."""
    with place_with(full_run, tmp_path_factory.mktemp("undisturbed")) as place:
        assert place.start(spawner).wait() == 0
        state = place.state()
        place.assert_whole(state)
        return state


@pytest.fixture
def place(full_run: Path, tmp_path: Path) -> Iterator[Place]:
    """A place with that run, of which the server knows nothing."""
    with place_with(full_run, tmp_path) as place:
        yield place


@pytest.fixture(scope="session")
def killed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of stock's that did not end, of whose process its log tells nothing."""
    return made_once(tmp_path_factory, "runwise-killed", killed_of_stock)


@pytest.fixture(scope="session")
def spawner() -> Iterator[Spawner]:
    """What begins `runstore` in processes of its own."""
    with Spawner() as spawner:
        yield spawner

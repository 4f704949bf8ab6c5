"""What is said of a run, and marked, once it was delivered: until something of it is only here again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runstore.cli.main import cli
from runstore.index.indexer import Indexer
from runstore.query.api import Api
from tests.runwise.place import Place, place_with
from tests.runwise.written import written
from tests.wandbserver.faults import answer
from tests.wandbserver.state import differences

BEGUN = """
    import runstore
    run = runstore.init(project="demo", id="one")
    for n in range(5):
        run.log({"n": n})
    run.finish()
"""
GONE_ON = BEGUN.replace('id="one"', 'id="one", resume="must"')


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Place]:
    written(tmp_path, BEGUN)
    with place_with(None, tmp_path) as place:
        place.synced()
        yield place


def _status(place: Place) -> tuple[int, Mapping[str, Any]]:
    done = CliRunner().invoke(cli, ["status", "--json"], env=place.settings)
    return done.exit_code, json.loads(done.stdout)


def _marks(place: Place) -> list[Path]:
    return list(place.folder.glob("wandb/*/*.synced"))


def _rename(place: Place) -> None:
    with closing(Api(place.folder / "home" / "index.db")) as api:
        run = api.run("demo/one")
        run.name = "another name"
        run.update()


def test_a_run_that_was_delivered_is_settled_and_marked(one: Place) -> None:
    code, status = _status(one)
    assert (code, status["runs"][0]["is_settled"]) == (0, True)
    assert len(_marks(one)) == 1


def test_a_log_that_goes_on_with_it_waits_for_the_targets_that_have_the_rest(one: Place) -> None:
    written(one.folder, GONE_ON)
    code, status = _status(one)
    (target,) = status["runs"][0]["targets"]
    assert (code, target["name"], target["state"]) == (1, "wandb", "unwatched")
    one.synced()
    assert _status(one)[0] == 0


def test_an_edit_waits_likewise_and_takes_the_mark_away(one: Place) -> None:
    _rename(one)
    assert _marks(one) == []
    assert _status(one)[0] == 1
    one.synced()
    assert one.run("one").display_name == "another name"
    assert (_status(one)[0], len(_marks(one))) == (0, 1)


def test_what_one_place_holds_marks_nothing_for_another(one: Place) -> None:
    (mark,) = _marks(one)
    mark.unlink()
    one.server.fail(answer(403), "file", times=None)
    assert one.sync(project="another").verified == 0
    assert _marks(one) == []


def test_what_a_log_has_lost_since_is_kept_at_the_server_and_said(one: Place) -> None:
    before, log = one.state(), one.log("one")
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    report = one.sync()
    (error,) = report.errors.values()
    assert "are safe there" in error
    assert differences(before, one.state()) == []
    (target,) = _status(one)[1]["runs"][0]["targets"]
    assert target["state"] == "ahead"


def test_a_damaged_log_is_not_marked_since_its_bytes_are_nowhere_else(tmp_path: Path) -> None:
    written(tmp_path, BEGUN)
    with place_with(None, tmp_path) as place:
        content = bytearray(place.log("one").read_bytes())
        content[len(content) // 2] ^= 0xFF
        place.log("one").write_bytes(content)
        report = place.sync()
        assert "is damaged" in report.notes[0]
        assert (report.verified, report.errors, _marks(place)) == (1, {}, [])


def test_of_two_copies_of_a_log_the_one_that_is_left_is_delivered(tmp_path: Path) -> None:
    written(tmp_path, BEGUN)
    with place_with(None, tmp_path) as place:
        (folder,) = tmp_path.glob("wandb/offline-run-*")
        elsewhere = tmp_path / "elsewhere" / "wandb"
        shutil.copytree(folder, elsewhere / folder.name)
        (tmp_path / "home").mkdir()
        with closing(Indexer(tmp_path / "home" / "index.db")) as indexer:
            indexer.catch_up_below(tmp_path)
        shutil.rmtree(folder)
        place.folder = elsewhere.parent
        place.synced()
        assert place.steps("one") == list(range(5))

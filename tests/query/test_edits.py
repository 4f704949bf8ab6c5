"""Change stored runs: what is written, what counts more than what, and what an edit log is not."""

from __future__ import annotations

import json
import math
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runstore.core.edits import Edit
from runstore.errors import NotFound, StorageError, UsageError
from runstore.paths import edit_log_path, find_logs, is_edit_log_name, receipts_path, run_id_of
from runstore.query.api import Api
from runstore.query.stored.edits import write_edit
from runstore.query.stored.run import StoredRun
from runstore.runlog.verify import verify
from tests.index.dump import dump
from tests.index.writing import config, exit_record, header, indexed, log_path, row, run, summary, write


def begun(folder: Path, name: str = "a", run_id: str = "r1", started: float = 1000.0, **more: Any) -> Path:
    """Write a log of a run that has ended."""
    named = run(run_id, **{"display_name": "first", "tags": ["old"], **more})
    bodies = [header(started=started), named, config({"lr": 0.1, "opt": {"name": "adam", "b": [1]}})]
    return write(log_path(folder, name, run_id), [*bodies, row(1, {"loss": 0.5}), exit_record()])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return begun(tmp_path)


def anew(tmp_path: Path, *places: Path) -> StoredRun:
    """Return the run as an index says that is made of the logs alone."""
    api = Api(tmp_path / "anew.db", refresh=False)
    for place in places or (tmp_path,):
        api.catch_up_below(place)
    return api.run("r1")


def test_name_notes_tags_group_and_job_type_are_kept_by_update(api: Api, tmp_path: Path, log: Path) -> None:
    found = api.run("r1")
    found.name, found.notes, found.group, found.job_type = "é better", "two\nlines", "g", "eval"
    found.tags.append("new")
    assert [run.name for run in api.runs()] == ["first"]  # nothing is kept yet
    found.update()
    for seen in (found, api.run("r1"), anew(tmp_path)):
        assert (seen.name, seen.notes, seen.group, seen.job_type) == ("é better", "two\nlines", "g", "eval")
        assert seen.tags == ["old", "new"]
    assert [path.name for path in find_logs(tmp_path)] == ["run-r1.edits.rslog", "run-r1.wandb"]


def test_what_was_there_can_be_emptied(api: Api, tmp_path: Path) -> None:
    found = api.run("r1")
    found.tags, found.name = [], ""
    found.save()
    assert (anew(tmp_path).tags, anew(tmp_path).name) == ([], "r1")


def test_config_values_are_set_and_removed_one_by_one(api: Api, tmp_path: Path) -> None:
    found, other = api.run("r1"), api.run("r1")
    found.config["opt"]["name"] = "sgd"
    found.config["new"] = {"nan": math.nan, "array": np.arange(3), "number": np.float32(0.5)}
    del found.config["lr"]
    other.config["opt"]["b"].append(2)
    found.update()
    other.update()
    expected = {"opt": {"name": "sgd", "b": [1, 2]}, "new": {"nan": math.nan, "array": [0, 1, 2], "number": 0.5}}
    assert repr(anew(tmp_path).config) == repr(other.config) == repr(expected)


def test_a_summary_keeps_its_changes_by_its_own_update(api: Api, tmp_path: Path) -> None:
    found = api.run("r1")
    found.name = "not yet"
    found.summary["best"] = 0.25
    found.summary.update({"loss": 0.125, "nested": {"a": 1}})
    again = anew(tmp_path)
    assert (again.name, again.summary["best"], again.summary["loss"]) == ("first", 0.25, 0.125)
    assert found.summary.loss == 0.125
    assert found.summary._json_dict["nested"] == {"a": 1}
    assert found.name == "not yet"
    found.update()
    assert api.run("r1").name == "not yet"


def test_a_summary_key_that_this_program_set_can_be_left(api: Api) -> None:
    found = api.run("r1")
    found.summary["best"] = 1
    found.summary.update({"best": 2, "loss": 3}, overwrite=False)
    assert (found.summary["best"], found.summary["loss"]) == (1, 3)
    del found.summary["best"]
    found.update()
    assert "best" not in api.run("r1").summary


def test_without_a_change_nothing_is_written(api: Api, tmp_path: Path) -> None:
    found = api.run("r1")
    found.name, found.tags, found.config["lr"] = "first", ["old"], 0.1
    found.update()
    assert [path.name for path in find_logs(tmp_path)] == ["run-r1.wandb"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found.config.update(bad=object()), r"config\['bad'\] can't be stored"),
        (lambda found: setattr(found, "tags", "one"), "tags are a list"),
        (lambda found: setattr(found, "name", 3), "name is a str, not 3"),
    ],
)
def test_what_can_not_be_kept_is_refused_whole(api: Api, tmp_path: Path, change: Any, message: str) -> None:
    found = api.run("r1")
    found.notes = "with it"
    with pytest.raises(UsageError, match=message):
        found.update() if change(found) is None else None
    assert [path.name for path in find_logs(tmp_path)] == ["run-r1.wandb"]


def test_many_changes_are_one_file_and_the_last_counts(api: Api, tmp_path: Path, log: Path) -> None:
    for number in range(20):
        found = api.run("r1")
        found.name = f"name {number}"
        found.update()
    assert anew(tmp_path).name == "name 19"
    assert len(list(find_logs(tmp_path))) == 2
    verdict = verify(edit_log_path(log))
    assert (verdict.is_intact, verdict.records) == (True, 22)


def test_an_edit_counts_more_than_logs_begun_before_it_and_less_than_later_ones(api: Api, tmp_path: Path) -> None:
    found = api.run("r1")
    found.name, found.config["lr"], found.tags = "edited", 0.5, []
    found.summary["loss"], found.summary["seen"] = 0.0, True
    found.update()
    write(
        log_path(tmp_path, "b"),
        [header("resume", 4e9, 2), run("r1", display_name="later"), config({"lr": 0.7}), row(2, {"loss": 0.3})],
    )
    api.catch_up_below(tmp_path)
    for seen in (api.run("r1"), anew(tmp_path)):
        assert (seen.name, seen.config["lr"], seen.tags) == ("later", 0.7, [])
        assert (seen.summary["loss"], seen.summary["seen"]) == (0.3, True)
    changed = api.run("r1")
    changed.name = "last"  # made when the clock of the log's machine was ahead of ours
    changed.update()
    assert anew(tmp_path).name == "last"


def test_what_a_mean_and_a_best_value_were_is_not_mixed_with_what_was_set(api: Api, tmp_path: Path) -> None:
    found = api.run("r1")
    found.summary["loss"] = {"min": 0.1}
    found.update()
    assert anew(tmp_path).summary["loss"] == {"min": 0.1}


def test_an_edit_log_is_no_part_of_the_runs_history_state_or_signs_of_life(api: Api, log: Path) -> None:
    before = api.run("r1")
    facts = before.as_json()
    before.notes = "x"
    before.update()
    after = api.run("r1")
    assert {**after.as_json(), "notes": facts["notes"]} == facts
    assert after.logs == [str(log)]
    assert list(after.scan_history()) == list(before.scan_history())
    kinds = api._connection.execute("SELECT kind, run IS NULL FROM logs ORDER BY path").fetchall()
    assert kinds == [("edit", 1), ("start", 0)]


def test_an_edit_log_that_comes_before_its_run_waits_for_it(api: Api, tmp_path: Path, log: Path) -> None:
    found = api.run("r1")
    found.name = "edited"
    found.update()
    away = log.rename(tmp_path / "away")
    api.catch_up_below(tmp_path / "wandb")
    assert list(api.runs()) == []
    away.rename(log)
    api.catch_up_below(tmp_path / "wandb")
    assert api.run("r1").name == "edited"


def test_a_run_whose_edit_log_is_deleted_is_as_it_was(api: Api, tmp_path: Path, log: Path) -> None:
    found = api.run("r1")
    found.name = "edited"
    found.update()
    edit_log_path(log).unlink()
    api.catch_up_below(tmp_path)
    assert api.run("r1").name == "first"
    assert api._connection.execute("SELECT count(*) FROM edits").fetchone() == (0,)


def test_copies_of_an_edit_log_change_nothing(api: Api, tmp_path: Path, log: Path) -> None:
    for name in ("one", "two"):
        found = api.run("r1")
        found.name = name
        found.update()
    copy = tmp_path / "copy" / log.parent.name
    copy.mkdir(parents=True)
    edits = edit_log_path(log)
    (copy / edits.name).write_bytes(edits.read_bytes())
    api.catch_up_below(tmp_path)
    assert api.run("r1").name == "two"


def test_an_index_made_anew_says_the_same(api: Api, tmp_path: Path) -> None:
    found = api.run("r1")
    found.tags, found.summary["a"] = ["x"], {"b": math.inf}
    found.update()
    begun(tmp_path, "c", "r2")
    for name in ("i.db", "again.db"):
        indexed(tmp_path / name, tmp_path)
    assert dump(tmp_path / "i.db") == dump(tmp_path / "again.db")


@pytest.mark.parametrize("damage", ["torn", "header", "empty"])
def test_a_damaged_edit_log_is_left_alone_and_another_is_begun(
    api: Api, tmp_path: Path, log: Path, damage: str
) -> None:
    found = api.run("r1")
    found.name = "kept"
    found.update()
    edits = edit_log_path(log)
    content = edits.read_bytes()
    broken = {"torn": content[:-3], "header": content[:20] + bytes(9) + content[29:], "empty": b""}[damage]
    edits.write_bytes(broken)
    again = api.run("r1")
    again.notes = "more"
    again.update()
    assert edits.read_bytes() == broken
    assert edit_log_path(log, 2).exists()
    seen = anew(tmp_path)
    assert seen.notes == "more"
    assert seen.name == ("kept" if damage == "header" else "first")


def test_a_folder_that_takes_nothing_is_passed_over(api: Api, tmp_path: Path, log: Path) -> None:
    begun(tmp_path, "b", "r1", 2000.0)
    newer = log_path(tmp_path, "b")
    newer.with_name("run-r1.edits.rslog").symlink_to(tmp_path / "nowhere" / "x")  # to be found, never to be written
    edit = Edit("", "p", "r1", 5, {"name": "n"})
    gone = tmp_path / "gone" / "run-r1.wandb"
    assert write_edit(edit, [gone, log]) == edit_log_path(log)
    with pytest.raises(StorageError, match="gone/run-r1.edits.rslog: can't be written"):
        write_edit(edit, [gone])
    with pytest.raises(UsageError, match="not in run directories"):
        write_edit(edit, [tmp_path / "log.wandb"])


def _rename_often(index: Path, name: str) -> None:
    api = Api(index, refresh=False)
    for number in range(10):
        found = api.run("r1")
        found.config[f"{name}{number}"] = number
        found.update()


def test_processes_that_edit_at_once_lose_nothing(api: Api, tmp_path: Path) -> None:
    processes = [get_context("spawn").Process(target=_rename_often, args=(tmp_path / "i.db", n)) for n in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    added = {key for key in anew(tmp_path).config if key not in ("lr", "opt")}
    assert added == {f"{name}{number}" for name in "abc" for number in range(10)}


def test_a_run_that_is_gone_says_so(api: Api, tmp_path: Path, log: Path) -> None:
    found = api.run("r1")
    log.unlink()
    api.catch_up_below(tmp_path)
    with pytest.raises(NotFound, match="p/r1 is gone"):
        found.load(force=True)


def test_names_of_edit_logs(tmp_path: Path) -> None:
    log = tmp_path / "run-a.edits.b.wandb"
    for number, name in ((1, "run-a.edits.b.edits.rslog"), (2, "run-a.edits.b.edits-2.rslog")):
        path = edit_log_path(log, number)
        assert path.name == name
        assert is_edit_log_name(name)
        assert run_id_of(path) == run_id_of(log) == "a.edits.b"
        assert receipts_path(path).name == name.replace(".rslog", ".runstore.json")
    assert not is_edit_log_name("run-a.wandb")


def test_what_an_edit_says_survives_json() -> None:
    edit = Edit.from_change({"tags": [], "config": {"put": [[["a"], math.nan]], "drop": [["b", "c"]]}}, 7)
    assert repr(Edit.from_change(json.loads(json.dumps(edit.change())), 7)) == repr(edit)
    assert not Edit("", "", "")


def test_an_edited_summary_is_summed_up_with_a_derived_one(tmp_path: Path) -> None:
    write(log_path(tmp_path), [header(), run(), summary({"x": 1}), row(0, {"y": 2})])
    api = Api(tmp_path / "i.db", refresh=False)
    api.catch_up_below(tmp_path)
    found = api.run("r1")
    del found.summary["x"]
    found.update()
    assert "x" not in found.summary
    assert found.summary["y"] == 2

"""What runstore records is what stock wandb 0.31.0 records: each scenario is run with both, and the logs compared.

Where we differ on purpose, a test below says so by name. What is left to be done is named in OPEN, and fails.
"""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import Any, Protocol

import pytest

from runstore.core.logfold import LogFold
from runstore.runlog.reader import LogReader
from tests import torch_environment
from tests.conformance.differential import (
    ENDINGS,
    MISSING,
    SCENARIOS,
    Difference,
    Pair,
    compare,
    run_ending,
    run_ids,
    run_pair,
    run_source,
)
from tests.conformance.normalised import CATEGORIES, NormalForm, leaves, read_records, spelled
from tests.conformance.shared import made_once

TOPICS = (
    "basics",
    "configured",
    "summarised",
    "metrics",
    "names",
    "pictures",
    "tables",
    "artifacts",
    "messages",
    "sampled",
    "surroundings",
    "watched",
)
# These differ on purpose, and have tests of their own below.
NOT_EQUAL = {("surroundings", "repository"), ("surroundings", "without_code")}
EQUAL = [(topic, run_id) for topic in TOPICS for run_id in run_ids(topic) if (topic, run_id) not in NOT_EQUAL]

# (topic, run): what is not as in stock yet.
OPEN: dict[tuple[str, str], str] = {
    ("basics", "rows"): "sdk/history.py: log({}) makes an empty row",
    ("basics", "special_numbers"): "sdk/values.py: complex, Decimal and Fraction as str() gives them",
    ("basics", "numpy_values"): "sdk/values.py: datetimes as ISO 8601",
    ("basics", "odd_values"): "sdk/values.py: dates and times as ISO 8601, UUIDs as str() gives them",
    ("basics", "keys_that_are_no_text"): "sdk/values.py: the key False is false",
    (
        "basics",
        "reserved_keys",
    ): "sdk/history.py: _runtime follows the clock, not a _timestamp that was given; no key ''",
    ("configured", "values_of_every_kind"): "sdk/values.py: dates and Decimal; an enum in the config is its name",
    ("configured", "arrays"): "sdk/values.py: numpy's dtypes as str() gives them",
    ("configured", "functions"): "sdk/values.py: a callable without a name is its repr alone",
    ("configured", "objects"): "sdk/values.py: a range is a list",
    ("configured", "static"): "sdk/described.py: config_static can be read by attribute",
    ("summarised", "nested_by_hand"): "sdk/summary.py: summary['a']['b'] = 1 is recorded",
    ("summarised", "nested_deleted"): "sdk/summary.py: del summary['a']['b'] is recorded",
    ("summarised", "missing"): "sdk/summary.py: deleting what is not there is no error",
    ("metrics", "defined_late"): "core/summary.py: a definition counts the rows before it",
    ("metrics", "dotted_names"): "core/metrics.py: a backslash before a dot makes it a part of the key",
    ("metrics", "set_by_hand_between"): "core/summary.py: what is set by hand ends the metric's definition",
    ("names", "not_given"): "settings: without a project it is uncategorized",
    ("names", "odd_project"): "errors.py: SettingsError is no wandb.Error",
    ("names", "refused"): "errors.py: SettingsError is no wandb.Error",
    ("names", "before_init"): "sdk/functions.py: alert and mark_preempting before init raise UsageError",
    ("pictures", "in_the_config"): "sdk/config.py: media in the config are refused",
    ("tables", "own_charts"): "sdk/media: a chart in a nested dict leaves no empty dict",
}


class PairOf(Protocol):
    def __call__(self, topic: str, only: str | None = None) -> Pair: ...


@pytest.fixture(scope="session")
def pair_of(tmp_path_factory: pytest.TempPathFactory) -> PairOf:
    """Return what makes the pair of turns of a topic, or of one run of it, once for all workers."""

    def made(topic: str, only: str | None = None) -> Pair:
        name = f"differential-{topic}-{only}" if only else f"differential-{topic}"
        return made_once(tmp_path_factory, name, lambda folder: run_pair(topic, folder, only))

    return made


def _param(topic: str, run_id: str) -> Any:
    reason = OPEN.get((topic, run_id))
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    marks += [torch_environment.needed()] if topic == "watched" else []
    return pytest.param(topic, run_id, id=f"{topic}-{run_id}", marks=marks)


@pytest.mark.parametrize(("topic", "run_id"), [_param(*each) for each in EQUAL])
def test_records_are_those_of_stock(pair_of: PairOf, topic: str, run_id: str) -> None:
    # Of several runs in one process, stock's watch serves the first alone.
    pair = pair_of(topic, run_id) if topic == "watched" else pair_of(topic)
    assert (pair.stock.returncode, pair.ours.returncode) == (0, 0), pair.ours.stderr
    differences = pair.differences(run_id)
    assert not differences, _report(differences) + _trace(pair, run_id)


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic != "watched"])
def test_our_own_reader_folds_the_summary_that_stock_is_told(pair_of: PairOf, topic: str) -> None:
    """Stock's sync takes the summary from summary records, ours from the rows: both must come to the same."""
    turn = pair_of(topic).ours
    for run_id in turn.directories:
        form = turn.form(run_id)
        folded = _folded(next(turn.directories[run_id][-1].glob("*.wandb"))).summary.tree()
        read = {
            name: value for name, value in leaves(folded).items() if name not in ("_timestamp", "_runtime", "_wandb")
        }
        assert compare(form, form | {"summary": spelled(read, str(turn.folder))}) == [], run_id


@pytest.mark.parametrize("name", ENDINGS)
def test_end_of_the_program_is_recorded_as_stock_does(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    pair = _ending(tmp_path_factory, name)
    assert pair.stock.returncode == pair.ours.returncode, pair.ours.stderr
    differences = pair.differences(name)
    assert not differences, _report(differences)


def _ending(factory: pytest.TempPathFactory, name: str) -> Pair:
    return made_once(factory, f"ending-{name}", lambda folder: run_ending(name, folder))


# A difference that is there is found, and nothing else is.


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> NormalForm:
    """The normal form of a run of stock's that has something in every category."""
    pair = made_once(tmp_path_factory, "differential-planted", lambda folder: run_pair("planted", folder))
    assert pair.stock.outcomes["planted"]["raised"] is None, pair.stock.outcomes["planted"]["trace"]
    return pair.stock.form("planted")


PLANTED: tuple[tuple[str, str, Any], ...] = (
    ("run", "display_name", "another"),
    ("run", "notes", "another"),
    ("run", "project", "another"),
    ("run", "run_group", "another"),
    ("run", "job_type", "another"),
    ("run", "tags", ["b", "a"]),
    ("config", "model > depth", 3),
    ("config updates", "1", {"set": {}, "removed": ["late"]}),
    ("wandb config", "visualize > chart > panel_type", "Vega3"),
    ("history", "0: loss", 1.5000001),
    ("history", "0: flag", 1),
    ("history", "1: _timestamp", MISSING),
    ("summary", "best", 8),
    ("metrics", "acc", []),
    ("files", "data/a.txt: policy", "END"),
    ("files", "data/a.txt: sha256", "0" * 64),
    ("console", "stdout 0", "to stdout!"),
    ("alerts", "0", {"title": "title", "text": "text", "level": "WARN", "wait_duration": 60}),
    ("artifacts", "dataset/first: digest", "0" * 32),
    ("artifacts", "dataset/first: aliases", ["latest"]),
    ("artifacts", "dataset/first: entry a.txt", MISSING),
    ("logger", "0", "another line"),
    ("preempting", "times", 0),
    ("exit", "codes", [1]),
    ("stats", "cpu", MISSING),
    ("program", "raised", ["ValueError", "Exception", "BaseException", "object"]),
    ("program", "returned", 5),
)


@pytest.mark.parametrize(("category", "name", "value"), PLANTED, ids=[f"{c}-{n}" for c, n, _ in PLANTED])
def test_planted_difference_is_found_and_nothing_else(rich: NormalForm, category: str, name: str, value: Any) -> None:
    assert name in rich[category], sorted(rich[category])
    changed = copy.deepcopy(rich)
    if value is MISSING:
        del changed[category][name]
    else:
        changed[category][name] = value
    assert compare(rich, changed) == [Difference(category, name, rich[category][name], value)]
    assert compare(rich, copy.deepcopy(rich)) == []


def test_something_is_planted_in_every_category(rich: NormalForm) -> None:
    assert {category for category, _, _ in PLANTED} == set(CATEGORIES)
    assert [category for category in CATEGORIES if not rich[category]] == []


def test_name_that_only_one_has_is_a_difference(rich: NormalForm) -> None:
    for category in CATEGORIES:
        more = copy.deepcopy(rich)
        more[category]["of one alone"] = None
        assert compare(rich, more) == [Difference(category, "of one alone", MISSING, None)]
        assert compare(more, rich) == [Difference(category, "of one alone", None, MISSING)]


def test_program_that_logs_otherwise_with_us_is_told_apart(tmp_path: Path) -> None:
    """The whole way: two programs that differ in one value, and one line of difference for each place it is in."""
    source = 'import wandb\nwandb.init(project="p", id="x").log({"loss": 1 if wandb.__name__ == "wandb" else 2})\n'
    pair = run_source(source, tmp_path)
    assert [str(found) for found in pair.differences("x")] == [
        "history | 0: loss | stock: 1 | ours: 2",
        "summary | loss | stock: 1 | ours: 2",
    ]


def test_every_scenario_is_run() -> None:
    scripts = {path.stem for path in SCENARIOS.glob("*.py")} - {"__init__"}
    assert scripts == {*TOPICS, "planted", "deliberate"}
    assert set(OPEN) <= set(EQUAL)
    here = ast.parse(Path(__file__).read_text())
    texts = {node.value for node in ast.walk(here) if isinstance(node, ast.Constant)}
    assert set(run_ids("deliberate")) <= texts


# What we do otherwise on purpose.


@pytest.fixture(scope="session")
def deliberate(pair_of: PairOf) -> Pair:
    return pair_of("deliberate")


def _names(pair: Pair, run_id: str, category: str) -> set[str]:
    return {found.name for found in pair.differences(run_id) if found.category == category}


def _raised(pair: Pair, run_id: str) -> tuple[Any, Any]:
    stock, ours = (turn.outcomes[run_id]["raised"] for turn in (pair.stock, pair.ours))
    return stock and stock[0], ours and ours[0]


def _returned(pair: Pair, run_id: str) -> tuple[Any, Any]:
    return pair.stock.outcomes[run_id]["returned"], pair.ours.outcomes[run_id]["returned"]


def test_steps_behind_are_kept_where_stock_drops_them(deliberate: Pair) -> None:
    differences = deliberate.differences("behind")
    assert {(found.category, found.stock) for found in differences} == {("history", MISSING)}
    assert deliberate.ours.form("behind")["history"]["4: a"] == 1


def test_changes_in_place_of_the_config_are_recorded_where_stock_loses_them(deliberate: Pair) -> None:
    stock, ours = (turn.form("changed_in_place")["config"] for turn in (deliberate.stock, deliberate.ours))
    assert stock == {"nested > a": 1, "nested > list": [1]}
    assert ours == {"nested > a": 5, "nested > list": [1, 2]}


def test_resume_counts_on_where_stock_begins_anew(deliberate: Pair) -> None:
    assert _returned(deliberate, "resumed") == ([0, False, {}], [1, True, {"lr": 0.1}])


def test_save_copies_where_stock_links(deliberate: Pair) -> None:
    assert _returned(deliberate, "saved") == ([True, True], [False, True])
    assert [found for found in deliberate.differences("saved") if found.category != "program"] == []


def test_saved_file_outlives_its_original_where_stock_loses_it(deliberate: Pair) -> None:
    assert _returned(deliberate, "saved_then_gone") == (False, True)


@pytest.mark.xfail(reason="sdk/artifactlog.py: use_artifact looks at this machine's runs", strict=True)
def test_artifact_of_this_machine_can_be_used_offline_where_stock_raises(deliberate: Pair) -> None:
    assert _raised(deliberate, "used_artifact") == ("TypeError", None)
    assert _returned(deliberate, "used_artifact")[1] == "dataset"


def test_bytes_of_artifacts_are_in_the_run_directory_where_stock_has_them_at_home(deliberate: Pair) -> None:
    assert deliberate.differences("artifact_bytes") == []
    assert any(path.is_file() for path in deliberate.ours.directories["artifact_bytes"][-1].glob("blobs/**/*"))
    assert not list(deliberate.stock.directories["artifact_bytes"][-1].glob("blobs/**/*"))


def test_first_argument_of_init_may_stand_without_its_name(deliberate: Pair) -> None:
    assert _raised(deliberate, "named_without_a_keyword") == ("TypeError", None)


def test_config_may_be_updated_with_nothing(deliberate: Pair) -> None:
    assert _raised(deliberate, "config_updated_with_nothing") == ("TypeError", None)


def test_best_follows_a_goal_which_stock_does_not_take(deliberate: Pair) -> None:
    assert _raised(deliberate, "goal_of_a_metric") == ("TypeError", None)
    assert deliberate.ours.form("goal_of_a_metric")["summary"]["acc > best"] == 0.9


def test_current_figure_that_cannot_be_converted_is_logged_all_the_same(deliberate: Pair) -> None:
    assert _raised(deliberate, "current_figure") == ("ValueError", None)


def test_histograms_can_lie_in_a_table(deliberate: Pair) -> None:
    assert _raised(deliberate, "table_with_histograms") == ("TypeError", None)


def test_values_that_json_lacks_become_text_where_stock_raises(deliberate: Pair) -> None:
    assert _raised(deliberate, "values_that_json_lacks") == ("TypeError", None)
    assert deliberate.ours.form("values_that_json_lacks")["history"]["0: function"] == "builtins.len"


def test_keys_that_are_no_text_become_text_where_stock_raises(deliberate: Pair) -> None:
    assert _raised(deliberate, "key_that_is_no_text") == ("TypeError", None)
    ours = deliberate.ours.form("key_that_is_no_text")
    assert (ours["history"]["0: 1"], ours["config"]["2"]) == ("one", "two")


def test_empty_dicts_in_rows_are_kept_where_stock_drops_them(deliberate: Pair) -> None:
    assert [(d.name, d.stock, d.ours) for d in deliberate.differences("empty_dicts")] == [
        ("0: empty", MISSING, {}),
        ("empty", MISSING, {}),
    ]


def test_whole_numbers_stay_exact_up_to_64_bits_where_stock_rounds(deliberate: Pair) -> None:
    stock, ours = (t.form("whole_numbers_of_64_bits")["history"]["0: x"] for t in (deliberate.stock, deliberate.ours))
    assert (stock, ours) == (float(2**64), 2**64 - 1)


def test_one_tag_given_as_text_is_one_tag_where_stock_takes_its_letters(deliberate: Pair) -> None:
    assert _returned(deliberate, "one_tag") == (["o", "n", "e"], ["one"])


def test_second_run_of_one_id_has_a_log_of_its_own(deliberate: Pair) -> None:
    """Stock writes over the first one where both begin within the same second."""
    assert len(deliberate.ours.directories["same_id_twice"]) == 2


def test_summary_shows_the_open_row(deliberate: Pair) -> None:
    assert _returned(deliberate, "summary_with_the_open_row") == (1, 2)


def test_summary_can_be_asked_with_hasattr(deliberate: Pair) -> None:
    assert _raised(deliberate, "attribute_that_is_not_there") == ("KeyError", None)
    assert _returned(deliberate, "attribute_that_is_not_there")[1] is False


def test_config_takes_keywords(deliberate: Pair) -> None:
    assert _raised(deliberate, "config_by_keywords") == ("TypeError", None)
    assert _returned(deliberate, "config_by_keywords")[1] == {"more": 1}


def test_config_takes_plain_yaml_and_json_where_stock_wants_its_own_form(deliberate: Pair) -> None:
    assert _raised(deliberate, "config_of_plain_files") == ("TypeError", None)
    assert _returned(deliberate, "config_of_plain_files")[1] == [{"lr": 0.1, "model": {"depth": 2}}, {"lr": 0.2}]


def test_arrays_in_the_config_stay_numbers_where_stock_makes_text(deliberate: Pair) -> None:
    stock, ours = (turn.form("arrays_in_the_config")["config"] for turn in (deliberate.stock, deliberate.ours))
    assert (stock["0-d"], ours["0-d"]) == ("2.5", 2.5)
    assert (type(stock["long"]), ours["long"]) == (str, list(range(100)))


def test_nan_set_by_hand_stays_nan_where_stock_makes_it_none(deliberate: Pair) -> None:
    stock, ours = (turn.form("nan_set_by_hand") for turn in (deliberate.stock, deliberate.ours))
    assert (stock["summary"]["nan"], ours["summary"]["nan"]) == (None, "NaN")


def test_nan_does_not_hide_the_minimum_and_maximum(deliberate: Pair) -> None:
    stock, ours = (turn.form("values_that_are_no_numbers")["summary"] for turn in (deliberate.stock, deliberate.ours))
    assert (stock["min > min"], stock["max > max"]) == ("NaN", "NaN")
    assert (ours["min > min"], ours["max > max"]) == (0.5, float("inf"))
    assert _names(deliberate, "values_that_are_no_numbers", "summary") == {"min > min", "max > max"}


def test_maximum_of_large_whole_numbers_is_exact_where_stock_rounds(deliberate: Pair) -> None:
    stock, ours = (turn.form("whole_and_large_numbers")["summary"] for turn in (deliberate.stock, deliberate.ours))
    assert (stock["big > max"], ours["big > max"]) == (float(2**53 + 4), 2**53 + 3)


def test_name_with_a_dot_defines_the_key_as_it_is_written(deliberate: Pair) -> None:
    """Stock takes it for the path of a nested value, and wants a backslash before the dot of a key."""
    stock, ours = (turn.form("dotted_name_of_a_metric")["summary"] for turn in (deliberate.stock, deliberate.ours))
    assert (stock, ours) == ({"_step": 1, "a.b": 0}, {"_step": 1, "a.b > max": 1})


def test_id_with_spaces_is_refused(deliberate: Pair) -> None:
    assert _raised(deliberate, "id_with_spaces") == (None, "UsageError")


def test_empty_id_counts_as_none_given(deliberate: Pair) -> None:
    assert _raised(deliberate, "id_that_is_empty") == ("UsageError", None)


def test_summary_can_be_read_after_the_end(deliberate: Pair) -> None:
    assert _raised(deliberate, "summary_after_the_end") == ("KeyError", None)
    assert _returned(deliberate, "summary_after_the_end")[1] == 1


def test_pictures_of_different_sizes_leave_no_warning_in_the_console(deliberate: Pair) -> None:
    differences = deliberate.differences("pictures_of_different_sizes")
    assert [(found.category, found.ours) for found in differences] == [("console", MISSING)]


def test_folder_that_matches_is_saved_file_by_file(deliberate: Pair) -> None:
    """Stock makes a link to the folder, and its sync then delivers nothing of it."""
    stock, ours = (turn.form("folder_that_matches")["files"] for turn in (deliberate.stock, deliberate.ours))
    assert stock["data/below: policy"] == "NOW"
    assert ours["data/below/c.txt: policy"] == "NOW"


def test_redirected_console_is_recorded_also_where_there_is_no_terminal(deliberate: Pair) -> None:
    stock, ours = (turn.form("redirected")["console"] for turn in (deliberate.stock, deliberate.ours))
    assert (stock, ours) == ({}, {"stdout 0": "to stdout", "stdout 1": "of a child"})


def test_exit_within_a_with_block_keeps_its_status_where_stock_makes_it_1(tmp_path: Path) -> None:
    source = """
import sys
import wandb
with wandb.init(project="p", id="left"):
    sys.exit(4)
"""
    pair = run_source(source, tmp_path)
    assert (pair.stock.returncode, pair.ours.returncode) == (4, 4)
    assert (pair.stock.form("left")["exit"], pair.ours.form("left")["exit"]) == ({"codes": [1]}, {"codes": [4]})


def test_changes_of_the_source_are_kept_without_being_asked_for_but_not_delivered(
    pair_of: PairOf,
) -> None:
    """Stock makes the patch only with save_code. It is in the run directory, and no record tells sync of it."""
    pair = pair_of("surroundings")
    assert [(d.name, d.stock) for d in pair.differences("repository")] == [("diff.patch: sha256", MISSING)]


def test_code_is_not_saved_where_the_settings_forbid_it_whatever_init_asks_for(pair_of: PairOf) -> None:
    stock, ours = (
        t.form("without_code")["files"] for t in (pair_of("surroundings").stock, pair_of("surroundings").ours)
    )
    assert "code/train.py: policy" in stock
    assert ours == {}


def test_names_of_media_hold_the_step_of_their_row(deliberate: Pair) -> None:
    """Stock's hold the step at the time of the call, which an explicit step changes only afterwards."""
    stock, ours = (turn.form("media_of_a_step")["history"] for turn in (deliberate.stock, deliberate.ours))
    assert stock["5: image > path"].startswith("media/images/image_0_")
    assert ours["5: image > path"].startswith("media/images/image_5_")


def test_no_environment_record_but_a_file_that_says_the_same(deliberate: Pair) -> None:
    """wandb 0.19 can't read a log that holds an environment record."""
    assert "environment" in _kinds_of_records(deliberate.stock.directories["behind"][-1])
    ours = deliberate.ours.directories["behind"][-1]
    assert "environment" not in _kinds_of_records(ours)
    assert (ours / "files" / "wandb-metadata.json").is_file()


def test_row_is_in_the_file_when_log_returns(tmp_path: Path) -> None:
    """G1: stock keeps what the last 32 KiB hold in memory."""
    source = """
import os, pathlib, signal
import wandb
run = wandb.init(project="p", id="killed")
run.log({"loss": 1})
if wandb.__name__ == "runstore":
    os.kill(os.getpid(), signal.SIGKILL)
else:
    (log,) = pathlib.Path("wandb").glob("offline-run-*/run-killed.wandb")
    pathlib.Path("seen").write_bytes(log.read_bytes())
"""
    pair = run_source(source, tmp_path)
    assert pair.ours.returncode == -9
    assert pair.ours.form("killed")["history"]["0: loss"] == 1
    assert b"loss" not in (pair.stock.folder / "seen").read_bytes()


def _kinds_of_records(directory: Path) -> set[str]:
    return {record.WhichOneof("record_type") or "" for record in read_records(next(directory.glob("*.wandb")))}


def _folded(log: Path) -> LogFold:
    fold = LogFold()
    for framed in LogReader(log):
        fold.apply(framed.payload)
    return fold


def _report(differences: list[Difference]) -> str:
    return "\n".join(["", *map(str, differences)])


def _trace(pair: Pair, run_id: str) -> str:
    return f"\n{pair.ours.outcomes.get(run_id, {}).get('trace') or ''}"

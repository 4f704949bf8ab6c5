"""Where runstore differs from stock wandb 0.31.0 on purpose; each test says how, and its name why it is better so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import PairOf
from tests.conformance.differential import MISSING, Pair, run_source
from tests.conformance.normalised import read_records


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


def test_empty_key_is_kept_where_stock_drops_it(deliberate: Pair) -> None:
    assert [(d.category, d.name, d.stock) for d in deliberate.differences("empty_key")] == [
        ("history", "0: ", MISSING),
        ("summary", "", MISSING),
    ]


def test_summary_of_a_metric_counts_from_its_definition_on(deliberate: Pair) -> None:
    """Stock counts the rows before it as well, which a program that defines late has not asked for."""
    run_id = "defined_behind_its_first_row"
    stock, ours = (turn.form(run_id)["summary"] for turn in (deliberate.stock, deliberate.ours))
    assert (stock["acc > max"], ours["acc > max"]) == (0.9, 0.7)
    assert _names(deliberate, run_id, "summary") == {"acc > max"}


def test_value_set_by_hand_does_not_end_the_definition_of_its_metric(deliberate: Pair) -> None:
    stock, ours = (turn.form("set_by_hand_between")["summary"] for turn in (deliberate.stock, deliberate.ours))
    assert (stock, ours) == ({"_step": 1, "acc": 0.7}, {"_step": 1, "acc > max": 0.7, "acc > min": 0.7})


def test_step_metric_that_was_logged_before_its_definition_is_filled_in_where_stock_fills_in_0(
    deliberate: Pair,
) -> None:
    run_id = "step_metric_logged_before_its_definition"
    stock, ours = (turn.form(run_id)["history"] for turn in (deliberate.stock, deliberate.ours))
    assert (stock["1: epoch"], ours["1: epoch"]) == (0, 5)
    run_id = "redefined_against_another_step"
    stock, ours = (turn.form(run_id)["history"] for turn in (deliberate.stock, deliberate.ours))
    assert ([stock[f"{step}: batch"] for step in (1, 2)], [ours[f"{step}: batch"] for step in (1, 2)]) == (
        [0, 0],
        [7, 7],
    )


def test_step_metrics_of_step_metrics_are_filled_in_always(deliberate: Pair) -> None:
    """Stock fills them in in some runs of a program and not in others."""
    assert deliberate.ours.form("step_metrics_of_step_metrics")["history"]["2: batch"] == 10


def test_lengths_of_time_are_iso_8601_in_the_config_as_in_rows(deliberate: Pair) -> None:
    stock, ours = (turn.form("lengths_of_time")["config"] for turn in (deliberate.stock, deliberate.ours))
    assert [stock[name] for name in ("delta", "negative")] == ["2 days, 3:00:01.500000", "-1 day, 23:58:30"]
    assert [ours[name] for name in ("delta", "negative")] == ["P2DT3H1.5S", "-PT1M30S"]


def test_function_without_a_module_has_no_module_in_its_name(deliberate: Pair) -> None:
    stock, ours = (turn.form("bound_method_of_a_value")["config"] for turn in (deliberate.stock, deliberate.ours))
    assert (stock["method"], ours["method"]) == ("None.str.upper", "str.upper")


# Runs that go on from others.


@pytest.mark.parametrize(
    "run_id",
    [
        "forked_from_elsewhere",
        "forked_in_words",
        "forked_at_the_first_step",
        "forked_by_a_setting",
        "forked_with_definitions",
        "rewound_elsewhere",
        "rewound_without_an_id",
    ],
)
def test_first_step_of_a_branch_is_in_its_run_record(pair_of: PairOf, run_id: str) -> None:
    """Readers put the rows of several logs together by it; stock's core works it out when it delivers."""
    pair = pair_of("branched")
    stock, ours = _returned(pair, run_id)
    assert [(d.name, d.stock, d.ours) for d in pair.differences(run_id) if d.category != "program"] == [
        ("starting_step", 0, ours[2])
    ]
    # To go on with a run at an earlier step is to resume it; stock does not call it so.
    assert (stock[1], ours[1]) == (False, run_id.startswith("rewound"))
    assert [stock[0], *stock[2:]] == [ours[0], *ours[2:]]


@pytest.fixture(scope="session")
def continued(pair_of: PairOf) -> Pair:
    return pair_of("continued")


def _steps(pair: Pair, run_id: str) -> list[list[Any]]:
    """Return step and loss of each row that our logs of a run have, by log."""
    forms = [pair.ours.form_of(directory)["history"] for directory in pair.ours.directories[run_id]]
    return [
        [(form[name], form[name.replace("_step", "loss")]) for name in form if name.endswith(": _step")]
        for form in forms
    ]


def test_fork_of_a_run_on_this_disk_has_its_config_and_summary(continued: Pair) -> None:
    stock, ours = _returned(continued, "forked")
    assert stock == ["forked", False, 3, 0, None, {"lr": 0.2}, None]
    assert ours == ["forked", False, 3, 3, None, {"lr": 0.2, "first": 1}, 3]
    form = continued.ours.form("forked")
    assert (form["run"]["branch"], form["run"]["starting_step"]) == (["parent", 2, "_step"], 3)
    assert (form["summary"], _steps(continued, "forked")) == ({"_step": 3, "best > max": 2, "loss": 100}, [[(3, 100)]])


def test_fork_of_a_fork_has_the_config_and_summary_of_both(continued: Pair) -> None:
    ours = _returned(continued, "fork_of_a_fork")[1]
    assert ours == ["fork_of_a_fork", False, 4, 4, None, {"lr": 0.2, "first": 1}, 100]


def test_run_that_is_set_back_goes_on_with_what_it_had_at_that_step(continued: Pair) -> None:
    stock, ours = _returned(continued, "set_back")
    assert stock == ["set_back", False, 3, 0, None, {}, None]
    assert ours == ["set_back", True, 3, 3, "the first", {"lr": 0.1, "first": 1}, 3]
    assert _steps(continued, "set_back") == [[(step, 5 - step) for step in range(5)], [(3, 100)]]


@pytest.mark.parametrize(("run_id", "more"), [("allowed", {"second": 2}), ("must", {}), ("true", {})])
def test_resumed_run_counts_on_with_its_config_and_summary(continued: Pair, run_id: str, more: dict[str, Any]) -> None:
    stock, ours = _returned(continued, run_id)
    assert stock == [run_id, False, 0, 0, None, more, None]
    assert ours == [run_id, True, 5, 5, "the first", {"lr": 0.1, "first": 1, **more}, 1]
    assert _steps(continued, run_id) == [[(step, 5 - step) for step in range(5)], [(5, 100)]]
    assert continued.ours.form(run_id)["run"]["resume"]


def test_resumed_fork_goes_on_behind_its_own_rows(continued: Pair) -> None:
    ours = _returned(continued, "resumed_fork")[1]
    assert ours == ["resumed_fork", True, 4, 4, None, {"lr": 0.1, "first": 1}, 50]
    assert _steps(continued, "resumed_fork") == [[(3, 50)], [(4, 100)]]


@pytest.mark.parametrize(("run_id", "logs"), [("never", 1), ("must_without_one", 0)])
def test_resume_that_cannot_be_met_is_refused_where_stock_learns_of_it_at_delivery(
    continued: Pair, run_id: str, logs: int
) -> None:
    assert _raised(continued, run_id) == (None, "UsageError")
    assert len(continued.ours.directories.get(run_id, [])) == logs


def _kinds_of_records(directory: Path) -> set[str]:
    return {record.WhichOneof("record_type") or "" for record in read_records(next(directory.glob("*.wandb")))}

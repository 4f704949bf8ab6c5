"""What runstore records is what stock wandb 0.31.0 records: each scenario is run with both, and the logs compared.

Where we differ on purpose, a test in test_deliberate_differences.py says so by name.
"""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import Any

import pytest

from runstore.core.logfold import LogFold
from runstore.runlog.reader import LogReader
from tests import torch_environment
from tests.conformance.conftest import PairOf
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
from tests.conformance.normalised import CATEGORIES, NormalForm, leaves, spelled
from tests.conformance.shared import made_once

TOPICS = (
    "basics",
    "configured",
    "fromfiles",
    "summarised",
    "metrics",
    "filled",
    "names",
    "several",
    "branched",
    "pictures",
    "tables",
    "artifacts",
    "messages",
    "sampled",
    "surroundings",
    "watched",
)
# These differ on purpose, and have tests of their own in test_deliberate_differences.py.
BRANCHES = [run_id for run_id in run_ids("branched") if run_id.startswith(("forked", "rewound"))]
NOT_EQUAL = {
    ("surroundings", "repository"),
    ("surroundings", "without_code"),
    *(("branched", run_id) for run_id in BRANCHES),
}
EQUAL = [(topic, run_id) for topic in TOPICS for run_id in run_ids(topic) if (topic, run_id) not in NOT_EQUAL]


def _param(topic: str, run_id: str) -> Any:
    marks = [torch_environment.needed()] if topic == "watched" else []
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


def test_config_files_of_the_settings_win_over_the_defaults_and_what_init_is_given(tmp_path: Path) -> None:
    """Stock 0.31 refuses WANDB_CONFIG_PATHS, which names them as well, whatever it says."""
    source = """
import pathlib
import wandb
pathlib.Path("one.yaml").write_text("lr: {value: 1}\\nfirst: {value: 1}\\n")
pathlib.Path("two.yaml").write_text("first: {value: 2}\\nsecond: {value: 2}\\n")
pathlib.Path("config-defaults.yaml").write_text("second: {value: 3}\\nthird: {value: 3}\\n")
wandb.setup(settings=wandb.Settings(config_paths=["one.yaml", "two.yaml"]))
wandb.init(project="p", id="x", config={"lr": 2})
"""
    pair = run_source(source, tmp_path)
    assert pair.stock.form("x")["config"] == {"lr": 1, "first": 2, "second": 2, "third": 3}
    assert pair.ours.form("x")["config"] == pair.stock.form("x")["config"]


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
    assert scripts == {*TOPICS, "planted", "deliberate", "continued"}
    here = ast.parse(Path(__file__).with_name("test_deliberate_differences.py").read_text())
    texts = {node.value for node in ast.walk(here) if isinstance(node, ast.Constant)}
    named = {*run_ids("deliberate"), *run_ids("continued"), *(run_id for _, run_id in NOT_EQUAL)} - {"parent"}
    assert named - texts == set()


def _folded(log: Path) -> LogFold:
    fold = LogFold()
    for framed in LogReader(log):
        fold.apply(framed.payload)
    return fold


def _report(differences: list[Difference]) -> str:
    return "\n".join(["", *map(str, differences)])


def _trace(pair: Pair, run_id: str) -> str:
    return f"\n{pair.ours.outcomes.get(run_id, {}).get('trace') or ''}"

"""Composer's WandBLogger, unmodified: what its guide shows is recorded, found again, and trained on from.

Stock is 0.24.2: Composer asks a run for `get_url`, which newer versions have no more. Of what is checked here, stock
refuses offline to download a file, and so to resume from one.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from runstore.query.stored.run import StoredRun
from tests.integrations import recorded
from tests.integrations.harness import EXAMPLES, Trained, attempt, noted_in, train

STOCK_FOR_COMPOSER = "0.24.2"
PATH = "examples/composer"


@pytest.fixture(scope="module", params=["runstore", "stock"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    with_stock = STOCK_FOR_COMPOSER if request.param == "stock" else False
    return train(folder, "train_composer.py", with_stock=with_stock)


def described(noted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [facts for facts in noted if "hyperparameters" in facts]


def shown(noted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [facts for facts in noted if "shown_by" in facts]


def test_config_tags_and_notes_are_those_that_were_given(trained: Trained) -> None:
    facts = described(trained.facts)[0]
    with trained.api() as api:
        run = api.run(f"{PATH}/{facts['run']}")
        assert (run.name, run.tags, run.notes) == ("pictures", ["example"], "bright sides")
        assert run.state == "finished"
        given = {"batch_size": 16, "model": {"hidden": 16}}
        assert run.config == given | facts["hyperparameters"]


def test_every_metric_has_the_value_that_composer_kept_itself(trained: Trained) -> None:
    with trained.api() as api:
        for facts in described(trained.facts):
            run = api.run(f"{PATH}/{facts['run']}")
            recorded.assert_last_values(run, facts["metrics"])
            assert run.lastHistoryStep == facts["steps"]


def test_pictures_and_their_masks_have_the_points_that_were_logged(trained: Trained) -> None:
    with trained.api() as api:
        for facts, seen in zip(described(trained.facts), shown(trained.facts), strict=True):
            assert_pictures(api.run(f"{PATH}/{facts['run']}"), seen)


def assert_pictures(run: StoredRun, seen: dict[str, Any]) -> None:
    for key in ("pictures", "bright"):
        names = run.summary[key]["filenames"]
        assert [recorded.brightness(recorded.file_of(run, name)) for name in names] == seen["pictures"]
    masks = [mask["bright"]["path"] for mask in run.summary["bright"]["all_masks"]]
    assert [recorded.brightness(recorded.file_of(run, name)) for name in masks] == seen["masks"]


def test_tables_have_the_rows_and_pictures_that_were_logged(trained: Trained, tmp_path: Path) -> None:
    run_id, seen = described(trained.facts)[0]["run"], shown(trained.facts)[0]
    with trained.api() as api:
        made = recorded.artifacts_of(api.run(f"{PATH}/{run_id}"), "run_table")
        assert len(made) == 3
        guesses = recorded.table_named(made[f"run-{run_id}-guesses:v0"], tmp_path / "guesses")
        assert guesses["data"] == seen["guesses"]
        samples = recorded.table_named(made[f"run-{run_id}-sample_table:v0"], tmp_path / "samples")
        assert [row[1:] for row in samples["data"]] == seen["guesses"]
        (named,) = [artifact for name, artifact in made.items() if "brightTable" in name]
        bright = recorded.table_named(named, tmp_path / "bright")
    masks = [row[0]["masks"]["bright"]["path"] for row in bright["data"]]
    for folder, paths, noted in (
        ("samples", [row[0]["path"] for row in samples["data"]], seen["pictures"]),
        ("bright", [row[0]["path"] for row in bright["data"]], seen["pictures"]),
        ("bright", masks, seen["masks"]),
    ):
        assert [recorded.brightness(tmp_path / folder / path) for path in paths] == noted


def test_every_checkpoint_is_a_version_with_its_epoch_and_the_newest_is_latest(trained: Trained) -> None:
    facts = described(trained.facts)
    with trained.api() as api:
        for of_run in facts:
            run = api.run(f"{PATH}/{of_run['run']}")
            made = recorded.artifacts_of(run, "model")
            assert sorted(made) == sorted(f"checkpoints.{name}:v0" for name in of_run["checkpoints"])
            for name, md5 in of_run["checkpoints"].items():
                artifact = made[f"checkpoints.{name}:v0"]
                assert {path: entry.digest for path, entry in artifact.manifest.entries.items()} == {name: md5}
                assert sorted(artifact.aliases) == sorted([name.removesuffix("-rank0.pt"), "latest"])
                logger = artifact.logged_by()
                assert logger is not None
                assert logger.id == run.id
                assert f"ba{artifact.metadata['timestamp/batch']}-" in name
        newest = api.artifact(f"{PATH}/checkpoints.latest-rank0.pt.symlink:latest", type="symlink")
        saved = [name for of_run in facts for name in of_run["checkpoints"]]
        assert newest.version == f"v{len(saved) - 1}"
        assert max(saved).removesuffix("-rank0.pt") in newest.aliases


def test_training_goes_on_from_the_checkpoint_that_was_logged(trained: Trained) -> None:
    if "loaded" not in str(trained.facts):
        assert "stock" in trained.folder.name
        return
    first, resumed = described(trained.facts)
    assert trained.fact("begun") == first["steps"] == 12
    assert trained.fact("loaded") == pytest.approx(first["weights"], rel=1e-12)
    assert resumed["steps"] == 18
    assert trained.fact("downloaded") == first["checkpoints"]["ep1-ba6-rank0.pt"]


def test_stock_sync_delivers_both_runs_with_their_checkpoints_and_tables(trained: Trained) -> None:
    if "stock" in trained.folder.name:
        return
    server = recorded.delivered(trained)
    facts = described(trained.facts)
    assert {run.run_id for run in server.runs} == {of_run["run"] for of_run in facts}
    models, tables = (recorded.delivered_files(server, kind) for kind in ("model", "run_table"))
    for of_run in facts:
        run = server.run(of_run["run"])
        assert {key: run.summary[key] for key in of_run["metrics"]} == pytest.approx(of_run["metrics"], rel=1e-6)
        assert of_run["hyperparameters"].items() <= run.config.items()
        for name, md5 in of_run["checkpoints"].items():
            assert models[f"checkpoints.{name}"] == {name: md5}
        assert len([name for name in tables if of_run["run"] in name]) == 3
        media = {path for path in run.files if path.startswith("media/images/")}
        assert set(run.summary["bright"]["filenames"] + run.summary["pictures"]["filenames"]) <= media


def test_of_two_ranks_each_has_a_run_in_one_group_or_the_first_alone_has_one(tmp_path: Path) -> None:
    launcher = ("composer", "-n", "2")
    trained = train(tmp_path, "train_composer.py", "every-rank", "rank-zero", launcher=launcher)
    ranks, alone = (described(trained.facts)[first : first + 2] for first in (0, 2))
    with trained.api() as api:
        runs = {run.name: run for run in api.runs(PATH)}
        assert sorted(runs) == ["pictures", "pictures-rank0", "pictures-rank1"]
        assert {run.name: run.group or None for run in runs.values()} == {
            "pictures": None, "pictures-rank0": "pictures", "pictures-rank1": "pictures",
        }  # fmt: skip
        for facts in ranks:
            run = runs[f"pictures-rank{facts['rank']}"]
            assert run.id == facts["run"]
            recorded.assert_last_values(run, facts["metrics"])
            assert len(recorded.artifacts_of(run, "model")) == (2 if facts["rank"] == 0 else 0)
        for seen in shown(trained.facts)[:2]:
            assert_pictures(runs[f"pictures-rank{seen['shown_by']}"], seen)
        assert {facts["rank"]: facts["run"] for facts in alone} == {0: runs["pictures"].id, 1: None}
        recorded.assert_last_values(runs["pictures"], alone[0]["metrics"])


def test_a_rank_that_is_killed_leaves_the_one_run_with_all_that_was_logged(tmp_path: Path) -> None:
    program = tmp_path / "killed.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import os, signal, sys
            sys.path.insert(0, {str(EXAMPLES)!r})
            import train_composer

            def end(self, state, logger):
                train_composer.note(died_after=int(state.timestamp.batch))
                os.kill(os.getpid(), signal.SIGKILL)

            if os.environ["RANK"] == "1":
                train_composer.LogPredictions.epoch_end = end
            train_composer.train(rank_zero_only=True)
            """
        )
    )
    outcome = attempt(tmp_path, str(program), launcher=("composer", "-n", "2"))
    assert outcome.returncode != 0
    trained = Trained(tmp_path, outcome.stdout + outcome.stderr, noted_in(tmp_path))
    with trained.api() as api:
        (run,) = api.runs(PATH)
        assert (run.name, run.group or None) == ("pictures", None)
        assert run.state in ("crashed", "failed", "killed")
        batches = [row["time/batch"] for row in run.scan_history(keys=["time/batch"])]
        assert max(batches) + 1 >= trained.fact("died_after") == 3
        assert list(recorded.artifacts_of(run, "model")) == []

"""fastai on two processes: a run for each, or one for the first, by torchrun and from a notebook, and when one dies.

The callback itself logs on the first process alone, so that the run of the other stays empty, with stock as well.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from runstore.query.stored.run import StoredRun
from tests.integrations import recorded
from tests.integrations.harness import EXAMPLES, Trained, attempt, noted_in, train

EXAMPLE = "train_fastai_distributed.py"
TORCHRUN = ("torchrun", "--standalone", "--nproc_per_node", "2")
STEPS = 8


def noted(trained: Trained, who: str) -> list[dict[str, Any]]:
    """Return what the ranks noted, in order of rank."""
    return sorted((facts for facts in trained.facts if facts["who"] == who), key=lambda facts: int(facts["rank"]))


def assert_each_has_a_run(runs: Sequence[StoredRun], facts: Sequence[dict[str, Any]]) -> None:
    first, second = ({run.id: run for run in runs}[fact["run"]] for fact in facts)
    assert first.id != second.id
    assert len(runs) == 2
    assert {run.state for run in runs} == {"finished"}
    recorded.assert_last_values(first, {"valid_loss": facts[0]["valid_loss"], "epoch": 2})
    assert first.config["batch size"] == 8
    assert [row["_step"] for row in first.scan_history(keys=["raw_loss"])] == list(range(STEPS))
    assert list(second.scan_history(keys=["raw_loss"])) == []


@pytest.mark.parametrize("with_stock", [False, True])
def test_each_of_two_processes_has_a_run_in_one_group_or_the_first_alone_has_one(
    tmp_path: Path, with_stock: bool
) -> None:
    trained = train(tmp_path, EXAMPLE, "every-rank", "rank-zero", launcher=TORCHRUN, with_stock=with_stock)
    assert "WandbCallback" not in trained.output
    with trained.api() as api:
        runs = list(api.runs("fastai_ddp"))
        assert len(runs) == 3
        assert_each_has_a_run([run for run in runs if run.group == "both"], noted(trained, "every-rank"))
        first, second = noted(trained, "rank-zero")
        (alone,) = [run for run in runs if run.group != "both"]
        assert (alone.id, None) == (first["run"], second["run"])
        recorded.assert_last_values(alone, {"valid_loss": first["valid_loss"]})


def test_each_process_that_a_notebook_starts_has_a_run_that_ends_with_it(tmp_path: Path) -> None:
    trained = train(tmp_path, EXAMPLE, "every-rank", "notebook")
    with trained.api() as api:
        assert_each_has_a_run(list(api.runs("fastai_ddp")), noted(trained, "every-rank"))


def test_a_process_that_is_killed_leaves_a_run_for_each(tmp_path: Path) -> None:
    program = tmp_path / "killed.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import os, signal, sys
            sys.path.insert(0, {str(EXAMPLES)!r})
            import torch, wandb
            import train_fastai_distributed as example

            class Learner(example.Learner):
                def _do_one_batch(self):
                    if self.epoch == 1 and os.environ["RANK"] == "1":
                        wandb.log({{"last": 1}})
                        os.kill(os.getpid(), signal.SIGKILL)
                    super()._do_one_batch()

            def init(**arguments):
                example.set_seed(1)  # equal seeds, and at the same moment
                torch.distributed.barrier()
                return begin(**arguments)

            begin, wandb.init, example.Learner = wandb.init, init, Learner
            example.train("every-rank")
            """
        )
    )
    outcome = attempt(tmp_path, str(program), launcher=TORCHRUN)
    assert outcome.returncode != 0
    trained = Trained(tmp_path, outcome.stdout + outcome.stderr, noted_in(tmp_path))
    with trained.api() as api:
        runs = list(api.runs("fastai_ddp"))
        assert [run.group for run in runs] == ["both", "both"], trained.output[-4000:]
        (killed,) = [run for run in runs if "last" in run.summary]
        (other,) = [run for run in runs if run is not killed]
        assert killed.state == "crashed"
        assert other.state in ("crashed", "failed", "killed")
        steps = [row["_step"] for row in other.scan_history(keys=["raw_loss"])]
        assert steps[: STEPS // 2] == list(range(STEPS // 2))

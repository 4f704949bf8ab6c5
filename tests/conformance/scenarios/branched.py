"""Runs that leave another run's history at a step of it, and runs that may go on from an earlier process."""

from typing import Any

import wandb


def _run(run_id: str | None, **more: object) -> Any:
    return wandb.init(project="differential", id=run_id, **more)


def _seen(run: Any) -> list[object]:
    return [run.id, run.resumed, run.starting_step, run.name]


def forked_from_elsewhere() -> list[object]:
    run = _run("forked_from_elsewhere", fork_from="elsewhere?_step=7", config={"lr": 0.2})
    run.log({"a": 1})
    run.log({"a": 2}, step=20)
    return _seen(run)


def forked_in_words() -> list[object]:
    run = _run("forked_in_words", fork_from="with space & more?_step=7", name="a name", tags=["t"])
    run.log({"a": 1})
    return _seen(run)


def forked_at_the_first_step() -> list[object]:
    run = _run("forked_at_the_first_step", fork_from="elsewhere?_step=0")
    run.log({"a": 1})
    return _seen(run)


def forked_by_a_setting() -> list[object]:
    run = _run("forked_by_a_setting", settings=wandb.Settings(fork_from="elsewhere?_step=3"))
    run.log({"a": 1}, step=5)
    run.log({"a": 2})
    return _seen(run)


def forked_with_definitions() -> list[object]:
    run = _run("forked_with_definitions", fork_from="elsewhere?_step=7")
    run.define_metric("epoch")
    run.define_metric("acc", step_metric="epoch", summary="max")
    run.log({"acc": 0.7, "epoch": 1})
    run.log({"acc": 0.5}, commit=False)
    run.log({"late": 1})
    run.summary["by hand"] = 1
    return _seen(run)


def rewound_elsewhere() -> list[object]:
    run = _run("rewound_elsewhere", resume_from="rewound_elsewhere?_step=7", config={"lr": 0.2})
    run.log({"a": 1})
    run.log({"a": 2}, commit=False)
    run.log({"b": 2})
    return _seen(run)


def rewound_without_an_id() -> list[object]:
    run = _run(None, resume_from="rewound_without_an_id?_step=2", name="named", job_type="eval")
    run.log({"a": 1})
    return _seen(run)


def allowed_without_an_earlier() -> list[object]:
    run = _run("allowed_without_an_earlier", resume="allow", config={"lr": 0.2})
    run.log({"a": 1})
    return _seen(run)


def never_without_an_earlier() -> list[object]:
    run = _run("never_without_an_earlier", resume="never")
    run.log({"a": 1})
    return _seen(run)


def auto_without_an_earlier() -> list[object]:
    run = _run("auto_without_an_earlier", resume="auto")
    run.log({"a": 1})
    return _seen(run)


def true_without_an_earlier() -> list[object]:
    run = _run("true_without_an_earlier", resume=True)
    run.log({"a": 1})
    return _seen(run)


def not_resumed() -> list[object]:
    run = _run("not_resumed", resume=False)
    run.log({"a": 1})
    return _seen(run)


def refused() -> list[object]:
    raised: list[object] = []
    for arguments in (
        {"fork_from": "base"},
        {"fork_from": "base?x=2"},
        {"fork_from": "?_step=2"},
        {"fork_from": "base?_step="},
        {"fork_from": "base?_step=two"},
        {"resume_from": "base"},
        {"resume_from": "base?_step=2", "id": "other"},
        {"fork_from": "base?_step=2", "id": "base"},
        {"fork_from": "base?_step=2", "resume_from": "base?_step=2"},
        {"fork_from": "base?_step=2", "resume": "allow", "id": "b"},
        {"resume_from": "base?_step=2", "resume": "must", "id": "base"},
        {"resume": "sometimes"},
        {"resume": 5},
    ):
        try:
            run = wandb.init(**{"project": "differential", **arguments})
            raised.append("nothing")
            run.finish()
        except Exception as error:
            raised.append(type(error))
    _run("refused")
    return raised

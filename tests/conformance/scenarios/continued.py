"""Runs that go on from earlier runs of this disk, which stock only does where it reaches its server."""

from typing import Any

import wandb


def _run(run_id: str | None, **more: object) -> Any:
    return wandb.init(project="differential", id=run_id, **more)


def _first(run_id: str) -> None:
    with _run(run_id, config={"lr": 0.1, "first": 1}, name="the first", tags=["t"]) as run:
        run.define_metric("best", summary="max")
        for step in range(5):
            run.log({"loss": 5 - step, "best": step % 3})


def _seen(run: Any) -> list[object]:
    return [run.id, run.resumed, run.starting_step, run.step, run.name, dict(run.config), run.summary.get("loss")]


def _goes_on(run: Any) -> list[object]:
    seen = _seen(run)
    run.log({"loss": 100, "best": 1})
    return seen


def parent() -> None:
    _first("parent")


def forked() -> list[object]:
    return _goes_on(_run("forked", fork_from="parent?_step=2", config={"lr": 0.2}))


def set_back() -> list[object]:
    _first("set_back")
    return _goes_on(_run(None, resume_from="set_back?_step=2"))


def allowed() -> list[object]:
    _first("allowed")
    return _goes_on(_run("allowed", resume="allow", config={"second": 2}))


def must() -> list[object]:
    _first("must")
    return _goes_on(_run("must", resume="must"))


def true() -> list[object]:
    _first("true")
    return _goes_on(_run("true", resume=True))


def never() -> list[object]:
    _first("never")
    return _goes_on(_run("never", resume="never"))


def must_without_one() -> list[object]:
    return _goes_on(_run("must_without_one", resume="must"))


def fork_of_a_fork() -> list[object]:
    return _goes_on(_run("fork_of_a_fork", fork_from="forked?_step=3"))


def resumed_fork() -> list[object]:
    _run("resumed_fork", fork_from="parent?_step=2").log({"loss": 50})
    wandb.finish()
    return _goes_on(_run("resumed_fork", resume="must"))

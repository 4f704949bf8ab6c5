"""Several runs in one program: what `init` does while a run goes on, and which run the module's names follow."""

from typing import Any

import wandb


def _run(run_id: str, **more: object) -> Any:
    return wandb.init(project="differential", id=run_id, **more)


def returned_by_default() -> list[object]:
    one = _run("returned_by_default", config={"a": 1})
    other = _run("never_begun_1", config={"b": 2}, name="another")
    other.log({"x": 1})
    return [one is other, wandb.run is one, other.name, dict(one.config)]


def return_previous() -> list[object]:
    one = _run("return_previous", reinit="return_previous")
    other = _run("never_begun_2", reinit="return_previous", tags=["t"])
    other.log({"x": 1})
    return [one is other, wandb.run is one, list(one.tags or ())]


def not_reinit() -> list[object]:
    one = _run("not_reinit")
    other = _run("never_begun_3", reinit=False)
    other.log({"x": 1})
    return [one is other]


def true_ends_the_previous() -> list[object]:
    one = _run("true_ends_the_previous")
    one.log({"x": 1}, commit=False)
    other = _run("true_after", reinit=True)
    raised: object = None
    try:
        one.log({"x": 2})
    except Exception as error:
        raised = type(error)
    return [one is other, wandb.run is other, raised]


def after_true() -> list[object]:
    _run("true_before", reinit=True).log({"x": 1})
    run = _run("after_true", reinit=True, config={"a": 1})
    wandb.log({"y": 2})
    return [run.step, dict(wandb.config), wandb.summary.get("x")]


def finish_previous_of_several() -> list[object]:
    one, two = _run("first_of_several"), _run("second_of_several", reinit="create_new")
    run = _run("finish_previous_of_several", reinit="finish_previous")
    raised: list[object] = []
    for ended in (one, two):
        try:
            ended.log({"x": 1})
            raised.append("nothing")
        except Exception as error:
            raised.append(type(error))
    wandb.log({"y": 1})
    return [wandb.run is run, raised]


def create_new() -> list[object]:
    one = _run("beside_1", reinit="create_new")
    run = _run("create_new", reinit="create_new", config={"a": 1})
    run.log({"x": 1})
    one.log({"y": 1})
    run.config.update({"b": 2})
    run.summary["z"] = 3
    seen: list[object] = [wandb.run is None, one is run]
    try:
        wandb.log({"nowhere": 1})
        seen.append("nothing")
    except Exception as error:
        seen.append(type(error))
    run.finish()
    one.finish()
    return seen


def with_one_beside() -> list[object]:
    run = _run("with_one_beside")
    beside = _run("beside_2", reinit="create_new")
    wandb.log({"x": 1})
    beside.log({"y": 1})
    beside.finish()
    wandb.log({"x": 2})
    return [wandb.run is run, wandb.run.step]


def returned_with_one_beside() -> list[object]:
    beside = _run("returned_with_one_beside", reinit="create_new")
    other = _run("beside_3", reinit="return_previous")
    seen: list[object] = [other is beside, wandb.run is other, wandb.run is None]
    other.finish()
    beside.finish()
    return seen


def finish_previous_of_those_beside() -> list[object]:
    beside = _run("beside_5", reinit="create_new")
    run = _run("finish_previous_of_those_beside", reinit="finish_previous")
    try:
        beside.log({"x": 1})
    except Exception as error:
        return [wandb.run is run, type(error)]
    return [wandb.run is run, "nothing"]


def must_while_one_goes_on() -> object:
    _run("must_while_one_goes_on")
    try:
        _run("never_begun_4", resume="must")
    except Exception as error:
        return type(error)
    return "nothing"


def by_a_setting() -> list[object]:
    one = _run("before_a_setting")
    run = _run("by_a_setting", settings=wandb.Settings(reinit="finish_previous"))
    return [one is run, wandb.run is run]


def again_and_again() -> int:
    for number in range(5):
        run = _run(f"again_{number}", reinit=True)
        run.log({"x": number})
    run = _run("again_and_again", reinit=True)
    run.log({"x": 5})
    return int(run.step)


def within_each_other() -> list[object]:
    with _run("within_each_other") as run:
        with _run("within", reinit="create_new") as inner:
            inner.log({"y": 1})
            run.log({"x": 1})
        run.log({"x": 2})
    return [wandb.run is None]


def finished_as_a_module() -> list[object]:
    run = _run("finished_as_a_module")
    beside = _run("beside_4", reinit="create_new")
    wandb.finish()
    seen: list[object] = [wandb.run is None]
    beside.log({"y": 1})
    beside.finish()
    try:
        run.log({"x": 1})
        seen.append("nothing")
    except Exception as error:
        seen.append(type(error))
    return seen


def refused() -> list[object]:
    raised: list[object] = []
    for value in ("sometimes", 5):
        try:
            run = wandb.init(project="differential", reinit=value)
            raised.append("nothing")
            run.finish()
        except Exception as error:
            raised.append(type(error))
    _run("refused")
    return raised

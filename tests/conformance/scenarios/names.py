"""What a run is called and belongs to, and how it begins and ends within a program."""

import wandb


def given() -> dict[str, object]:
    run = wandb.init(
        project="differential", entity="somebody", id="given", name="first name", notes="a note\nof two lines",
        tags=["b", "a", "ü"], group="the group", job_type="train",
    )  # fmt: skip
    return {
        "name": run.name, "notes": run.notes, "tags": list(run.tags), "group": run.group, "job": run.job_type,
        "project": run.project, "entity": run.entity, "id": run.id, "path": run.path, "url": run.url,
        "disabled": run.disabled, "offline": run.offline, "resumed": run.resumed, "sweep": run.sweep_id,
        "project name": run.project_name() if callable(getattr(run, "project_name", None)) else None,
        "starting step": run.starting_step, "step": run.step,
    }  # fmt: skip


def not_given() -> dict[str, object]:
    run = wandb.init(id="not_given")
    return {
        "name": run.name, "notes": run.notes, "tags": run.tags, "group": run.group, "job": run.job_type,
        "project": run.project, "entity": run.entity, "path": run.path,
    }  # fmt: skip


def changed() -> dict[str, object]:
    run = wandb.init(project="differential", id="changed", name="first", tags=["a"], notes="before")
    run.name = "second"
    run.tags = ["b", "c"]
    run.notes = "after"
    run.tags += ("d",)
    return {"name": run.name, "tags": list(run.tags), "notes": run.notes}


def same_tag_twice() -> object:
    return list(wandb.init(project="differential", id="same_tag_twice", tags=["a", "b", "a"]).tags)


def odd_names() -> None:
    wandb.init(project="differential", id="odd_names", name="züge / 🚂 \\ : *", group="a/b", notes="<b>&</b>")


def odd_project() -> str | None:
    return str(wandb.init(project="with/slash", id="odd_project").project)


def init_twice() -> bool:
    one = wandb.init(project="differential", id="init_twice")
    other = wandb.init(project="differential", id="another")
    return one is other


def init_anew() -> list[object]:
    one = wandb.init(project="differential", id="one")
    one.log({"x": 1})
    other = wandb.init(project="differential", id="init_anew", reinit=True)
    other.log({"x": 2})
    return [one is other, wandb.run is other]


def two_at_once() -> list[object]:
    one = wandb.init(project="differential", id="two_at_once")
    other = wandb.init(project="differential", id="beside", reinit="create_new")
    one.log({"x": 1})
    other.log({"y": 2})
    one.log({"x": 3})
    seen: list[object] = [wandb.run is one, one is other]
    other.finish()
    one.finish()
    return seen


def finish_previous() -> list[object]:
    wandb.init(project="differential", id="previous")
    other = wandb.init(project="differential", id="finish_previous", reinit="finish_previous")
    other.log({"y": 2})
    return [wandb.run is other]


def finished_with_a_code() -> None:
    wandb.init(project="differential", id="finished_with_a_code").finish(exit_code=4)


def finished_twice() -> object:
    run = wandb.init(project="differential", id="finished_twice")
    run.log({"x": 1})
    run.finish()
    run.finish(exit_code=3)
    return wandb.run


def used_after_its_end() -> list[object]:
    run = wandb.init(project="differential", id="used_after_its_end", config={"a": 1})
    run.log({"x": 1})
    run.finish()
    raised: list[object] = []
    for use in (
        lambda: run.log({"x": 2}),
        lambda: wandb.log({"x": 2}),
        lambda: run.config.update({"b": 2}),
        lambda: run.summary.update({"b": 2}),
        lambda: run.define_metric("x"),
        lambda: run.save("data/a.txt"),
        lambda: run.alert("title", "text"),
        lambda: run.mark_preempting(),
        lambda: setattr(run, "name", "late"),
        lambda: wandb.config.update({"b": 2}),
        lambda: run.id,
        lambda: run.config.a,
        lambda: run.__enter__(),
    ):
        try:
            use()
            raised.append("nothing")
        except Exception as error:
            raised.append(type(error))
    return raised


def within_with() -> object:
    with wandb.init(project="differential", id="within_with") as run:
        run.log({"x": 1})
    return wandb.run


def raised_within_with() -> None:
    with wandb.init(project="differential", id="raised_within_with") as run:
        run.log({"x": 1})
        raise ValueError("it broke: ü")


def before_init() -> list[object]:
    raised: list[object] = []
    for use in (
        lambda: wandb.log({"x": 2}),
        lambda: wandb.config.update({"b": 2}),
        lambda: wandb.config["b"],
        lambda: wandb.summary["b"],
        lambda: wandb.save("data/a.txt"),
        lambda: wandb.define_metric("x"),
        lambda: wandb.alert("title", "text"),
        lambda: wandb.finish(),
        lambda: wandb.log_artifact("data/a.txt"),
        lambda: wandb.watch(None),
        lambda: wandb.mark_preempting(),
    ):
        try:
            use()
            raised.append("nothing")
        except Exception as error:
            raised.append(type(error))
    wandb.init(project="differential", id="before_init")
    return raised


def refused() -> list[object]:
    raised: list[object] = []
    for arguments in (
        {"mode": "sometimes"},
        {"id": "a/b"},
        {"resume": "perhaps"},
        {"project": "a/b"},
        {"project": "x" * 200},
        {"tags": 5},
        {"config": 5},
        {"nothing": 1},
        {"name": "x" * 2000},
        {"tags": ["x" * 200]},
    ):
        try:
            run = wandb.init(**{"project": "differential", **arguments})
            raised.append("nothing")
            run.finish()
        except Exception as error:
            raised.append(type(error))
    wandb.init(project="differential", id="refused")
    return raised


def disabled() -> dict[str, object]:
    run = wandb.init(project="differential", id="disabled", mode="disabled", config={"a": {"b": 1}})
    run.log({"x": 1})
    run.summary["y"] = 2
    run.define_metric("x")
    run.save("data/a.txt")
    run.log_artifact(wandb.Artifact("name", "type"))
    run.alert("title", "text")
    run.config.update({"c": 2})
    return {"config": run.config.as_dict(), "disabled": run.disabled, "name": run.name, "a": run.config.a["b"]}

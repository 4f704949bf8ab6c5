"""Configs from files: a path given to init, and the file that every run in a folder begins with."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import wandb


def _run(run_id: str, **more: object) -> Any:
    return wandb.init(project="differential", id=run_id, **more)


@contextlib.contextmanager
def _defaults(text: str) -> Iterator[None]:
    path = pathlib.Path("config-defaults.yaml")
    path.write_text(text)
    try:
        yield
    finally:
        path.unlink()


def defaults_alone() -> object:
    with _defaults(
        "lr:\n  value: 1\nname:\n  desc: what it is\n  value: adam\nnested:\n  value:\n    a: [1, 2.5, null]\n"
    ):
        return _run("defaults_alone").config.as_dict()


def defaults_and_arguments() -> object:
    with _defaults("lr:\n  value: 1\nmodel:\n  value:\n    depth: 2\n    width: 3\n"):
        return _run("defaults_and_arguments", config={"model": {"depth": 5}, "more": 1}).config.as_dict()


def defaults_and_changes() -> list[object]:
    with _defaults("lr:\n  value: 1\n"):
        run = _run("defaults_and_changes")
    raised: object = None
    try:
        run.config.lr = 2
    except Exception as error:
        raised = type(error)
    run.config.setdefaults({"lr": 3, "other": 4})
    return [raised, run.config.as_dict()]


def defaults_with_exclusions() -> object:
    with _defaults("lr:\n  value: 1\nsecret:\n  value: 2\n"):
        run = _run("defaults_with_exclusions", config={"a": 1, "b": 2}, config_exclude_keys=["secret", "b"])
    return run.config.as_dict()


def defaults_of_odd_values() -> object:
    with _defaults("wandb_version: 1\ndate:\n  value: 2026-01-02\n3.5x:\n  value: number\n"):
        return sorted(map(str, _run("defaults_of_odd_values").config.keys()))


def defaults_that_are_empty() -> object:
    with _defaults(""):
        return _run("defaults_that_are_empty").config.as_dict()


def defaults_for_a_second_run() -> object:
    with _defaults("lr:\n  value: 1\n"):
        _run("one_with_defaults").finish()
        return _run("defaults_for_a_second_run").config.as_dict()


def path_as_text() -> object:
    pathlib.Path("own.yaml").write_text("wandb_version: 1\nlr:\n  value: 0.1\nlist:\n  desc: null\n  value: [1, x]\n")
    return _run("path_as_text", config="own.yaml").config.as_dict()


def path_below_a_folder() -> object:
    pathlib.Path("below").mkdir(exist_ok=True)
    pathlib.Path("below/own.yaml").write_text("lr:\n  value: 0.1\n")
    return _run("path_below_a_folder", config="below/own.yaml", config_include_keys=["lr"]).config.as_dict()


def path_and_defaults() -> object:
    pathlib.Path("beside.yaml").write_text("lr:\n  value: 0.1\n")
    with _defaults("lr:\n  value: 1\nother:\n  value: 2\n"):
        return _run("path_and_defaults", config="beside.yaml").config.as_dict()


def refused() -> list[object]:
    pathlib.Path("broken.yaml").write_text("lr: [1,\n")
    pathlib.Path("list.yaml").write_text("- 1\n")
    raised: list[object] = []
    for config in ("missing.yaml", "broken.yaml", "list.yaml", "data", ""):
        try:
            run = wandb.init(project="differential", config=config)
            raised.append("nothing")
            run.finish()
        except Exception as error:
            raised.append(type(error))
    _run("refused")
    return raised

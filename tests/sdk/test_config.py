"""Config: set once, read by item or attribute, recorded with each change."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import pickle
from pathlib import Path

import pytest

from runstore.errors import ConfigError, UsageError
from tests.sdk.reading import begin, fold, only_log, records


def recorded(folder: Path) -> dict[str, object]:
    return {key: value for key, value in fold(only_log(folder)).config.items() if key != "_wandb"}


def test_config_is_set_and_read_by_item_and_attribute(folder: Path) -> None:
    run = begin(config={"lr": 0.1, "model": {"layers": [1, 2]}})
    run.config.epochs = 3
    run.config["batch size"] = 32
    run.config.update({"a": 1}, b=2)
    run.config.setdefaults({"lr": 9, "c": 3})
    assert run.config.lr == run.config["lr"] == 0.1
    assert run.config.get("none") is None
    assert "lr" in run.config
    expected = {"lr": 0.1, "model": {"layers": [1, 2]}, "epochs": 3, "batch size": 32, "a": 1, "b": 2, "c": 3}
    assert dict(run.config) == run.config.as_dict() == recorded(folder) == expected
    with pytest.raises(AttributeError, match="has no 'none'"):
        run.config.none  # noqa: B018 - the reading is what is tested


def test_a_value_that_was_set_changes_only_on_purpose(folder: Path) -> None:
    run = begin(config={"lr": 0.1})
    run.config.lr = 0.1  # the same again is no change
    with pytest.raises(ConfigError, match=r"'lr' is 0.1 and would become 0.2; .*allow_val_change=True"):
        run.config.lr = 0.2
    with pytest.raises(ConfigError):
        run.config.update({"new": 1, "lr": 0.2})
    assert "new" not in run.config
    run.config.update({"lr": 0.2}, allow_val_change=True)
    assert run.config.lr == recorded(folder)["lr"] == 0.2


def test_a_removed_key_is_gone_and_may_be_set_anew(folder: Path) -> None:
    run = begin(config={"a": 1, "b": 2, "c": 3})
    del run.config["a"]
    del run.config.b
    assert run.config.pop("c") == 3
    assert recorded(folder) == {}
    with pytest.raises(KeyError):
        del run.config["a"]
    with pytest.raises(AttributeError):
        del run.config.b
    run.config.a = 5
    assert recorded(folder) == {"a": 5}


@dataclasses.dataclass
class Options:
    lr: float
    path: Path


@pytest.mark.parametrize("given", [argparse.Namespace(lr=0.5, path=Path("d")), Options(0.5, Path("d"))])
def test_namespaces_and_dataclasses_are_configs(folder: Path, given: object) -> None:
    run = begin(config=given)
    assert recorded(folder) == {"lr": 0.5, "path": "d"}
    run.config.update(given)
    assert records(only_log(folder))[-1].HasField("config")


def test_dashes_of_a_command_line_are_no_part_of_a_name(folder: Path) -> None:
    run = begin(config={"--lr": 1})
    run.config.update({"--momentum": 2, "-v": 3})
    assert run.config.lr == 1
    assert recorded(folder) == {"lr": 1, "momentum": 2, "v": 3}


def test_what_is_no_config_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="config must be a dict or a namespace, not list"):
        begin(config=[1, 2])
    assert not folder.exists()


def test_a_copy_is_a_config_that_records_nothing(folder: Path) -> None:
    run = begin(config={"lr": 0.1, "deep": {"a": 1}})
    before = only_log(folder).stat().st_size
    for twin in (copy.copy(run.config), copy.deepcopy(run.config), pickle.loads(pickle.dumps(run.config))):
        assert twin.lr == 0.1
        assert twin == run.config
        twin.epochs = 3
        twin["deep"]["a"] = 2
    assert run.config.as_dict() == {"lr": 0.1, "deep": {"a": 1}}
    assert only_log(folder).stat().st_size == before

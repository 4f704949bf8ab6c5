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
    with pytest.raises(UsageError, match="config is a dict, a namespace or the path of a YAML file, not a list"):
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


def test_values_changed_in_place_are_recorded_with_the_next_row_and_at_the_end(folder: Path) -> None:
    run = begin(config={"model": {"depth": 2, "widths": [8]}, "lr": 0.1})
    run.log({"a": 1})
    run.config["model"]["depth"] = 3
    run.log({"a": 2})
    assert recorded(folder)["model"] == {"depth": 3, "widths": [8]}
    run.config.model["widths"].append(16)
    run.finish()
    assert recorded(folder) == {"model": {"depth": 3, "widths": [8, 16]}, "lr": 0.1}


def test_a_value_that_was_only_looked_at_is_recorded_once(folder: Path) -> None:
    run = begin(config={"model": {"depth": 2}})
    for _ in range(3):
        assert run.config["model"] == {"depth": 2}
        run.log({"a": 1})
    run.finish()
    assert not [record for record in records(only_log(folder)) if record.HasField("config")]


@pytest.mark.parametrize(
    "text",
    [
        "lr: 0.1\nmodel:\n  depth: 2\n",
        "wandb_version: 1\nlr:\n  value: 0.1\n  desc: null\nmodel: {value: {depth: 2}}\n",
    ],
)
def test_a_yaml_file_is_a_config(text: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text)
    run = begin(config=str(tmp_path / "c.yaml"))
    assert dict(run.config) == {"lr": 0.1, "model": {"depth": 2}}


def test_a_json_file_updates_a_config(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"lr": 0.1}')
    run = begin()
    run.config.update(tmp_path / "c.json")
    run.config.update()
    assert dict(run.config) == {"lr": 0.1}


@pytest.mark.parametrize(
    ("content", "reason"), [("[1, 2]", "must hold keys"), ("{a: b: c", "neither YAML"), (None, "can't be read")]
)
def test_a_config_file_that_cant_be_used_is_named(
    content: str | None, reason: str, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=reason):
        begin(config=str(path))


def test_keys_are_left_out_or_picked(folder: Path) -> None:
    run = begin(config={"a": 1, "b": 2}, config_exclude_keys=["a"])
    assert dict(run.config) == {"b": 2}
    run.finish()
    assert dict(begin(config={"a": 1, "b": 2}, config_include_keys=["a"]).config) == {"a": 1}
    with pytest.raises(UsageError, match="can't be given both"):
        begin(config={}, config_include_keys=["a"], config_exclude_keys=["b"], reinit=True)


def test_a_defaults_file_in_the_current_folder_counts_where_nothing_else_does(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config-defaults.yaml").write_text("lr: {value: 1}\nseed: {value: 7}\n")
    monkeypatch.chdir(tmp_path)
    assert dict(begin(config={"lr": 2}).config) == {"lr": 2, "seed": 7}


def test_files_that_the_settings_name_win_over_the_programs_config(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text("lr: 1\nseed: 7\n")
    (tmp_path / "b.yaml").write_text("seed: 8\ndepth: 2\n")
    monkeypatch.setenv("WANDB_CONFIG_PATHS", f"{tmp_path / 'a.yaml'},{tmp_path / 'b.yaml'},none.yaml")
    assert dict(begin(config={"lr": 2, "c": 3}).config) == {"lr": 1, "seed": 8, "depth": 2, "c": 3}

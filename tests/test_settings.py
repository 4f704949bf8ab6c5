"""Settings: where each value comes from, and what is said of one that can't be used."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from runstore.errors import SettingsError
from runstore.settings import SETTINGS, Settings, resolve, settings_file, variable_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def write(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(values), encoding="utf-8")


def test_an_argument_goes_before_the_environment_before_the_file_before_the_default(file: Path) -> None:
    write(file, project="from file", entity="from file", run_name="from file")
    settings = resolve(
        {"project": "from argument", "entity": None},
        {"WANDB_PROJECT": "from environment", "WANDB_ENTITY": "from environment"},
        file,
    )
    assert (settings.project, settings.entity, settings.run_name) == ("from argument", "from environment", "from file")
    assert settings.root_dir == "."
    sources = {name: settings.sources[name] for name in ("project", "entity", "run_name", "root_dir")}
    assert sources == {"project": "argument", "entity": "WANDB_ENTITY", "run_name": str(file), "root_dir": "default"}
    assert set(settings.sources) == {setting.name for setting in SETTINGS}


def test_an_empty_variable_and_a_missing_file_say_nothing(file: Path) -> None:
    assert resolve({}, {"WANDB_PROJECT": "", "WANDB_MODE": ""}, file) == Settings()


def test_an_argument_that_is_false_or_empty_still_counts(file: Path) -> None:
    settings = resolve({"project": "", "silent": False}, {"WANDB_PROJECT": "p", "WANDB_SILENT": "true"}, file)
    assert (settings.project, settings.silent) == ("", False)


def test_the_file_lies_in_the_home_where_one_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTORE_HOME", str(tmp_path))
    assert settings_file() == tmp_path / "settings.json"
    write(settings_file(), project="p")
    assert resolve({}, {}).project == "p"


def test_every_setting_has_a_variable_and_a_meaning() -> None:
    variables = [variable_of(setting.name) for setting in SETTINGS]
    assert len(set(variables)) == len(variables)
    for setting in SETTINGS:
        assert variable_of(setting.name).startswith(("WANDB_", "RUNSTORE_"))
        assert setting.metadata["help"]


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("mode", "dryrun", "offline"),
        ("mode", "run", "online"),
        ("mode", "shared", "online"),
        ("mode", "disabled", "disabled"),
        ("console", "auto", "wrap"),
        ("console", "redirect", "wrap"),
        ("console", "off", "off"),
        ("resume", True, "auto"),
        ("resume", False, ""),
        ("resume", "must", "must"),
        ("silent", "TRUE", True),
        ("silent", "0", False),
        ("typed", "1", True),
        ("fsync", "always", 0.0),
        ("fsync", "never", math.inf),
        ("fsync", "0.25", 0.25),
        ("fsync", 3, 3.0),
        ("run_tags", "a, b,,c ", ("a", "b", "c")),
        ("run_tags", ["a", 1], ("a", "1")),
        ("root_dir", Path("x/y"), "x/y"),
        ("run_id", 5, "5"),
    ],
)
def test_values_are_understood_as_people_write_them(name: str, given: Any, value: Any, file: Path) -> None:
    assert getattr(resolve({name: given}, {}, file), name) == value


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("mode", "onlin", "modes are offline, online, disabled"),
        ("console", "loud", "it is wrap or off"),
        ("resume", "perhaps", "it is allow, must, never or auto"),
        ("silent", "maybe", "it is true or false"),
        ("fsync", "often", "it is a number of seconds, always or never"),
        ("fsync", "-1", "it is a number of seconds, always or never"),
        ("fsync", "nan", "it is a number of seconds, always or never"),
    ],
)
def test_a_value_that_cant_be_used_is_named_with_its_source(name: str, given: str, reason: str, file: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        resolve({}, {variable_of(name): given}, file)
    assert str(refused.value) == f"{variable_of(name)}={given!r} (from environment) can't be used: {reason}"
    write(file, **{name: given})
    with pytest.raises(SettingsError, match=f"{name}={given!r}"):
        resolve({}, {}, file)


@pytest.mark.parametrize(
    ("name", "given"), [("fsync", [1]), ("fsync", None), ("run_tags", 5), ("mode", {}), ("silent", [])]
)
def test_a_value_of_a_wrong_type_in_the_file_is_named(name: str, given: Any, file: Path) -> None:
    write(file, **{name: given})
    with pytest.raises(SettingsError, match=f"{name}=.* \\(from {file}\\) can't be used"):
        resolve({}, {}, file)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not valid JSON"),
        ("[1]", "must hold one JSON object"),
        ('{"projct": "p"}', "knows no setting 'projct'; `runstore settings` lists them"),
        ("caf\udce9", "is not valid JSON"),
    ],
)
def test_a_file_that_cant_be_used_is_named(content: str, reason: str, file: Path) -> None:
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError) as refused:
        resolve({}, {}, file)
    assert str(refused.value).startswith(f"{file}: {reason}")

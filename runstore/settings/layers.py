"""Where each setting's value comes from, when a run begins."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runstore.errors import SettingsError
from runstore.paths import config_folder
from runstore.settings import stock
from runstore.settings.fields import DEFAULTS, SETTINGS, Given, Settings, known, parsed, variable_of

Layer = dict[str, Given]


def resolve(
    arguments: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
    given_settings: Settings | Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings in force. A value that is None counts as not given.

    `arguments` are those of `init` and come first; `given_settings` is what went to its parameter `settings`, and
    comes next. Raises SettingsError, naming the setting, its value and its source, where a value can't be used.
    """
    environment = os.environ if environment is None else environment
    found: Layer = {}
    for layer in (
        _stock_layer(stock.user_file(environment)),
        _file_layer(settings_file() if file is None else file),
        _stock_layer(stock.workspace_file()),
        _environment_layer(environment),
        _setup_layer,
        _settings_layer(given_settings),
        _layer(known(arguments or {}, "argument"), "argument"),
    ):
        found.update(layer)
    given = {name: parsed(name, one) for name, one in found.items()}
    if given.get("disable_code"):
        given["save_code"] = False
    sources = {name: found[name].variable or found[name].source if name in found else "default" for name in DEFAULTS}
    return Settings.of(given, sources)


_setup_layer: Layer = {}


def remember(given_settings: Settings | Mapping[str, Any] | None) -> None:
    """Keep settings for all runs of this process, behind what `init` is given; see `runstore.setup`."""
    _setup_layer.update(_settings_layer(given_settings))


def forget() -> None:
    """Undo `remember`."""
    _setup_layer.clear()


def settings_file() -> Path:
    """Return where the settings file is, whether or not it exists."""
    return config_folder() / "settings.json"


def _variables() -> dict[str, str]:
    """Return the setting of each variable, what counts less coming first."""
    usual = {variable_of(setting.name): setting.name for setting in SETTINGS}
    # W&B's client knows each setting by its name as well, and internal ones with a second underscore.
    others = {f"WANDB_{name.upper()}": name for variable, name in usual.items() if variable.startswith("WANDB_")}
    others |= {f"WANDB__{name[2:].upper()}": name for name in usual.values() if name.startswith("x_")}
    return {variable: name for variable, name in others.items() if variable not in usual} | usual


_VARIABLES = _variables()


def _environment_layer(environment: Mapping[str, str]) -> Layer:
    layer = {}
    for variable, name in _VARIABLES.items():
        value = environment.get(variable)
        if value:
            layer[name] = Given(value, variable, variable)
    return layer


def _settings_layer(settings: Settings | Mapping[str, Any] | None) -> Layer:
    if settings is None:
        return {}
    if isinstance(settings, Settings):
        return _layer(settings.given(), "settings")
    if isinstance(settings, Mapping):
        return _layer(known(settings, "settings"), "settings")
    raise SettingsError(f"settings must be a runstore.Settings or a dict, not {type(settings).__name__}")


def _layer(values: Mapping[str, Any], source: str) -> Layer:
    return {name: Given(value, source) for name, value in values.items() if value is not None}


def _stock_layer(path: Path) -> Layer:
    # Another version of W&B's client may have written names there that nobody here knows.
    return {name: Given(value, str(path)) for name, value in stock.read(path).items() if name in DEFAULTS}


def _file_layer(path: Path) -> Layer:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError:  # most people have none
        return {}
    except ValueError as error:
        raise SettingsError(f"{path}: is not valid JSON ({error}); correct it or delete it") from error
    if not isinstance(content, dict):
        raise SettingsError(f'{path}: must hold one JSON object, such as {{"project": "demo"}}')
    return {name: Given(value, str(path)) for name, value in known(content, str(path)).items()}

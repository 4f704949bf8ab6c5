"""What a program may give as a config: a dict, a namespace of its command line, a YAML or JSON file."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from runstore.errors import ConfigError, UsageError

DEFAULTS_FILE = "config-defaults.yaml"  # in the current folder; W&B's tools take it as the config of every run


def config_values(
    config: Any, exclude: Collection[str] | None = None, include: Collection[str] | None = None
) -> dict[str, Any]:
    """Return a config as a dict, without the keys of `exclude`, or with none but those of `include`.

    `config` is a mapping, the path of a YAML or JSON file, a namespace such as argparse's, absl's flags, a dataclass,
    or any object with attributes; None and an empty text are an empty one.
    Raises UsageError for anything else, ConfigError for a file that can't be read.
    """
    if exclude and include:
        raise UsageError("config_exclude_keys and config_include_keys can't be given both")
    values = _as_dict(config)
    if include:
        return {key: value for key, value in values.items() if key in include}
    return {key: value for key, value in values.items() if key not in (exclude or ())}


def config_defaults() -> dict[str, Any]:
    """Return what config-defaults.yaml in the current folder says; nothing where there is none."""
    return config_of_files((DEFAULTS_FILE,))


def config_of_files(paths: Sequence[str]) -> dict[str, Any]:
    """Return what these YAML files say, the later ones winning; one that is missing says nothing."""
    values: dict[str, Any] = {}
    for path in paths:
        if os.path.exists(path):
            values |= config_file(Path(path))
    return values


def config_file(path: Path) -> dict[str, Any]:
    """Return the values of a YAML or JSON file; W&B's own form, `{key: {value: ...}}`, is read as well.

    Raises ConfigError where it isn't there or holds something else.
    """
    import yaml  # reads JSON as well; only the few programs that name a file pay for it

    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: the config can't be read ({error.strerror})") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: is neither YAML nor JSON: {error}") from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path}: must hold keys and values, not {type(loaded).__name__}")
    loaded.pop("wandb_version", None)
    loaded.pop("_wandb", None)
    return {str(key): _value(item) for key, item in loaded.items()}


def _value(item: Any) -> Any:
    return item["value"] if isinstance(item, dict) and "value" in item and not item.keys() - {"value", "desc"} else item


def _as_dict(config: Any) -> dict[str, Any]:
    if config is None or config == "":
        return {}
    if isinstance(config, Mapping):
        return dict(config)
    if isinstance(config, (str, os.PathLike)):
        return config_file(Path(config))
    if isinstance(config, (list, tuple)):
        try:
            return dict(config)
        except (TypeError, ValueError):
            raise UsageError("config is a dict, a namespace or the path of a YAML file, not a list") from None
    if type(config).__module__ == "absl.flags._flagvalues":
        return {name: config[name].value for name in config}
    if hasattr(config, "__dict__"):
        return dict(vars(config))
    raise UsageError(f"config is a dict, a namespace or the path of a YAML file, not {type(config).__name__}")
